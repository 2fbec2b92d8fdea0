"""A page in a real browser: opened by headless Chromium, driven by a script that is put into it, which sends back what it saw."""

import json
import queue
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 90
_HELP = """
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const until = async (ok) => { for (let i = 0; i < 400 && !ok(); i++) await sleep(50); if (!ok()) throw new Error("never: " + ok); };
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const pixel = (canvas, x, y) => [...canvas.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
"""


def browser() -> str:
    """The executable; the test is skipped where there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is installed")
    return found


def drive(page: Path, script: str, folder: Path) -> tuple[Any, list[str]]:
    """Run the body of an async function in a page.

    The page's policy forbids every connection; it is loosened for sending back the result, and for nothing else.

    Returns:
        What the function returned, and everything that the page asked the server for.
    """
    results: queue.Queue[Any] = queue.Queue()
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            ours = self.path == "/page.html"
            self.send_response(200 if ours else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if ours:
                self.wfile.write(text.encode())

        def do_POST(self) -> None:
            results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    send = f'(body) => fetch("{address}/result", {{ method: "POST", body: JSON.stringify(body) }})'
    ends = f"(found) => ({send})({{ found }}), (e) => ({send})({{ error: String(e) }})"
    injected = f"<script>{_HELP}\n(async () => {{ {script} }})().then({ends});</script>"
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    text = text.replace("default-src 'none'", f"default-src 'none'; connect-src {address}/result")
    text = text.replace("</body>", injected + "</body>")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        [browser(), *flags, f"{address}/page.html"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        result = results.get(timeout=_SECONDS)
    finally:
        process.terminate()
        process.wait(timeout=20)
        server.shutdown()
        server.server_close()
    assert "error" not in result, result
    return result["found"], [path for path in asked if path not in ("/page.html", "/favicon.ico")]
