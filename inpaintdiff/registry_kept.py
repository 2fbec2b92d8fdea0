"""Records of a run: made in the MLflow store, or kept in a folder where there is no MLflow or no answer, and uploaded later."""

import csv
import json
import math
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from inpaintdiff.errors import RegistryError
from inpaintdiff.registry import experiment_id, register_model
from inpaintdiff.registry_store import Tracking, client_of, run_exists, store_errors

KEPT, OPERATIONS, UPLOADED = "kept", "operations.jsonl", "uploaded.json"
# What Lightning's CSVLogger writes.
CSV, CSV_SETTINGS = "metrics.csv", "hparams.yaml"
# MLflow takes at most so many settings at once, and values of at most so many characters.
_BATCH, _LONGEST = 100, 6000


class KeptRun:
    """A folder with everything that a run recorded: `operations.jsonl`, one record a line, and the files that they name.

    A record is written in one go, after its files; one that was cut off is not there.

    Args:
        folder: made when something is recorded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """Is something recorded, here or by Lightning's CSVLogger?"""
        return any((self.folder / name).is_file() for name in (OPERATIONS, CSV))

    def add(self, what: str, **record: Any) -> None:
        """Record something; files of `files`, `image` and `register` are copied into the folder.

        Raises:
            OSError: the disk is full, or the folder is not writable.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        place = f"files/{len(list((self.folder / 'files').glob('*'))):06d}"
        if "path" in record:
            source, copy = Path(record["path"]), self.folder / place
            copy.mkdir(parents=True)
            if source.is_dir():
                shutil.copytree(source, copy, dirs_exist_ok=True)
            else:
                shutil.copy2(source, copy / source.name)
            record["path"] = place if source.is_dir() else f"{place}/{source.name}"
        if "image" in record:
            (self.folder / place).mkdir(parents=True)
            Image.fromarray(record["image"]).save(self.folder / place / "image.png")
            record["image"] = f"{place}/image.png"
        with (self.folder / OPERATIONS).open("a", encoding="utf-8") as f:
            f.write(json.dumps({"what": what, **record}) + "\n")

    def operations(self) -> list[dict[str, Any]]:
        """All records, in order, without a last one that was cut off.

        Raises:
            RegistryError: this is no folder of a run, or it is damaged.
        """
        if (self.folder / CSV).is_file() and not (self.folder / OPERATIONS).is_file():
            return _csv_records(self.folder)
        try:
            lines = (self.folder / OPERATIONS).read_text(encoding="utf-8").splitlines(keepends=True)
        except OSError as e:
            raise RegistryError(
                f"{self.folder} holds no run ({OPERATIONS}: {e.strerror}); expected a folder that fit has named"
            ) from e
        if lines and not lines[-1].endswith("\n"):
            lines.pop()
        try:
            found = [json.loads(line) for line in lines]
        except ValueError as e:
            raise RegistryError(f"{self.folder / OPERATIONS} is damaged: {e}") from e
        if not any(r["what"] == "run" for r in found):
            raise RegistryError(f"{self.folder / OPERATIONS} does not say which run it is of")
        for record in found:
            for key in ("path", "image"):
                if key in record:
                    record[key] = str(self.folder / record[key])
        return found

    def uploaded(self) -> tuple[str | None, int]:
        """Into which run, and how many records of it are there already."""
        path = self.folder / UPLOADED
        if not path.is_file():
            return None, 0
        told = json.loads(path.read_text(encoding="utf-8"))
        return told["run_id"], told["records"]

    def note_uploaded(self, run_id: str, records: int) -> None:
        """Remember what need not be uploaded again."""
        part = self.folder / f".{UPLOADED}.part"
        part.write_text(json.dumps({"run_id": run_id, "records": records}) + "\n", encoding="utf-8")
        part.replace(self.folder / UPLOADED)


def _csv_records(folder: Path) -> list[dict[str, Any]]:
    """The same records from a folder of Lightning's CSVLogger, which keeps no times: the run seems to have taken no time."""
    path = folder / CSV
    at = int(path.stat().st_mtime * 1000)
    records: list[dict[str, Any]] = [
        {
            "what": "run",
            "run_id": None,
            "experiment": "inpaintdiff",
            "name": f"{folder.parent.name}-{folder.name}",
            "tags": {},
        }
    ]
    try:
        with path.open(newline="", encoding="utf-8") as f:
            for row in csv.DictReader(f):
                step = int(row.pop("step"))
                values = {k: float(v) for k, v in row.items() if v and math.isfinite(float(v))}
                records.append({"what": "metrics", "values": values, "step": step, "time": at})
        settings = (
            yaml.safe_load((folder / CSV_SETTINGS).read_text(encoding="utf-8"))
            if (folder / CSV_SETTINGS).exists()
            else {}
        )
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as e:
        raise RegistryError(f"{path} is no log of Lightning's CSVLogger: {str(e).splitlines()[0]}") from e
    records.insert(1, {"what": "params", "values": {k: str(v) for k, v in (settings or {}).items()}})
    return [*records, {"what": "status", "status": "FINISHED"}]


