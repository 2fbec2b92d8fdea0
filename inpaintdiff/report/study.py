"""A blind study: which of two answers looks more real? One HTML page for raters, and a key file that stays with whoever asks."""

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Sequence
from io import TextIOBase
from pathlib import Path
from typing import Any

from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation.files import check_output, write_text
from inpaintdiff.report.document import page_data, page_head, web, write_page
from inpaintdiff.report.gather import Sources
from inpaintdiff.report.media import MediaSettings, embed

KEY_SCHEMA = "inpaintdiff.study/1"
TRUTH = "truth"


def write_study(
    path: Path | str,
    sources: Sources,
    seed: int = 0,
    clips: int | None = None,
    with_truth: bool = False,
    settings: MediaSettings = MediaSettings(),  # noqa: B008 (frozen)
    overwrite: bool = False,
    told: Callable[[str], None] | None = None,
) -> tuple[Path, Path]:
    """Write the page and its key.

    Every pair of methods is shown once for every video, in an order and on sides that the seed draws. The page names no method;
    the key, which says what was where, is a file of its own. The same results and seed make the same trials.

    Args:
        path: .html; the key is beside it, as .key.json.
        sources: results and their videos.
        seed: of order and sides; in both files.
        clips: the first so many videos; all by default.
        with_truth: the true video is one of the methods.
        settings: of the videos.
        overwrite: replace existing files.
        told: called with the name of the video of every trial that is in the page.

    Returns:
        The page and the key.

    Raises:
        SettingError: fewer than two methods.
        VideoWriteError: a file exists, or cannot be written.
    """
    page = Path(path)
    key_path = page.with_suffix(".key.json")
    check_output(key_path, overwrite)
    methods = [*sources.found.methods, *([TRUTH] if with_truth else [])]
    trials = draw_trials(sources.names()[:clips], methods, seed)
    named = {"schema": KEY_SCHEMA, "seed": seed, "methods": methods, "trials": trials}
    study = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]

    def put(file: TextIOBase) -> None:
        file.write(page_head("Which one looks more real?"))
        file.write(web("study.html"))
        rows = []
        for trial in trials:
            shown = next(sources.videos([trial["video"]]))
            frames = {v.label: v.frames for v in shown.versions if v.kind in ("method", "truth")}
            media = embed([frames[trial["left"]], frames[trial["right"]]], shown.fps, settings)
            file.write(f'<script type="text/plain" id="media-{trial["trial"]}">{media.text}</script>\n')
            rows.append({"trial": trial["trial"], "media": f"media-{trial['trial']}", **media.facts})
            if told is not None:
                told(trial["video"])
        file.write(page_data({"study": study, "seed": seed, "trials": rows}))
        file.write(f"<script>{web('player.js')}\n{web('study.js')}</script>\n</body></html>\n")

    write_page(page, put, overwrite)
    write_text(key_path, json.dumps({**named, "study": study}, indent=1, ensure_ascii=False) + "\n", overwrite)
    return page, key_path


def draw_trials(videos: Sequence[str], methods: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Every pair for every video, in random order and on random sides.

    Raises:
        SettingError: fewer than two methods.
    """
    if len(methods) < 2:
        raise SettingError(
            f"a study compares two methods or more, got {', '.join(methods)}; give more results, or --with-truth"
        )
    rng = random.Random(f"inpaintdiff study {seed}")
    pairs = [(video, *pair) for video in videos for pair in itertools.combinations(methods, 2)]
    rng.shuffle(pairs)
    trials = []
    for k, (video, a, b) in enumerate(pairs):
        left, right = (a, b) if rng.random() < 0.5 else (b, a)
        trials.append({"trial": k, "video": video, "left": left, "right": right})
    return trials
