"""Hole files: pictures, folders of pictures, mask videos and arrays, as grey levels; what they mean is for `holes.py` to say."""

import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, UnidentifiedImageError

from inpaintdiff.data.hole_bytes import npz_bytes, png_bytes
from inpaintdiff.data.video import check_output, open_video, write_video
from inpaintdiff.data.video_container import check_no_pipe, is_folder, short_name
from inpaintdiff.data.video_readers import IMAGE_SUFFIXES, image_paths
from inpaintdiff.errors import HoleError, VideoReadError, VideoWriteError

# What NumPy and the standard library raise for damaged files: headers are Python literals, archives have methods and passwords.
_NO_ARRAY = (
    *(OSError, ValueError, EOFError, BadZipFile, zlib.error),
    *(RuntimeError, TokenError, SyntaxError, OverflowError, MemoryError),
)


def write_hole(
    path: Path | str,
    hole: Bool[np.ndarray, "*t h w"] | Iterable[Bool[np.ndarray, "h w"]],
    *,
    fps: int | float | Fraction = 25,
    overwrite: bool = False,
) -> Path:
    """Write a hole as others read it, white is filled; what is read back is the same hole.

    Equal holes give equal bytes of .png, .npz and pictures in a folder, on every machine; .mkv and .mp4 are their encoders'.

    Args:
        path: .png for a still hole [h w] (or [t h w] that never changes); .npz, .mkv, .mp4, or a folder name for pictures, for any
            other.
        hole: a picture, or one for each frame; only .npz holds all of them in memory.
        fps: frames a second of .mkv and .mp4.

    Raises:
        VideoWriteError: `path` exists, has another suffix, or cannot be written; or a moving hole for a .png.
    """
    check_hole_output(path, overwrite=overwrite)
    target = Path(path)
    suffix = target.suffix.lower()
    pictures = iter(hole[None] if isinstance(hole, np.ndarray) and hole.ndim == 2 else hole)
    if suffix in {".mkv", ".mp4"}:
        white = (np.repeat((p.astype(np.uint8) * 255)[..., None], 3, axis=2) for p in pictures)
        # x264 keeps everything at crf 0
        return write_video(target, white, fps, crf=0, lossless=suffix != ".mp4", overwrite=overwrite)
    part = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not suffix:
            _write_folder(part, pictures)
        elif suffix == ".npz":
            part.write_bytes(npz_bytes(np.stack(list(pictures))))
        else:
            part.write_bytes(png_bytes(_still(pictures, target.name)))
        if not suffix and target.is_dir():
            shutil.rmtree(target)
        part.replace(target)
    except OSError as e:
        if isinstance(e, VideoWriteError):
            raise
        raise VideoWriteError(f"{target} cannot be written: {e.strerror or e}.") from e
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        elif part.exists():
            part.unlink()
    return target


