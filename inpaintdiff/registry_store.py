"""The MLflow store: where runs and models are recorded, an SQLite file beside the artifacts or a server."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpaintdiff.errors import RegistryError
from inpaintdiff.optional import LazyPackage

if TYPE_CHECKING:
    import mlflow
    import sqlalchemy.exc
else:
    mlflow = LazyPackage("mlflow", "the record of runs and models")
    sqlalchemy = LazyPackage("sqlalchemy", "the record of runs and models")

DEFAULT_FOLDER = "runs"


@dataclass(frozen=True)
class Tracking:
    """A tracking store.

    Attributes:
        uri: as MLflow takes it; absolute for the embedded store.
        artifacts: where new experiments of the embedded store put their files (file URI); None leaves it to the server.
    """

    uri: str
    artifacts: str | None = None

    @property
    def database(self) -> Path | None:
        """The file of an embedded store, None for a server."""
        return Path(self.uri.removeprefix("sqlite:///")) if self.uri.startswith("sqlite:///") else None

    def open_with(self) -> str:
        """The command that shows the store in a browser, or the server's address."""
        if self.uri.startswith(("http://", "https://")):
            return self.uri
        return f"mlflow ui --backend-store-uri {self.uri}"


def tracking(folder: str | Path = DEFAULT_FOLDER, uri: str | None = None) -> Tracking:
    """The store that everything in this package uses.

    `uri` decides if it is given, then MLFLOW_TRACKING_URI if it is set; otherwise an SQLite file `mlflow.db` in `folder` with the
    artifacts beside it. Nothing is made before something is recorded.

    Raises:
        RegistryError: an address of a kind that MLflow keeps no models under.
    """
    if uri := uri or os.environ.get("MLFLOW_TRACKING_URI"):
        if not re.match(r"(https?|sqlite|postgresql|mysql|mssql|databricks)\b[^:]*:", uri):
            raise RegistryError(f"{uri} is no MLflow store; expected http://HOST:PORT or sqlite:///FILE")
        if uri.startswith("sqlite:///"):
            database = Path(uri.removeprefix("sqlite:///")).resolve()
            return Tracking(f"sqlite:///{database}", (database.parent / "artifacts").as_uri())
        return Tracking(uri)
    root = Path(folder).resolve()
    return Tracking(f"sqlite:///{root / 'mlflow.db'}", (root / "artifacts").as_uri())


def experiment_id(store: Tracking, name: str) -> str:
    """The id of an experiment, made if there is none of that name.

    Raises:
        RegistryError: the store does not answer.
    """
    with store_errors(store):
        client = client_of(store)
        found = client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == "active":
            return str(found.experiment_id)
        return str(client.create_experiment(name, artifact_location=store.artifacts and f"{store.artifacts}/{name}"))


def run_exists(store: Tracking, run_id: str) -> bool:
    """Does the store hold this run, and has nobody deleted it?

    Raises:
        RegistryError: the store does not answer, which is not a no.
    """
    with store_errors(store):
        try:
            return bool(client_of(store).get_run(run_id).info.lifecycle_stage == "active")
        except mlflow.exceptions.MlflowException as e:
            if e.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise


def record_run(
    store: Tracking, experiment: str, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], folder: Path
) -> str:
    """Record something finished as a run of its own: settings, numbers, and every file of a folder.

    Returns:
        The id of the run.

    Raises:
        RegistryError: the store does not answer.
    """
    with store_errors(store), connected(store):
        client = client_of(store)
        run_id = str(client.create_run(experiment_id(store, experiment), run_name=name).info.run_id)
        for key, value in params.items():
            client.log_param(run_id, key, value)
        for key, number in metrics.items():
            client.log_metric(run_id, key, number)
        client.log_artifacts(run_id, str(folder))
        client.set_terminated(run_id)
    return run_id


def client_of(store: Tracking) -> "mlflow.MlflowClient":
    """A client of this store, whatever the process is connected to."""
    if store.database is not None:
        store.database.parent.mkdir(parents=True, exist_ok=True)
    return mlflow.MlflowClient(store.uri)


@contextmanager
def brief() -> Iterator[None]:
    """Inside the block MLflow gives a server that does not answer up within seconds; by default it takes minutes a request.

    MLflow reads these settings nowhere but from the environment.
    """
    told = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    }
    before = {k: os.environ.get(k) for k in told}
    os.environ.update({k: v for k, v in told.items() if before[k] is None})
    try:
        yield
    finally:
        for k in told:
            if before[k] is None:
                os.environ.pop(k, None)


@contextmanager
def connected(store: Tracking) -> Iterator[None]:
    """MLflow's fluent functions talk to `store` inside the block.

    Afterwards they, and MLFLOW_TRACKING_URI, which MLflow overwrites for its child processes, are as before.
    """
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(store.uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


@contextmanager
def store_errors(store: Tracking) -> Iterator[None]:
    """MLflow's and the database's errors as one sentence of ours."""
    try:
        yield
    except (mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError) as e:
        lines = str(e).strip().splitlines() or [type(e).__name__]
        raise RegistryError(f"the tracking store {store.uri} refused: {lines[0][:200]}") from e
