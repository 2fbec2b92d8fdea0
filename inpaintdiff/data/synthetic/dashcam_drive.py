"""Traffic as met on a drive: cars ahead, beside and oncoming, each keeping its distance. No pixels here."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inpaintdiff.data.synthetic.car_models import MODELS, draw_from, paint_of
from inpaintdiff.data.synthetic.dashcam_road import BEHIND, REACH, Road
from inpaintdiff.data.synthetic.following import HARDEST, STEP, pull_towards

FASTEST = 17.0  # m/s
_MODELS = {"sedan": 0.3, "hatchback": 0.22, "suv": 0.2, "van": 0.12, "pickup": 0.08, "bus": 0.08}
_PAINTS = {"white": 0.24, "black": 0.16, "silver": 0.2, "red": 0.14, "blue": 0.12, "yellow": 0.08, "green": 0.06}


@dataclass(eq=False)
class Driver:
    """A car on the road.

    Attributes:
        number: unique within a drive; 0 is the one with the camera.
        lane: number of its lane.
        s: distance of its middle along the road, metres; oncoming ones drive towards smaller s.
        v: speed, m/s.
        model: name in `MODELS`.
        colour: RGB in [0, 1].
        pace: speed on a free road, m/s.
        pull: acceleration from rest, m/s^2.
        headway: seconds it keeps to the one in front.
        pulling: present acceleration, m/s^2.
    """

    number: int
    lane: int
    s: float
    v: float
    model: str
    colour: tuple[float, float, float]
    pace: float
    pull: float
    headway: float
    pulling: float = 0.0

    @property
    def length(self) -> float:
        return MODELS[self.model].length


class Drive:
    """A simulation that goes on for ever within a stretch that moves with the camera.

    Args:
        road: on which.
        rng: source of chance.
        gap: mean metres between cars of a lane, where nothing makes them queue.

    Attributes:
        me: the car with the camera; not among `others`.
        others: within `BEHIND` metres behind and `REACH` ahead of it.
        entered, left: how many have come into that stretch since the beginning, and gone.
    """

    def __init__(self, road: Road, rng: np.random.Generator, gap: float) -> None:
        self.road, self.rng, self._gap = road, rng, gap
        self.others: list[Driver] = []
        self.entered = self.left = 0
        self._count = 0
        self.me = self._draw(road.own, 0.0, float(rng.uniform(9.0, 14.0)))
        for lane in range(len(road.lanes)):
            s = -BEHIND + float(rng.uniform(4, gap))
            while s < REACH - 10:
                if lane != road.own or s > 14 or s < -14:
                    self._enter(self._draw(lane, s))
                s += float(rng.uniform(0.35, 1.65)) * gap + 10
        self._next = [float(rng.uniform(0.35, 1.65)) * gap + 10 for _ in road.lanes]

    def run(self, steps: int) -> Iterator[list[Driver]]:
        """Yield the other cars after each of so many steps of `STEP` seconds; they change with the next step."""
        for _ in range(steps):
            everyone = [self.me, *self.others]
            for lane, told in enumerate(self.road.lanes):
                # in the direction of travel, the first one first
                row = sorted((a for a in everyone if a.lane == lane), key=lambda a: a.s, reverse=told.ours)
                for a, before in zip(row, [None, *row], strict=False):
                    a.pulling = max(-HARDEST, self._pull(a, before))
            for a in everyone:
                after = min(max(0.0, a.v + a.pulling * STEP), FASTEST)
                a.s += (a.v + after) / 2 * STEP * (1 if self.road.lanes[a.lane].ours else -1)
                a.v = after
            here = [a for a in self.others if -BEHIND < a.s - self.me.s < REACH]
            self.left += len(self.others) - len(here)
            self.others = here
            for lane in range(len(self.road.lanes)):
                self._arrive(lane)
            yield self.others

    def _pull(self, a: Driver, before: Driver | None) -> float:
        if before is None:
            return a.pull * (1 - (a.v / a.pace) ** 4)
        gap = abs(before.s - a.s) - (a.length + before.length) / 2
        return pull_towards(a.v, a.pace, a.pull, a.headway, gap, before.v)

    def _arrive(self, lane: int) -> None:
        """At the far end if the lane is empty there; slower cars only, where it goes our way: faster ones come from behind."""
        end = self.me.s + REACH
        places = [a.s for a in self.others if a.lane == lane] + ([self.me.s] if lane == self.road.own else [])
        room = end - max(places, default=-np.inf)
        new = None
        if room > self._next[lane]:
            new = self._draw(lane, end - 1e-3)
            if self.road.lanes[lane].ours:
                new = new if new.v < self.me.v - 0.5 else None
        if new is None and self.road.lanes[lane].ours and lane != self.road.own:
            back = self.me.s - BEHIND + 1e-3
            if min(places, default=np.inf) - back > self._next[lane] and self.rng.random() < 0.05:
                new = self._draw(lane, back)
                new = new if new.v > self.me.v + 1.0 else None
        if new is not None:
            self._enter(new)
            self._next[lane] = float(self.rng.uniform(0.35, 1.65)) * self._gap + 10

    def _enter(self, new: Driver) -> None:
        self.others.append(new)
        self.entered += 1

    def _draw(self, lane: int, s: float, pace: float | None = None) -> Driver:
        rng = self.rng
        model = draw_from(_MODELS, rng)
        colour = paint_of(draw_from(_PAINTS, rng), rng)
        pace = float(rng.uniform(6.5, 14.0)) if pace is None else pace
        number, self._count = self._count, self._count + 1
        return Driver(
            number, lane, s, pace * 0.9, model, colour, pace, float(rng.uniform(1.0, 1.8)), float(rng.uniform(0.8, 1.4))
        )
