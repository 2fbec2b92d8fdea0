"""What the README shows works: commands parse with every option they name, files that it names exist, and its Python runs."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.cli.parser import DISTILL, LIGHTNING_VERBS, build_parser
from inpaintdiff.data.video import write_video

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


COMMANDS = [
    shlex.split(line, comments=True)
    for block in blocks("bash")
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("inpaintdiff ")
]


def test_there_is_something_to_test() -> None:
    assert len(COMMANDS) >= 8
    assert len(blocks("python")) >= 1


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_parse(command: list[str]) -> None:
    if command[1] in (*LIGHTNING_VERBS, DISTILL):
        config = command[command.index("--config") + 1]
        assert (ROOT / config).is_file()
    else:
        assert build_parser().parse_args(command[1:]).run


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([a-z-]+)", "\n".join(blocks("bash")), flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:conf|notebooks|docker|inpaintdiff)/[\w./-]+)`", TEXT))))
def test_files_that_are_named_exist(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    still = rng.integers(0, 256, (1, 240, 340, 3), dtype=np.uint8)
    write_video("in.mp4", np.repeat(still, 6, axis=0), 25)
    exec(compile(code, "README.md", "exec"), {})  # the README is ours
    assert sorted(p.name for p in tmp_path.glob("out-*.mp4"))
