"""`KeptFeatures`: features of true videos in files, which every method is compared with, also by later processes."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor

from inpaintdiff.evaluation.files import write_bytes

logger = logging.getLogger(__name__)


class KeptFeatures:
    """Features of one kind. A file's name comes from the pixels and from all else that they depend on.

    Args:
        folder: made if it is not there; processes may share it, as files appear whole.
        kind: begins the names of files.
        facts: what the features depend on beside the video, as the digest of the network's weights; plain values.
    """

    def __init__(self, folder: Path, kind: str, facts: Mapping[str, Any]) -> None:
        self.folder, self.kind = folder, kind
        self._facts = json.dumps({"kind": kind, **facts}, sort_keys=True)

    def __call__(self, video: Float[Tensor, "t c h w"], compute: Callable[[Tensor], Tensor]) -> Tensor:
        """The features of a video; computed, and kept, where no whole file has them.

        Args:
            video: in [-1, 1].
            compute: video -> features.

        Raises:
            VideoWriteError: the file cannot be written.
        """
        key = _digest(f"{self._facts} {list(video.shape)} {video.dtype}", video)
        path = self.folder / f"{self.kind}-{key[:32]}.safetensors"
        kept = _read(path, key)
        if kept is None:
            kept = compute(video).cpu().contiguous()
            about = {"key": key, "sha256": _digest("", kept), "facts": self._facts}
            write_bytes(path, safetensors.torch.save({"features": kept}, about), overwrite=True)
        return kept.to(video.device)


def _read(path: Path, key: str) -> Tensor | None:
    """None where there is no such file, or one that is damaged or about something else."""
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, "pt") as file:
            about, features = file.metadata() or {}, file.get_tensor("features")
    except (OSError, SafetensorError) as e:
        logger.warning("%s is damaged and is made anew: %s", path, e)
        return None
    if about.get("key") != key or about.get("sha256") != _digest("", features):
        logger.warning("%s is damaged or about another video and is made anew", path)
        return None
    return torch.as_tensor(features)


def _digest(words: str, tensor: Tensor) -> str:
    found = hashlib.sha256(words.encode("utf-8"))
    found.update(tensor.detach().cpu().contiguous().numpy().data)
    return found.hexdigest()
