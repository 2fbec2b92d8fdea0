"""Synthetic data sets in the documented folder format, written by several processes; the result depends on the seed alone."""

import csv
import io
import multiprocessing
import os
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, fields
from pathlib import Path

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.data.format import MANIFEST, SPLITS, ClipEntry, Manifest, write_manifest
from inpaintdiff.data.hole_files import write_hole
from inpaintdiff.data.synthetic.scene import FPS, TrackPoint, simulate_scene
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import DatasetError, SettingError

# Seeds of the splits lie this far apart, so that no clip is ever in two of them.
_SPLIT_SEEDS = 10_000_000
_KEY_FRAMES = 8


def synthesize_traffic(
    root: Path | str,
    clips: Mapping[str, int],
    *,
    frames: int = 64,
    size: int = 64,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Write the synthetic twin of Traffic-Scenes.

    Args:
        root: a new or empty folder; `dataset.json` is written last, so a folder that has one is complete.
        clips: number of clips by split.
        frames: length of each.
        size: height and width, pixels; even, as h264 wants it.
        seed: clip i of a split has a seed made of this, the split and i.
        workers: processes; None is one a core, 0 works in this process. It does not change the result.
        progress: called with (clips written, clips in all).

    Raises:
        DatasetError: the folder holds something.
        SettingError: a number is out of range.
    """
    root = Path(root)
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
    jobs = [
        (root, split, i, frames, size, seed * len(SPLITS) * _SPLIT_SEEDS + SPLITS.index(split) * _SPLIT_SEEDS + i)
        for split in SPLITS
        for i in range(clips.get(split, 0))
    ]
    for split in clips:
        (root / split).mkdir(parents=True, exist_ok=True)
    entries: dict[str, list[ClipEntry]] = {split: [] for split in SPLITS}
    workers = min(len(jobs), os.cpu_count() or 1) if workers is None else workers
    if workers == 0:
        for n, job in enumerate(jobs):
            entries[job[1]].append(_write_clip(job))
            if progress:
                progress(n + 1, len(jobs))
    else:
        # spawn: a fork of a process with threads (torch, rich) can hang
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            for n, (job, entry) in enumerate(zip(jobs, pool.map(_write_clip, jobs, chunksize=4), strict=True)):
                entries[job[1]].append(entry)
                if progress:
                    progress(n + 1, len(jobs))
    manifest = Manifest(
        "traffic",
        size,
        size,
        float(FPS),
        {split: tuple(e) for split, e in entries.items()},
        f"Simulated traffic on roundabouts and junctions seen from above, seed {seed}; free of any rights (CC0)",
    )
    write_manifest(root, manifest)
    return manifest


def _write_clip(job: tuple[Path, str, int, int, int, int]) -> ClipEntry:
    root, split, i, frames, size, seed = job
    scene = simulate_scene(seed, frames, size)
    video, hole, tracks = (f"{split}/{i:06d}{suffix}" for suffix in (".mp4", ".hole.png", ".tracks.csv"))
    # overwrite: what lies there is from a run that did not finish, as there is no manifest
    write_video(root / video, scene.frames, FPS, gop=_KEY_FRAMES, overwrite=True)
    write_hole(root / hole, scene.hole, overwrite=True)
    _write_tracks(root / tracks, scene.tracks)
    digests = {name: file_digest(root / name) for name in (video, hole, tracks)}
    return ClipEntry(video, frames, hole, tracks, digests, seed)


def _write_tracks(path: Path, tracks: tuple[TrackPoint, ...]) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(f.name for f in fields(TrackPoint))
    rows.writerows([f"{v:.3f}" if isinstance(v, float) else v for v in astuple(point)] for point in tracks)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_text(text.getvalue(), encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
