"""A server process of our own, and a client of a few lines."""

import base64
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
JSON = {"Content-Type": "application/json"}


@contextmanager
def serving(folder: Path, *args: str) -> Iterator[tuple[str, int]]:
    """`inpaintdiff serve ARGS` on any free port: host and port."""
    command = [sys.executable, "-m", "inpaintdiff", "serve", *args, "--port", "0", "--device", "cpu"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    log = folder / "server.log"
    with log.open("w") as err:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=err, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        where = re.search(r"http://([\d.]+):(\d+)/", line)
        assert where, f"{line}{log.read_text()}"
        yield where[1], int(where[2])
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def post(
    server: tuple[str, int], body: Any, headers: dict[str, str] = JSON, method: str = "POST"
) -> tuple[int, dict[str, Any]]:
    """Status and answer; `body` is sent as it is if it is bytes, else as JSON."""
    connection = http.client.HTTPConnection(*server, timeout=120)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, "/invocations", data, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content)


def wait_for(server: tuple[str, int], path: str, process: subprocess.Popen[Any], seconds: float = 120) -> None:
    """Until it answers 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection(*server, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.3)
        finally:
            connection.close()
    raise AssertionError(f"{server} did not come up: code {process.poll()}")


def base64_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
