"""Synthetic data sets in the documented folder format, written by several processes; the result depends on the seed alone."""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.data.format import MANIFEST, SPLITS, ClipEntry, Manifest, write_manifest
from inpaintdiff.data.hole_files import write_hole
from inpaintdiff.data.synthetic.scene import FPS
from inpaintdiff.data.synthetic.worlds import WORLDS, find_world
from inpaintdiff.data.tracks import write_tracks
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import DatasetError, SettingError

# Seeds of the splits lie this far apart, so that no clip is ever in two of them.
CLIPS_A_SPLIT = 10_000_000
_KEY_FRAMES = 8
_FEW = 12  # so many clips are written before other processes have started


@dataclass(frozen=True)
class _Job:
    """A clip to simulate; `number` within its split."""

    root: Path
    world: str
    variant: str
    split: str
    number: int
    frames: int
    size: int
    seed: int


def synthesize(
    world: str,
    root: Path | str,
    clips: Mapping[str, int],
    *,
    variant: str | None = None,
    frames: int = 64,
    size: int = 64,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Write a data set of a simulated world.

    Args:
        world: name in `WORLDS`.
        root: a new or empty folder; `dataset.json` is written last, so a folder that has one is complete.
        clips: number of clips by split.
        variant: of the world; its default one if None.
        frames: length of each.
        size: height and width, pixels; even, as h264 wants it.
        seed: clip i of a split has a seed made of this, the split and i.
        workers: processes; None is one a core where that pays, 0 works in this process. It does not change the result.
        progress: called with (clips written, clips in all).

    Raises:
        DatasetError: the folder holds something.
        SettingError: an unknown world or variant, or a number out of range.
    """
    known, variant = find_world(world, variant)
    root = Path(root)
    _check(root, clips, frames, size, seed)
    jobs = [
        _Job(root, world, variant, split, i, frames, size, clip_seed(seed, split, i))
        for split in SPLITS
        for i in range(clips.get(split, 0))
    ]
    for split in clips:
        (root / split).mkdir(parents=True, exist_ok=True)
    entries: dict[str, list[ClipEntry]] = {split: [] for split in SPLITS}
    if workers is None:
        workers = 0 if len(jobs) <= _FEW else os.cpu_count() or 1
    if workers == 0:
        for n, job in enumerate(jobs):
            entries[job.split].append(_write_clip(job))
            if progress:
                progress(n + 1, len(jobs))
    else:
        # spawn: a fork of a process with threads (torch, rich) can hang
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            for n, (job, entry) in enumerate(zip(jobs, pool.map(_write_clip, jobs, chunksize=4), strict=True)):
                entries[job.split].append(entry)
                if progress:
                    progress(n + 1, len(jobs))
    told = "" if variant == known.variants[0] else f", variant {variant}"
    manifest = Manifest(
        world,
        size,
        size,
        float(FPS),
        {split: tuple(e) for split, e in entries.items()},
        f"{known.about}, seed {seed}{told}; free of any rights (CC0)",
        {label: dict(shares) for label, shares in known.shares.items()},
    )
    write_manifest(root, manifest)
    return manifest


def clip_seed(seed: int, split: str, number: int) -> int:
    """What clip `number` of a split is simulated from, in a data set of this seed; no two clips of any split share it."""
    return (seed * len(SPLITS) + SPLITS.index(split)) * CLIPS_A_SPLIT + number


def synthesize_traffic(root: Path | str, clips: Mapping[str, int], **options: Any) -> Manifest:
    """The synthetic twin of Traffic-Scenes, see `synthesize`."""
    return synthesize("traffic", root, clips, **options)


def _check(root: Path, clips: Mapping[str, int], frames: int, size: int, seed: int) -> None:
    if unknown := set(clips) - set(SPLITS):
        raise SettingError(f"there is no split {sorted(unknown)[0]!r}; expected {', '.join(SPLITS)}")
    if min(clips.values(), default=0) < 0 or sum(clips.values()) < 1 or frames < 1 or size < 16 or size % 2 or seed < 0:
        raise SettingError(
            f"cannot simulate {dict(clips)} clips of {frames} frames, {size} pixels, seed {seed}; expected at least one clip,"
            " 1 frame, an even size from 16 on, and a seed from 0 on"
        )
    if root.exists() and (
        not root.is_dir() or any(p.name != MANIFEST and p.name not in SPLITS for p in root.iterdir())
    ):
        raise DatasetError(f"{root} holds something else; give a new or empty folder")
    if (root / MANIFEST).exists():
        raise DatasetError(f"{root} holds a data set already; give a new folder, or remove it")


def _write_clip(job: _Job) -> ClipEntry:
    world = WORLDS[job.world]
    scene = world.simulate(job.seed, job.frames, job.size, job.variant)
    hole = scene.hole
    if hole.ndim == 3 and bool((hole == hole[:1]).all()):
        hole = hole[0]
    suffixes = (".mp4", ".hole.png" if hole.ndim == 2 else ".hole.npz", ".tracks.csv")
    names = [f"{job.split}/{job.number:06d}{suffix}" for suffix in suffixes]
    # overwrite: what lies there is from a run that did not finish, as there is no manifest
    write_video(job.root / names[0], scene.frames, FPS, gop=_KEY_FRAMES, overwrite=True)
    write_hole(job.root / names[1], hole, overwrite=True)
    write_tracks(job.root / names[2], scene.tracks, world.columns_of(job.variant))
    digests = {name: file_digest(job.root / name) for name in names}
    return ClipEntry(names[0], job.frames, names[1], names[2], digests, job.seed, labels=scene.labels)
