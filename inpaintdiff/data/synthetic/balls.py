"""A second world for tests of generalisation: balls that roll on a table and bounce, without friction, so that energy is kept exactly.

Collisions are computed at the moment when they happen, not stepped over: what goes into a hidden region determines what comes out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from inpaintdiff.data.synthetic.canvas import Canvas, Picture
from inpaintdiff.data.synthetic.following import STEP

_COLOURS = (
    (0.86, 0.16, 0.14), (0.95, 0.78, 0.12), (0.14, 0.34, 0.80), (0.95, 0.95, 0.92),
    (0.16, 0.58, 0.30), (0.93, 0.48, 0.12), (0.48, 0.20, 0.62), (0.10, 0.10, 0.12),
)  # fmt: skip
_CLOTHS = ((0.12, 0.42, 0.30), (0.16, 0.30, 0.48), (0.45, 0.20, 0.22), (0.40, 0.38, 0.34))
_CUSHION = 0.045  # share of the picture that the border takes on each side
_SUN = np.array([0.35, 0.5])  # shift of shadows, radii


@dataclass(frozen=True)
class BallBox:
    """Where a ball is in a frame.

    Attributes:
        frame, vehicle: numbers.
        kind: ball.
        x1, y1, x2, y2: the box round it, pixels from the upper left corner.
        red, green, blue: its colour, 0 to 255.
    """

    frame: int
    vehicle: int
    kind: str
    x1: float
    y1: float
    x2: float
    y2: float
    red: int
    green: int
    blue: int


@dataclass(frozen=True, eq=False)
class BallScene:
    """A simulated table with its truth.

    Attributes:
        frames: what the camera saw.
        hole: a rectangle in the middle, hidden for the whole clip.
        tracks: all balls in all frames.
        labels: nothing is drawn that has a name.
    """

    frames: UInt8[np.ndarray, "t h w 3"]
    hole: Bool[np.ndarray, "h w"]
    tracks: tuple[BallBox, ...]
    labels: dict[str, str]


class Table:
    """Balls in a square of side 1, with a mass that grows as the square of the radius.

    Args:
        rng: draws how many balls, and their sizes, places and velocities.

    Attributes:
        place, velocity: of every ball; sides, sides a second.
        radius: of every ball, sides.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        count = int(rng.integers(3, 8))
        place: list[np.ndarray] = []
        radius: list[float] = []
        while len(place) < count:
            r = float(rng.uniform(0.04, 0.075))
            p = rng.uniform(_CUSHION + r, 1 - _CUSHION - r, size=2)
            if all(np.hypot(*(p - q)) > r + s + 0.01 for q, s in zip(place, radius, strict=True)):
                place.append(p)
                radius.append(r)
        angle, speed = rng.uniform(0, 2 * np.pi, size=count), rng.uniform(0.12, 0.5, size=count)
        self.place: Float[np.ndarray, "n 2"] = np.array(place)
        self.velocity: Float[np.ndarray, "n 2"] = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        self.radius: Float[np.ndarray, " n"] = np.array(radius)

    def energy(self) -> float:
        """Of motion; it never changes."""
        return float((self.radius[:, None] ** 2 * self.velocity**2).sum() / 2)

    def run(self, steps: int, seconds: float = STEP) -> Iterator[None]:
        """Go on after each of so many steps."""
        for _ in range(steps):
            left = seconds
            while True:
                when, what = self._next()
                if when >= left:
                    break
                self.place += when * self.velocity
                left -= when
                self._bounce(*what)
            self.place += left * self.velocity
            yield

    def _next(self) -> tuple[float, tuple[int, int]]:
        """Seconds until the next collision, and between whom: two balls, or a ball and -1 - axis for a wall."""
        best: tuple[float, tuple[int, int]] = (np.inf, (0, 0))
        for axis in (0, 1):
            x, v = self.place[:, axis], self.velocity[:, axis]
            end = np.where(v > 0, 1 - _CUSHION - self.radius, _CUSHION + self.radius)
            with np.errstate(divide="ignore", invalid="ignore"):
                when = np.where(v != 0, np.maximum((end - x) / v, 0), np.inf)
            k = int(when.argmin())
            best = min(best, (float(when[k]), (k, -1 - axis)))
        for i in range(len(self.place)):
            for j in range(i):
                d, w = self.place[i] - self.place[j], self.velocity[i] - self.velocity[j]
                b = float(d @ w)
                if b >= 0:
                    continue
                square = b * b - float(w @ w) * (float(d @ d) - (self.radius[i] + self.radius[j]) ** 2)
                if square > 0:
                    when_ij = max(0.0, (-b - float(np.sqrt(square))) / float(w @ w))
                    best = min(best, (when_ij, (i, j)))
        return best

    def _bounce(self, i: int, j: int) -> None:
        if j < 0:
            self.velocity[i, -1 - j] *= -1
            return
        normal = self.place[i] - self.place[j]
        normal = normal / np.hypot(*normal)
        a, b = self.radius[i] ** 2, self.radius[j] ** 2
        impulse = 2 * float(normal @ (self.velocity[i] - self.velocity[j])) / (a + b)
        self.velocity[i] -= impulse * b * normal
        self.velocity[j] += impulse * a * normal


