"""The one composite: every pixel outside the hole is the source's own, bit for bit."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def composite(
    source: Float[Tensor, "*f c h w"], painted: Float[Tensor, "*f c h w"], hole: Bool[Tensor, "*f 1 h w"]
) -> Float[Tensor, "*f c h w"]:
    """`painted` inside the hole, `source` elsewhere; selected, not blended, so that neither rounds nor leaks the other (NaN included).

    Returns:
        In the type of `source`.
    """
    return torch.where(hole, painted.to(source.dtype), source)
