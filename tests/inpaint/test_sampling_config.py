"""What is left to the model and to the device, and what is not."""

import json
import subprocess
import sys
from types import MappingProxyType

import pytest
import torch

from inpaintdiff.cli.plan import _CALLS, _ONCE_A_STEP
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.sampling import CALLS, SOLVER, SamplingConfig

OWN = {"sampling": {"solver": "ddim", "calls": 4}}


def test_solver_and_calls_are_the_models_unless_given() -> None:
    plain = SamplingConfig().resolved({})
    assert (plain.solver, plain.calls) == (SOLVER, CALLS)
    own = SamplingConfig().resolved(OWN)
    assert (own.solver, own.calls) == ("ddim", 4)
    given = SamplingConfig(solver="heun", calls=9).resolved(OWN)
    assert (given.solver, given.calls) == ("heun", 9)
    assert given.resolved({}) == given


def test_a_plan_without_a_model_knows_the_same_defaults() -> None:
    """It is made without importing torch, so they are written down twice."""
    assert (_ONCE_A_STEP, _CALLS) == (SOLVER, CALLS)
    said = subprocess.run(
        [sys.executable, "-m", "inpaintdiff", "plan", "--frames", "16", "--json"], capture_output=True, text=True
    )
    assert json.loads(said.stdout)["calls"] % CALLS == 0


@pytest.mark.parametrize(
    ("known", "wanted"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"bf16": True}, "bf16"), ({"avx2": True}, "fp32")],
)
def test_auto_takes_bf16_where_the_processor_knows_it(
    known: dict[str, bool], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType(known))
    assert SamplingConfig(precision="auto").resolved({}, "cpu").precision == wanted
    assert SamplingConfig(precision="fp32").resolved({}, "cpu").precision == "fp32"


def test_another_precision_is_refused() -> None:
    with pytest.raises(SettingError, match="fp32, bf16 or auto, got 'half'"):
        SamplingConfig(precision="half")
