"""What is known of a simulated place, for scores of meaning: the empty picture, the roads, and the laws of its drivers."""

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.data.synthetic.cars import MODEL_SHARES, PAINT_SHARES, simulate_car
from inpaintdiff.data.synthetic.road_map import VIEW
from inpaintdiff.data.synthetic.scene import draw_place
from inpaintdiff.data.synthetic.traffic import STEP
from inpaintdiff.data.video import to_unit
from inpaintdiff.metrics.semantic_world import World

# metres and seconds; tests hold the simulator to them
_LENGTHS, _WIDTHS = (4.0, 6.6), (1.8, 2.45)
_TOP_SPEED, _HARDEST_BRAKING = 9.9, 7.0


def traffic_world(seed: int, size: int = 64) -> World:
    """The place of the traffic scene of a seed, as `simulate_scene` shows it; nothing is simulated.

    Args:
        seed: of the scene; `dataset.json` has that of every simulated clip.
        size: height and width of its pictures.
    """
    _, camera = draw_place(seed, size)
    pixel = VIEW / size
    return World(
        background=to_unit(camera.photograph([])[None])[0],
        road=torch.from_numpy(camera.road),
        length=(_LENGTHS[0] / pixel, _LENGTHS[1] / pixel),
        width=(_WIDTHS[0] / pixel, _WIDTHS[1] / pixel),
        speed=_TOP_SPEED * STEP / pixel,
        acceleration=_HARDEST_BRAKING * STEP**2 / pixel,
    )


def car_appearances(seed: int, frames: int = 4, size: int = 64) -> dict[tuple[str, str], Float[Tensor, "t 3 h w"]]:
    """Every car that could be in the hole of a clip of the cars world, by model and paint: the modes of its answers.

    An answer shows the one that it is nearest to in the hole (`metrics.generative.nearest_mode`). How often each comes up, over many
    clips, is compared with `MODEL_SHARES` and `PAINT_SHARES` (`metrics.generative.frequencies`).

    Args:
        seed, size: of the clip.
        frames: the first so many; a few tell the cars apart.
    """
    return {
        (model, paint): to_unit(simulate_car(seed, frames, size, model, paint).frames)
        for model in MODEL_SHARES
        for paint in PAINT_SHARES
    }
