"""The simulated worlds by name, 8 frames a second: what `data synthesize` and the data modules can make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from inpaintdiff.data.synthetic.balls import BallBox, simulate_balls
from inpaintdiff.data.synthetic.cars import MODEL_SHARES, PAINT_SHARES, simulate_car
from inpaintdiff.data.synthetic.dashcam import simulate_drive
from inpaintdiff.data.synthetic.image_box import ImageBox
from inpaintdiff.data.synthetic.land import DOMAINS
from inpaintdiff.data.synthetic.scene import VARIANTS, KindTrackPoint, TrackPoint, simulate_scene
from inpaintdiff.data.video import to_unit
from inpaintdiff.errors import SettingError
from inpaintdiff.types import VideoClip


@runtime_checkable
class Simulated(Protocol):
    """A clip with its truth.

    Attributes:
        frames: uint8 [t h w 3].
        hole: bool [h w] where it is still, [t h w] otherwise; True is hidden.
        tracks: rows of one dataclass.
        labels: what was drawn that has a name.
    """

    @property
    def frames(self) -> np.ndarray: ...
    @property
    def hole(self) -> np.ndarray: ...
    @property
    def tracks(self) -> tuple[Any, ...]: ...
    @property
    def labels(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class World:
    """A simulator.

    Attributes:
        name: of its data sets.
        about: what is seen, for people.
        simulate: from seed, frames, size and variant.
        columns: of its tracks, by variant; "" stands for all others.
        variants: names; the first is the default.
        shares: probabilities of labels that nothing seen tells of, by label and value.
    """

    name: str
    about: str
    simulate: Callable[[int, int, int, str], Simulated]
    columns: Mapping[str, type]
    variants: tuple[str, ...] = ("default",)
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def columns_of(self, variant: str) -> type:
        """The dataclass of its tracks' rows."""
        return self.columns.get(variant, self.columns[""])


def _drive(seed: int, frames: int, size: int, variant: str) -> Simulated:
    return simulate_drive(seed, frames, size, None if variant == "default" else variant)


WORLDS = {
    "traffic": World(
        "traffic",
        "Simulated traffic on roundabouts and junctions seen from above",
        lambda seed, frames, size, variant: simulate_scene(seed, frames, size, variant=variant),
        {"": TrackPoint, "bicycles": KindTrackPoint},
        tuple(VARIANTS),
    ),
    "dashcam": World(
        "dashcam", "Simulated drives seen from behind the windscreen", _drive, {"": ImageBox}, ("default", *DOMAINS)
    ),
    "cars": World(
        "cars",
        "Simulated cars of drawn model and paint before a moving background",
        lambda seed, frames, size, variant: simulate_car(seed, frames, size),
        {"": ImageBox},
        shares={"model": MODEL_SHARES, "paint": PAINT_SHARES},
    ),
    "balls": World(
        "balls",
        "Simulated balls that bounce on a table",
        lambda seed, frames, size, variant: simulate_balls(seed, frames, size),
        {"": BallBox},
    ),
}


def find_world(name: str, variant: str | None) -> tuple[World, str]:
    """A world by name, and the name of its variant; the default one where None is given.

    Raises:
        SettingError: there is no such world or variant.
    """
    if name not in WORLDS:
        raise SettingError(f"there is no world {name!r}; expected one of {', '.join(WORLDS)}")
    world = WORLDS[name]
    variant = world.variants[0] if variant is None else variant
    if variant not in world.variants:
        raise SettingError(f"the world {name} has no variant {variant!r}; expected one of {', '.join(world.variants)}")
    return world, variant


def world_clip(name: str, seed: int, frames: int = 32, size: int = 64, variant: str | None = None) -> VideoClip:
    """A clip of a world for models: frames in [-1, 1], the hole on every frame.

    Raises:
        SettingError: there is no such world or variant.
    """
    world, variant = find_world(name, variant)
    scene = world.simulate(seed, frames, size, variant)
    # a copy: torch takes no arrays that cannot be written to
    hole = np.array(np.broadcast_to(scene.hole, (frames, size, size)))
    return VideoClip(to_unit(scene.frames), torch.from_numpy(hole).unsqueeze(1), torch.arange(frames))
