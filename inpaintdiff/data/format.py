"""The one folder format of data sets: clips, their holes and tracks, and a manifest that names and hashes them.

DIR/dataset.json                      the manifest
DIR/train|val|test/NAME.mp4           closed-GOP h264 with a short distance of key frames, all of one size
DIR/train|val|test/NAME.hole.png      white is hidden; .npz, a folder of png or a mask video where the hole moves; optional
DIR/train|val|test/NAME.tracks.csv    a row an object and frame, see `data/tracks.py`; optional
"""

import json
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.data.holes import read_hole
from inpaintdiff.data.tracks import read_tracks
from inpaintdiff.data.video import probe_video
from inpaintdiff.errors import DatasetError, HoleError, VideoReadError

MANIFEST = "dataset.json"
SPLITS = ("train", "val", "test")
_FORMAT, _VERSION = "inpaintdiff-clips", 1


@dataclass(frozen=True)
class ClipEntry:
    """One clip of a split.

    Attributes:
        video: its file, relative to the data set's folder.
        frames: its length.
        hole, tracks: files beside it; None where there is none.
        sha256: digest of each of these files, by path.
        seed: what it was simulated from; None for a real video.
        source: the video that it was cut from; None for a simulated one. No source is in two splits.
        labels: what is known of it by name, as its weather or the model of its car; often nothing.
    """

    video: str
    frames: int
    hole: str | None = None
    tracks: str | None = None
    sha256: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    source: str | None = None
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What `dataset.json` says.

    Attributes:
        name: of the data set.
        height, width: of every clip, pixels.
        fps: frames a second of every clip.
        splits: clips by split.
        about: a sentence, licence included.
        shares: of a simulated data set, the probabilities of labels that nothing seen tells of, by label and value.
    """

    name: str
    height: int
    width: int
    fps: float
    splits: dict[str, tuple[ClipEntry, ...]]
    about: str = ""
    shares: dict[str, dict[str, float]] = field(default_factory=dict)


def write_manifest(root: Path, manifest: Manifest) -> Path:
    """Write `dataset.json`, under a temporary name first."""
    target = root / MANIFEST
    part = root / f".{MANIFEST}.{secrets.token_hex(4)}.part"
    try:
        part.write_text(manifest_text(manifest), encoding="utf-8")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def manifest_text(manifest: Manifest) -> str:
    """What `write_manifest` writes; what came later than version 1 only where it says something, so that older bytes stay."""
    content = asdict(manifest)
    for part in (content, *(clip for clips in content["splits"].values() for clip in clips)):
        for name in ("source", "labels", "shares"):
            if not part.get(name, True):
                del part[name]
    return json.dumps({"format": _FORMAT, "version": _VERSION, **content}, indent=1) + "\n"


def read_manifest(root: Path | str) -> Manifest:
    """Read `dataset.json`. The files that it names are not looked at: see `defects`.

    Raises:
        DatasetError: missing, or not of this format.
    """
    path = Path(root) / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as e:
        raise DatasetError(
            f"{root} has no {MANIFEST}; make a data set there, as with: inpaintdiff data synthesize traffic --out {root}"
        ) from e
    except (OSError, ValueError) as e:
        raise DatasetError(f"{path} cannot be read as JSON: {e}") from e
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise DatasetError(f"{path} is not the manifest of a data set; expected format {_FORMAT!r}")
    if content.get("version") != _VERSION:
        raise DatasetError(f"{path} has version {content.get('version')!r}; this program reads version {_VERSION}")
    try:
        splits = {split: tuple(ClipEntry(**c) for c in clips) for split, clips in content["splits"].items()}
        manifest = Manifest(
            str(content["name"]), content["height"], content["width"], float(content["fps"]), splits, content["about"],
            content.get("shares", {}),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise DatasetError(f"{path} departs from the format of version {_VERSION}: {e!r}") from e
    _check_values(path, manifest)
    return manifest


def _check_values(path: Path, manifest: Manifest) -> None:
    """Types that JSON does not check, and paths that lead out of the folder."""

    def whole(value: Any) -> bool:
        return type(value) is int and value > 0

    if not whole(manifest.height) or not whole(manifest.width) or not manifest.fps > 0:
        raise DatasetError(
            f"{path} gives height {manifest.height!r}, width {manifest.width!r} and fps {manifest.fps!r}"
        )
    for split, clips in manifest.splits.items():
        if split not in SPLITS:
            raise DatasetError(f"{path} has a split {split!r}; expected {', '.join(SPLITS)}")
        for clip in clips:
            names = [clip.video, *(n for n in (clip.hole, clip.tracks) if n is not None)]
            if (
                not all(isinstance(n, str) for n in names)
                or not whole(clip.frames)
                or not isinstance(clip.sha256, dict)
                or not isinstance(clip.labels, dict)
            ):
                raise DatasetError(f"{path} has a malformed clip in {split}: {clip}")
            if outside := [n for n in names if Path(n).is_absolute() or ".." in Path(n).parts]:
                raise DatasetError(f"{path} names {outside[0]}, which lies outside of the data set's folder")


def defects(root: Path | str) -> Iterator[str]:
    """Everything that is wrong with a data set, a sentence each; every file is read. Nothing is yielded for a sound one.

    Raises:
        DatasetError: there is no readable manifest.
    """
    root = Path(root)
    manifest = read_manifest(root)
    if not any(manifest.splits.values()):
        yield f"{root} has no clips"
    seen: dict[str, str] = {}
    for split, clips in manifest.splits.items():
        for clip in clips:
            if clip.video in seen:
                yield f"{clip.video} is listed twice, in {seen[clip.video]} and in {split}"
            seen[clip.video] = split
            yield from _file_defects(root, clip)
            if (root / clip.video).is_file():
                yield from _video_defects(root, manifest, clip)
            if clip.tracks is not None and (root / clip.tracks).is_file():
                yield from _track_defects(root, clip.tracks, clip.frames)
    yield from _shared_content(manifest)
    yield from _shared_sources(manifest)


def _file_defects(root: Path, clip: ClipEntry) -> Iterator[str]:
    for name in (clip.video, clip.hole, clip.tracks):
        if name is None:
            continue
        path = root / name
        if not path.exists():
            yield f"{name} is missing"
        elif name in clip.sha256 and path.is_file() and file_digest(path) != clip.sha256[name]:
            yield f"{name} was changed: its SHA-256 is not the one in {MANIFEST}"
        elif name not in clip.sha256 and path.is_file():
            yield f"{name} has no SHA-256 in {MANIFEST}"


def _video_defects(root: Path, manifest: Manifest, clip: ClipEntry) -> Iterator[str]:
    try:
        info = probe_video(root / clip.video)
    except VideoReadError as e:
        yield str(e)
        return
    if (info.height, info.width) != (manifest.height, manifest.width):
        yield f"{clip.video} is {info.width} x {info.height}, {MANIFEST} says {manifest.width} x {manifest.height}"
    if info.frames != clip.frames:
        yield f"{clip.video} has {info.frames} frames, {MANIFEST} says {clip.frames}"
    if abs(float(info.fps) - manifest.fps) > 1e-3 * manifest.fps:
        yield f"{clip.video} has {float(info.fps):g} frames a second, {MANIFEST} says {manifest.fps:g}"
    if clip.hole is not None and (root / clip.hole).exists():
        try:
            read_hole(root / clip.hole, clip.frames, manifest.height, manifest.width, allow_large=True)
        except HoleError as e:
            yield str(e)


def _track_defects(root: Path, name: str, frames: int) -> Iterator[str]:
    try:
        boxes = read_tracks(root / name)
    except DatasetError as e:
        yield str(e)
        return
    places = Counter((b.frame, b.vehicle) for b in boxes)
    if outside := [b for b in boxes if not 0 <= b.frame < frames]:
        yield f"{name} has an object in frame {outside[0].frame}, the video has 0 to {frames - 1}"
    if twice := [place for place, count in places.items() if count > 1]:
        yield f"{name} has object {twice[0][1]} more than once in frame {twice[0][0]}"
    # a comparison with NaN is false
    if empty := [b for b in boxes if not (b.x1 < b.x2 and b.y1 < b.y2)]:
        yield f"{name} has a box without area in frame {empty[0].frame}: {empty[0].x1:g},{empty[0].y1:g},{empty[0].x2:g},{empty[0].y2:g}"


def _shared_content(manifest: Manifest) -> Iterator[str]:
    """A clip that is in two splits under different names makes held-out scores worthless."""
    known: dict[str, tuple[str, str]] = {}
    for split, clips in manifest.splits.items():
        for clip in clips:
            digest = clip.sha256.get(clip.video)
            if digest is None:
                continue
            if digest in known and known[digest][0] != split:
                yield f"{clip.video} in {split} has the same content as {known[digest][1]} in {known[digest][0]}"
            known[digest] = (split, clip.video)


def _shared_sources(manifest: Manifest) -> Iterator[str]:
    """Clips of one video are nearly alike, whatever their content hashes to."""
    where: dict[str, str] = {}
    told: set[str] = set()
    for split, clips in manifest.splits.items():
        for source in (c.source for c in clips if c.source is not None):
            if where.setdefault(source, split) != split and source not in told:
                told.add(source)
                yield f"{source} has clips in {where[source]} and in {split}; a source belongs to one split"
