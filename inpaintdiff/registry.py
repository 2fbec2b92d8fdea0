"""How a model file becomes a registered version in MLflow, and how a version becomes a file again."""

import logging
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from inpaintdiff.checkpoint import file_digest, load_denoiser
from inpaintdiff.errors import CheckpointError, RegistryError
from inpaintdiff.optional import LazyPackage
from inpaintdiff.registry_store import (
    DEFAULT_FOLDER,
    Tracking,
    client_of,
    connected,
    experiment_id,
    record_run,
    run_exists,
    store_errors,
    tracking,
)

if TYPE_CHECKING:
    import mlflow
    from mlflow.entities.model_registry import ModelVersion
else:
    mlflow = LazyPackage("mlflow", "the model registry")

__all__ = [
    "DEFAULT_FOLDER",
    "Registered",
    "Tracking",
    "connected",
    "experiment_id",
    "find_version",
    "list_models",
    "record_run",
    "register_model",
    "resolve_model",
    "run_exists",
    "tracking",
]

logger = logging.getLogger(__name__)

MODELS_EXPERIMENT = "inpaintdiff-models"


def register_model(
    weights_file: str | Path,
    name: str,
    *,
    run_id: str | None = None,
    alias: str | None = "champion",
    spare_alias: str | None = None,
    tags: Mapping[str, str] | None = None,
    card_text: str | None = None,
    store: Tracking | None = None,
) -> str:
    """Log a model file as an MLflow model that really paints, register it, and point the alias at it.

    A file that the registry holds already (same SHA-256) is not registered again; only its alias moves.

    Args:
        weights_file: as `save_model` writes it; a Lightning checkpoint is refused (export it first).
        name: registered model.
        run_id: the run that made it; None makes a run in the experiment `inpaintdiff-models`.
        alias: None leaves aliases alone.
        spare_alias: set instead where the alias points at another version already, which then keeps it.
        tags: of the version.
        card_text: model card, Markdown: the version's description, and a file beside the weights. None takes the file's own.
        store: None is `tracking()`.

    Returns:
        The version, a number as text.

    Raises:
        CheckpointError: the file is not a model.
        RegistryError: the store does not answer or refuses the name.
    """
    path = Path(weights_file)
    _, info = load_denoiser(path)
    if not path.read_bytes()[8:9] == b"{":
        raise CheckpointError(
            f"{path} is a Lightning checkpoint, expected .safetensors; export it with save_model first"
        )
    card = card_text if card_text is not None else info.card_markdown()
    store = store or tracking()
    digest = file_digest(path)
    with store_errors(store):
        client = client_of(store)
        known = client.search_model_versions(f"name = '{_checked(name)}'")
        version = next((str(v.version) for v in known if v.tags.get("sha256") == digest), None)
        if version is None:
            version = _log_and_register(store, client, path, name, run_id, card)
            about = {"sha256": digest, "inpaintdiff": metadata.version("inpaintdiff"), **(tags or {})}
            for k, v in about.items():
                client.set_model_version_tag(name, version, k, v)
            client.update_model_version(name, version, description=card)
        if alias is not None:
            if spare_alias and str(client.get_registered_model(name).aliases.get(alias, version)) != version:
                alias = spare_alias
            client.set_registered_model_alias(name, alias, version)
    logger.info("registered %s version %s%s", name, version, f" as {alias}" if alias else "")
    return version


def _log_and_register(
    store: Tracking, client: "mlflow.MlflowClient", path: Path, name: str, run_id: str | None, card: str
) -> str:
    from inpaintdiff.registry_flavour import flavour  # it imports mlflow, which training does without

    with tempfile.TemporaryDirectory() as temporary, connected(store):
        parts = flavour(path, card, Path(temporary))
        own_run = run_id is None
        if run_id is None:
            run_id = client.create_run(experiment_id(store, MODELS_EXPERIMENT), run_name=name).info.run_id
        before = client.get_run(run_id).info.status
        with mlflow.start_run(run_id=run_id, nested=True):
            logged = mlflow.pyfunc.log_model(name=name, registered_model_name=name, **parts)
        if not own_run:
            client.update_run(run_id, status=before)  # leaving start_run's block has ended the caller's run
        return str(logged.registered_model_version)


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes:
        name: of the registered model.
        version: a number as text.
        aliases: names that point at it, sorted.
        tags: as given; `sha256` is the digest of its weights file.
        run_id: the run that made it.
        created: seconds since 1970.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    tags: dict[str, str]
    run_id: str | None
    created: float


