"""`write_review`: one HTML file with players, tables and the protocol card; nothing in it is fetched from anywhere."""

import html
import math
from collections.abc import Callable
from importlib import metadata
from io import TextIOBase
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import SCORES, Evaluation
from inpaintdiff.evaluation.files import number
from inpaintdiff.evaluation.protocol import arrow, lower_is_better
from inpaintdiff.report.document import page_data, page_head, web, write_page
from inpaintdiff.report.gather import Sources
from inpaintdiff.report.media import MediaSettings, embed
from inpaintdiff.report.tables import card, differences, means, notes


def write_review(
    path: Path | str,
    sources: Sources,
    clips: int | None = None,
    sort: str | None = None,
    settings: MediaSettings = MediaSettings(),  # noqa: B008 (frozen)
    overwrite: bool = False,
    told: Callable[[str], None] | None = None,
) -> Path:
    """Write the page.

    Args:
        path: .html.
        sources: results and their videos.
        clips: show so many videos, the worst of the first method; all by default. Tables are about all of them.
        sort: score by which they are ordered; PSNR in the hole where there is one.
        settings: of the videos.
        overwrite: replace an existing file.
        told: called with the name of every video that is in the page.

    Raises:
        SettingError: no such score.
        VideoWriteError: the file exists, or cannot be written.
    """
    found = sources.found
    order = worst_first(found, sort)
    names = order[:clips]
    facts = {
        "methods": list(found.methods),
        "sort": default_sort(found) if sort is None else sort,
        "scores": [
            {
                "name": s,
                "title": SCORES[s][0] + ("," + SCORES[s][1] if SCORES[s][1] else ""),
                "digits": SCORES[s][2],
                "lower": lower_is_better(s),
                "arrow": arrow(s),
            }
            for s in found.score_names
        ],
    }
    title = f"{', '.join(found.methods)} on {len(order)} video{'' if len(order) == 1 else 's'}"
    sections = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>Protocol <b>{html.escape(found.protocol.name)}</b>: {html.escape(found.protocol.about)}. "
        f"inpaintdiff {metadata.version('inpaintdiff')}.</p>",
        notes(found),
        f"<h2>Scores</h2>{means(found)}",
        differences(found),
        card(found),
    ]

    def put(file: TextIOBase) -> None:
        file.write(page_head("Review: " + title))
        file.write(f"<main>{''.join(sections)}{web('review.html')}</main>\n")
        rows = []
        for k, shown in enumerate(sources.videos(names)):
            media = embed([v.frames for v in shown.versions], shown.fps, settings)
            file.write(f'<script type="text/plain" id="media-{k}">{media.text}</script>\n')
            rows.append(
                {
                    "name": shown.name,
                    "media": f"media-{k}",
                    **media.facts,
                    "labels": [[v.label, v.kind] for v in shown.versions],
                    "hole": _box(shown.hole),
                    "scores": _scores(found, shown.name),
                }
            )
            if told is not None:
                told(shown.name)
        file.write(page_data({**facts, "videos": rows}))
        file.write(f"<script>{web('player.js')}\n{web('review.js')}</script>\n</body></html>\n")

    return write_page(Path(path), put, overwrite)


def default_sort(found: Evaluation) -> str:
    """PSNR in the hole, or the first score there is."""
    return next((s for s in ("psnr_hole", "psnr_picture") if s in found.score_names), found.score_names[0])


def worst_first(found: Evaluation, sort: str | None) -> list[str]:
    """Names of the videos, those first where the first method is worst; those without the score last.

    Raises:
        SettingError: no such score.
    """
    score = default_sort(found) if sort is None else sort
    if score not in found.score_names:
        raise SettingError(f"the results have no score {score!r}; they have {', '.join(found.score_names)}")
    ours = found.results[found.methods[0]]
    sign = -1 if lower_is_better(score) else 1

    def key(k: int) -> float:
        value = ours[k].scores.get(score, math.nan)
        return math.inf if math.isnan(value) else sign * value

    return [ours[k].video for k in sorted(range(len(ours)), key=key)]


def _box(hole: Bool[np.ndarray, "t h w"]) -> list[float]:
    """Left, top, right and bottom of all holes together, as shares of the picture."""
    union = np.asarray(hole.any(axis=0))
    h, w = union.shape
    rows, columns = (np.flatnonzero(np.any(union, axis=axis)) for axis in (1, 0))
    if not len(rows):
        return [0.0, 0.0, 1.0, 1.0]
    return [float(columns[0]) / w, float(rows[0]) / h, float(columns[-1] + 1) / w, float(rows[-1] + 1) / h]


def _scores(found: Evaluation, video: str) -> dict[str, dict[str, float | str | None]]:
    rows = {method: next(v for v in videos if v.video == video) for method, videos in found.results.items()}
    return {m: {s: number(row.scores.get(s, math.nan)) for s in found.score_names} for m, row in rows.items()}
