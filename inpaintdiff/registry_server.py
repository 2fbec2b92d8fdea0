"""`inpaintdiff serve`: MLflow's scoring server for one model, with limits, and an answer of one sentence to what is malformed.

`POST /invocations` takes JSON in MLflow's form, `{"inputs": {...}, "params": {...}}`, as arrays or as files:

- `frames` [t h w 3] and `hole` [t h w] or [1 h w], whole numbers from 0 to 255, not 0 = paint; answered as MLflow does, with
  `{"predictions": [samples t h w 3]}`.
- `frames` the base64 of a video file, `hole` that of a mask (png, npy, npz or video; white = paint), or `boxes` as on the command
  line; answered with `{"predictions": [base64 of a video, one a sample]}`, h264 in mp4, or FFV1 in mkv with `"lossless": true`
  among the inputs.

Parameters are those of `painting.service.Request`. Errors are `{"error_code": ..., "message": one sentence}`. `/ping` and `/health`
are MLflow's.
"""

import asyncio
import base64
import binascii
import json
import logging
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server

from inpaintdiff.errors import HoleError, InpaintDiffError, SettingError, VideoReadError
from inpaintdiff.registry_flavour import flavour

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

logger = logging.getLogger(__name__)

# How files begin; the suffix tells their readers what to expect.
_KINDS = (
    (0, b"\x89PNG", ".png"), (0, b"\x93NUMPY", ".npy"), (0, b"PK\x03\x04", ".npz"), (0, b"\x1aE\xdf\xa3", ".mkv"),
    (0, b"GIF8", ".gif"), (4, b"ftyp", ".mp4"), (8, b"AVI ", ".avi"),
)  # fmt: skip
# Of a request that is too long, so many times the limit is read and forgotten: a client still sending would not see the answer.
_PATIENCE = 4
_INPUTS = ("frames", "hole", "boxes", "lossless")


