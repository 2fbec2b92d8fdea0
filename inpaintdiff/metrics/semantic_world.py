"""`World`: what is known of a place that a camera above it looks at: its empty picture, its roads, and what vehicles there can do."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class World:
    """A place without vehicles, and the laws that vehicles keep there. Lengths are pixels, times are frames.

    Attributes:
        background: the place without vehicles, in [-1, 1].
        road: True where a vehicle may be.
        length, width: least and greatest of a vehicle.
        speed: no vehicle is faster, pixels a frame.
        acceleration: none changes its velocity faster, pixels a frame and frame.
    """

    background: Float[Tensor, "c h w"]
    road: Bool[Tensor, "height width"]
    length: tuple[float, float]
    width: tuple[float, float]
    speed: float
    acceleration: float

    def __post_init__(self) -> None:
        if self.background.shape[-2:] != self.road.shape:
            raise ValueError(
                f"road of shape {tuple(self.road.shape)} does not fit a background of shape {tuple(self.background.shape)}"
            )
        if not 0 < self.width[0] <= self.width[1] <= self.length[1] or not 0 < self.length[0] <= self.length[1]:
            raise ValueError(
                f"vehicles {self.length} long and {self.width} wide cannot be; expected (least, greatest) in pixels"
            )
        if not self.speed > 0 or not self.acceleration > 0:
            raise ValueError(f"speed {self.speed} and acceleration {self.acceleration} must be above 0")
