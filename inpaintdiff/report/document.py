"""HTML files that need nothing else: what every page begins with, and how it gets to its place."""

import contextlib
import html
import json
import secrets
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TextIO

from inpaintdiff.errors import VideoWriteError
from inpaintdiff.evaluation.files import check_output

# what a page may do: show what is in it. A request to anywhere is refused by the browser.
_POLICY = "default-src 'none'; img-src data: blob:; media-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(path: Path, put: Callable[[TextIO], None], overwrite: bool) -> Path:
    """Write a text file piece by piece under a temporary name, then rename it.

    Raises:
        VideoWriteError: the file exists, or cannot be written.
    """
    check_output(path, overwrite)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            put(file)
        part.replace(path)
    except OSError as e:
        raise VideoWriteError(f"{path} cannot be written: {e.strerror or e}") from e
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return path


def page_head(title: str) -> str:
    """Everything before what is shown."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{web('page.css')}</style></head>\n<body>\n"
    )


def page_data(facts: dict[str, Any]) -> str:
    """Plain values for the page's scripts."""
    # no name can end the script that it stands in
    text = json.dumps(facts, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="data">{text}</script>\n'


def web(name: str) -> str:
    """A file of the folder `web`."""
    return (resources.files("inpaintdiff.report") / "web" / name).read_text(encoding="utf-8")
