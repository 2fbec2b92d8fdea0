"""A phone clip of two hours whose frames come when they like: sound and picture stay together to the tick."""

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import barcode
import numpy as np
import pytest

from inpaintdiff.cli import main

SECONDS = 7200
# What phones write.
TICKS = 90_000
# After the first second a packet of sound in 16, so that there are not hundreds of thousands of them.
SPACING = 16 * 1024


def phone_clip(folder: Path, frames: int = 200) -> Path:
    """Frames a moment or a minute apart, and two hours of sound, of which a second was recorded and is repeated."""
    rng = np.random.default_rng(0)
    gaps = rng.exponential(1.0, frames) ** 3 + 0.002
    stamps = np.floor(np.cumsum(gaps) / gaps.sum() * (SECONDS - 1) * TICKS).astype(int)
    stamps[0] = 6009  # neither at 0 nor at a whole millisecond
    video = barcode.encode(
        folder / "video.mp4", "libx264", frames, pts=[int(s) for s in stamps], time_base=Fraction(1, TICKS)
    )
    second = barcode.add_sound(folder / "second.mp4", 1)
    clip = folder / "phone.mp4"
    with av.open(str(video)) as pictures, av.open(str(second)) as sounds, av.open(str(clip), "w") as out:
        shown = out.add_stream_from_template(pictures.streams.video[0])
        heard = out.add_stream_from_template(sounds.streams.audio[0])
        recorded = [(bytes(p), p.time_base) for p in sounds.demux(audio=0) if p.size]
        for packet in pictures.demux(video=0):
            if packet.size:
                packet.stream = shown
                out.mux(packet)
        for k in range(45 + SECONDS * 48_000 // SPACING):
            content, base = recorded[k % len(recorded)]
            packet = av.Packet(content)
            packet.stream, packet.time_base = heard, base
            # the first packets of AAC are before the beginning
            packet.pts = packet.dts = 1024 * (k - 2) if k < 48 else SPACING * (k - 45)
            out.mux(packet)
    return clip


def packets(path: Path, kind: str) -> tuple[list[Fraction], str]:
    """When they are shown, and the hash of what is in them."""
    with av.open(str(path)) as file:
        found = [p for p in file.demux(**{kind: 0}) if p.size]
        stamps = sorted(p.pts * p.time_base for p in found)
        whole = hashlib.sha256()
        for p in found:
            whole.update(bytes(p))
        return stamps, whole.hexdigest()


@pytest.mark.parametrize("lossless", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_two_hour_clip_stays_in_sync(tmp_path: Path, lossless: bool) -> None:
    clip, out = phone_clip(tmp_path), tmp_path / ("out.mkv" if lossless else "out.mp4")
    args = ["inpaint", str(clip), "--box", "4,4,20,20@3-180", "-o", str(out), "--model", "baseline:nearest"]
    assert main([*args, *(["--lossless"] if lossless else [])]) == 0
    (shown, _), (heard, sound) = packets(clip, "video"), packets(clip, "audio")
    assert shown[-1] > 7000
    assert len({b - a for a, b in pairwise(shown)}) > 150
    (shown_now, _), (heard_now, sound_now) = packets(out, "video"), packets(out, "audio")
    assert sound_now == sound
    assert (len(shown_now), len(heard_now)) == (len(shown), len(heard))
    # Matroska keeps whole milliseconds
    play = Fraction(1, 2000) if lossless else 0
    assert max(abs(a - b) for a, b in zip(shown, shown_now, strict=True)) <= play
    # and readers of it work out for themselves when what comes before the beginning would be heard
    assert max(abs(a - b) for a, b in zip(heard, heard_now, strict=True)) <= 2 * play
