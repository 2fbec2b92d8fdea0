"""What a driver sees that is no object: the sky, and the road with its marks between verges or pavements."""

import numpy as np

from inpaintdiff.data.synthetic.canvas import Picture
from inpaintdiff.data.synthetic.dashcam_road import LANE, Road, View
from inpaintdiff.data.synthetic.land import MARKS, PAVING, Sky, Texture, Weather, dashes, over, strip
from inpaintdiff.data.synthetic.solids import Light, Pinhole


class Backdrop:
    """Everything that is not an object.

    Args:
        road: what is driven on.
        weather: domain.
        rng: draws ground, texture and sky.
        camera: of all frames; level.
        size: height and width, pixels.
    """

    def __init__(self, road: Road, weather: Weather, rng: np.random.Generator, camera: Pinhole, size: int) -> None:
        self.road, self.weather, self.camera, self.size = road, weather, camera, size
        grass = np.array([(0.33, 0.43, 0.20), (0.40, 0.44, 0.22), (0.52, 0.48, 0.30)])[int(rng.integers(3))]
        self.grass = grass * rng.uniform(0.85, 1.1)
        self.asphalt = np.array([1.0, 1.0, 1.03]) * rng.uniform(0.30, 0.40)
        self._texture = Texture(rng)
        self.sky = Sky(weather, rng, camera, size, road.town)
        x, y = np.arange(size) + 0.5 - camera.x, np.arange(size) + 0.5 - camera.y
        self._rows = np.flatnonzero(y > 0.25)
        self._depth = camera.focal * camera.height / y[self._rows]
        self._step = self._depth**2 / (camera.focal * camera.height)  # metres of depth that a row sees
        self._right = x[None, :] * self._depth[:, None] / camera.focal

    def draw(self, view: View, light: Light) -> Picture:
        """Sky, hills and ground as seen from one place."""
        picture = self.sky.draw(view.turned)
        picture[self._rows] = self._ground(view, light)
        return picture

    def _ground(self, view: View, light: Light) -> Picture:
        middle, along, heading = (line[:, None] for line in view.across(self._depth))
        c, s = np.cos(heading), np.sin(heading)
        offset = self._right - middle
        d, run = offset * c, along + offset * s
        # what a pixel sees: d metres across for a column and for a row, and metres along
        wide = self._depth[:, None] / self.camera.focal * c
        slanted = (self._right / self._depth[:, None] * c - s) * self._step[:, None]
        blur = 1.15 * np.hypot(wide, slanted)
        long = self._step[:, None]
        road, edge = self.road, 2.2 if self.road.town else 0.7
        picture = self.grass * (1 + 0.11 * self._texture.at(run, d, long, blur)[..., None])
        picture = over(picture, PAVING, strip(d, blur, road.left - edge, road.right + edge))
        if road.town:
            picture = over(picture, PAVING * 1.25, strip(d, blur, road.left - 0.3, road.right + 0.3))
        tarmac = self.asphalt * (1 + 0.05 * self._texture.at(run * 0.3, d * 2, long * 0.3, blur * 2)[..., None])
        if self.weather.wet:
            mirrored = np.exp(-self._depth / 30)[:, None, None]
            tarmac = tarmac * 0.75 + self.weather.wet * 0.28 * (1 - mirrored) * np.asarray(self.weather.horizon)
        picture = over(picture, tarmac, strip(d, blur, road.left, road.right))
        for at in (road.left + 0.3, road.right - 0.3):
            picture = over(picture, MARKS, strip(d, blur, at - 0.09, at + 0.09))
        marked = dashes(run, long)
        for a, b in zip(road.lanes, road.lanes[1:], strict=False):
            at = a.offset + LANE / 2
            if a.ours != b.ours and len(road.lanes) > 2:
                for side in (-0.14, 0.14):
                    line = strip(d, blur, at + side - 0.08, at + side + 0.08)
                    picture = over(picture, MARKS, line)
            else:
                picture = over(picture, MARKS, strip(d, blur, at - 0.09, at + 0.09) * marked)
        lamp = light.lamp_share(self._right, self._depth[:, None])[..., None] * np.asarray(light.lamps)
        lit = picture * (np.asarray(light.ambient) + np.asarray(light.sun) * light.towards[1] + lamp)
        haze = (1 - np.exp(-self._depth / light.clear))[:, None, None]
        return lit + haze * (np.asarray(light.haze) - lit)
