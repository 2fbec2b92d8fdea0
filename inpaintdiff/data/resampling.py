"""Other sizes, exactly as the evaluation code of E2FGVI and ProPainter makes them: published numbers depend on it."""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image


def resized(frames: UInt8[np.ndarray, "t h w 3"], height: int, width: int) -> UInt8[np.ndarray, "t height width 3"]:
    """Frames at another size, bilinear on 8-bit values, without smoothing."""
    if frames.shape[1:3] == (height, width):
        return frames
    return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_LINEAR) for f in frames])


def resized_hole(hole: Bool[np.ndarray, "t h w"], height: int, width: int) -> Bool[np.ndarray, "t height width"]:
    """A hole at another size, by the nearest pixel."""
    if hole.shape[1:] == (height, width):
        return hole
    pictures = (Image.fromarray(h.astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST) for h in hole)
    return np.stack([np.asarray(p) > 0 for p in pictures])


def dilated_by_cross(hole: Bool[np.ndarray, "t h w"], times: int) -> Bool[np.ndarray, "t h w"]:
    """A hole, grown so many times by the 4 neighbours of each of its pixels."""
    if times == 0:
        return hole
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return np.stack([cv2.dilate(h.astype(np.uint8), cross, iterations=times) > 0 for h in hole])
