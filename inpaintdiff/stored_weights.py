"""How the numbers of a model lie in its file: exact, in half the bytes, or in a quarter of them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from inpaintdiff.errors import CheckpointError

WEIGHT_TYPES = ("float32", "float16", "int8")

_SCALE = ".int8_scale"
_LARGEST = 127


def pack(state: Mapping[str, Tensor], dtype: str) -> dict[str, Tensor]:
    """The tensors that go to the file.

    Args:
        state: a state dict.
        dtype: `float32`: as they are. `float16`: each weight to 0.05 %. `int8`: matrices and kernels as whole numbers of 1/127 of the
            largest weight of their output channel, so that none is off by more than 1/254 of that; vectors as float16.

    Raises:
        CheckpointError: an unknown `dtype`.
    """
    if dtype not in WEIGHT_TYPES:
        raise CheckpointError(f"weights cannot be stored as {dtype!r}; expected one of {', '.join(WEIGHT_TYPES)}")
    packed: dict[str, Tensor] = {}
    for name, value in state.items():
        if dtype == "float32" or not value.is_floating_point():
            packed[name] = value
        elif dtype == "int8" and value.ndim > 1:
            exact = value.detach().float()
            scale = exact.flatten(1).abs().amax(1) / _LARGEST
            # a channel of zeros, as layers that begin as the identity have, has no scale to divide by
            steps = exact / _by_channel(scale.where(scale > 0, torch.ones(())), exact)
            packed[name], packed[name + _SCALE] = steps.round().to(torch.int8), scale
        else:
            packed[name] = value.half()
    return packed


def unpack(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The state dict of what `pack` gave; what was stored as `int8` becomes float32.

    Raises:
        CheckpointError: whole numbers without a scale that fits them, or a scale without its numbers.
    """
    state = {k: v for k, v in tensors.items() if not k.endswith(_SCALE)}
    for key in tensors.keys() - state.keys():
        name, scale = key.removesuffix(_SCALE), tensors[key]
        steps = state.get(name)
        if steps is None or steps.dtype != torch.int8 or scale.shape != steps.shape[:1]:
            raise CheckpointError(
                f"{source} holds a scale for the weight {name} that does not fit it; the file is damaged"
            )
        state[name] = steps.float() * _by_channel(scale.float(), steps)
    if bare := [k for k, v in state.items() if v.dtype == torch.int8]:
        raise CheckpointError(f"{source} lacks the scale of the weight {bare[0]}; the file is damaged")
    return state


def _by_channel(scale: Tensor, like: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (like.ndim - 1))
