"""`inpaintdiff models` on a real store: what is registered is listed, shown and found again."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from inpaintdiff.checkpoint import file_digest, load_denoiser, save_model
from inpaintdiff.cli import main
from inpaintdiff.errors import RegistryError
from inpaintdiff.registry import list_models, resolve_model, tracking
from tests.test_checkpoint import CARD, CONFIG, lightning_file, random_state


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "runs" / "mlflow.db"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("weights") / "m.safetensors", CONFIG, random_state(), CARD)


def models(store: Path, *args: str) -> int:
    return main(["models", *args, "--tracking-uri", f"sqlite:///{store}"])


def test_register_list_show(store: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(store, "list") == 0
    out = capsys.readouterr().out
    assert "no models in" in out
    assert "built in: builtin:traffic, builtin:traffic-fast, builtin:dashcam, builtin:cars;" in out
    assert not store.exists(), "looking makes no database"

    assert models(store, "register", str(weights), "--name", "tiny") == 0
    assert "--model models:/tiny@champion" in capsys.readouterr().out
    # a checkpoint of training becomes a file on its way
    checkpoint = lightning_file(tmp_path / "last.ckpt")
    assert models(store, "register", str(checkpoint), "--name", "tiny", "--alias", "candidate") == 0
    assert models(store, "register", str(weights), "--name", "other", "--alias", "") == 0
    assert "--model models:/other/1" in capsys.readouterr().out

    assert models(store, "list") == 0
    lines = [re.split(r"  +", line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["MODEL", "VERSION", "ALIASES", "REGISTERED", "RUN", "TAGS"]
    assert [line[:3] for line in lines[1:4]] == [
        ["other", "1", "-"],
        ["tiny", "2", "candidate"],
        ["tiny", "1", "champion"],
    ]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d", line[3]) for line in lines[1:4])
    assert all(re.fullmatch(r"[0-9a-f]{32}", line[4]) for line in lines[1:4])
    assert all(line[5].startswith("inpaintdiff=") for line in lines[1:4])

    uri = f"sqlite:///{store}"
    found = resolve_model("models:/tiny@candidate", tracking(uri=uri))
    assert load_denoiser(found)[1].config == CONFIG
    assert models(store, "show", "models:/tiny@champion") == 0
    out = capsys.readouterr().out
    assert out.startswith("# tiny\n\nA model for tests.\n")
    assert file_digest(weights) in out
    assert "registered  tiny version 1, aliases: champion" in out
    assert "registered  other version 1, aliases: none" in out
    assert models(store, "show", str(weights)) == 0
    assert "registered" not in capsys.readouterr().out

    assert models(store, "register", str(weights), "--name", "tiny", "--alias", "candidate") == 0
    assert [(e.version, e.aliases) for e in list_models(tracking(uri=uri)) if e.name == "tiny"] == [
        ("2", ()),
        ("1", ("candidate", "champion")),
    ]


def test_what_is_no_model_gets_one_sentence(
    store: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.safetensors").write_text("no model")
    for args, message in (
        (("show", "nowhere.safetensors"), "there is no model file"),
        (("show", str(tmp_path / "text.safetensors")), "is not a model file"),
        (("show", "models:/nobody@champion"), "no model"),
        (("show", "baseline:telea"), "has no weights"),
        (("register", "baseline:telea"), "has no weights"),
        (("register", "models:/tiny@champion"), "in the registry already"),
        (("register", str(weights), "--name", "a/b"), "cannot name a model"),
    ):
        assert models(store, *args) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err
        assert err.count("\n") == 1
    assert main(["models", "list", "--tracking-uri", "./runs"]) == 2
    assert "is no MLflow store" in capsys.readouterr().err


def test_an_address_decides_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert tracking(uri=f"sqlite:///{tmp_path}/a.db").database == tmp_path / "a.db"
    assert tracking(uri="postgresql+psycopg2://u:p@db/mlflow").uri.startswith("postgresql")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "runs")
    with pytest.raises(RegistryError, match="expected http"):
        tracking()


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    """As `inpaintdiff models show builtin | head`."""
    command = [sys.executable, "-m", "inpaintdiff", "models", "show", "builtin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        said = process.stderr.read() if process.stderr is not None else ""
    assert (process.returncode, said) == (1, "")
