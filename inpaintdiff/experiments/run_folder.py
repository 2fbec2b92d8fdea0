"""`RunFolder`: the folder of one run of an experiment. Finished parts lie in it as JSON files and are not computed again."""

import contextlib
import json
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inpaintdiff.errors import SettingError, VideoWriteError

_SETTINGS = "settings.json"


class RunFolder:
    """Parts of a run, each written when it is complete.

    Args:
        path: made if it is not there.
        settings: everything that decides about the results, plain values.

    Attributes:
        settings: as they were given, and as a JSON file gives them back.

    Raises:
        SettingError: the folder holds something else, or a run with other settings.
        VideoWriteError: it cannot be written to.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.settings: dict[str, Any] = json.loads(json.dumps(settings))
        known = read_settings(path)
        if known is None:
            self.write(_SETTINGS, self.settings)
        elif changed := [k for k in sorted({*known, *self.settings}) if known.get(k) != self.settings.get(k)]:
            key = changed[0]
            raise SettingError(
                f"{path} holds a run with {key} {known.get(key)}, now it is {self.settings.get(key)}; "
                "give another --output, or --overwrite to begin anew"
            )

    def part(self, name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What was computed under this name: now, or by an earlier process."""
        path = self.path / "parts" / f"{name}.json"
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
        return self.write(f"parts/{name}.json", compute())

    def write(self, name: str, content: dict[str, Any]) -> dict[str, Any]:
        """Write a JSON file, complete or not at all.

        Raises:
            VideoWriteError: it cannot be written.
        """
        path = self.path / name
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            part.replace(path)
        except OSError as e:
            raise VideoWriteError(f"{path} cannot be written: {e.strerror or e}") from e
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
        return content


def read_settings(path: Path) -> dict[str, Any] | None:
    """Settings of the run in a folder; None where there is no folder, or an empty one.

    Raises:
        SettingError: it holds something that no experiment wrote.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return None
    try:
        found: dict[str, Any] = json.loads((path / _SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise SettingError(f"{path} holds something that no experiment wrote; give another --output") from e
    return found


def remove_run(path: Path) -> None:
    """Remove an earlier run, if there is one.

    Raises:
        SettingError: the folder holds something that no experiment wrote.
    """
    if read_settings(path) is not None:
        shutil.rmtree(path)
