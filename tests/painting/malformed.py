"""Two hundred inputs that are not what they should be, made by a seed: files, masks, boxes, folders, tables, options and arrays."""

import os
import random
import shutil
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import av
import barcode
import numpy as np
from malformed_holes import BOX, BOXES, FRAMES, HEIGHT, WIDTH, Maker, box, flipped, masks
from PIL import Image

from inpaintdiff.data.video import write_video
from tests.painting.small import pictures


@dataclass(frozen=True)
class Case:
    """Arguments of the command line, to be run in a folder that `make` fills; without `-o`, it is `-o out.mkv --lossless`."""

    name: str
    make: Maker


def sound_files(folder: Path) -> dict[str, Path]:
    """One small file of every kind that people have, nothing wrong with any of them."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = barcode.encode(folder / "plain.mp4", "libx264", n=FRAMES, options={"g": "6", "bf": "2"})
    written = {
        "mp4": barcode.add_sound(folder / "sound.mp4", FRAMES / 25, plain),
        "mkv": write_video(folder / "ffv1.mkv", pictures(FRAMES, HEIGHT, WIDTH), 25, lossless=True),
        "avi": barcode.encode(folder / "b.avi", "mpeg4", n=FRAMES, options={"bf": "2", "g": "6"}),
        "webm": barcode.encode(folder / "vp9.webm", "libvpx-vp9", n=FRAMES, options={"deadline": "realtime", "cpu-used": "8"}),
        "ts": barcode.encode(folder / "stream.ts", "libx264", n=FRAMES, options={"g": "6"}),
        "gif": barcode.encode(folder / "moving.gif", "gif", n=FRAMES, pixels="rgb8"),
    }  # fmt: skip
    levels = np.zeros((FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8)
    levels[:, 4:20, 4:24] = 255
    written["mask"] = write_video(folder / "mask.mp4", levels, 25, crf=0)
    written["png"] = folder / "mask.png"
    Image.fromarray(levels[0]).save(written["png"])
    return written


def cases(sound: dict[str, Path], seed: int = 0) -> list[Case]:
    """Always the same for a seed. Those of a kind follow each other, so that every fifth one is a fair sample."""
    rng = random.Random(seed)
    kinds: list[tuple[str, Iterator[Maker], int]] = [
        ("truncated", _truncated(sound, rng), 24),
        ("flipped", _flipped(sound, rng), 34),
        ("no video", _no_video(sound), 23),
        ("box", (partial(box, b) for b in BOXES), len(BOXES)),
        ("mask", masks(sound, rng), 43),
        ("folder", (f for f in _FOLDERS), len(_FOLDERS)),
        ("table", (partial(_table, t) for t in _TABLES), len(_TABLES)),
        ("option", (partial(_option, o) for o in _OPTIONS), len(_OPTIONS)),
        ("python", (partial(_python, p) for p in _PYTHON), len(_PYTHON)),
    ]
    return [
        Case(f"{kind} {k}", partial(_made, next(makers), sound)) for kind, makers, count in kinds for k in range(count)
    ]


def _made(maker: Maker, sound: dict[str, Path], folder: Path) -> list[str]:
    """The files of a case, and its arguments; a good video `in.mkv` lies beside them."""
    folder.mkdir(parents=True)
    (folder / "tmp").mkdir()
    shutil.copy(sound["mkv"], folder / "in.mkv")
    return maker(folder)


def _video(name: str, content: bytes, folder: Path) -> list[str]:
    (folder / name).write_bytes(content)
    return ["inpaint", name, "--box", BOX]


def _compared(name: str, content: bytes, folder: Path) -> list[str]:
    (folder / name).write_bytes(content)
    return ["verify", name, "in.mkv", "--box", BOX]


def _truncated(sound: dict[str, Path], rng: random.Random) -> Iterator[Maker]:
    for kind in cycle(("mp4", "mkv", "avi", "webm", "ts", "gif")):
        content = sound[kind].read_bytes()
        yield partial(_video, f"cut.{kind}", content[: rng.randrange(1, len(content))])


def _flipped(sound: dict[str, Path], rng: random.Random) -> Iterator[Maker]:
    for n, kind in enumerate(cycle(("mp4", "mkv", "avi", "webm", "ts", "gif"))):
        content = flipped(sound[kind].read_bytes(), rng, 2 ** (n % 9), head=n % 4 == 0)
        yield partial(_compared if n % 7 == 3 else _video, f"flipped.{kind}", content)


def _no_video(sound: dict[str, Path]) -> Iterator[Maker]:
    """Empty, of another kind than the name says, or without a single frame."""
    for name in ("empty.mp4", "empty.mkv", "empty.gif", "empty.csv"):
        yield partial(_video, name, b"")
    yield partial(_video, "text.mp4", b"I am a letter to my mother.\n" * 40)
    yield partial(_video, "zeros.avi", bytes(100_000))
    yield partial(_video, "archive.mkv", b"PK\x03\x04" + bytes(range(256)) * 20)
    yield partial(_video, "picture.mp4", sound["png"].read_bytes())
    yield partial(_video, "video.csv", sound["mp4"].read_bytes())
    yield partial(_video, "video.png", sound["mp4"].read_bytes())
    yield partial(_video, "list.txt", b"file 'in.mkv'\n")
    yield partial(_video, "playlist.m3u8", b"#EXTM3U\n#EXTINF:1,\nin.mkv\n#EXT-X-ENDLIST\n")
    yield partial(_only_sound, "only.mp4")
    yield partial(_only_sound, "only.wav")
    for name in ("none.mp4", "none.mkv", "none.avi"):
        yield partial(_no_frames, name)
    for name in ("x" * 300 + ".mp4", "a\0b.mp4", "nowhere/", "/dev/zero", "/dev/null", "nowhere.mp4"):
        yield partial(_named, name)


def _named(name: str, folder: Path) -> list[str]:
    return ["inpaint", name, "--box", BOX]


def _only_sound(name: str, folder: Path) -> list[str]:
    if name.endswith(".wav"):
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
    else:
        barcode.add_sound(folder / name, 0.3)
    return ["inpaint", name, "--box", BOX]


def _no_frames(name: str, folder: Path) -> list[str]:
    """A video stream that is announced, and nothing in it."""
    with av.open(str(folder / name), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        out.start_encoding()
    return ["inpaint", name, "--box", BOX]


def _png_folder(folder: Path, sizes: list[tuple[int, int]]) -> None:
    folder.mkdir()
    for i, (width, height) in enumerate(sizes):
        Image.fromarray(pictures(1, height, width, seed=i)[0]).save(folder / f"{i}.png")


def _mixed_sizes(folder: Path) -> list[str]:
    _png_folder(folder / "clip", [(64, 48), (64, 48), (32, 48)])
    return ["inpaint", "clip", "--box", BOX, "-o", "out", "--lossless"]


def _mixed_masks(folder: Path) -> list[str]:
    _png_folder(folder / "mask", [(64, 48)] * (FRAMES - 1) + [(64, 40)])
    return ["inpaint", "in.mkv", "--mask", "mask"]


def _no_pictures(folder: Path) -> list[str]:
    (folder / "clip").mkdir()
    (folder / "clip" / "1.png").write_text("a picture, I promise")
    (folder / "clip" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return ["inpaint", "clip", "--box", BOX]


def _late_fault(folder: Path) -> list[str]:
    """All well until the last picture."""
    _png_folder(folder / "clip", [(64, 48)] * 9)
    last = folder / "clip" / "8.png"
    last.write_bytes(last.read_bytes()[:900])
    return ["inpaint", "clip", "--box", f"{BOX}@0-2"]


def _empty_folder(folder: Path) -> list[str]:
    (folder / "clip").mkdir()
    return ["inpaint", "clip", "--box", BOX]


def _notes_only(folder: Path) -> list[str]:
    (folder / "clip").mkdir()
    (folder / "clip" / "notes.txt").write_text("nothing to see")
    (folder / "clip" / "sub").mkdir()
    return ["inpaint", "clip", "--box", BOX]


def _broken_links(folder: Path) -> list[str]:
    (folder / "clip").mkdir()
    (folder / "clip" / "1.png").symlink_to("nowhere.png")
    (folder / "clip" / "2.png").symlink_to("2.png")
    return ["inpaint", "clip", "--box", BOX]


def _link_to_itself(folder: Path) -> list[str]:
    (folder / "loop.mp4").symlink_to("loop.mp4")
    return ["inpaint", "loop.mp4", "--box", BOX]


def _bad_videos(folder: Path) -> list[str]:
    (folder / "clips").mkdir()
    for name in ("a.mp4", "b.mkv", "c.mp4"):
        (folder / "clips" / name).write_bytes(b"no video")
    return ["inpaint", "clips", "--box", BOX, "-o", "many"]


def _pipe(name: str, folder: Path) -> list[str]:
    """Nobody ever writes into it: who opens it waits for ever."""
    os.mkfifo(folder / name)
    return ["inpaint", name, "--box", BOX] if name.endswith("4") else ["inpaint", "in.mkv", "--mask", name]


def _folder_as(name: str, folder: Path) -> list[str]:
    (folder / name).mkdir()
    return ["inpaint", "in.mkv", "--mask", name] if "mask" in name else ["inpaint", name, "--box", BOX]


_FOLDERS: tuple[Maker, ...] = (
    _mixed_sizes,
    _mixed_masks,
    _no_pictures,
    _late_fault,
    _empty_folder,
    _notes_only,
    _broken_links,
    _link_to_itself,
    _bad_videos,
    partial(_pipe, "pipe.mp4"),
    partial(_pipe, "pipe.png"),
    partial(_pipe, "pipe.npy"),
    partial(_pipe, "pipe.json"),
    partial(_folder_as, "mask.json"),
    partial(_folder_as, "video.csv"),
)

_TABLES = (
    b"",
    b"\x00\xff\x00\xff" * 50,
    b"clip,hole\na,b\n",
    b"video\n",
    b"video,mask\n,\n",
    b"video,box\nnowhere.mp4,\"1,1,5,5\"\n",
    b"video,box\nin.mkv,\"1,1,5,5\n",
    b"video,box,output\nin.mkv,\"1,1,5,5\",a.mkv,too,many\n",
    b"video,box,output\nin.mkv,\"1,1,5,5\",../../../../../dev/null/x.mkv\n",
    b"video,box\nin.mkv," + b"1" * 200_000 + b"\n",
    b"video,box\nin\x00.mkv,\"1,1,5,5\"\n",
    b"video;box\nin.mkv;1,1,5,5\n",
    "video,box\nfilm_é.mp4,".encode("latin-1"),
)  # fmt: skip


def _table(content: bytes, folder: Path) -> list[str]:
    (folder / "list.csv").write_bytes(content)
    return ["inpaint", "list.csv", "-o", "many", "--lossless"]


_OPTIONS = (
    ("in.mkv",),
    ("--box", BOX, "-o", "out.exe"),
    ("--box", BOX, "-o", "in.mkv", "--lossless"),
    ("--box", BOX, "-o", "in.mkv/out.mkv", "--lossless"),
    ("--box", BOX, "-o", "x" * 300 + ".mkv", "--lossless"),
    ("--box", BOX, "-o", "a\0b.mkv", "--lossless"),
    ("--box", BOX, "-o", "/proc/out.mkv", "--lossless"),
    ("--box", BOX, "--dilate", "1000000000"),
    ("--box", BOX, "--context", "nan"),
    ("--box", BOX, "--context", "inf", "--model", "builtin", "--steps", "1"),
    ("--box", BOX, "--seed", "-1", "--model", "builtin", "--steps", "1"),
    ("--box", BOX, "--samples", "100000000", "--model", "builtin"),
    ("--box", BOX, "--steps", "100000000000000000", "--model", "builtin"),
    ("--box", BOX, "--window", "0", "--model", "builtin"),
    ("--box", BOX, "-o", "x" * 300 + ".mkv", "--lossless", "--resume"),
    ("--box", BOX, "-o", "new/out.mkv", "--lossless", "--model", "nowhere.safetensors"),
    ("--box", BOX, "--model", "in.mkv"),
    ("--box", BOX, "--track", "1"),
)


def _option(options: tuple[str, ...], folder: Path) -> list[str]:
    return ["inpaint", "in.mkv", *options]


_GOOD = "np.zeros((4, 24, 32, 3), np.uint8)"
_HOLE = "boxes=['2,2,9,9']"
_PYTHON = (
    f"np.full((4, 3, 24, 32), np.nan), {_HOLE}",
    f"np.full((4, 24, 32, 3), np.nan), {_HOLE}",
    f"torch.full((4, 3, 24, 32), float('inf')), {_HOLE}",
    f"np.array([[{{}}]], dtype=object), {_HOLE}",
    f"np.zeros((0, 24, 32, 3), np.uint8), {_HOLE}",
    f"np.zeros((4, 24, 32, 4), np.uint8), {_HOLE}",
    f"[[1, 2], [3]], {_HOLE}",
    f"{_GOOD}, np.full((24, 32), np.nan)",
    f"{_GOOD}, np.array([[None] * 32] * 24)",
    f"{_GOOD}, torch.zeros(4, 24, 32, dtype=torch.complex64)",
    f"{_GOOD}, boxes=[(1, 2, float('nan'), 9)]",
    f"{_GOOD}, boxes=[(1, 2, None, 9)]",
    f"{_GOOD}, boxes='2,2,9,9'",
)


def _python(options: str, folder: Path) -> list[str]:
    return ["python", f"{options}, model='baseline:nearest'"]
