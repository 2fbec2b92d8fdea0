"""Model files: what goes in comes out bit for bit, and nothing else is taken for a model."""

import json
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from inpaintdiff.checkpoint import BUILTIN, file_digest, load_denoiser, model_path, save_model
from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.errors import CheckpointError
from inpaintdiff.model_config import build_denoiser, check_config
from inpaintdiff.types import Conditioning

CONFIG: dict[str, Any] = {
    "network": {
        "class": "VideoUNet",
        "args": {"width": 8, "multipliers": [1, 2], "blocks": 1, "attention_levels": [1], "heads": 2, "patch": 2},
    },
    "precondition": {"class": "EDMPrediction", "args": {"sigma_data": 0.4}},
    "window": 4,
    "height": 8,
    "width": 8,
    "grid": {"class": "KarrasGrid", "args": {"sigma_max": 50.0}},
}
CARD = {"name": "tiny", "about": "A model for tests.", "optimizer_steps": 3}


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {k: torch.randn(v.shape, generator=g) for k, v in build_denoiser(CONFIG).state_dict().items()}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "m.safetensors", CONFIG, random_state(), CARD)


def lightning_file(path: Path, **changes: Any) -> Path:
    state = {f"denoiser.{k}": v for k, v in random_state().items()}
    content = {
        "state_dict": state,
        "hyper_parameters": {"denoiser": CONFIG, "seed": 0},
        "epoch": 2,
        "global_step": 7,
        **changes,
    }
    torch.save(content, path)
    return path


def test_round_trip_is_bitwise(saved: Path) -> None:
    denoiser, info = load_denoiser(saved)
    for k, v in random_state().items():
        assert torch.equal(denoiser.state_dict()[k], v)
    assert not denoiser.training
    assert info.config == check_config(CONFIG)
    assert info.card == CARD
    assert (info.window, info.step, info.size, info.grid()) == (4, 2, (8, 8), KarrasGrid(sigma_max=50.0))


def test_the_loaded_model_computes_what_the_saved_one_did(saved: Path) -> None:
    own = build_denoiser(CONFIG)
    own.load_state_dict(random_state())
    cond = Conditioning(torch.zeros(1, 4, 3, 8, 8), torch.zeros(1, 4, 1, 8, 8, dtype=torch.bool), torch.arange(4)[None])
    x, sigma = torch.randn(1, 4, 3, 8, 8), torch.tensor([1.5])
    with torch.no_grad():
        assert torch.equal(own.eval()(x, sigma, cond), load_denoiser(saved)[0](x, sigma, cond))


def test_same_input_same_bytes(saved: Path, tmp_path: Path) -> None:
    again = save_model(tmp_path / "again.safetensors", CONFIG, random_state(), CARD)
    assert again.read_bytes() == saved.read_bytes()
    assert file_digest(again) == file_digest(saved)
    assert [p.name for p in tmp_path.iterdir()] == ["again.safetensors"], "temporary files stay behind"


def test_channels_last_and_shared_weights_are_saved(tmp_path: Path) -> None:
    state = random_state()
    name = next(k for k, v in state.items() if v.ndim == 4)
    state[name] = state[name].to(memory_format=torch.channels_last)
    denoiser, _ = load_denoiser(save_model(tmp_path / "m.safetensors", CONFIG, state, CARD))
    assert torch.equal(denoiser.state_dict()[name], state[name])


