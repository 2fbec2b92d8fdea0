"""What `data prepare` was asked for, and whether a folder was prepared the same way before."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.errors import DatasetError, SettingError

KINDS = ("bdd", "cars", "traffic", "folder")
Kind = Literal["bdd", "cars", "traffic", "folder"]

# Another way to cut, crop or encode makes other clips of the same source; a folder must not hold both.
_PROCEDURE = 1


@dataclass(frozen=True)
class PrepareSettings:
    """How sources become clips.

    Attributes:
        kind: which of the paper's three kinds of task, or "folder" for plain videos.
        height, width: of every clip, pixels; even, as h264 wants it.
        fps: frames a second of every clip.
        frames: length of a clip; the last one of a stretch may be shorter.
        least: frames below which a clip is not kept.
        val, test: shares of the source videos (at least one of each where there are three), for sources without a split of their own.
        seed: of the splits and of fixed holes.
        frozen: seconds that a picture may stand still.
        crf: x264's quality, 0 (best) to 51.
        gop: distance of key frames, so many frames are decoded for one at most; 4 takes 3 % more space than 8 and half the time.
        detector: ONNX file of a YOLOX network that finds vehicles, for cars.

    Raises:
        SettingError: a number is out of range.
    """

    kind: Kind
    height: int = 64
    width: int = 64
    fps: Fraction = Fraction(10)
    frames: int = 64
    least: int = 16
    val: float = 0.1
    test: float = 0.1
    seed: int = 0
    frozen: float = 0.5
    crf: int = 12
    gop: int = 4
    detector: Path | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SettingError(f"there is no kind {self.kind!r} of data set; expected {', '.join(KINDS)}")
        if min(self.height, self.width) < 16 or self.height % 2 or self.width % 2:
            raise SettingError(f"clips cannot be {self.width} x {self.height} pixels; expected even sizes from 16 on")
        if not 0 < self.fps <= 240:
            raise SettingError(
                f"clips cannot have {float(self.fps):g} frames a second; expected more than 0, at most 240"
            )
        if not 1 <= self.least <= self.frames:
            raise SettingError(f"clips of {self.least} to {self.frames} frames cannot be; expected 1 <= least <= most")
        if min(self.val, self.test) < 0 or self.val + self.test >= 1:
            raise SettingError(
                f"val {self.val:g} and test {self.test:g} leave nothing to train on; expected a sum below 1"
            )
        if not 0 <= self.crf <= 51 or self.gop < 1 or self.seed < 0 or self.frozen <= 0:
            raise SettingError(
                f"crf {self.crf}, gop {self.gop}, seed {self.seed} and frozen {self.frozen:g} cannot be;"
                " expected crf 0 to 51, gop from 1, seed from 0, frozen above 0"
            )
        if self.detector is not None and not self.detector.is_file():
            raise SettingError(f"the detector {self.detector} does not exist; expected an ONNX file of YOLOX")

    @property
    def frozen_frames(self) -> int:
        """`frozen` in frames, at least two."""
        return max(2, round(self.frozen * self.fps))

    def facts(self) -> dict[str, Any]:
        """Everything that decides what clips look like, as plain values; a detector by its content."""
        facts = asdict(self) | {"fps": str(self.fps), "procedure": _PROCEDURE}
        return facts | {"detector": file_digest(self.detector) if self.detector else None}

    def check_same(self, before: Mapping[str, Any], root: Path) -> None:
        """Refuse to mix clips that were made differently.

        Raises:
            DatasetError: `root` was prepared with other settings.
        """
        now = json.loads(json.dumps(self.facts()))
        for name in now:
            if now[name] != before.get(name):
                raise DatasetError(
                    f"{root} was prepared with {name} {before.get(name)!r}, now it is {now[name]!r}; give a new folder, or the same"
                    " settings, which go on where it stopped"
                )
