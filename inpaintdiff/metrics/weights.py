"""Published weights of feature networks: strictly loaded from a file that the user names, or not at all."""

import logging
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from inpaintdiff.errors import CheckpointError

logger = logging.getLogger(__name__)


def load_weights(network: nn.Module, path: Path | str, ignore: Iterable[str] = (), prefix: str = "") -> None:
    """Fill a network from a file of tensors, in place; afterwards it is in evaluation mode and takes no gradients.

    A metric on random features looks like a number and means nothing, so that anything but the very tensors is refused.

    Args:
        network: gets the weights.
        path: a `torch.save`d dictionary of tensors; nothing else in it is unpickled.
        ignore: names (their first parts) of tensors that the file may have and the network has not.
        prefix: that the file's names may all have before those of the network.

    Raises:
        CheckpointError: no such file, or not the weights of this network.
    """
    path, kind = Path(path), type(network).__name__
    if not path.is_file():
        raise CheckpointError(
            f"there are no weights at {path}; expected the published file of {kind}. Without it there is no such metric"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        named = {k.removeprefix(prefix): v for k, v in state.items()}
        kept = {k: v for k, v in named.items() if k.split(".")[0] not in set(ignore)}
        network.load_state_dict(kept)
    except Exception as e:  # torch.load raises whatever the bytes of a foreign file lead it to
        first = str(e).strip().splitlines()
        raise CheckpointError(f"{path} has not the weights of {kind}: {' '.join(first)[:200]}") from e
    network.eval().requires_grad_(False)
    logger.info("%s has the weights of %s", kind, path)
