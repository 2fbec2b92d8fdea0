"""FID's Inception out of the TorchScript file that circulates in packages: the same network, with other names and unscaled norms."""

import warnings
from pathlib import Path

import torch

from inpaintdiff.errors import CheckpointError
from inpaintdiff.metrics.inception import FIDInception

_PARTS = {"weight": "conv.weight", "beta": "bn.bias", "mean": "bn.running_mean", "var": "bn.running_var"}


def load_from_script(path: Path) -> FIDInception:
    """The network with the weights of such a file. Its code is not run: tensors are taken in order, and their shapes checked.

    Raises:
        CheckpointError: other tensors than expected.
    """
    network = FIDInception()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch is giving TorchScript up
            theirs = torch.jit.load(str(path), map_location="cpu").state_dict()
        state = network.state_dict()
        ours = [name.removesuffix(".conv.weight") for name in state if name.endswith(".conv.weight")]
        layers = list(dict.fromkeys(name.rpartition(".")[0] for name in theirs))
        for layer, name in zip(ours, layers, strict=True):
            for part, target in _PARTS.items():
                state[f"{layer}.{target}"] = theirs[f"{name}.{part}"].view_as(state[f"{layer}.{target}"]).clone()
            state[f"{layer}.bn.weight"] = torch.ones_like(state[f"{layer}.bn.weight"])
    except (RuntimeError, KeyError, ValueError) as e:
        raise CheckpointError(f"{path} has not the weights of FIDInception: {' '.join(str(e).split())[:200]}") from e
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)
