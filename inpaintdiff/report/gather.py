"""Where the videos behind a file of results are: the truth, the holes, what every method painted, and its uncertainty."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.data.video import open_video, to_uint8
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import Evaluation, PaintedVideos, Truths
from inpaintdiff.inpaint.composite import composite


@dataclass(frozen=True)
class Version:
    """A video as it is shown.

    Attributes:
        label: for people.
        kind: hole, truth, method or uncertainty.
        frames: uint8 RGB.
    """

    label: str
    kind: str
    frames: UInt8[np.ndarray, "t h w 3"]


@dataclass(frozen=True)
class Shown:
    """All versions of a video, of one size and length.

    Attributes:
        name: as in the results.
        fps: frames a second.
        hole: what was painted.
        versions: input, methods in the order of the results, truth, uncertainty.
    """

    name: str
    fps: float
    hole: Bool[np.ndarray, "t h w"]
    versions: tuple[Version, ...]


@dataclass(frozen=True)
class Sources:
    """The videos of an evaluation, read one at a time.

    Attributes:
        found: the evaluation.
        truths: with their holes, by file name.
        painted: by method.
        uncertainty: by method, folders of videos; not of every method.
    """

    found: Evaluation
    truths: Truths
    painted: Mapping[str, PaintedVideos]
    uncertainty: Mapping[str, PaintedVideos]

    def names(self) -> list[str]:
        """Videos of the results, in their order."""
        return [v.video for v in self.found.results[self.found.methods[0]]]

    def videos(self, names: Sequence[str]) -> Iterator[Shown]:
        """All versions of these videos, in this order."""
        for name in names:
            yield self._video(name)

    def _video(self, name: str) -> Shown:
        file = file_name(name)
        one = replace(self.truths, videos={file: self.truths.videos[file]})
        _, clip = next(iter(one))
        hole = clip.hole[:, 0].numpy()
        truth = to_uint8(clip.frames)
        marked = truth.copy()
        marked[hole] = (255, 0, 255)
        versions = [Version("input", "hole", marked)]
        for method, videos in self.painted.items():
            painted = composite(clip.frames, videos(file, clip)[0], clip.hole)
            versions.append(Version(method, "method", to_uint8(painted)))
        versions.append(Version("truth", "truth", truth))
        versions += [
            Version(f"uncertainty of {method}", "uncertainty", to_uint8(videos(file, clip)[0]))
            for method, videos in self.uncertainty.items()
        ]
        return Shown(name, float(open_video(self.truths.videos[file]).info.fps), hole, tuple(versions))


def file_name(video: str) -> str:
    """The name of a video without folders, as its files are called."""
    return video.replace("/", "_")


def find_sources(
    found: Evaluation,
    truth: Path | None = None,
    masks: Path | None = None,
    painted: Mapping[str, Path] | None = None,
    frames: int | None = None,
) -> Sources:
    """The videos behind results: where the results say they are, or where they are said to be now.

    Args:
        found: the results.
        truth, masks: folders; those of the results by default.
        painted: method: folder; likewise.
        frames: the first so many of every video.

    Raises:
        SettingError: a folder is not known, or is not there; a method that there is none of; a video that is missing.
    """
    painted = painted or {}
    folders = _known(found.about.get("folders"))
    methods = _known(found.about.get("methods"))
    if unknown := [m for m in painted if m not in found.methods]:
        raise SettingError(f"the results have no method {unknown[0]!r}; they have {', '.join(found.methods)}")
    place_of = {
        "truth": _place("truth", truth or folders.get("truth")),
        "masks": _place("masks", masks or folders.get("masks")),
    }
    every = Truths.find(
        place_of["truth"], place_of["masks"], found.protocol, bool(folders.get("invert")), allow_large=True
    )
    names = [file_name(v.video) for v in found.results[found.methods[0]]]
    if lacking := [name for name in names if name not in every.videos]:
        raise SettingError(f"{place_of['truth']} has no video {lacking[0]!r}, which the results have; give --truth DIR")
    lengths = {v.frames for v in found.results[found.methods[0]]}
    limit = min(frames or max(lengths), max(lengths))
    truths = replace(every, videos={name: every.videos[name] for name in names}, limit=limit)
    folder_of: dict[str, Path] = {}
    for method in found.methods:
        place = painted.get(method) or _known(methods.get(method)).get("folder")
        if place is None:
            raise SettingError(
                f"what {method} painted was not kept; evaluate again with --videos DIR, or give --painted {method}=DIR"
            )
        folder_of[method] = Path(place)
    spread = {m: Path(place) for m in found.methods if (place := _known(methods.get(m)).get("uncertainty")) is not None}
    return Sources(
        found,
        truths,
        {m: PaintedVideos(folder, truths) for m, folder in folder_of.items()},
        {m: PaintedVideos(folder, truths) for m, folder in spread.items() if folder.is_dir()},
    )


def _place(what: str, place: Path | str | None) -> Path:
    if place is None:
        raise SettingError(
            f"the results do not say where their {what} {'is' if what == 'truth' else 'are'}; give --{what} DIR, "
            "or evaluate again with --videos DIR, which keeps all videos"
        )
    return Path(place)


def _known(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
