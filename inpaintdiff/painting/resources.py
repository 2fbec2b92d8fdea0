"""How much memory and disk this process can still take."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

try:
    import resource
except ImportError:  # there is none on Windows
    resource = None  # type: ignore[assignment]

_GROUPS = Path("/sys/fs/cgroup")


def resident_memory() -> int:
    """Bytes that this process takes now."""
    return int(psutil.Process().memory_info().rss)


def free_memory() -> int:
    """Bytes that this process can still take: of the machine, of the containers that it is in, and of its own limit."""
    return max(0, min([psutil.virtual_memory().available, *_containers(), *_own_limit()]))


def free_device_memory(device: torch.device) -> int | None:
    """Bytes that are free on a GPU; None for the CPU, whose memory is `free_memory`."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def free_disk(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _own_limit() -> Iterator[int]:
    """What `ulimit -v` leaves."""
    if resource is not None:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            yield limit - int(psutil.Process().memory_info().vms)


def _containers() -> Iterator[int]:
    """What the control groups leave, that of this process and those round it; the page cache in them gives way."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            names, root, cache = ("memory.max", "memory.current"), _GROUPS, "inactive_file "
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            root, cache = _GROUPS / "memory", "total_inactive_file "
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root):
                break
            try:
                limit, used = ((folder / name).read_text(encoding="ascii").strip() for name in names)
                stat = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
            except OSError:  # the root has no limit, and inside a container the path may be one of the outside
                continue
            if limit.isdigit():
                reclaimable = sum(int(s.removeprefix(cache)) for s in stat if s.startswith(cache))
                yield int(limit) - int(used) + reclaimable


def disk_taken(path: Path) -> int:
    """Bytes of disk that a file takes by now; files with holes take less than their length."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return int(getattr(status, "st_blocks", 0)) * 512 if os.name == "posix" else 0
