"""A canvas on the disk behaves as the one in memory, bit for bit, and outlives its process."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from inpaintdiff.errors import SettingError, VideoWriteError
from inpaintdiff.inpaint.canvas import ClipSource, DiskCanvas, MemoryCanvas
from inpaintdiff.types import VideoClip
from tests.inpaint.small import clip, inpainter, random_network


class ClipInMemory(ClipSource):
    def __init__(self, source: VideoClip, rows: slice, columns: slice) -> None:
        self.height, self.width = source.frames.shape[-2:]
        self.rows, self.columns = rows, columns
        self._clip = source

    def incomplete(self) -> list[bool]:
        return self._clip.incomplete()

    def frames(self, positions: Sequence[int]) -> torch.Tensor:
        return self._clip.frames[list(positions)]

    def hole(self, positions: Sequence[int]) -> torch.Tensor:
        return self._clip.hole[list(positions)]

    def index(self, positions: Sequence[int]) -> torch.Tensor:
        return self._clip.index[list(positions)]


def on_disk(path: Path, source: VideoClip, samples: int) -> DiskCanvas:
    # the holes of `clip` lie in rows 2 to 5 and columns 0 to 6
    return DiskCanvas(ClipInMemory(source, slice(2, 6), slice(0, 7)), path, samples)


def painted(canvas: DiskCanvas, source: VideoClip) -> torch.Tensor:
    return canvas.window(range(source.length), slice(None))


@pytest.mark.parametrize("scheme", ["ar", "lookahead-ar++"])
def test_it_gives_the_bits_of_memory(tmp_path, scheme):
    source, tool = clip(12), inpainter(random_network(), scheme)
    canvas = on_disk(tmp_path / "c", source, samples=3)
    memory = MemoryCanvas(source, samples=3)
    assert list(tool.plan(canvas.incomplete())) == list(tool.plan(memory.incomplete()))
    for _ in tool.paint(canvas, 5):
        pass
    for _ in tool.paint(memory, 5):
        pass
    assert torch.equal(painted(canvas, source), memory.clip().frames)
    assert not painted(canvas, source).isnan().any()
    assert (tmp_path / "c").stat().st_size == 10 * 3 * 3 * 4 * 7 * 4


@pytest.fixture(scope="module")
def one_go(tmp_path_factory):
    """What one go paints, and its steps."""
    path = tmp_path_factory.mktemp("whole") / "whole"
    steps = list(inpainter(random_network(), "ar").paint(on_disk(path, clip(12), samples=2), 5))
    assert len(steps) == 5
    return path.read_bytes(), [(s.done_stages, s.done_frames) for s in steps]


@pytest.mark.parametrize("stop", range(6))
def test_going_on_with_the_file_gives_the_bits_of_one_go(tmp_path, one_go, stop):
    source, tool = clip(12), inpainter(random_network(), "ar")
    parts = tool.paint(on_disk(tmp_path / "parts", source, samples=2), 5)
    for _ in range(stop):
        next(parts)
    rest = list(tool.paint(on_disk(tmp_path / "parts", source, samples=2), 5, first_stage=stop))
    assert [(s.done_stages, s.done_frames) for s in rest] == one_go[1][stop:]
    assert (tmp_path / "parts").read_bytes() == one_go[0]


def test_a_stage_that_is_left_out_changes_the_result(tmp_path):
    """What the test above must be able to see."""
    source, tool = clip(12), inpainter(random_network(), "ar")
    for _ in tool.paint(on_disk(tmp_path / "whole", source, samples=1), 5):
        pass
    for _ in tool.paint(on_disk(tmp_path / "parts", source, samples=1), 5, first_stage=1):
        pass
    assert (tmp_path / "parts").read_bytes() != (tmp_path / "whole").read_bytes()


def test_wrong_use_is_refused(tmp_path):
    with pytest.raises(SettingError, match="samples must be at least 1"):
        on_disk(tmp_path / "c", clip(), samples=0)
    with pytest.raises(VideoWriteError, match="No such file or directory"):
        on_disk(tmp_path / "none" / "c", clip(), samples=1)
    on_disk(tmp_path / "c", clip(), samples=1)
    with pytest.raises(VideoWriteError, match="belongs to another painting"):
        on_disk(tmp_path / "c", clip(), samples=2)


def test_a_file_that_vanishes_is_said_in_a_sentence(tmp_path):
    source = clip()
    canvas = on_disk(tmp_path / "c", source, samples=1)
    (tmp_path / "c").unlink()
    with pytest.raises(VideoWriteError, match=r"cannot be written or read: No such file"):
        canvas.paste([3], slice(0, 1), torch.zeros(1, 1, 3, 8, 8))
