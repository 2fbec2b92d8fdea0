"""Videos side by side in a notebook or a page: one slider for all of them, every frame exactly as it is."""

import base64
import html
import io
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from inpaintdiff.errors import SettingError

_PAGE = """<div id="{id}" style="font: 13px sans-serif; background: #fff; color: #222; padding: 6px">
<div style="display: flex; flex-wrap: wrap; gap: 10px">{tiles}</div>
<div style="margin-top: 6px"><button type="button" aria-label="play or pause">&#9654;</button>
<input type="range" min="0" max="{last}" value="0" style="width: min(420px, 60%); vertical-align: middle" aria-label="frame">
<span>frame 0 of {frames}</span></div></div>
<script>(() => {{
  const box = document.getElementById({key}), slider = box.querySelector("input"), button = box.querySelector("button");
  const tiles = [...box.querySelectorAll("canvas")], label = box.querySelector("span");
  const show = () => {{
    const t = +slider.value;
    label.textContent = `frame ${{t}} of {frames}`;
    for (const c of tiles) if (c.strip) c.getContext("2d").drawImage(c.strip, 0, -t * {height});
  }};
  for (const c of tiles) {{
    const strip = new Image();
    strip.onload = () => {{ c.strip = strip; show(); }};
    strip.src = "data:image/png;base64," + c.dataset.strip;
  }}
  let timer = null;
  const play = (on) => {{
    clearInterval(timer);
    timer = on ? setInterval(() => {{ slider.value = (+slider.value + 1) % {frames}; show(); }}, {pause}) : null;
    button.innerHTML = on ? "&#10074;&#10074;" : "&#9654;";
  }};
  button.onclick = () => play(!timer);
  slider.oninput = () => {{ play(false); show(); }};
}})();</script>"""


class Player:
    """Shows itself where notebooks show values; `save` writes a page of its own. Nothing is fetched from anywhere.

    Args:
        videos: frames uint8 [t h w 3] by title, all of one length and size.
        fps: frames a second while it plays.
        width: of a video on the page, pixels.

    Raises:
        SettingError: no videos, other lengths or sizes, or `fps` is not positive.
    """

    def __init__(self, videos: Mapping[str, UInt8[np.ndarray, "t h w 3"]], fps: float = 10.0, width: int = 192) -> None:
        shapes = {v.shape for v in videos.values()}
        if len(shapes) != 1 or fps <= 0:
            raise SettingError(
                f"a player needs videos of one length and size and a positive rate, got {sorted(shapes)}"
            )
        self._videos, self._fps, self._width = dict(videos), fps, width
        ((self._frames, self._height, self._columns, _),) = shapes

    def _repr_html_(self) -> str:
        name = f"player-{secrets.token_hex(6)}"
        size = f'width="{self._columns}" height="{self._height}"'
        style = f"width: {self._width}px; image-rendering: pixelated; display: block"
        tiles = "".join(
            f'<div><div>{html.escape(title)}</div><canvas {size} style="{style}" data-strip="{_strip(video)}"></canvas></div>'
            for title, video in self._videos.items()
        )
        return _PAGE.format(
            id=name,
            key=json.dumps(name),
            tiles=tiles,
            frames=self._frames,
            last=self._frames - 1,
            height=self._height,
            pause=round(1000 / self._fps),
        )

    def save(self, path: str | Path) -> Path:
        """Write a page that shows the videos wherever it is opened; an existing file is replaced."""
        target = Path(path)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        part.write_text(f'<!doctype html><meta charset="utf-8">{self._repr_html_()}\n', encoding="utf-8")
        return part.replace(target)


def _strip(video: UInt8[np.ndarray, "t h w 3"]) -> str:
    """All frames below each other as one PNG, base64."""
    out = io.BytesIO()
    Image.fromarray(video.reshape(-1, *video.shape[2:])).save(out, format="png")
    return base64.b64encode(out.getvalue()).decode()
