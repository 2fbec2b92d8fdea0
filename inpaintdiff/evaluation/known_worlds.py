"""What is known of the clips of a simulated data set beside their pictures: the place of each, and the cars that may be in its hole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.synthetic.cars import MODEL_SHARES, PAINT_SHARES
from inpaintdiff.data.synthetic.truth import car_appearances, traffic_world
from inpaintdiff.metrics.semantic_world import World

# frames that cars are told apart in; drawing 35 cars takes half a second a frame
_LOOKED_AT = 1

Cars = Mapping[tuple[str, str], Float[Tensor, "few 3 h w"]]


def _unknown(video: str) -> None:
    return None


@dataclass(frozen=True)
class Known:
    """What is known of videos by their names. Whether a video really shows it is for `Meaning` to check.

    Attributes:
        place: of a video; None where it is not known.
        cars: the first frames of a video with every car that may be in its hole, by model and paint; None where they are not known.
        shares: probabilities of these models and paints.
    """

    place: Callable[[str], World | None] = _unknown
    cars: Callable[[str], Cars | None] = _unknown
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def known_by_seed(world: str, size: int) -> Known:
    """What is known of simulated clips that are named `WORLD-SEED`.

    Args:
        world: of usual traffic, or of cars; of other worlds nothing is.
        size: height and width, pixels.
    """

    def seed(video: str) -> int:
        return int(video.removeprefix(f"{world}-"))

    if world == "traffic":
        return Known(lambda video: traffic_world(seed(video), size))
    if world == "cars":
        shares = {"model": MODEL_SHARES, "paint": PAINT_SHARES}
        return Known(cars=lambda video: car_appearances(seed(video), _LOOKED_AT, size), shares=shares)
    return Known()


def known_of(data: WholeClips) -> Known:
    """What the seeds of a data set's clips tell; nothing of clips that were not simulated."""
    shares = data.source.shares
    if data.height != data.width:
        return Known()
    seeds = {data.name(i): entry.seed for i, entry in enumerate(data.entries)}
    size = data.height

    def place(video: str) -> World | None:
        seed = seeds[video]
        return None if seed is None else traffic_world(seed, size)

    def cars(video: str) -> Cars | None:
        seed = seeds[video]
        return None if seed is None else car_appearances(seed, _LOOKED_AT, size)

    if {kind: set(odds) for kind, odds in shares.items()} == {"model": set(MODEL_SHARES), "paint": set(PAINT_SHARES)}:
        return Known(cars=cars, shares=shares)
    return Known(place)
