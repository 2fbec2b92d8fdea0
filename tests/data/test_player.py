"""The page holds every frame of every video, exactly."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.data.player import Player
from inpaintdiff.errors import SettingError


def test_every_frame_is_in_the_page(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    videos = {name: rng.integers(0, 256, (5, 6, 8, 3), dtype=np.uint8) for name in ("a", "<b>")}
    page = Player(videos, fps=5.0).save(tmp_path / "page.html").read_text()
    strips = re.findall(r'data-strip="([^"]+)"', page)
    for strip, video in zip(strips, videos.values(), strict=True):
        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(strip))))
        assert np.array_equal(pixels.reshape(video.shape), video)
    assert "&lt;b&gt;" in page
    assert "http" not in page, "nothing is fetched"
    assert 'max="4"' in page
    assert "200)" in page, "milliseconds a frame"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_videos_that_do_not_go_together_are_refused() -> None:
    video = np.zeros((5, 6, 8, 3), np.uint8)
    for videos, fps in (({}, 10.0), ({"a": video, "b": video[:4]}, 10.0), ({"a": video}, 0.0)):
        with pytest.raises(SettingError, match="one length"):
            Player(videos, fps)