class RefusedError(Exception):
    """An answer other than 200.

    Args:
        status: of HTTP.
        message: one sentence.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class InpaintServer:
    """An ASGI application: MLflow's, but `/invocations` is checked and answered here.

    Args:
        model: a loaded pyfunc of this package.
        max_bytes: of the body of a request.
        max_waiting: requests that are held at once, the one being painted included; others are told to come again.
    """

    def __init__(self, model: Any, max_bytes: int, max_waiting: int) -> None:
        self._model = model
        self._service = model.unwrap_python_model().service
        self._others = scoring_server.init(model)
        self._max_bytes, self._max_waiting = max_bytes, max_waiting
        self._held = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] != "/invocations" or scope["method"] != "POST":
            await self._others(scope, receive, send)
            return
        status, content = 200, b""
        try:
            if self._held >= self._max_waiting:
                raise RefusedError(503, f"{self._held} requests are waiting already; try again later")
            self._held += 1
            try:
                body = await self._body(scope, receive)
                content = await asyncio.to_thread(self._answer, body)
            finally:
                self._held -= 1
        except RefusedError as e:
            status, content = e.status, _error(e.status, str(e))
        except InpaintDiffError as e:
            status, content = 400, _error(400, str(e))
        except MlflowException as e:
            status = e.get_http_status_code()
            content = _error(status, e.message.splitlines()[0][:300])
        except Exception:
            logger.exception("a request failed")
            status, content = 500, _error(500, "the server failed at this request; its log says why")
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        if status == 503:
            headers.append((b"retry-after", b"5"))
        if status == 413:
            headers.append((b"connection", b"close"))  # the rest of the body is not waited for
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _body(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes:
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        kind = headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, f"the content type is {kind or 'missing'}, expected application/json")
        announced = headers.get("content-length", "")
        hopeless = announced.isdecimal() and int(announced) > _PATIENCE * self._max_bytes
        parts, length = [], 0
        while not hopeless:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RefusedError(400, "the connection ended in the middle of the request")
            part = message.get("body", b"")
            length += len(part)
            if length <= self._max_bytes:
                parts.append(part)
            elif length > _PATIENCE * self._max_bytes:
                break
            if not message.get("more_body"):
                break
        if hopeless or length > self._max_bytes:
            raise RefusedError(
                413, f"the request is longer than {self._max_bytes / 1e6:g} MB, the most that is taken here"
            )
        return b"".join(parts)

    def _answer(self, body: bytes) -> bytes:
        inputs, params = _request(body)
        if isinstance(inputs["frames"], str):
            answers = self._files(inputs, params)
        else:
            if wrong := [name for name in inputs if name not in ("frames", "hole")]:
                raise SettingError(f"{wrong[0]} goes with frames as the base64 of a video; got an array")
            if "hole" not in inputs:
                raise HoleError("inputs has no hole; expected a list [t, h, w], or [1, h, w] for all frames")
            # MLflow would drop what it does not know
            self._service.check(params)
            arrays = {"frames": _whole(inputs["frames"], "frames", 4), "hole": _whole(inputs["hole"], "hole", 3)}
            answers = self._model.predict(arrays, params=params).tolist()
        return json.dumps({"predictions": answers}).encode()

    def _files(self, inputs: dict[str, Any], params: dict[str, Any]) -> list[str]:
        boxes, lossless, hole = inputs.get("boxes", []), inputs.get("lossless", False), inputs.get("hole")
        if not isinstance(boxes, list) or not all(isinstance(b, str) for b in boxes):
            raise HoleError(f"boxes is {_short(boxes)}, expected a list of texts such as '20,12,33,23'")
        if not isinstance(lossless, bool):
            raise SettingError(f"lossless is {_short(lossless)}, expected true or false")
        if hole is not None and not isinstance(hole, str):
            raise HoleError("hole is no text; with frames as the base64 of a video it is the base64 of a mask")
        with tempfile.TemporaryDirectory(prefix="inpaintdiff-") as temporary:
            folder = Path(temporary)
            try:
                video = _decoded(inputs["frames"], folder / "frames", "frames")
                mask = None if hole is None else _decoded(hole, folder / "hole", "hole")
                painted = self._service.files(video, mask, boxes, params)
                outputs = painted.save(folder / ("painted.mkv" if lossless else "painted.mp4"), lossless=lossless)
            except InpaintDiffError as e:
                raise RefusedError(400, str(e).replace(f"{folder}/", "")) from e
            return [base64.b64encode(p.read_bytes()).decode() for p in outputs]


def application(
    weights: Path, card: str, *, limits: dict[str, int], max_bytes: int, max_waiting: int, device: str | None = None
) -> InpaintServer:
    """Load a model file as the pyfunc that its registered version would be, with the code of this environment.

    Args:
        weights: a file of `save_model`.
        card: its model card, Markdown.
        limits: see `painting.service.Limits`.
        max_bytes, max_waiting: see `InpaintServer`.
        device: of the computation; by default cuda where there is one.
    """
    with tempfile.TemporaryDirectory(prefix="inpaintdiff-serve-") as temporary:
        staged, saved = Path(temporary) / "staged", Path(temporary) / "model"
        staged.mkdir()
        # this environment's code is imported already; requests of the example are not worth a network call here
        own = {k: v for k, v in flavour(weights, card, staged).items() if k not in ("code_paths", "input_example")}
        mlflow.pyfunc.save_model(str(saved), **own)
        config = {**limits, "device": device or ""}
        return InpaintServer(mlflow.pyfunc.load_model(str(saved), model_config=config), max_bytes, max_waiting)


def _request(body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as e:
        raise RefusedError(400, f"the body is no JSON: {str(e).splitlines()[0]}") from e
    wanted = 'expected {"inputs": {"frames": ..., "hole": ...}, "params": {...}}'
    if not isinstance(request, dict):
        raise RefusedError(400, f"the body is a {type(request).__name__}, {wanted}")
    if wrong := [k for k in request if k not in ("inputs", "params")]:
        raise RefusedError(400, f"the body has {_short(wrong[0])}, {wanted}")
    inputs, params = request.get("inputs"), request.get("params") or {}
    if not isinstance(inputs, dict):
        raise RefusedError(400, f"inputs is {_short(inputs)}, {wanted}")
    if not isinstance(params, dict):
        raise RefusedError(400, f"params is {_short(params)}, {wanted}")
    if wrong := [k for k in inputs if k not in _INPUTS]:
        raise RefusedError(400, f"there is no input {_short(wrong[0])}; expected some of {', '.join(_INPUTS)}")
    if "frames" not in inputs:
        raise VideoReadError("inputs has no frames; expected a list [t, h, w, 3], or the base64 of a video file")
    return inputs, params


def _whole(value: Any, name: str, axes: int) -> np.ndarray:
    """Lists of whole numbers from 0 to 255 (booleans for the hole) as uint8; MLflow would cut 0.7 down to 0."""
    try:
        array = np.asarray(value)
    except ValueError as e:
        raise VideoReadError(f"{name} is ragged; expected {axes} levels of lists of equal lengths") from e
    if array.ndim != axes:
        raise VideoReadError(f"{name} has {array.ndim} levels of lists, expected {axes}")
    if axes == 4 and array.shape[3] != 3:
        raise VideoReadError(f"frames have shape {array.shape}, expected (frames, height, width, 3)")
    if not array.size:
        raise VideoReadError(f"{name} is empty: its shape is {array.shape}")
    if array.dtype == bool and name == "hole":
        return array.astype(np.uint8)
    if array.dtype.kind not in "iu":
        raise VideoReadError(f"{name} has values that are no whole numbers; expected 0 to 255")
    if array.min() < 0 or array.max() > 255:
        raise VideoReadError(f"{name} has values from {array.min()} to {array.max()}; expected 0 to 255")
    return array.astype(np.uint8)


def _decoded(text: str, stem: Path, name: str) -> Path:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise VideoReadError(f"{name} is no base64: {e}") from e
    suffix = next((s for at, mark, s in _KINDS if data[at : at + len(mark)] == mark), None)
    if suffix is None:
        kinds = ", ".join(s for *_, s in _KINDS)
        raise VideoReadError(f"{name} is the base64 of an unknown kind of file; expected one of {kinds}")
    path = stem.with_suffix(suffix)
    path.write_bytes(data)
    return path


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _error(status: int, message: str) -> bytes:
    code = "INTERNAL_ERROR" if status >= 500 else "INVALID_PARAMETER_VALUE"
    return json.dumps({"error_code": code, "message": message}).encode()
