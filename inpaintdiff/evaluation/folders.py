"""Anyone's results: folders of videos or of pictures, matched by name with truths and masks, and refused where they do not fit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.data.hole_files import iter_levels
from inpaintdiff.data.holes import check_hole
from inpaintdiff.data.resampling import resized
from inpaintdiff.data.video import VideoReader, open_video, to_unit
from inpaintdiff.data.video_readers import IMAGE_SUFFIXES, image_paths, natural_key
from inpaintdiff.errors import HoleError, SettingError, VideoReadError
from inpaintdiff.evaluation.protocol import Protocol
from inpaintdiff.types import VideoClip

_VIDEO_SUFFIXES = frozenset([".mp4", ".m4v", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".gif"])
_MASK_SUFFIXES = _VIDEO_SUFFIXES | {".npy", ".npz"}


@dataclass(frozen=True)
class Truths:
    """Videos with their holes, one in memory at a time.

    Args:
        videos: name: file, or folder of pictures.
        masks: name: likewise, or one picture for the whole video.
        protocol: from which grey level masks are hole.
        invert: black is filled.
        allow_large: accept what looks inverted.
        limit: the first so many frames only.
    """

    videos: dict[str, Path]
    masks: dict[str, Path]
    protocol: Protocol
    invert: bool = False
    allow_large: bool = False
    limit: int | None = None

    @staticmethod
    def find(truth: Path, masks: Path, protocol: Protocol, invert: bool = False, allow_large: bool = False) -> "Truths":
        """The videos of two folders, matched by name.

        Raises:
            SettingError: a folder without videos, or a video without a mask or with several.
        """
        videos = _videos_in(truth, "truth", _VIDEO_SUFFIXES)
        return Truths(videos, _matched(videos, masks, "mask", _MASK_SUFFIXES), protocol, invert, allow_large)

    def __len__(self) -> int:
        return len(self.videos)

    def __iter__(self) -> Iterator[tuple[str, VideoClip]]:
        """Name and clip, at native size and without dilation.

        Raises:
            VideoReadError: a video that cannot be read.
            HoleError: a mask that does not fit its video, or looks inverted.
        """
        for name, path in self.videos.items():
            reader = open_video(path)
            n = min(len(reader), self.limit or len(reader))
            hole = torch.from_numpy(self._hole(name, reader)[:n]).unsqueeze(1)
            yield name, VideoClip(to_unit(reader.read(range(n))), hole, torch.arange(n))

    def frames(self) -> dict[str, int]:
        """How many frames of every video are looked at."""
        counts = {name: len(open_video(path)) for name, path in self.videos.items()}
        return {name: min(n, self.limit or n) for name, n in counts.items()}

    def _hole(self, name: str, reader: VideoReader) -> np.ndarray:
        path, info = self.masks[name], reader.info
        levels = np.stack(list(iter_levels(path, f"mask {path}")))
        if levels.shape[1:] != (info.height, info.width):
            raise HoleError(
                f"mask {path} is {levels.shape[2]} x {levels.shape[1]}, the video {name} is {info.width} x {info.height}; "
                "give masks of the video's size"
            )
        if len(levels) not in (1, info.frames):
            raise HoleError(
                f"mask {path} has {_frames(len(levels))}, the video {name} has {info.frames}{_missing(path, info.path)}; "
                f"give {info.frames}, or 1 for all"
            )
        hole = (levels >= self.protocol.hole_from) != self.invert
        try:
            check_hole(hole, self.allow_large)
        except HoleError as e:
            raise HoleError(f"{path}: {e}") from e
        return hole if len(hole) > 1 else np.repeat(hole, info.frames, axis=0)


class PaintedVideos:
    """Videos that a method has painted, as `Method.painted` wants them.

    Args:
        folder: of videos, or of folders of pictures, under the names of the truths or names that contain them.
        truths: that they belong to.

    Raises:
        SettingError: a truth without a painted video, or with several.
        VideoReadError: a video of another length than its truth, or with other frame numbers missing.
    """

    def __init__(self, folder: Path, truths: Truths) -> None:
        self.folder, self.truths = folder, truths
        self.videos = _matched(truths.videos, folder, "painted video", _VIDEO_SUFFIXES)
        for name, path in self.videos.items():
            _check_frames(name, path, truths.videos[name])

    def __call__(self, video: str, clip: VideoClip) -> Float[Tensor, "1 t c h w"]:
        """One painted video, in [-1, 1], at the size of the clip.

        Raises:
            VideoReadError: another size.
        """
        path, protocol = self.videos[video], self.truths.protocol
        frames = open_video(path).read(range(clip.length))
        size, expected = frames.shape[1:3], tuple(clip.frames.shape[-2:])
        if size != expected:
            if protocol.size is None:
                raise VideoReadError(
                    f"{path} is {size[1]} x {size[0]}, its truth is {expected[1]} x {expected[0]}; protocol {protocol.name} compares at "
                    "the truth's size: paint at that size, or give --truth and --masks of the painted size"
                )
            frames = resized(frames, *expected)
        return to_unit(frames)[None]


def _videos_in(folder: Path, what: str, suffixes: frozenset[str]) -> dict[str, Path]:
    """Name: path of every video of a folder; the folder itself is one video if it holds pictures and nothing else."""
    try:
        inside = sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=natural_key)
    except OSError as e:
        raise SettingError(f"{what} folder {folder} cannot be read: {e.strerror or e}") from e
    found = [p for p in inside if (p.is_dir() and image_paths(p)) or (p.is_file() and p.suffix.lower() in suffixes)]
    pictures = [p for p in inside if p.suffix.lower() in IMAGE_SUFFIXES]
    if not found and pictures:
        return {folder.resolve().name: folder}
    if not found:
        deeper = [p.name for p in inside if p.is_dir()]
        hint = f"; it has the folders {', '.join(deeper[:4])}: give one of them" if deeper else ""
        raise SettingError(
            f"{what} folder {folder} has no video; expected video files, or folders of pictures (png, jpg, ...){hint}"
        )
    names = [p.stem if p.is_file() else p.name for p in found]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(
                f"{what} folder {folder} has {name!r} twice; videos are matched by name, so one has to go"
            )
    return dict(zip(names, found, strict=True))


def _matched(videos: dict[str, Path], folder: Path, what: str, suffixes: frozenset[str]) -> dict[str, Path]:
    """For every video the one of a folder that has its name, or whose name contains it as a word (`dog_result` for `dog`)."""
    if what == "mask" and folder.is_file():
        return dict.fromkeys(videos, folder)
    found = _videos_in(folder, what, suffixes)
    if what == "mask":
        # a picture is a still mask of the video that it is named after
        stills = {p.stem: p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.stem in videos}
        found = {**found, **stills}
    if len(videos) == len(found) == 1:
        return {next(iter(videos)): next(iter(found.values()))}
    matched: dict[str, Path] = {}
    for name in videos:
        fitting = [name] if name in found else [c for c in found if _belongs(c, videos) == name]
        if not fitting:
            raise SettingError(
                f"{folder} has no {what} for {name!r} among {_some(list(found))}; "
                f"expected one of that name for each of the {len(videos)} videos of the truth"
            )
        if len(fitting) > 1:
            raise SettingError(f"{folder} has several that may be the {what} of {name!r}: {_some(fitting)}; leave one")
        matched[name] = found[fitting[0]]
    return matched


def _belongs(candidate: str, videos: dict[str, Path]) -> str | None:
    """The longest name of a video that the candidate's name contains as a word."""
    inside = [n for n in videos if re.search(rf"(?<![a-z0-9]){re.escape(n.lower())}(?![a-z0-9])", candidate.lower())]
    return max(inside, key=len, default=None)


