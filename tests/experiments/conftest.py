"""What the experiments' tests share."""

import pytest
import torch

from inpaintdiff.checkpoint import save_model
from inpaintdiff.model_config import build_denoiser
from tests.test_checkpoint import CARD, CONFIG


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with a tiny network of random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("m") / "model.safetensors"
    return str(save_model(path, CONFIG, build_denoiser(CONFIG).state_dict(), CARD))
