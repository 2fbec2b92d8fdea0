"""Drawing on a picture: edges anti-aliased by exact distances, and a record of which object is seen where. Colours are RGB in [0, 1]."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from jaxtyping import Bool, Float, UInt8

Colour = Sequence[float] | Float[np.ndarray, "3"]
Picture = Float[np.ndarray, "h w 3"]
Field = Float[np.ndarray, "h w"]
Corners = Float[np.ndarray, "n 2"]


class Canvas:
    """A picture that things are painted on from the farthest to the nearest.

    Args:
        background: what lies behind everything; copied.

    Attributes:
        seen: by object, how much of each pixel it has, after all that was painted later.
        whole: by object, the sum over pixels that it would have if nothing hid it.
        extent: by object, x1, y1, x2, y2 of the pixels that it would have.
    """

    def __init__(self, background: Picture) -> None:
        self.picture = background.copy()
        self.height, self.width = background.shape[:2]
        self._x = np.arange(self.width) + 0.5
        self._y = np.arange(self.height) + 0.5
        self.seen: dict[int, Field] = {}
        self.whole: dict[int, float] = {}
        self.extent: dict[int, tuple[int, int, int, int]] = {}
        self._current: Field | None = None
        self._touched = (slice(0, 0), slice(0, 0))  # rows and columns that the current object has been painted on

    @contextmanager
    def object(self, number: int | None = None) -> Iterator[None]:
        """What is painted within belongs together, and hides what was painted before; with a number it is kept in `seen`."""
        if number is None and not self.seen:
            yield  # it hides nothing that is kept
            return
        self._current = np.zeros((self.height, self.width))
        self._touched = (slice(self.height, 0), slice(self.width, 0))
        yield
        if self._touched[0].start < self._touched[0].stop:
            rest = 1 - self._current[self._touched]
            for field in self.seen.values():
                field[self._touched] *= rest
        if number is not None:
            self.seen[number] = self._current
            self.whole[number] = float(self._current.sum())
            touched: Bool[np.ndarray, "h w"] = self._current > 0.02
            (y1, y2), (x1, x2) = _ends(touched.max(axis=1)), _ends(touched.max(axis=0))
            self.extent[number] = x1, y1, x2, y2
        self._current = None

    def visible(self, number: int) -> float:
        """Share of an object that is neither hidden nor outside of the picture's parts that it was painted on; 0 to 1."""
        whole = self.whole.get(number, 0.0)
        return float(self.seen[number].sum() / whole) if whole > 0 else 0.0

    def polygon(self, corners: Corners, colour: Colour, alpha: float = 1.0) -> None:
        """Fill a convex polygon, corners in pixels, in either sense of rotation."""
        if (at := self._around(corners)) is not None:
            self._paint(at, self._covers(corners[None], at)[0] * alpha, colour)

    def solid(
        self,
        outline: Float[np.ndarray, "m 2"],
        polygons: Float[np.ndarray, "n k 2"],
        colours: Float[np.ndarray, "n 3"],
        faces: int,
    ) -> None:
        """A convex thing: its outline is filled once, with the colours of the faces that share it and of what is on them.

        Faces painted one by one would let the background shine through where they meet.

        Args:
            outline: of the whole, pixels.
            polygons: first the visible faces, then details that lie on them, in the order in which they are painted.
            colours: of each.
            faces: how many of them are faces.
        """
        at = self._around(outline)
        if at is None or faces == 0:
            return
        cover = self._covers(outline[None], at)[0]
        shares = self._covers(polygons, at)
        # the faint share keeps pixels that no face's edge reaches from dividing by nothing
        weights = shares[:faces] + 1e-6
        mixed = np.tensordot(weights / weights.sum(axis=0), colours[:faces], axes=(0, 0))
        for share, colour in zip(shares[faces:], colours[faces:], strict=True):
            mixed += share[..., None] * (colour - mixed)
        self._paint(at, cover, mixed)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, alpha: float = 1.0) -> None:
        """Fill an ellipse with axes along the picture's; middle and radii in pixels."""
        at = self._patch(x - rx, x + rx, y - ry, y + ry)
        if at is None or min(rx, ry) <= 0:
            return
        u, v = (self._x[at[1]] - x)[None, :], (self._y[at[0]] - y)[:, None]
        level = np.hypot(u / rx, v / ry)
        # first-order distance: level over the length of its gradient
        slope = np.hypot(u / rx**2, v / ry**2) / np.maximum(level, 1e-6)
        cover = np.clip(0.5 - (level - 1) / np.maximum(slope, 1e-6), 0, 1)
        area = np.pi * rx * ry
        if area < 1.5 and (total := float(cover.sum())) > area:
            cover *= area / total
        self._paint(at, cover * alpha, colour)

    def box(self, x1: float, y1: float, x2: float, y2: float, colour: Colour, alpha: float = 1.0) -> None:
        """Fill a rectangle; every pixel gets exactly its share."""
        at = self._patch(x1, x2, y1, y2)
        if at is None:
            return
        x, y = self._x[at[1]], self._y[at[0]]
        across = np.clip(np.minimum(x + 0.5, x2) - np.maximum(x - 0.5, x1), 0, 1)
        down = np.clip(np.minimum(y + 0.5, y2) - np.maximum(y - 0.5, y1), 0, 1)
        self._paint(at, down[:, None] * across[None, :] * alpha, colour)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """Add light that fades within `radius` pixels; light hides nothing."""
        at = self._patch(x - radius, x + radius, y - radius, y + radius)
        if at is None or radius <= 0:
            return
        away = np.hypot((self._x[at[1]] - x)[None, :], (self._y[at[0]] - y)[:, None]) / radius
        light = strength * np.maximum(1 - away, 0) ** 2
        self.picture[at] += light[..., None] * np.asarray(colour)

    def shade(self, at: tuple[slice, slice], share: Field) -> None:
        """Darken by a share of what is there: shadows hide nothing."""
        self.picture[at] *= 1 - share[..., None]

    def shadow(self, x: float, y: float, rx: float, ry: float, strength: float) -> None:
        """A soft elliptic shadow; middle and radii in pixels."""
        at = self._patch(x - rx, x + rx, y - ry, y + ry)
        if at is None or min(rx, ry) <= 0:
            return
        level = np.hypot((self._x[at[1]] - x)[None, :] / rx, (self._y[at[0]] - y)[:, None] / ry)
        self.shade(at, strength * np.clip(2 * (1 - level), 0, 1))

    def finish(self) -> UInt8[np.ndarray, "h w 3"]:
        """The picture in 8 bits."""
        return np.rint(np.clip(self.picture, 0, 1) * 255).astype(np.uint8)

    def _around(self, corners: Corners) -> tuple[slice, slice] | None:
        if len(corners) < 3:
            return None
        (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
        return self._patch(x1, x2, y1, y2)

    def _covers(self, polygons: Float[np.ndarray, "n k 2"], at: tuple[slice, slice]) -> Float[np.ndarray, "n h w"]:
        """Share of each pixel of a patch that convex polygons have; corners may be repeated."""
        x, y = self._x[at[1]], self._y[at[0]]
        edges = np.concatenate([polygons[:, 1:], polygons[:, :1]], axis=1) - polygons
        lengths = np.sqrt(edges[..., 0] ** 2 + edges[..., 1] ** 2)
        twice = (polygons[..., 0] * edges[..., 1] - polygons[..., 1] * edges[..., 0]).sum(axis=1)
        out = edges[..., ::-1] * (1, -1) * (np.sign(twice)[:, None] / np.maximum(lengths, 1e-9))[..., None]
        start = (out * polygons).sum(axis=-1) + np.where(lengths < 1e-9, 1e9, 0.0)
        # signed distance to every edge; the largest is the one to the polygon
        distance = np.full((len(polygons), len(y), len(x)), -np.inf)
        for k in range(polygons.shape[1]):
            columns = out[:, k, :1] * x - start[:, k, None]
            np.maximum(distance, (out[:, k, 1:] * y)[:, :, None] + columns[:, None, :], out=distance)
        cover = np.clip(0.5 - distance, 0, 1)
        area = np.abs(twice) / 2
        if (thin := area < lengths.sum(axis=1) / 2).any():
            # thinner than a pixel: distances alone would make it too strong
            total = np.maximum(cover.sum(axis=(1, 2)), 1e-9)
            cover *= np.where(thin, np.minimum(area / total, 1), 1)[:, None, None]
        return cover

    def _patch(self, x1: float, x2: float, y1: float, y2: float) -> tuple[slice, slice] | None:
        """Rows and columns that a shape with these ends can touch; None if it is out of sight."""
        left, right = max(0, int(np.floor(x1 - 1))), min(self.width, int(np.ceil(x2 + 1)))
        top, bottom = max(0, int(np.floor(y1 - 1))), min(self.height, int(np.ceil(y2 + 1)))
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None

    def _paint(self, at: tuple[slice, slice], cover: Field, colour: Colour | Picture) -> None:
        part = self.picture[at]
        part += cover[..., None] * (np.asarray(colour) - part)
        if self._current is not None:
            held = self._current[at]
            held += cover * (1 - held)
            rows, columns = self._touched
            self._touched = (
                slice(min(rows.start, at[0].start), max(rows.stop, at[0].stop)),
                slice(min(columns.start, at[1].start), max(columns.stop, at[1].stop)),
            )


def _ends(marked: Bool[np.ndarray, " n"]) -> tuple[int, int]:
    """First marked place, and the one behind the last."""
    at = np.flatnonzero(marked)
    return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)
