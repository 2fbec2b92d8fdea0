"""Traffic on a road map: the intelligent-driver model along driving lines, and gap acceptance where they meet. No pixels here.

Drivers follow whoever is in front of them (`following`). At a meeting place a driver
waits at the stopping line until every conflict with traffic that is already inside, or that has priority, is far enough away in
time. Who goes first is settled in that moment, pair by pair, and kept to: so bodies never overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from inpaintdiff.data.synthetic.following import HARDEST, STEP, pull_towards
from inpaintdiff.data.synthetic.road_map import RoadMap, Stretch, find_meetings
from inpaintdiff.data.synthetic.signals import Signals

_CALM = 2.0  # m/s^2: comfortable braking of plans
_PATIENCE = 8.0  # seconds at the line after which priority is no longer waited for
_AFTER, _BEFORE = 0.6, 1.6  # seconds between two vehicles at a conflict, going second and going first


@dataclass(eq=False)
class Vehicle:
    """One vehicle on its way.

    Attributes:
        number: unique within a simulation.
        line: index of its driving line.
        s, v: distance of its middle along the line, metres, and speed, m/s.
        length, width: metres.
        colour: RGB in [0, 1].
        headway: seconds it keeps to the one in front.
        pull: acceleration, m/s^2.
        pace: its share of the speed that the line allows.
        inside: has it accepted a gap?
        waited: seconds at the line.
        kind: car or bicycle.
        behind: (number of another vehicle, number of a stretch where their lines meet): there the other goes first.
    """

    number: int
    line: int
    s: float
    v: float
    length: float
    width: float
    colour: tuple[float, float, float]
    headway: float
    pull: float
    pace: float
    inside: bool = False
    waited: float = 0.0
    kind: str = "car"
    behind: set[tuple[int, int]] = field(default_factory=set)


_COLOURS = (
    (0.93, 0.93, 0.92), (0.95, 0.95, 0.97), (0.09, 0.09, 0.11), (0.17, 0.18, 0.20), (0.60, 0.62, 0.64),
    (0.75, 0.10, 0.10), (0.12, 0.24, 0.62), (0.90, 0.72, 0.10), (0.10, 0.42, 0.30), (0.85, 0.40, 0.10),
)  # fmt: skip


class Traffic:
    """A simulation that goes on for ever; equal maps, generators and densities give equal traffic.

    Args:
        road_map: where.
        rng: source of chance.
        density: mean arrivals per arm and second.
        bicycles: share of arrivals that are bicycles.
        signals: traffic lights at the stopping lines.
    """

    def __init__(
        self,
        road_map: RoadMap,
        rng: np.random.Generator,
        density: float = 0.12,
        bicycles: float = 0.0,
        signals: Signals | None = None,
    ) -> None:
        self.map = road_map
        self.rng = rng
        self.vehicles: list[Vehicle] = []
        self.entered = 0
        self.left = 0
        self._bicycles = bicycles
        self._signals = signals
        self._steps = 0
        self._rates = density * rng.uniform(0.5, 1.5, size=len(road_map.arms))
        self._ways: list[list[int]] = [
            [i for i, x in enumerate(road_map.lines) if x.arms[0] == a] for a in range(len(road_map.arms))
        ]
        met = find_meetings(road_map.lines)
        # plain lists: single numbers are looked up, which numpy is slow at
        self._project = met.project.tolist()
        self._stretches = met.stretches
        self._speeds = [x.speed.tolist() for x in road_map.lines]
        self._spacing = float(road_map.lines[0].length / (len(road_map.lines[0].xy) - 1))

    def run(self, steps: int) -> Iterator[list[Vehicle]]:
        """Yield the vehicles after each of so many steps of `STEP` seconds; they change with the next step."""
        for _ in range(steps):
            self._steps += 1
            self._arrive()
            self._accept()
            pulls = [self._pull(a) for a in self.vehicles]
            for a, pull in zip(self.vehicles, pulls, strict=True):
                after = max(0.0, a.v + pull * STEP)
                a.s += (a.v + after) / 2 * STEP
                a.v = after
            gone = [a for a in self.vehicles if a.s >= self.map.lines[a.line].length]
            self.left += len(gone)
            self.vehicles = [a for a in self.vehicles if a not in gone]
            yield self.vehicles

    def greens(self) -> tuple[bool, ...]:
        """Which arms have green now; all where there are no lights."""
        arms = range(len(self.map.arms))
        return tuple(self._signals is None or self._signals.is_green(arm, self._steps * STEP) for arm in arms)

    def _arrive(self) -> None:
        for arm, rate in enumerate(self._rates):
            drawn = self.rng.random()
            if drawn >= rate * STEP or not self._ways[arm]:
                continue
            new = self._draw_vehicle(arm)
            ahead = [b for b in self.vehicles if self.map.lines[b.line].arms[0] == arm]
            last = min(ahead, key=lambda b: b.s, default=None)
            if last is not None:
                room = last.s - (last.length + new.length) / 2 - 2.0
                if room < 2.0:
                    continue
                new.v = min(new.v, last.v + room / 4, room / new.headway)
            self.vehicles.append(new)
            self.entered += 1

    def _draw_vehicle(self, arm: int) -> Vehicle:
        rng = self.rng
        # chance is asked only where there are bicycles: traffic of cars alone stays what it was
        if self._bicycles and rng.random() < self._bicycles:
            return self._draw_bicycle(arm)
        line = self._ways[arm][int(rng.integers(len(self._ways[arm])))]
        large = rng.random() < 0.12
        length = rng.uniform(5.6, 6.6) if large else rng.uniform(4.0, 5.0)
        width = rng.uniform(2.2, 2.45) if large else rng.uniform(1.8, 2.05)
        colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
        pace = rng.uniform(0.85, 1.1)
        v = pace * self._speeds[line][0]
        return Vehicle(
            self.entered, line, 0.0, v, length, width, colour, rng.uniform(0.9, 1.4), rng.uniform(1.3, 2.0), pace
        )

    def _draw_bicycle(self, arm: int) -> Vehicle:
        rng = self.rng
        line = self._ways[arm][int(rng.integers(len(self._ways[arm])))]
        colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
        pace = rng.uniform(0.45, 0.6)
        v = pace * self._speeds[line][0]
        return Vehicle(
            self.entered,
            line,
            0.0,
            v,
            1.8,
            0.7,
            colour,
            rng.uniform(0.9, 1.4),
            rng.uniform(0.9, 1.3),
            pace,
            kind="bicycle",
        )

    def _accept(self) -> None:
        greens = self.greens()
        waiting = [a for a in self.vehicles if not a.inside]
        for a in sorted(waiting, key=lambda x: (-x.waited, x.number)):
            line = self.map.lines[a.line]
            distance = line.stop - a.s - a.length / 2
            if a.v < 0.5 and distance < 4:
                a.waited += STEP
            first = not any(
                b.s > a.s for b in self.vehicles if not b.inside and self.map.lines[b.line].arms[0] == line.arms[0]
            )
            if not first or not greens[line.arms[0]] or distance > a.v**2 / (2 * _CALM) + 3.0:
                continue
            orders = [
                (b, k, self._order(a, b, stretch))
                for b in self.vehicles
                for k, stretch in enumerate(self._stretches[a.line][b.line])
            ]
            if any(order == "no" for _, _, order in orders):
                continue
            behind = {(b.number, k) for b, k, order in orders if order == "behind"}
            before = [(b, k) for b, k, order in orders if order == "before" and b.inside]
            a.inside, a.behind = True, behind
            for b, k in before:
                b.behind.add((a.number, k))

    def _order(self, a: Vehicle, b: Vehicle, at: Stretch) -> str:
        """May a go now as far as b is concerned? "free", "behind" (b first), "before" (a first) or "no"."""
        if b.s - b.length / 2 > at.other_end:
            return "free"
        if not b.inside and (not self._has_priority(b, a) or a.waited > _PATIENCE):
            return "free"
        reach = at.other_begin - b.s - b.length / 2
        b_in = max(0.0, reach) / max(b.v, self._speeds[b.line][self._sample(b)] * b.pace, 3.0)
        top = 6.5 if a.kind == "car" else 3.5
        a_in = _time(at.begin - a.s - a.length / 2, a.v, a.pull, top)
        if at.merges:
            # on a common lane they follow each other, so only the beginning counts
            a_out, b_out = a_in + a.length / 4.0, max(0.0, reach + b.length) / max(b.v, 2.5)
        else:
            a_out = _time(at.end - a.s + a.length / 2, a.v, a.pull, top)
            b_out = (at.other_end - b.s + b.length / 2) / max(b.v, 2.5)
        if b.inside and a_in > b_out + _AFTER:
            return "behind"
        if a_out + _BEFORE < b_in and reach > b.v**2 / (2 * _CALM):
            return "before"
        return "no"

    def _has_priority(self, b: Vehicle, a: Vehicle) -> bool:
        """Both still outside: a major road before a minor one, straight on and right before left from opposite."""
        (a_from, a_to), (b_from, b_to) = self.map.lines[a.line].arms, self.map.lines[b.line].arms
        if self.map.major[a_from] != self.map.major[b_from]:
            return self.map.major[b_from]
        n = len(self.map.arms)
        opposite = (b_from - a_from) % n == n // 2
        return opposite and (a_to - a_from) % n == n - 1 and (b_to - b_from) % n != n - 1

    def _sample(self, a: Vehicle) -> int:
        return min(round(a.s / self._spacing), len(self._speeds[a.line]) - 1)

    def _pull(self, a: Vehicle) -> float:
        """Acceleration: the least that the free road, the one in front, the stopping line and the conflicts allow."""
        pace = max(a.pace * self._speeds[a.line][self._sample(a)], 0.5)
        pull = a.pull * (1 - (a.v / pace) ** 4)
        if not a.inside:
            pull = min(pull, self._towards(a, self.map.lines[a.line].stop - a.s - a.length / 2, 0.0, 0.3))
        for b in self.vehicles:
            if b is a:
                continue
            half = (a.length + b.length) / 2
            k = self._sample(b)
            at = b.s if a.line == b.line else self._project[a.line][b.line][k] + b.s - k * self._spacing
            if (a.s < at or (at == a.s and b.number < a.number)) and at < np.inf:
                pull = min(pull, self._towards(a, at - a.s - half, b.v))
            for n, at_stretch in enumerate(self._stretches[a.line][b.line]):
                if (b.number, n) in a.behind and b.s - b.length / 2 <= at_stretch.other_end:
                    pull = min(pull, self._yielding(a, b, at_stretch))
        return max(-HARDEST, pull)

    def _yielding(self, a: Vehicle, b: Vehicle, at: Stretch) -> float:
        """a lets b go first: on a lane to come it follows b as if it were there already, elsewhere it stops before the stretch."""
        mine, theirs = at.begin - a.s, at.other_begin - b.s
        stop, gap = mine - a.length / 2 - 0.3, mine - theirs - (a.length + b.length) / 2
        if at.merges and gap > stop:
            return self._towards(a, gap, b.v)
        return self._towards(a, stop, 0.0, 0.3)

    def _towards(self, a: Vehicle, gap: float, speed: float, standing: float = 1.5) -> float:
        """The intelligent-driver model's interaction with something `gap` metres ahead that moves at `speed`."""
        pace = max(a.pace * self._speeds[a.line][self._sample(a)], 0.5)
        return pull_towards(a.v, pace, a.pull, a.headway, gap, speed, standing)


def _time(distance: float, v: float, pull: float, most: float) -> float:
    """Seconds for a distance with constant acceleration up to a speed."""
    if distance <= 0:
        return 0.0
    top = max(most, v)
    rise = (top**2 - v**2) / (2 * pull)
    if distance < rise:
        return float((np.sqrt(v**2 + 2 * pull * distance) - v) / pull)
    return float((top - v) / pull + (distance - rise) / top)
