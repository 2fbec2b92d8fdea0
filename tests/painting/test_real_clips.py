"""Real clips in, the same clips out: frames, size, time stamps and sound are equal, and nothing changes outside the hole."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.video import write_video

CLIPS = (
    "misc/carphone_pristine", "traffic_cam/boulevard_bus", "driving/udacity_test_video", "driving/desert_road", "birdseye/junction_high_1",
    "birdseye/intel_car_detection", "driving/city_crosswalk_dashcam", "driving/india_nh48", "driving/autobahn", "driving/us_highway_winter",
    "driving/rural_wet_road", "traffic_cam/motorway_low_sun_720p",
)  # fmt: skip
# Matroska keeps whole milliseconds.
ROUNDING = Fraction(1, 2000)


def facts(path: Path) -> dict[str, Any]:
    """By PyAV's demuxer and nothing of ours."""
    with av.open(str(path), metadata_errors="replace") as file:
        video, sounds = file.streams.video[0], file.streams.audio
        start = Fraction(file.start_time or 0, av.time_base) if file.format.name.startswith("mov") else Fraction(0)
        stamps, sound = [], hashlib.sha256()
        for packet in file.demux():
            if packet.size and packet.stream is video and not packet.is_discard:
                stamps.append(packet.pts * packet.time_base - start)
            elif packet.size and packet.stream in sounds:
                sound.update(bytes(packet))
        return {
            "size": (video.width, video.height),
            "fps": float(video.average_rate),
            "stamps": sorted(stamps),
            "sound": [sound.hexdigest(), *(s.codec_context.name for s in sounds)],
        }


def frames(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path), metadata_errors="replace") as file:
        file.streams.video[0].thread_type = "AUTO"
        for frame in file.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def moving(n: int, width: int, height: int) -> Iterator[np.ndarray]:
    """A box of a fifth of the picture's sides that goes through it, and is not there at all in the last tenth."""
    h, w = height // 5, width // 5
    for i in range(n):
        hole = np.zeros((height, width), dtype=bool)
        if i < n - n // 10:
            x, y = round((width - w) * i / n), round((height - h) * (0.3 + 0.4 * i / n))
            hole[y : y + h, x : x + w] = True
        yield hole


def hole_files(kind: str, folder: Path, n: int, width: int, height: int) -> tuple[list[str], Iterator[np.ndarray]]:
    """Options of the command line, and the hole of every frame."""
    if kind == "box":
        box = (width // 3, height // 3, width // 3 + width // 6, height // 3 + height // 5)
        hole = np.zeros((height, width), dtype=bool)
        hole[box[1] : box[3], box[0] : box[2]] = True
        return ["--box", ",".join(map(str, box))], (hole for _ in range(n))
    if kind == "folder":
        (folder / "masks").mkdir()
        for i, hole in enumerate(moving(n, width, height)):
            Image.fromarray(hole.astype(np.uint8) * 255).save(folder / "masks" / f"{i}.png")
        return ["--mask", str(folder / "masks")], moving(n, width, height)
    pictures = ((h.astype(np.uint8) * 255)[..., None].repeat(3, axis=2) for h in moving(n, width, height))
    # x264's usual quality, as people's mask videos have; read back, it is the hole all the same
    write_video(folder / "mask.mp4", pictures, 25, crf=18)
    return ["--mask", str(folder / "mask.mp4")], moving(n, width, height)


def check(clip: Path, kind: str, folder: Path, *options: str) -> None:
    before = facts(clip)
    hole, expected = hole_files(kind, folder, len(before["stamps"]), *before["size"])
    out = folder / "out.mkv"
    assert main(["inpaint", str(clip), *hole, "-o", str(out), "--lossless", *options]) == 0
    after = facts(out)
    assert len(after["stamps"]) == len(before["stamps"])
    assert after["size"] == before["size"]
    assert after["fps"] == pytest.approx(before["fps"], rel=1e-3)
    assert max(abs(a - b) for a, b in zip(before["stamps"], after["stamps"], strict=True)) <= ROUNDING
    assert after["sound"] == before["sound"]
    painted = 0
    for a, b, h in zip(frames(clip), frames(out), expected, strict=True):
        assert np.array_equal(a[~h], b[~h])
        painted += np.count_nonzero(a[h] != b[h])
    assert painted
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith((".", "out"))) == ["out.mkv", "out.mkv.json"]


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["box", "folder", "video"])
@pytest.mark.parametrize("clip", CLIPS)
def test_nothing_is_lost(clip: str, kind: str, assets: Path, tmp_path: Path) -> None:
    check(assets / "clips" / f"{clip}.mp4", kind, tmp_path, "--model", "baseline:nearest")


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_lost_with_the_built_in_model(assets: Path, tmp_path: Path) -> None:
    check(assets / "clips" / "traffic_cam" / "boulevard_bus.mp4", "folder", tmp_path, "--steps", "2")
