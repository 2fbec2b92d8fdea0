"""`Journal`: which stages of a job are finished, in a folder beside the output, so that a crash costs one stage at most."""

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inpaintdiff.errors import SettingError, VideoWriteError
from inpaintdiff.painting.job import PAINTED, Step, painted_file

log = logging.getLogger(__name__)

_FINGERPRINT, _LOG = "job.json", "finished.log"


class Journal:
    """The folder of a job: fingerprint, finished stages and videos, and what is painted.

    A line of the log is written when what it says is on the disk. So whatever is not in the log is done again, with the same
    result, and a line that was cut off counts as not written.

    Args:
        folder: made if it is not there.
        fingerprint: everything that decides about the result, plain values.
        resume: go on with what is there.

    Raises:
        VideoWriteError: a folder is there and `resume` is not set; it is not a journal's; or it cannot be written to.
        SettingError: what is there was made from something else.
    """

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any], *, resume: bool = False) -> None:
        check_journal(folder, resume=resume, overwrite=False)
        self.folder = folder
        plain = json.loads(json.dumps(fingerprint))
        try:
            known = folder / _FINGERPRINT
            if known.exists():
                _check_same(folder, json.loads(known.read_text(encoding="utf-8")), plain)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                part = folder / f"{_FINGERPRINT}.part"
                part.write_text(json.dumps(plain, indent=2), encoding="utf-8")
                part.replace(known)
            path = folder / _LOG
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            whole = text[: text.rfind("\n") + 1]
            path.write_text(whole, encoding="utf-8")
        except (OSError, ValueError) as e:
            if isinstance(e, SettingError):
                raise
            raise VideoWriteError(f"{folder} cannot be used: {getattr(e, 'strerror', None) or e}.") from e
        self._lines = [line.split() for line in whole.splitlines()]

    def stages(self, regions: int) -> list[int]:
        """For every cut-out, how many of its stages are finished."""
        done = [0] * regions
        for line in self._lines:
            if line[0] == "stage" and painted_file(self.folder, int(line[1])).exists():
                done[int(line[1])] = int(line[2])
        return done

    @property
    def writing(self) -> bool:
        """Whether videos had begun to be written: those that are there now are this job's own."""
        return ["writing"] in self._lines

    def written(self, name: str) -> bool:
        """Whether this video is finished."""
        return ["video", name] in self._lines

    def finish_stage(self, step: Step) -> None:
        """A stage is painted, and on the disk."""
        self._append(f"stage {step.region} {step.region_stages}")

    def begin_writing(self) -> None:
        """Videos will be written from now on."""
        if not self.writing:
            self._append("writing")

    def finish_video(self, name: str) -> None:
        """A video is in its place."""
        self._append(f"video {name}")

    def remove(self) -> None:
        """All is done."""
        remove_journal(self.folder)

    def remove_if_blank(self) -> None:
        """Nothing was finished, so there is nothing to go on from."""
        if not self._lines:
            remove_journal(self.folder)

    def _append(self, line: str) -> None:
        self._lines.append(line.split())
        try:
            with (self.folder / _LOG).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as e:
            raise VideoWriteError(f"{self.folder} cannot be written to: {e.strerror or e}.") from e


def journal_folder(output: Path) -> Path:
    """`OUT.job`, beside the output."""
    return output.with_name(f"{output.name}.job")


def is_blank(folder: Path) -> bool:
    """Whether a journal says nothing: cut off before its first line, or after its log was removed, when all was done."""
    try:
        return not (folder / _LOG).exists()
    except OSError:  # a name that no folder can have
        return True


def remove_journal(folder: Path) -> None:
    """What was painted goes first, then the log, then what it was the log of: a removal that is cut off can be gone on with."""
    order = {_LOG: 1, _FINGERPRINT: 2}
    for path in sorted(folder.iterdir(), key=lambda p: order.get(p.name, 0)):
        path.unlink(missing_ok=True)
    folder.rmdir()


def check_journal(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """What stands in the way of a job; with `overwrite` an earlier job's folder is removed.

    Raises:
        VideoWriteError: the folder is there and neither is set; or it holds something else.
    """
    if not folder.exists():
        if resume:
            log.info("there is no %s to go on with; painting begins at the beginning.", folder)
        return
    ours = (_FINGERPRINT, _LOG, PAINTED)
    others = (
        [p.name for p in sorted(folder.iterdir()) if not p.name.startswith(ours)] if folder.is_dir() else [folder.name]
    )
    if others:
        raise VideoWriteError(
            f"{folder} is in the way and holds {others[0]}, which no job wrote; move it, or name another output."
        )
    if resume:
        return
    if not overwrite:
        raise VideoWriteError(f"{folder} holds an unfinished job; go on with --resume, or begin anew with --overwrite.")
    shutil.rmtree(folder, ignore_errors=True)


def _check_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """A job is gone on with only if it would give the same bytes."""
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            _check_same(folder, old, new)  # the sentence is to show the value that differs, not the table that it is in
        elif old != new:
            raise SettingError(
                f"{folder} was begun with {key} {_short(old)}, now it is {_short(new)}; "
                "give the same input and options, or begin anew with --overwrite and without --resume"
            )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
