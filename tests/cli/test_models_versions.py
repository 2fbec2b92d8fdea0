"""Which version is the champion, on a real store: a worse model is refused, the way back is kept, versions become plain files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inpaintdiff.checkpoint import file_digest, load_denoiser, save_model
from inpaintdiff.cli import main
from inpaintdiff.model_config import build_denoiser
from inpaintdiff.registry import Tracking, find_version, list_models, register_model, resolve_model, tracking
from tests.test_checkpoint import CARD, CONFIG, lightning_file

NAME = "ranked"
QUICK = ("--clips", "3", "--frames", "4", "--steps", "2")


def model(folder: Path, name: str, spoiled: float) -> Path:
    """A fresh network says the mean of what it knows; random weights on top of it make it worse."""
    g = torch.Generator().manual_seed(1)
    state = {k: v + spoiled * torch.randn(v.shape, generator=g) for k, v in build_denoiser(CONFIG).state_dict().items()}
    return save_model(folder / f"{name}.safetensors", CONFIG, state, {**CARD, "spoiled": spoiled})


def register(files: Path, name: str, store: Tracking) -> None:
    """Version 1 is bad and the champion; version 2, the candidate, is better; version 3 is the worst."""
    for file, spare in (("bad", None), ("good", "candidate"), ("worst", "worst")):
        register_model(files / f"{file}.safetensors", name, spare_alias=spare, store=store)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, spoiled in (("bad", 0.3), ("good", 0.0), ("worst", 1.0)):
        model(folder, name, spoiled)
    return folder


@pytest.fixture(scope="module")
def store(files: Path, tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], Path]) -> Tracking:
    store = tracking(new_store(tmp_path_factory.mktemp("versions") / "runs"))
    register(files, NAME, store)
    return store


def models(store: Tracking, *args: str) -> int:
    return main(["models", *args, "--tracking-uri", store.uri])


def aliases(store: Tracking, name: str) -> dict[str, str]:
    return {a: v.version for v in list_models(store) if v.name == name for a in v.aliases}


def test_promotion_and_the_way_back(store: Tracking, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "promoted"
    register(files, name, store)
    assert aliases(store, name) == {"champion": "1", "candidate": "2", "worst": "3"}, "a taken alias stays where it is"
    assert models(store, "promote", name, *QUICK) == 0
    assert aliases(store, name) == {"champion": "2", "worst": "3"}
    out = capsys.readouterr().out
    assert "version 2 is the champion now" in out
    assert "dB" in out

    assert models(store, "promote", name, "--version", "3", *QUICK) == 1
    out = capsys.readouterr().out
    assert aliases(store, name)["champion"] == "2"
    assert "refused: promoted version 3 does not replace version 2: PSNR hole -" in out
    assert "refused: PSNR hole -" in find_version(f"models:/{name}/3", store).tags["promotion"], "the version keeps why"

    assert models(store, "promote", name, "--version", "3", "--force", *QUICK) == 0
    assert aliases(store, name)["champion"] == "3"
    assert "forced although worse" in find_version(f"models:/{name}/3", store).tags["promotion"]
    for back in ("2", "1"):
        assert models(store, "rollback", name) == 0
        assert aliases(store, name)["champion"] == back
    assert "version 1 is the champion again, version 2 is not any more" in capsys.readouterr().out
    assert models(store, "rollback", name) == 2
    assert "has no former champion" in capsys.readouterr().err


def test_a_version_as_plain_files(
    store: Tracking, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "copies" / "champion"
    assert models(store, "pull", f"models:/{NAME}@champion", "-o", str(out)) == 0
    weights = out / "weights.safetensors"
    assert weights.read_bytes() == (files / "bad.safetensors").read_bytes()
    about = json.loads((out / "version.json").read_text())
    assert (about["name"], about["version"], about["tags"]["sha256"]) == (NAME, "1", file_digest(weights))
    assert (out / "model_card.md").read_text().startswith("# tiny")
    assert sorted(p.name for p in out.parent.iterdir()) == ["champion"], "nothing is left beside it"
    assert models(store, "pull", f"models:/{NAME}@candidate", "-o", str(out)) == 2
    assert models(store, "pull", f"models:/{NAME}@candidate", "-o", str(out), "--overwrite") == 0
    assert weights.read_bytes() == (files / "good.safetensors").read_bytes()

    # a damaged store must not hand out other weights
    stored = resolve_model(f"models:/{NAME}/3", store)
    stored.write_bytes((files / "good.safetensors").read_bytes())
    capsys.readouterr()
    assert models(store, "pull", f"models:/{NAME}/3", "-o", str(tmp_path / "damaged")) == 2
    assert "SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "damaged").exists()


def test_what_two_models_differ_in(store: Tracking, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(store, "diff", f"models:/{NAME}/1", f"models:/{NAME}/2") == 0
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines() if line.startswith("card.spoiled")] == [
        ["card.spoiled", "0.3", "0.0"]
    ]
    assert "the weights differ by" in out
    assert models(store, "diff", f"models:/{NAME}/1", str(files / "bad.safetensors")) == 0
    assert "the weights are the same" in capsys.readouterr().out
    assert models(store, "diff", "builtin", f"models:/{NAME}/1") == 0
    assert "the networks differ" in capsys.readouterr().out


def test_a_checkpoint_becomes_one_file(store: Tracking, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint, out = lightning_file(tmp_path / "last.ckpt"), tmp_path / "new" / "m.safetensors"
    assert models(store, "export", str(checkpoint), "-o", str(out)) == 0
    ours, theirs = (load_denoiser(p)[0].state_dict() for p in (out, checkpoint))
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs)
    assert models(store, "export", str(checkpoint), "-o", str(out)) == 2
    half = tmp_path / "half.safetensors"
    assert models(store, "export", str(checkpoint), "--dtype", "float16", "-o", str(half)) == 0
    assert half.stat().st_size < 0.6 * out.stat().st_size
    full, small = (load_denoiser(f)[0].state_dict() for f in (out, half))
    for name, weight in full.items():
        assert small[name].dtype == weight.dtype
        torch.testing.assert_close(small[name], weight, rtol=5e-4, atol=1e-7)
    assert models(store, "export", str(checkpoint), "-o", str(tmp_path / "m.pt")) == 2
    assert "does not end in .safetensors" in capsys.readouterr().err


def test_wrong_requests_get_one_sentence(store: Tracking, capsys: pytest.CaptureFixture[str]) -> None:
    for args, message in (
        (("promote", "nobody"), "no model nobody"),
        (("promote", NAME, "--version", "9"), "no version 9"),
        (("promote", NAME, "--version", "1"), "is the champion already"),
        (("promote", NAME, "--clips", "1"), "--clips and --frames must be at least 2"),
        (("rollback", "nobody"), "no model nobody"),
        (("rollback", NAME), "has no former champion"),
        (("pull", "builtin", "-o", "x"), "is no model address"),
        (("diff", "builtin", "nowhere.ckpt"), "there is no model file"),
    ):
        assert models(store, *args) == 2
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1
