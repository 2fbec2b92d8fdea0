"""What lies behind everything: sky, hills and light of a domain, and patterns on the ground averaged over what a pixel sees."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inpaintdiff.data.synthetic.canvas import Field, Picture
from inpaintdiff.data.synthetic.solids import Light, Pinhole, Rgb

MARKS = np.array([0.90, 0.90, 0.86])
PAVING = np.array([0.60, 0.58, 0.55])
_DASH, _PERIOD = 3.0, 9.0  # metres of a lane mark and between the beginnings of two


@dataclass(frozen=True)
class Weather:
    """What a domain looks like.

    Attributes:
        zenith, horizon: colours of the sky.
        hills: colour of what is far away.
        light: see `Light`; its `towards` is set by the drive.
        night: 0 to 1: how much lamps shine.
        wet: 0 to 1: how much the road reflects.
        clouds: how strong clouds are.
    """

    zenith: Rgb
    horizon: Rgb
    hills: Rgb
    light: Light
    night: float = 0.0
    wet: float = 0.0
    clouds: float = 0.0


_UP = (0.0, 1.0, 0.0)
DOMAINS = {
    "day": Weather(
        (0.33, 0.55, 0.85), (0.76, 0.85, 0.93), (0.46, 0.56, 0.60),
        Light((0.52, 0.55, 0.60), (0.66, 0.62, 0.52), _UP, (0.74, 0.82, 0.88), 260.0), clouds=0.5,
    ),
    "dusk": Weather(
        (0.28, 0.30, 0.52), (0.98, 0.66, 0.42), (0.34, 0.28, 0.36),
        Light((0.36, 0.33, 0.40), (0.62, 0.38, 0.20), _UP, (0.82, 0.56, 0.42), 180.0, (0.10, 0.09, 0.07)),
        night=0.55, clouds=0.3,
    ),
    "night": Weather(
        (0.03, 0.04, 0.10), (0.13, 0.13, 0.21), (0.055, 0.06, 0.09),
        Light((0.22, 0.23, 0.30), (0.0, 0.0, 0.0), _UP, (0.09, 0.095, 0.15), 130.0, (0.85, 0.79, 0.64)),
        night=1.0,
    ),
    "rain": Weather(
        (0.50, 0.54, 0.58), (0.68, 0.70, 0.72), (0.50, 0.54, 0.56),
        Light((0.58, 0.60, 0.63), (0.06, 0.06, 0.06), _UP, (0.66, 0.69, 0.71), 80.0, (0.04, 0.04, 0.035)),
        night=0.45, wet=1.0, clouds=0.5,
    ),
}  # fmt: skip


class Sky:
    """Sky with clouds or a low sun, hills, and a skyline over a town.

    Args:
        weather: domain.
        rng: draws clouds, hills and where the sun stands.
        camera: of all frames.
        size: height and width, pixels.
        town: with a skyline?
    """

    def __init__(self, weather: Weather, rng: np.random.Generator, camera: Pinhole, size: int, town: bool) -> None:
        self.weather, self.town, self.focal = weather, town, camera.focal
        self.hills = np.stack([rng.uniform(1.5, 9, size=5), rng.uniform(0, 2 * np.pi, size=5)], axis=1)
        self.skyline = rng.uniform(0.2, 1.0, size=97)
        self.cloud = rng.standard_normal((11, 30))
        self.sun = float(rng.uniform(-0.9, 0.9))  # azimuth from the direction in which the camera looks at first
        middle = np.arange(size) + 0.5
        self._bearing = np.arctan2(middle - camera.x, camera.focal)
        self._rise = np.tan(np.arctan2(camera.y - middle, camera.focal) - camera.tilt)

    def light(self, turned: float) -> Light:
        """The light as seen by a camera that has turned by an angle since the beginning."""
        base, azimuth = self.weather.light, self.sun - turned
        height = 0.25 if self.weather.night else 0.75
        flat = np.sqrt(1 - height**2)
        towards = (float(flat * np.sin(azimuth)), height, float(flat * np.cos(azimuth)))
        return Light(base.ambient, base.sun, towards, base.haze, base.clear, base.lamps)

    def draw(self, turned: float) -> Picture:
        """All rows; those below the horizon are for the ground to be painted over."""
        weather = self.weather
        bearing = self._bearing + turned
        height = np.clip(self._rise / 0.55, 0, 1)[:, None, None]
        sky = np.asarray(weather.horizon) + (height**0.7) * (np.asarray(weather.zenith) - np.asarray(weather.horizon))
        sky = np.broadcast_to(sky, (len(self._rise), len(self._bearing), 3)).copy()
        if weather.clouds:
            veil = self._clouds(bearing)[..., None] * weather.clouds
            sky += veil * (np.asarray(weather.horizon) * 1.06 - sky)
        if weather.light.sun[0] > 0.3 and weather.night:
            away = np.hypot((self._bearing - (self.sun - turned))[None, :], self._rise[:, None] - 0.06)
            sky += np.exp(-((away / 0.22) ** 2))[..., None] * np.array([0.5, 0.3, 0.12])
            sky += np.clip((0.045 - away) / 0.02, 0, 1)[..., None] * np.array([0.5, 0.45, 0.3])
        far = 0.045 * (1.1 + np.sin(bearing[:, None] * self.hills[:, 0] + self.hills[:, 1]).sum(axis=1) / 3)
        self._silhouette(sky, far, np.asarray(weather.hills))
        if self.town:
            place = (bearing % (2 * np.pi)) / (2 * np.pi) * len(self.skyline)
            near = 0.10 * self.skyline[place.astype(int) % len(self.skyline)] ** 2 + 0.01
            self._silhouette(sky, near, np.asarray(weather.hills) * 0.82)
        return sky

    def _silhouette(self, sky: Picture, top: Float[np.ndarray, " w"], colour: np.ndarray) -> None:
        cover = np.clip((top[None, :] - self._rise[:, None]) * self.focal + 0.5, 0, 1)[..., None]
        sky += cover * (colour - sky)

    def _clouds(self, bearing: Float[np.ndarray, " w"]) -> Field:
        """Smooth noise, stretched along the horizon, that turns with the camera; 0 to 1."""
        rows, columns = self.cloud.shape
        u = (bearing % (2 * np.pi)) / (2 * np.pi) * columns
        v = np.clip(self._rise, 0, 0.7) / 0.7 * (rows - 2)
        i, j = v.astype(int), u.astype(int)
        f, g = (lambda z: z * z * (3 - 2 * z))(v - i)[:, None], (lambda z: z * z * (3 - 2 * z))(u - j)[None, :]
        j, k = j % columns, (j + 1) % columns
        upper = self.cloud[i][:, j] * (1 - g) + self.cloud[i][:, k] * g
        lower = self.cloud[i + 1][:, j] * (1 - g) + self.cloud[i + 1][:, k] * g
        noise = upper * (1 - f) + lower * f
        return np.clip(noise * 0.6 + 0.15, 0, 1) * np.clip(self._rise / 0.08, 0, 1)[:, None]


class Texture:
    """Waves on the ground, each averaged over what a pixel sees of it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.waves = np.stack([
            rng.uniform(0.4, 2.6, size=6), rng.uniform(-2.6, 2.6, size=6), rng.uniform(0, 2 * np.pi, size=6)
        ], axis=1)  # fmt: skip

    def at(self, run: np.ndarray, d: np.ndarray, long: np.ndarray, wide: np.ndarray) -> np.ndarray:
        """About -1 to 1 at places along and across a road, metres, of which a pixel sees so many metres."""
        total = np.zeros(np.broadcast_shapes(run.shape, d.shape))
        for k, q, phase in self.waves:
            total += np.sin(k * run + q * d + phase) * np.sinc(k * long / (2 * np.pi)) * np.sinc(q * wide / (2 * np.pi))
        return total / 2


def strip(d: np.ndarray, blur: np.ndarray, low: float, high: float) -> np.ndarray:
    """Share of a pixel, which sees `blur` metres round d, that lies between two offsets."""
    return np.clip((np.minimum(d + blur / 2, high) - np.maximum(d - blur / 2, low)) / blur, 0, 1)


def dashes(run: np.ndarray, long: np.ndarray) -> np.ndarray:
    """Share of the metres of road that a pixel sees which are lane mark."""

    def painted(x: np.ndarray) -> np.ndarray:
        """Metres of lane mark up to x."""
        return np.floor(x / _PERIOD) * _DASH + np.minimum(x % _PERIOD, _DASH)

    return (painted(run + long / 2) - painted(run - long / 2)) / long


def over(picture: np.ndarray, colour: np.ndarray, share: np.ndarray) -> np.ndarray:
    return picture + share[..., None] * (colour - picture)
