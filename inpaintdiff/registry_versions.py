"""What happens to versions after they are registered: a new champion, the former one again, copies, comparisons."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from inpaintdiff.checkpoint import file_digest, load_denoiser
from inpaintdiff.errors import RegistryError
from inpaintdiff.registry import find_version, list_models, resolve_model
from inpaintdiff.registry_store import Tracking, client_of, store_errors, tracking

CHAMPION, CANDIDATE = "champion", "candidate"
# tag of the registered model: versions that were champion before, oldest first
_FORMER = "former_champions"


def champion_of(name: str, store: Tracking | None = None) -> str | None:
    """The version that the alias `champion` of a model points at, if there is one.

    Raises:
        RegistryError: there is no such model.
    """
    versions = [v for v in list_models(store) if v.name == name]
    if not versions:
        raise RegistryError(f"the registry has no model {name}; `inpaintdiff models list` shows what it has")
    return next((v.version for v in versions if CHAMPION in v.aliases), None)


def crown(name: str, version: str, why: str, store: Tracking | None = None) -> str | None:
    """Point `champion` at a version and remember the former one for `rollback`; a `candidate` alias on it goes.

    Args:
        name: registered model.
        version: a number as text.
        why: written to the version's tag `promotion`.
        store: None is `tracking()`.

    Returns:
        The former champion.

    Raises:
        RegistryError: no such version, or the store does not answer.
    """
    store = store or tracking()
    find_version(f"models:/{name}/{version}", store)
    former = champion_of(name, store)
    if former == version:
        raise RegistryError(f"{name} version {version} is the champion already")
    with store_errors(store):
        client = client_of(store)
        if former is not None:
            # first the way back, then the change
            client.set_registered_model_tag(name, _FORMER, json.dumps([*_former(name, store), former]))
        client.set_registered_model_alias(name, CHAMPION, version)
        candidate = client.get_registered_model(name).aliases.get(CANDIDATE)
        if str(candidate) == version:
            client.delete_registered_model_alias(name, CANDIDATE)
    note(name, version, why, store)
    return former


def rollback(name: str, store: Tracking | None = None) -> tuple[str | None, str]:
    """Make the champion before this one champion again.

    Returns:
        (the champion that goes, the champion that comes back)

    Raises:
        RegistryError: there was none before, or it has been deleted.
    """
    store = store or tracking()
    now, former = champion_of(name, store), _former(name, store)
    if not former:
        raise RegistryError(f"model {name} has no former champion to go back to; promote a version first")
    back = former[-1]
    find_version(f"models:/{name}/{back}", store)
    with store_errors(store):
        client = client_of(store)
        client.set_registered_model_alias(name, CHAMPION, back)
        client.set_registered_model_tag(name, _FORMER, json.dumps(former[:-1]))
    note(name, back, f"champion again after version {now}", store)
    return now, back


def note(name: str, version: str, text: str, store: Tracking | None = None) -> None:
    """Write to a version, with the date, what was decided about it.

    Raises:
        RegistryError: the store does not answer.
    """
    store = store or tracking()
    dated = f"{datetime.now(UTC):%Y-%m-%d %H:%M}: {text}"
    with store_errors(store):
        client_of(store).set_model_version_tag(name, version, "promotion", dated)


def pull(uri: str, folder: Path, store: Tracking | None = None, overwrite: bool = False) -> Path:
    """Copy a version out of the registry: weights, model card, and `version.json` with its tags and lineage.

    Args:
        uri: `models:/NAME@ALIAS` or `models:/NAME/3`.
        folder: made; appears only when everything is in it.
        store: None is `tracking()`.
        overwrite: replace an existing folder.

    Returns:
        The weights file, usable without the registry.

    Raises:
        RegistryError: no such version, the folder exists, or the copy is not what was registered.
    """
    store = store or tracking()
    if folder.exists() and not overwrite:
        raise RegistryError(f"{folder} exists already; give another folder, or --overwrite")
    version = find_version(uri, store)
    weights = resolve_model(uri, store)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        made = Path(temporary) / "pulled"
        made.mkdir()
        copy = made / weights.name
        shutil.copyfile(weights, copy)
        expected = version.tags.get("sha256")
        if expected and file_digest(copy) != expected:
            raise RegistryError(
                f"the weights of {uri} are not those that were registered (SHA-256 differs); nothing was written"
            )
        (made / "model_card.md").write_text(version.description or "", encoding="utf-8")
        about = {
            "name": version.name,
            "version": str(version.version),
            "run_id": version.run_id,
            "tags": dict(version.tags),
        }
        (made / "version.json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    return folder / weights.name


@dataclass(frozen=True)
class ModelDifference:
    """What two models differ in.

    Attributes:
        facts: (what, of the first, of the second) of every part of configuration and card that differs.
        weights: relative distance ||a - b|| / ||a|| of all weights together; None where the networks differ.
    """

    facts: tuple[tuple[str, str, str], ...]
    weights: float | None


def difference(first: Path, second: Path) -> ModelDifference:
    """Compare two model files.

    Raises:
        CheckpointError: a file is not a model.
    """
    (a, info_a), (b, info_b) = load_denoiser(first), load_denoiser(second)
    flat_a, flat_b = (dict(_flat({**i.config, "card": i.card})) for i in (info_a, info_b))
    facts = tuple(
        (key, flat_a.get(key, "-"), flat_b.get(key, "-"))
        for key in sorted(flat_a.keys() | flat_b.keys())
        if flat_a.get(key) != flat_b.get(key)
    )
    if info_a.config["network"] != info_b.config["network"]:
        return ModelDifference(facts, None)
    ours = torch.cat([p.detach().double().flatten() for p in a.state_dict().values()])
    theirs = torch.cat([p.detach().double().flatten() for p in b.state_dict().values()])
    return ModelDifference(facts, float((ours - theirs).norm() / ours.norm()))


def _former(name: str, store: Tracking) -> list[str]:
    with store_errors(store):
        return [str(v) for v in json.loads(client_of(store).get_registered_model(name).tags.get(_FORMER, "[]"))]


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