def check_hole_output(path: Path | str, *, overwrite: bool = False) -> None:
    """What `write_hole` checks before it takes a picture, so that nothing is drawn in vain.

    Raises:
        VideoWriteError: `path` exists, has another suffix, or is a name that no file can have.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in {"", ".png", ".npz", ".mkv", ".mp4"}:
        raise VideoWriteError(
            f"{target.name} ends in {suffix}; holes are written as .png, .npz, .mkv, .mp4 or a folder of pictures."
        )
    try:
        if not suffix:
            check_output(target, lossless=True, overwrite=overwrite)
        elif target.exists() and not overwrite:
            raise VideoWriteError(f"{target} exists already; give another name, or --overwrite (overwrite=True).")
    except OSError as e:
        if isinstance(e, VideoWriteError):
            raise
        raise VideoWriteError(f"{short_name(target)} cannot be written: {e.strerror or e}.") from e


def _write_folder(part: Path, pictures: Iterator[Bool[np.ndarray, "h w"]]) -> None:
    part.mkdir()
    for i, picture in enumerate(pictures):
        (part / f"{i:06d}.png").write_bytes(png_bytes(picture))


def _still(pictures: Iterator[Bool[np.ndarray, "h w"]], name: str) -> Bool[np.ndarray, "h w"]:
    first = next(pictures)
    if not all(np.array_equal(first, p) for p in pictures):
        raise VideoWriteError(
            f"{name} is one picture, but the hole moves; give a name ending in .npz, .mkv or .mp4, or a folder."
        )
    return first


def read_levels(path: Path, name: str) -> UInt8[np.ndarray, "t h w"]:
    """The grey levels, 0 to 255, of every picture of a mask file or folder.

    Raises:
        HoleError: missing, unreadable, or pictures of different sizes.
    """
    return np.stack(list(iter_levels(path, name)))


def iter_levels(path: Path, name: str) -> Iterator[UInt8[np.ndarray, "h w"]]:
    """As `read_levels`, a picture at a time; only .npz files, which are packed, are in memory as a whole.

    Raises:
        HoleError: as `read_levels`, when the faulty picture is reached.
    """
    suffix = path.suffix.lower()
    try:
        check_no_pipe(path)
        if is_folder(path):
            yield from _iter_folder(path)
        elif not path.exists():
            raise HoleError(f"{name} does not exist.")
        elif suffix in IMAGE_SUFFIXES:
            yield _read_picture(path)
        elif suffix in {".npy", ".npz"}:
            yield from iter_array(_read_array(path, name), name)
        else:
            yield from map(_luma, open_video(path).iter())
    except VideoReadError as e:
        raise HoleError(f"mask {e}") from e


def _iter_folder(path: Path) -> Iterator[UInt8[np.ndarray, "h w"]]:
    paths = image_paths(path)
    if not paths:
        raise HoleError(f"mask {path} is a folder without pictures.")
    first: tuple[int, ...] | None = None
    for p in paths:
        check_no_pipe(p)
        picture = _read_picture(p)
        first = first or picture.shape
        if picture.shape != first:
            (h, w), (h0, w0) = picture.shape, first
            raise HoleError(f"mask {p} is {w} x {h}, the first picture of its folder is {w0} x {h0}.")
        yield picture


def _read_picture(path: Path) -> UInt8[np.ndarray, "h w"]:
    try:
        with Image.open(path) as picture:
            if picture.mode.startswith("I"):
                return (np.asarray(picture).clip(0, 65535) >> 8).astype(np.uint8)
            return np.asarray(picture.convert("RGB").convert("L"))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as e:
        raise HoleError(f"mask {path} cannot be read as a picture: {e}.") from e


def _luma(frame: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w"]:
    return np.asarray(Image.fromarray(frame).convert("L"))


def _read_array(path: Path, name: str) -> np.ndarray:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            keys = list(loaded.files)
            key = next((k for k in ("hole", "mask") if k in keys), keys[0] if len(keys) == 1 else None)
            if key is None:
                raise HoleError(f"{name} holds the arrays {keys}; expected one, or one called 'hole' or 'mask'.")
            return loaded[key]
    except _NO_ARRAY as e:
        if isinstance(e, HoleError):
            raise
        raise HoleError(f"{name} cannot be read as an array: {e}.") from e


def iter_array(array: np.ndarray, name: str) -> Iterator[UInt8[np.ndarray, "h w"]]:
    """The grey levels of an array of bool, 0 and 1, 0 to 255, or floats from 0 to 1, a picture at a time.

    Raises:
        HoleError: another shape, type or range; before the first picture.
    """
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[3]):
        array = array[:, 0] if array.shape[1] == 1 else array[..., 0]
    if array.ndim not in (2, 3) or array.size == 0:
        raise HoleError(
            f"{name} is an array of shape {array.shape}; expected [height, width] or [frames, height, width]."
        )
    pictures = array[None] if array.ndim == 2 else array
    if array.dtype == bool:
        return (picture.astype(np.uint8) * 255 for picture in pictures)
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise HoleError(f"{name} is an array of {array.dtype}; expected bool or numbers.")
    if not all(np.isfinite(picture).all() for picture in pictures):
        raise HoleError(f"{name} has values that are not finite (NaN or infinity).")
    low, high = min(p.min() for p in pictures), max(p.max() for p in pictures)
    if low < 0 or high > 255:
        raise HoleError(f"{name} has values from {low} to {high}; expected 0 to 255, or 0 to 1.")
    scale = 255 if high <= 1 else 1
    return (np.rint(picture.astype(np.float64) * scale).astype(np.uint8) for picture in pictures)