def _check_frames(name: str, painted: Path, truth: Path) -> None:
    n, expected = len(open_video(painted)), len(open_video(truth))
    if n != expected:
        raise VideoReadError(
            f"{painted} has {_frames(n)}, the truth {name} has {expected}{_missing(painted, truth)}; "
            "every frame of the truth has to be there"
        )
    if painted.is_dir() and truth.is_dir():
        numbers, true = _numbers(painted), _numbers(truth)
        if numbers and true and [b - a for a, b in pairwise(numbers)] != [b - a for a, b in pairwise(true)]:
            raise VideoReadError(
                f"the pictures of {painted} are not numbered as those of its truth{_missing(painted, truth)}; "
                f"expected {len(true)} pictures, numbered as in {truth}"
            )


def _missing(folder: Path, truth: Path) -> str:
    """`: 00031 is missing`, as far as the numbers of pictures say."""
    if not folder.is_dir():
        return ""
    numbers, true = _numbers(folder), _numbers(truth) if truth.is_dir() else []
    if not numbers:
        return ""
    first = true[0] if true and true[0] == numbers[0] else numbers[0]
    wanted = [first + t - true[0] for t in true] if true else list(range(numbers[0], numbers[-1] + 1))
    lacking = [k for k in wanted if k not in set(numbers)]
    return f": number {_some([str(k) for k in lacking])} is missing" if lacking else ""


def _numbers(folder: Path) -> list[int]:
    """The last number in the name of every picture; nothing if one has none, or two have the same."""
    found = [re.findall(r"\d+", p.stem) for p in image_paths(folder)]
    numbers = [int(f[-1]) for f in found if f]
    return numbers if len(set(numbers)) == len(found) else []


def _frames(n: int) -> str:
    return f"{n} frame{'' if n == 1 else 's'}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
