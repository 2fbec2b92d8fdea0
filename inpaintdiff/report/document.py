"""HTML files that need nothing else: what every page begins with, and how it gets to its place."""

import html
import io
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

from inpaintdiff.evaluation.files import write_file

# what a page may do: show what is in it. A request to anywhere is refused by the browser.
_POLICY = "default-src 'none'; img-src data: blob:; media-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(path: Path, put: Callable[[io.TextIOBase], None], overwrite: bool) -> Path:
    """Write a text file piece by piece under a temporary name, then rename it.

    Raises:
        VideoWriteError: the file exists, or cannot be written.
    """

    def put_text(file: BinaryIO) -> None:
        with io.TextIOWrapper(file, encoding="utf-8") as text:
            put(text)

    return write_file(path, put_text, overwrite)


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
