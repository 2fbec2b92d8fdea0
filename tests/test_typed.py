"""The tests' own checker of types sees what it is there for, in the package as it is imported here."""

import inspect
import sys
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from beartype.roar import BeartypeCallHintParamViolation, BeartypeCallHintReturnViolation, BeartypeCallHintViolation
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.data.video import to_uint8
from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.types import VideoClip
from tests.typed import Loader as Checked
from tests.typed import typed, typed_class

FRAMES, HOLE, INDEX = torch.zeros(3, 3, 4, 4), torch.ones(3, 1, 4, 4, dtype=torch.bool), torch.arange(3)


def test_the_package_is_checked():
    """Functions, methods, dataclasses; axes must agree between arguments."""
    batch = FRAMES[None], HOLE[None], INDEX[None]
    condition(*batch)
    VideoClip(FRAMES, HOLE, INDEX)
    with pytest.raises(BeartypeCallHintParamViolation):
        condition(batch[0], batch[1], batch[2].float())
    with pytest.raises(BeartypeCallHintParamViolation):
        condition(batch[0], batch[1][..., :2], batch[2])
    with pytest.raises(BeartypeCallHintParamViolation):
        VideoClip(FRAMES, HOLE.float(), INDEX)
    with pytest.raises(BeartypeCallHintParamViolation):
        KarrasGrid().grid("ten")
    with pytest.raises(BeartypeCallHintParamViolation):
        to_uint8(FRAMES.numpy())


def test_every_function_of_the_package_is_checked():
    """Whatever a module defines with annotations carries the mark of the checker."""
    checked = 0
    for module in [m for name, m in sys.modules.items() if name.startswith("inpaintdiff.")]:
        for thing in vars(module).values():
            if inspect.isfunction(thing) and thing.__module__ == module.__name__ and thing.__annotations__:
                assert hasattr(thing, "__wrapped__"), f"{module.__name__}.{thing.__qualname__}"
                checked += 1
    assert checked > 50


def test_results_are_checked_by_the_axes_of_the_arguments():
    @typed
    def twice(x: Float[Tensor, "a b"], wrong: bool = False) -> Float[Tensor, "a b"]:
        return x.T if wrong else 2 * x

    assert twice(torch.ones(2, 3)).shape == (2, 3)
    assert twice(torch.ones(3, 2)).shape == (3, 2), "axes are forgotten after a call"
    with pytest.raises(BeartypeCallHintReturnViolation):
        twice(torch.ones(2, 3), wrong=True)
    assert twice(torch.ones(2, 2), wrong=True).shape == (2, 2)


def test_a_function_that_calls_another_keeps_its_own_axes():
    @typed
    def inner(x: Float[Tensor, " a"]) -> int:
        return len(x)

    @typed
    def outer(x: Float[Tensor, " a"], broken: bool) -> Float[Tensor, " a"]:
        return torch.zeros(inner(torch.zeros(7)) if broken else len(x))

    assert len(outer(torch.zeros(2), broken=False)) == 2
    with pytest.raises(BeartypeCallHintViolation):
        outer(torch.zeros(2), broken=True)


def test_dataclasses_are_checked_when_they_are_made():
    @typed_class
    @dataclass(frozen=True)
    class Pair:
        x: Float[Tensor, " a"]
        y: Float[Tensor, " a"]

    Pair(torch.zeros(2), torch.zeros(2))
    with pytest.raises(BeartypeCallHintParamViolation):
        Pair(torch.zeros(2), torch.zeros(3))


def test_bytecode_of_checked_modules_is_not_kept(tmp_path, monkeypatch):
    """A process without the checker would take it for its own."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for loader, kept in ((Checked, False), (SourceFileLoader, True)):
        path = tmp_path / f"{loader.__name__}.py"
        path.write_text("def half(x: int) -> float:\n    return x / 2\n")
        spec = spec_from_file_location(path.stem, path, loader=loader(path.stem, str(path)))
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        assert Path(cache_from_source(path)).exists() == kept
        assert hasattr(module.half, "__wrapped__") != kept