def test_lightning_checkpoint_loads_without_lightning(tmp_path: Path) -> None:
    path = lightning_file(tmp_path / "last.ckpt")
    code = (
        "import sys; from inpaintdiff.checkpoint import load_denoiser; d, info = load_denoiser(sys.argv[1]);"
        "bad = {'lightning', 'mlflow', 'av', 'decord', 'cv2'} & set(sys.modules); assert not bad, bad;"
        "print(info.card['optimizer_steps'], sum(p.double().sum().item() for p in d.parameters()))"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    step, total = out.split()
    assert step == "7"
    assert float(total) == pytest.approx(sum(v.double().sum().item() for v in random_state().values()))


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    target = tmp_path / "run"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (target,)

    bomb = Bomb()
    for path in (tmp_path / "zip.ckpt", tmp_path / "bare.ckpt"):
        if path.name == "zip.ckpt":
            torch.save({"state_dict": {}, "hyper_parameters": CONFIG, "x": bomb}, path)
        else:
            path.write_bytes(pickle.dumps(bomb))
        with pytest.raises(CheckpointError):
            load_denoiser(path)
    assert not target.exists()


def one_sentence(error: CheckpointError) -> bool:
    text = str(error)
    return "\n" not in text and 20 < len(text) < 400 and not text.endswith(".")


def write_safetensors(path: Path, inside: object, state: dict[str, torch.Tensor] | None = None) -> Path:
    save_file(state if state is not None else random_state(), path, metadata={"inpaintdiff": json.dumps(inside)})
    return path


def bad_files(folder: Path) -> dict[str, Path]:
    (folder / "text.ckpt").write_text("not a model")
    (folder / "empty.ckpt").touch()
    (folder / "zip.ckpt").write_bytes(b"PK\x03\x04" + b"junk" * 20)
    state = random_state()
    first = next(iter(state))
    save_file(state, folder / "foreign.safetensors")

    def inside(**changes: Any) -> dict[str, Any]:
        return {"format": 1, "config": {**CONFIG, **changes}, "card": {}}

    network = CONFIG["network"]["args"]
    return {
        "missing": folder / "nowhere.safetensors",
        "folder": folder,
        "text": folder / "text.ckpt",
        "empty": folder / "empty.ckpt",
        "zip": folder / "zip.ckpt",
        "foreign safetensors": folder / "foreign.safetensors",
        "newer format": write_safetensors(folder / "f.safetensors", {"format": 99, "config": CONFIG}),
        "config is a list": write_safetensors(folder / "l.safetensors", {"format": 1, "config": [1]}),
        "unknown class": write_safetensors(
            folder / "u.safetensors", inside(network={"class": "os.system", "args": {}})
        ),
        "unknown argument": write_safetensors(
            folder / "a.safetensors", inside(network={"class": "VideoUNet", "args": {"wdith": 8}})
        ),
        "impossible argument": write_safetensors(
            folder / "i.safetensors", inside(network={"class": "VideoUNet", "args": {**network, "heads": 3}})
        ),
        "no window": write_safetensors(folder / "w.safetensors", inside(window=None)),
        "window true": write_safetensors(folder / "t.safetensors", inside(window=True)),
        "lacks a weight": write_safetensors(
            folder / "k.safetensors", inside(), {k: v for k, v in state.items() if k != first}
        ),
        "extra weight": write_safetensors(folder / "x.safetensors", inside(), {**state, "y": torch.ones(1)}),
        "wrong shape": write_safetensors(folder / "s.safetensors", inside(), {**state, first: torch.ones(3, 5)}),
        "foreign checkpoint": lightning_file(folder / "c.ckpt", hyper_parameters={"lr": 1}),
        "checkpoint of a list": lightning_file(folder / "d.ckpt", state_dict=[1, 2]),
        "checkpoint without weights": lightning_file(folder / "e.ckpt", state_dict={}),
    }


def test_whatever_is_not_a_model_gets_one_sentence(tmp_path: Path) -> None:
    for name, path in bad_files(tmp_path).items():
        with pytest.raises(CheckpointError) as info:
            load_denoiser(path)
        assert one_sentence(info.value), (name, str(info.value))


@pytest.mark.parametrize("kind", ["safetensors", "ckpt"])
def test_damaged_files_never_end_in_another_error(kind: str, saved: Path, tmp_path: Path) -> None:
    """Cut and flipped files either load or raise CheckpointError."""
    original = saved if kind == "safetensors" else lightning_file(tmp_path / "m.ckpt")
    data, path, rng = original.read_bytes(), tmp_path / f"damaged.{kind}", random.Random(0)
    refused = 0
    for i in range(60):
        if i % 2:
            # most of the flips go where the structure is: the first bytes and, in a zip, the last ones
            span = [len(data), 4096][i % 4 == 1]
            at = [rng.randrange(min(span, len(data))) * rng.choice([1, -1]) for _ in range(rng.choice([1, 4, 64]))]
            changed = bytearray(data)
            for a in at:
                changed[a] = rng.randrange(256)
            path.write_bytes(bytes(changed))
        else:
            path.write_bytes(data[: rng.randrange(len(data))])
        try:
            load_denoiser(path)
        except CheckpointError:
            refused += 1
    assert refused >= 30


def test_a_diverged_model_is_not_saved(tmp_path: Path) -> None:
    state = random_state()
    next(iter(state.values()))[0] = float("nan")
    with pytest.raises(CheckpointError, match="diverged"):
        save_model(tmp_path / "m.safetensors", CONFIG, state, CARD)
    assert not list(tmp_path.iterdir())


def test_a_failed_save_keeps_the_old_file(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(saved.read_bytes())
    with pytest.raises(CheckpointError, match="lacks"):
        save_model(path, CONFIG, {}, CARD)
    assert path.read_bytes() == saved.read_bytes()


def test_the_card_tells_window_and_facts(saved: Path) -> None:
    card = load_denoiser(saved)[1].card_markdown()
    assert card.startswith("# tiny\n")
    assert "4 frames of 8x8 pixels" in card
    assert "| optimizer steps | 3 |" in card


def test_builtin_is_a_model() -> None:
    path = model_path("builtin")
    assert path.name == BUILTIN["builtin:traffic"]
    assert model_path("builtin:traffic") == path
    for wrong in ("builtin:planes", "builtin:", "builtin:traffic "):
        with pytest.raises(CheckpointError, match=f"no built-in model {wrong}; expected builtin or builtin:traffic"):
            model_path(wrong)
    denoiser, info = load_denoiser("builtin")
    assert info.source == "builtin"
    assert sum(p.numel() for p in denoiser.parameters()) > 0


def test_the_fast_model_is_one_of_few_calls() -> None:
    """A student of the other: the same network at levels of its own."""
    teacher, student = (load_denoiser(name)[1] for name in ("builtin:traffic", "builtin:traffic-fast"))
    assert student.config["network"]["args"]["width"] == teacher.config["network"]["args"]["width"]
    assert student.config["sampling"]["calls"] == len(student.config["grid"]["args"]["levels"]) <= 4


def test_built_in_models_say_where_they_come_from_and_stay_a_small_download() -> None:
    for name in BUILTIN:
        _, info = load_denoiser(name)
        assert {
            "about",
            "data",
            "command",
            "optimizer_steps",
            "seed",
            "numbers",
            "limits",
            "licence",
        } <= info.card.keys(), name
        assert (info.window, info.size) == (16, (64, 64))
    assert sum(model_path(name).stat().st_size for name in BUILTIN) < 20e6