def simulate_balls(seed: int, frames: int = 64, size: int = 64) -> BallScene:
    """Balls on a table, seen from above; equal arguments give equal bytes, on every machine with the same numpy.

    Args:
        seed: of everything.
        frames: length, 8 a second.
        size: height and width, pixels. The same seed at another size shows the same scene.
    """
    # one stream a purpose: another size or length changes none of the others
    balls, look, hidden = (np.random.default_rng([seed, k]) for k in range(3))
    table = Table(balls)
    cloth = np.array(_CLOTHS[int(look.integers(len(_CLOTHS)))]) * look.uniform(0.85, 1.15)
    colours = [_COLOURS[int(k)] for k in look.permutation(len(_COLOURS))[: len(table.place)]]
    background = _background(cloth, size)
    pictures, tracks = [], list[BallBox]()
    for t, _ in enumerate(table.run(frames)):
        canvas = Canvas(background)
        for (x, y), r in zip(table.place * size, table.radius * size, strict=True):
            canvas.shadow(x + _SUN[0] * r, y + _SUN[1] * r, 1.25 * r, 1.25 * r, 0.45)
        here = zip((table.place * size).tolist(), (table.radius * size).tolist(), colours, strict=True)
        for n, ((x, y), r, colour) in enumerate(here):
            dark = tuple(0.7 * c for c in colour)
            canvas.ellipse(x, y, r, r, dark)
            canvas.ellipse(x - 0.12 * r, y - 0.15 * r, 0.78 * r, 0.78 * r, colour)
            canvas.ellipse(x - 0.35 * r, y - 0.4 * r, 0.22 * r, 0.22 * r, (1.0, 1.0, 1.0), 0.8)
            red, green, blue = (round(c * 255) for c in colour)
            tracks.append(BallBox(t, n, "ball", x - r, y - r, x + r, y + r, red, green, blue))
        pictures.append(canvas.finish())
    half, middle = hidden.uniform(0.16, 0.25, size=2), hidden.uniform(0.42, 0.58, size=2)
    low, high = (np.rint((middle + sign * half) * size).astype(int) for sign in (-1, 1))
    hole = np.zeros((size, size), dtype=bool)
    hole[low[1] : high[1], low[0] : high[0]] = True
    return BallScene(np.stack(pictures), hole, tuple(tracks), {})


def _background(cloth: np.ndarray, size: int) -> Picture:
    middle = (np.arange(size) + 0.5) / size
    away = np.hypot((middle - 0.4)[None, :], (middle - 0.35)[:, None])
    canvas = Canvas(cloth * (1.1 - 0.35 * away[..., None]))
    edge, side = _CUSHION * size, float(size)
    for x1, y1, x2, y2 in (
        (0.0, 0.0, side, edge),
        (0.0, side - edge, side, side),
        (0.0, 0.0, edge, side),
        (side - edge, 0.0, side, side),
    ):
        canvas.box(x1, y1, x2, y2, (0.36, 0.23, 0.14))
    return canvas.picture
