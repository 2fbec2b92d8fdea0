"""Test videos in which every frame carries its number, as eight blocks that survive any codec."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

HEIGHT, WIDTH = 48, 64


def frames(n: int, height: int = HEIGHT, width: int = WIDTH) -> UInt8[np.ndarray, "t h w 3"]:
    """n frames: bit b of the number is the brightness of column block b; hues tell blocks of red, green and blue apart."""
    video = np.zeros((n, height, width, 3), dtype=np.uint8)
    for i in range(n):
        for b in range(8):
            video[i, :, b * width // 8 : (b + 1) * width // 8] = (235, 215, 225) if i >> b & 1 else (20, 40, 30)
    return video


def number(frame: UInt8[np.ndarray, "h w 3"]) -> int:
    """What the blocks of a frame say."""
    height, width = frame.shape[:2]
    row = frame[height // 4 : height // 2].mean(axis=(0, 2))
    return sum(int(row[b * width // 8 + width // 16] > 128) << b for b in range(8))


def encode(
    path: Path,
    codec: str,
    n: int = 40,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    rotation: int = 0,
    matrix: int = 2,
    full_range: bool = False,
) -> Path:
    """A foreign video file, made without the package's writer."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"threads": "1", **(options or {})})
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = time_base
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full_range else 1
        if rotation:
            stream.set_display_rotation(rotation)
        for i, array in enumerate(frames(n, *size)):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24").reformat(
                format=pixels, dst_colorspace=5 if matrix == 2 else matrix, dst_color_range=2 if full_range else 1
            )
            frame.pts, frame.time_base = (i if pts is None else pts[i]), time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def remux(source: Path, target: Path, drop: int = 0, earlier: int = 0) -> Path:
    """Copy packets without the first `drop`, and all `earlier` ticks earlier, as cuts without re-encoding do."""
    with av.open(str(source)) as file, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(file.streams.video[0])
        for k, packet in enumerate(file.demux(video=0)):
            if packet.dts is not None and k >= drop:
                packet.pts, packet.dts = packet.pts - earlier, packet.dts - earlier
                packet.stream = stream
                out.mux(packet)
    return target


def add_sound(target: Path, seconds: float, source: Path | None = None, codec: str = "aac") -> Path:
    """A file with a tone, and with the video packets of `source`."""
    with av.open(str(target), "w") as out:
        rate = 48000
        file = av.open(str(source)) if source else None
        video = out.add_stream_from_template(file.streams.video[0]) if file else None
        sound = out.add_stream(codec, rate=rate)
        wave = (np.sin(np.arange(int(seconds * rate)) * 0.05) * 8000).astype(np.int16)
        for at in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(wave[None, at : at + 1024], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
        if file:
            for packet in file.demux(video=0):
                if packet.dts is not None:
                    packet.stream = video
                    out.mux(packet)
            file.close()
    return target
