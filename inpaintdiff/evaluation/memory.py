"""How much memory does painting take?"""

import threading

import psutil
import torch

_MB = 2**20
_INTERVAL = 0.02


class PeakMemory:
    """Watches what is taken on top of what was there when the `with` block began, on the device that computes.

    On a CPU the process is looked at fifty times a second, so that what comes and goes in between is missed.

    Args:
        device: cpu or cuda.

    Attributes:
        megabytes: after the block.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.megabytes = device, 0.0
        self._process, self._stop = psutil.Process(), threading.Event()

    def __enter__(self) -> "PeakMemory":
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self._before = torch.cuda.memory_allocated(self.device)
        else:
            self._before = self._peak = self._process.memory_info().rss
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self.device)
        else:
            self._stop.set()
            self._thread.join()
            peak = self._peak
        self.megabytes = (peak - self._before) / _MB

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, self._process.memory_info().rss)
            if self._stop.wait(_INTERVAL):
                self._peak = max(self._peak, self._process.memory_info().rss)
                return