def create_run(store: Tracking, experiment: str, name: str | None, tags: Mapping[str, str]) -> str:
    """A new run, under way; returns its id.

    Raises:
        RegistryError: the store does not answer.
    """
    from mlflow.tracking.context.registry import resolve_tags

    with store_errors(store):
        made = client_of(store).create_run(
            experiment_id(store, experiment), run_name=name, tags=resolve_tags(dict(tags))
        )
        return str(made.info.run_id)


def apply(store: Tracking, run_id: str, what: str, record: Mapping[str, Any]) -> None:
    """Make a record in the store; made twice, it is there once.

    Raises:
        RegistryError: the store does not answer, or refuses.
    """
    from mlflow.entities import Metric, Param

    with store_errors(store):
        client = client_of(store)
        if what == "metrics":
            at = (record["time"], record["step"])
            client.log_batch(run_id, metrics=[Metric(k, v, *at) for k, v in record["values"].items()])
        elif what == "params":
            # MLflow refuses new values, so a resumed run keeps its first ones
            known = client.get_run(run_id).data.params
            new = [Param(k, str(v)[:_LONGEST]) for k, v in record["values"].items() if k not in known]
            for i in range(0, len(new), _BATCH):
                client.log_batch(run_id, params=new[i : i + _BATCH])
        elif what == "tags":
            for k, v in record["values"].items():
                client.set_tag(run_id, k, str(v))
        elif what == "text":
            client.log_text(run_id, record["text"], record["where"])
        elif what == "files":
            path = Path(record["path"])
            (client.log_artifacts if path.is_dir() else client.log_artifact)(run_id, str(path), record["where"])
        elif what == "image":
            image = record["image"]
            pixels = image if isinstance(image, np.ndarray) else np.array(Image.open(image))
            client.log_image(run_id, pixels, key=record["key"], step=record["step"], timestamp=record["time"])
        elif what == "status":
            client.update_run(run_id, status=record["status"])
        elif what == "register":
            options = {k: record[k] for k in ("alias", "spare_alias", "tags", "card_text")}
            register_model(record["path"], record["name"], run_id=run_id, store=store, **options)
        elif what != "run":
            raise RegistryError(f"there is no kind of record {what!r}; was it written by a newer inpaintdiff?")


def upload(folder: Path, store: Tracking, report: Callable[[int, int], None] = lambda *_: None) -> str:
    """Bring a kept run into the store: into the run that it belongs to if the store has it, else into a new one.

    An upload that was cut off goes on where it was; one that is complete does nothing.

    Args:
        folder: of a `KeptRun`.
        store: where to.
        report: is called with the records made so far, and all.

    Returns:
        The id of the run.

    Raises:
        RegistryError: the folder holds no run, or the store does not answer.
    """
    kept = KeptRun(folder)
    records = kept.operations()
    run_id, done = kept.uploaded()
    about = next(r for r in records if r["what"] == "run")
    if run_id is None:
        run_id = about["run_id"] if about["run_id"] and run_exists(store, about["run_id"]) else None
        if run_id is None:
            run_id = create_run(store, about["experiment"], about["name"], about["tags"])
        kept.note_uploaded(run_id, 0)
    for n, record in enumerate(records[done:], done + 1):
        record = dict(record)
        apply(store, run_id, record.pop("what"), record)
        kept.note_uploaded(run_id, n)
        report(n, len(records))
    return run_id


def kept_runs(folder: Path) -> list[Path]:
    """The runs in a folder: itself, or those in it that are not yet uploaded.

    Raises:
        RegistryError: it holds none.
    """
    inside = (
        [folder]
        if KeptRun(folder).exists
        else sorted({p.parent for name in (OPERATIONS, CSV) for p in folder.glob(f"*/{name}")})
    )
    if not inside:
        raise RegistryError(f"{folder} holds no kept run; expected a folder that fit has named, such as runs/{KEPT}/ID")
    return [p for p in inside if KeptRun(p).uploaded()[1] < len(KeptRun(p).operations())]


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)
