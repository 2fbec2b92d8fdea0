"""Holes that are not what they should be: boxes of any text, arrays and files of any content."""

import io
import pickle
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

FRAMES, HEIGHT, WIDTH = 12, 48, 64
BOX = "4,4,24,20"

Maker = Callable[[Path], list[str]]


def flipped(content: bytes, rng: random.Random, count: int, head: bool = False) -> bytes:
    """So many bytes changed, anywhere or in the first kilobyte only."""
    out = bytearray(content)
    for _ in range(count):
        out[rng.randrange(min(len(out), 1024) if head else len(out))] ^= rng.randrange(1, 256)
    return bytes(out)


BOXES = (
    "", "1,2,3", "0,0,0,0", "9,9,3,3", "-5,-5,10,10", "0,0,100000,100000", "1,1,99999999999999999999,5", "0,0,64,48", "nan,0,5,5",
    "1.5,2,8,8", "١,٢,٣,٤", "4,4,24,20@9-3", "4,4,24,20@0-999999", "4,4,24,20@-1-2", "0x1,2,8,8", "4,4,24,20;rm", "4,4,4,20",
)  # fmt: skip


def box(box: str, folder: Path) -> list[str]:
    return ["inpaint", "in.mkv", f"--box={box}"]


def masks(sound: dict[str, Path], rng: random.Random) -> Iterator[Maker]:
    hole = np.zeros((HEIGHT, WIDTH))
    hole[4:20, 4:24] = 1
    moving = np.repeat(hole[None], FRAMES, axis=0)
    arrays = [
        hole * np.nan, np.where(hole > 0, np.inf, 0.0), hole * -1, hole * 1e9, hole * 1j, hole[:-1], hole.T, hole[None, None, None],
        np.zeros((0, HEIGHT, WIDTH)), np.zeros(()), np.array([]), moving[:-1], np.concatenate([moving, moving]), hole * 0, hole + 1,
        1 - hole, np.where(hole > 0, "fill", "keep"), hole * 90, np.zeros((FRAMES, HEIGHT, WIDTH), dtype="M8[s]"),
        np.array([[{"a": 1}]], dtype=object), np.zeros(3, dtype=[("x", "f4"), ("y", "i4")]), (hole * 1e300).astype(np.float64),
    ]  # fmt: skip
    for array in arrays:
        yield partial(_array_mask, array)
    png, video = sound["png"].read_bytes(), sound["mask"].read_bytes()
    npz = _npz(mask=hole)
    for name, content in (
        ("pickle.npy", pickle.dumps({"mask": hole})),
        ("two.npz", _npz(a=hole, b=hole)),
        ("none.npz", _npz()),
        ("objects.npz", _npz(mask=np.array([None, {}], dtype=object))),
        ("cut.npz", npz[: len(npz) // 2]),
        ("flipped.npz", flipped(npz, rng, 8)),
        ("empty.npy", b""),
        ("cut.png", png[: len(png) // 2]),
        ("flipped.png", flipped(png, rng, 4)),
        ("cut.mp4", video[: len(video) // 2]),
        ("flipped.mp4", flipped(video, rng, 16)),
        ("text.png", b"white where to fill"),
        ("nonsense.json", b'{"objects": [{"keyframes": [{"frame": NaN, "box": [1e999, null, "x", {}]}]}]}'),
        ("deep.json", b"[" * 100_000),
        ("list.json", b"[1, 2, 3]"),
        ("latin.json", "{'é': 1}".encode("latin-1")),
        ("mot.csv", b"1,1,5,5,nan,9\n2,,,,,\n"),
        ("mot.txt", b"\x00\x01\x02,,,\n"),
        ("header.npy", _damaged_header(hole)),
        ("method.npz", npz.replace(b"PK\x01\x02\x14\x03\x14\0\0\0\0\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x63\0")),
        ("deflated.npz", _damaged_middle(hole)),
    ):
        yield partial(_file_mask, name, content)


def _npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def _damaged_header(array: np.ndarray) -> bytes:
    """The parenthesis of the shape is never closed."""
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue().replace(b")", b" ", 1)


def _damaged_middle(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, mask=array)
    content = bytearray(out.getvalue())
    for k in range(60, 120):
        content[k] ^= 0xFF
    return bytes(content)


def _array_mask(array: np.ndarray, folder: Path) -> list[str]:
    np.save(folder / "mask.npy", array, allow_pickle=True)
    return ["inpaint", "in.mkv", "--mask", "mask.npy"]


def _file_mask(name: str, content: bytes, folder: Path) -> list[str]:
    (folder / name).write_bytes(content)
    return ["inpaint", "in.mkv", "--mask", name]
