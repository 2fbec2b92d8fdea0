"""The order of training windows: a pure function of seed, epoch and position, shared out among ranks without overlap."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from inpaintdiff.data.clips import TaskClips, TaskRequest
from inpaintdiff.data.datamodules import ClipDataModule
from inpaintdiff.data.hole_generators import BoxHole
from inpaintdiff.data.sampling import ResumableLoader, StreamBatches, TaskBatches, kept_clips
from inpaintdiff.errors import DatasetError
from inpaintdiff.schemes.tasks import FDMTasks, SchemeTasks
from inpaintdiff.types import VideoClip

LENGTHS = [20, 12, 30, 12, 40, 9, 25]


def batches(rank: int = 0, ranks: int = 1, size: int = 2, seed: int = 3, **options: bool) -> TaskBatches:
    return TaskBatches(LENGTHS, FDMTasks(window=8), size, seed, rank, ranks, **options)


def test_an_epoch_visits_every_clip_once_and_no_stage_reaches_beyond_a_clip() -> None:
    sampler = batches()
    for epoch in range(20):
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        assert len(drawn) == len(sampler) == 3
        clips = [r.clip for batch in drawn for r in batch]
        assert len(set(clips)) == len(clips) == 6
        for batch in drawn:
            assert len({r.stage for r in batch}) == 1, "windows of a batch must stack"
            assert max(batch[0].stage.frames) < min(LENGTHS[r.clip] for r in batch)
        seeds = [r.seed for batch in drawn for r in batch]
        assert len(set(seeds)) == 6


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    def order(epoch: int, **options: int) -> list[list[TaskRequest]]:
        sampler = batches(**options)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(4) == order(4)
    assert order(4) != order(5)
    assert order(4) != order(4, seed=4)
    sampler = batches()
    list(sampler)
    torch.manual_seed(99)
    assert list(sampler) == order(0)


def test_validation_windows_never_change() -> None:
    sampler = batches(reshuffle=False)
    first = list(sampler)
    sampler.set_epoch(7)
    assert list(sampler) == first


def test_ranks_share_the_global_batch() -> None:
    """Two ranks of 1 together see what one process of 2 sees, in its order: the same global batch, so the same gradient."""
    for epoch in range(5):
        parts = [batches(rank, 2, size=1) for rank in (0, 1)]
        whole = batches(size=2)
        for sampler in (*parts, whole):
            sampler.set_epoch(epoch)
        assert [a + b for a, b in zip(*parts, strict=True)] == list(whole)


@pytest.mark.parametrize("start", [0, 1, 2])
def test_only_the_next_pass_begins_in_the_middle(start: int) -> None:
    sampler = batches()
    whole = list(sampler)
    sampler.start = start
    assert list(sampler) == whole[start:]
    assert list(sampler) == whole


@pytest.mark.parametrize(("size", "ranks"), [(0, 1), (8, 1), (4, 2)])
def test_batches_that_no_data_can_fill_are_refused(size: int, ranks: int) -> None:
    with pytest.raises(ValueError, match="do not fit 7 clips"):
        batches(0, ranks, size)


def loader(root: Path, workers: int) -> ResumableLoader:
    data = TaskClips(root, "train", BoxHole(), flip=True)
    sampler = TaskBatches([e.frames for e in data.entries], SchemeTasks(window=4), 2, seed=1)
    return ResumableLoader(
        data, batch_sampler=sampler, num_workers=workers, collate_fn=VideoClip.collate, persistent_workers=workers > 0
    )


def same(a: VideoClip, b: VideoClip) -> bool:
    return torch.equal(a.frames, b.frames) and torch.equal(a.hole, b.hole) and torch.equal(a.index, b.index)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_goes_on_where_it_was(traffic: Path, workers: int) -> None:
    """Batches that workers have prepared but nobody has taken do not count as seen."""
    whole = list(loader(traffic, 0))
    cut = loader(traffic, workers)
    taken = iter(cut)
    assert same(next(taken), whole[0])
    assert cut.state_dict() == {"given": 1}
    resumed = loader(traffic, workers)
    resumed.load_state_dict(cut.state_dict())
    assert resumed.state_dict() == {"given": 1}
    for epoch in (whole[1:], whole):
        got = list(resumed)
        assert len(got) == len(epoch)
        assert all(same(a, b) for a, b in zip(got, epoch, strict=True))
    assert resumed.state_dict() == {"given": 3}
    resumed.load_state_dict({"given": 3})
    assert len(list(resumed)) == 3, "a finished epoch is followed by a whole one"


def test_loading_draws_nothing_from_the_global_random_numbers(traffic: Path) -> None:
    before = torch.get_rng_state()
    list(loader(traffic, 0))
    assert torch.equal(torch.get_rng_state(), before)
    list(
        DataLoader(
            TaskClips(traffic, "train"), batch_sampler=loader(traffic, 0).batch_sampler, collate_fn=VideoClip.collate
        )
    )
    assert not torch.equal(torch.get_rng_state(), before), "the planted fault: torch's own loader does"


def test_observed_frames_are_whole_and_latent_ones_are_not(traffic: Path) -> None:
    """The hole lies on X and Z; a Y frame of training is what it is when sampling: complete."""
    data = TaskClips(traffic)
    for batch in TaskBatches([12] * 6, SchemeTasks(window=4), 2, seed=2):
        for request in batch:
            clip = data[request]
            assert clip.index.tolist() == list(request.stage.frames)
            incomplete = {i for i, hole in zip(clip.index.tolist(), clip.incomplete(), strict=True) if hole}
            assert incomplete == {*request.stage.latent, *request.stage.lookahead}


def test_more_devices_than_clips(traffic: Path) -> None:
    module = ClipDataModule(str(traffic), batch_size=100, num_workers=0)
    assert len(module.train_dataloader()) == 1, "a batch larger than the split is the split"
    module._rank = lambda: (0, 7)  # type: ignore[method-assign]
    with pytest.raises(DatasetError, match="6 clips"):
        module.train_dataloader()


def stream(**options: int) -> StreamBatches:
    return StreamBatches(
        40, FDMTasks(window=8), **{"batch_size": 8, "reuse": 4, "lanes": 3, "batches": 60, "seed": 3, **options}
    )


def test_a_stream_has_no_end_and_every_clip_serves_its_windows() -> None:
    sampler = stream()
    uses = Counter[int]()
    for epoch in range(10):
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        assert len(drawn) == len(sampler) == 60
        uses.update(r.clip for batch in drawn for r in batch)
        assert all(len({r.stage for r in batch}) == 1 for batch in drawn)
    # 200 batches a lane bring 2 clips each; those of the middle had their whole life within these epochs
    lane = [uses[3 * c] for c in range(50, 300)]
    assert abs(sum(lane) / len(lane) - 4) < 0.2
    assert max(uses) < 3 * (2 + 200 * 2 + 1)


def test_a_lane_keeps_to_its_own_clips_and_to_so_many_at_a_time() -> None:
    sampler = stream()
    for k, batch in enumerate(sampler):
        clips = [r.clip for r in batch]
        assert {c % 3 for c in clips} == {k % 3}
        assert max(clips) // 3 - min(clips) // 3 < kept_clips(8)


def test_ranks_of_a_stream_share_stages_but_no_clips() -> None:
    first, second = (list(stream(rank=r, ranks=2)) for r in range(2))
    assert [b[0].stage for b in first] == [b[0].stage for b in second]
    assert not {r.clip for b in first for r in b} & {r.clip for b in second for r in b}


def test_a_stream_goes_on_from_the_middle() -> None:
    whole = list(stream())
    loader = ResumableLoader(range(10), batch_sampler=stream(), collate_fn=lambda x: x)  # type: ignore[arg-type]
    loader.load_state_dict({"given": 25})
    assert list(loader.batch_sampler) == whole[25:]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["reuse", "lanes", "batches", "batch_size"])
def test_a_stream_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        stream(**{name: 0})
