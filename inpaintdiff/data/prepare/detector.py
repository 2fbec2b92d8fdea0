"""Vehicles in a picture, by a YOLOX network in an ONNX file. The only module that needs onnxruntime."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from inpaintdiff.errors import SettingError

_STRIDES = (8, 16, 32)
_GREY = 114
# COCO's numbers of what drives and has a box of its own.
_VEHICLES = {2: "car", 5: "bus", 7: "truck"}
_SCORE, _OVERLAP = 0.3, 0.5


@dataclass(frozen=True)
class Detection:
    """A vehicle in a picture: its box in pixels, how sure the network is (0 to 1), and what it is."""

    x1: float
    y1: float
    x2: float
    y2: float
    score: float
    kind: str


class Detector:
    """YOLOX as its authors export it: BGR from 0 to 255 on a grey square, boxes relative to a grid.

    Args:
        path: the .onnx file.

    Raises:
        SettingError: onnxruntime is not installed, or the file is no such network.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as e:
            raise SettingError(
                "a detector needs onnxruntime, which is not installed; pip install 'inpaintdiff[detect]', or give tracks:"
                " a MOT file NAME.txt beside each video"
            ) from e
        options = onnxruntime.SessionOptions()
        # sources are worked on side by side; a session that takes all cores would only get in the way
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            given = self._session.get_inputs()[0]
            self._name, self._height, self._width = given.name, int(given.shape[2]), int(given.shape[3])
        except Exception as e:  # onnxruntime's errors have no common base of their own
            raise SettingError(
                f"{path} cannot be loaded as an ONNX network ({type(e).__name__}); expected YOLOX"
            ) from e
        cells = sum((self._height // s) * (self._width // s) for s in _STRIDES)
        shape: list[Any] = self._session.get_outputs()[0].shape
        if list(shape[1:]) != [cells, 85]:
            raise SettingError(f"{path} gives an array of {shape}; expected YOLOX's [1, {cells}, 85]")

    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> list[Detection]:
        """Vehicles in an RGB picture, the surest first."""
        height, width = frame.shape[:2]
        scale = min(self._height / height, self._width / width)
        h, w = round(height * scale), round(width * scale)
        square = np.full((self._height, self._width, 3), _GREY, dtype=np.uint8)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        square[:h, :w] = cv2.resize(frame, (w, h), interpolation=how)[:, :, ::-1]
        (raw,) = self._session.run(None, {self._name: square.transpose(2, 0, 1)[None].astype(np.float32)})
        return decoded(raw[0], self._height, self._width, scale)


def decoded(raw: Float[np.ndarray, "cells 85"], height: int, width: int, scale: float) -> list[Detection]:
    """Boxes from what the network says of each cell of its grids.

    Args:
        raw: middle (in cells, from the cell's corner), logarithm of the size (in cells), objectness, 80 class scores.
        height, width: of the network's input.
        scale: pixels of the input for one of the picture.
    """
    corners, strides = _grids(height, width)
    middles = (raw[:, :2] + corners) * strides
    halves = np.exp(raw[:, 2:4].clip(-10, 10)) * strides / 2
    boxes = np.concatenate([middles - halves, middles + halves], axis=1) / scale
    kinds = list(_VEHICLES)
    scores = raw[:, 4:5] * raw[:, [5 + k for k in kinds]]
    best = scores.max(axis=1)
    order = [int(i) for i in np.argsort(-best, kind="stable") if best[i] >= _SCORE]
    kept: list[int] = []
    for i in order:
        if all(overlap(boxes[i], boxes[j]) < _OVERLAP for j in kept):
            kept.append(i)
    found = []
    for i in kept:
        x1, y1, x2, y2 = (float(v) for v in boxes[i])
        found.append(Detection(x1, y1, x2, y2, float(best[i]), _VEHICLES[kinds[int(scores[i].argmax())]]))
    return found


def overlap(a: Float[np.ndarray, " 4"], b: Float[np.ndarray, " 4"]) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    common = w * h
    return float(common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common))


def _grids(height: int, width: int) -> tuple[Float[np.ndarray, "cells 2"], Float[np.ndarray, "cells 1"]]:
    corners, strides = [], []
    for stride in _STRIDES:
        ys, xs = np.meshgrid(np.arange(height // stride), np.arange(width // stride), indexing="ij")
        corners.append(np.stack([xs.ravel(), ys.ravel()], axis=1).astype(np.float64))
        strides.append(np.full((xs.size, 1), float(stride)))
    return np.concatenate(corners), np.concatenate(strides)