def list_models(store: Tracking | None = None) -> list[Registered]:
    """All versions of all models, by name, newest first; none where the embedded store does not exist yet.

    Raises:
        RegistryError: the store does not answer.
    """
    store = store or tracking()
    if store.database is not None and not store.database.is_file():
        return []
    found = []
    with store_errors(store):
        client = client_of(store)
        for model in client.search_registered_models(order_by=["name"]):
            # versions as search gives them have lost their aliases
            aliases = client.get_registered_model(model.name).aliases
            versions = client.search_model_versions(f"name = '{model.name}'")
            for v in sorted(versions, key=lambda v: -int(v.version)):
                names = tuple(sorted(a for a, target in aliases.items() if str(target) == str(v.version)))
                tags = {str(k): str(t) for k, t in v.tags.items()}
                created = v.creation_timestamp / 1000
                found.append(Registered(v.name, str(v.version), names, tags, v.run_id or None, created))
    return found


def find_version(uri: str, store: Tracking | None = None) -> "ModelVersion":
    """The registry entry behind `models:/NAME@ALIAS` or `models:/NAME/3`.

    Raises:
        RegistryError: malformed, or there is no such model, version or alias.
    """
    match = re.fullmatch(r"models:/([^/@]+)(?:@([^/@]+)|/(\d+))", uri)
    if not match:
        raise RegistryError(f"{uri} is no model address; expected models:/NAME@ALIAS or models:/NAME/3")
    name, alias, number = match.groups()
    store = store or tracking()
    if store.database is not None and not store.database.is_file():
        raise RegistryError(
            f"there is no model registry at {store.database} yet; run inpaintdiff demo or fit first, or set MLFLOW_TRACKING_URI"
        )
    with store_errors(store):
        client = client_of(store)
        versions = client.search_model_versions(f"name = '{_checked(name)}'")
        if not versions:
            known = ", ".join(m.name for m in client.search_registered_models()) or "none"
            raise RegistryError(f"the registry has no model {name}; it has: {known}")
        aliases = client.get_registered_model(name).aliases
        if alias is not None and alias not in aliases:
            given = ", ".join(sorted(aliases)) or "none"
            raise RegistryError(f"model {name} has no alias {alias}; it has: {given}")
        wanted = str(number or aliases[alias])
        for v in versions:
            if str(v.version) == wanted:
                return v
        raise RegistryError(
            f"model {name} has no version {wanted}; the newest is {max(int(v.version) for v in versions)}"
        )


def resolve_model(uri: str, store: Tracking | None = None) -> Path:
    """The weights file behind `models:/NAME@ALIAS`, `models:/NAME/3` or `runs:/ID/path`, on this machine.

    Files of a local store are used where they lie; others are fetched once into the user's cache folder.

    Raises:
        RegistryError: there is no such thing, or it holds no model of this package.
    """
    store = store or tracking()
    if uri.startswith("runs:/"):
        if not re.fullmatch(r"runs:/[0-9a-f]{32}/.+", uri):
            raise RegistryError(f"{uri} is no run artifact; expected runs:/RUN_ID/path")
        source, key = uri, uri.removeprefix("runs:/")
    elif uri.startswith("models:/"):
        version = find_version(uri, store)
        with store_errors(store):
            source = client_of(store).get_model_version_download_uri(version.name, str(version.version))
        key = f"{version.name}/{version.version}-{version.tags.get('sha256', '')[:16] or version.run_id}"
    else:
        raise RegistryError(
            f"{uri} is no model address; expected models:/NAME@ALIAS, models:/NAME/3 or runs:/RUN_ID/path"
        )
    with store_errors(store):
        folder = _local(store, source, key)
    if folder.is_file():
        return folder
    found = sorted(folder.rglob("*.safetensors"))
    if len(found) != 1:
        raise RegistryError(f"{uri} holds {len(found)} weights files, expected one; was it registered by inpaintdiff?")
    return found[0]


def _local(store: Tracking, source: str, key: str) -> Path:
    with connected(store):
        if source.startswith("runs:/"):
            run_id, _, path = source.removeprefix("runs:/").partition("/")
            source = f"{client_of(store).get_run(run_id).info.artifact_uri}/{path}"
        elif source.startswith("models:/"):
            source = str(client_of(store).get_logged_model(source.removeprefix("models:/")).artifact_location)
        parsed = urlparse(source)
        if parsed.scheme in ("", "file"):
            local = Path(unquote(parsed.path))
            if not local.exists():
                raise RegistryError(
                    f"the registry names {local}, which is gone; was its artifact folder moved or deleted?"
                )
            return local
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inpaintdiff" / "models" / key
        if not cache.exists():
            cache.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache.parent, prefix=".fetch-") as temporary:
                fetched = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=temporary))
                fetched.rename(cache)
        return cache


def _checked(name: str) -> str:
    if not re.fullmatch(r"[^/:@'\"\\]+", name):
        raise RegistryError(f"{name!r} cannot name a model; letters, digits, dash, dot and underscore can")
    return name
