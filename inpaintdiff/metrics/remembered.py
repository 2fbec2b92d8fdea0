"""A function of the truth whose last answer is kept: several methods are compared with one truth, which costs once."""

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from torch import Tensor

_T = TypeVar("_T")
# (tensor, function) -> what the function says of the tensor, looked up where it was asked before
LookUp = Callable[[Tensor, Callable[[Tensor], _T]], _T]


class Remembered(Generic[_T]):
    """Calls a function of one tensor, and remembers what it said of the last one for as long as that very tensor lives.

    The tensor must not be changed in between.

    Args:
        function: of one tensor.
        name: for the names of scores.
        look_up: where else an answer may be had, as from files of an earlier process; by default the function is called.
    """

    def __init__(self, function: Callable[[Tensor], _T], name: str = "", look_up: LookUp[_T] | None = None) -> None:
        self.function, self.name, self._look_up = function, name, look_up
        self._last: tuple[weakref.ref[Tensor], _T] | None = None

    def __call__(self, tensor: Tensor) -> _T:
        """What the function says of this tensor."""
        if self._last is None or self._last[0]() is not tensor:
            self._last = None  # before the next one is made, as both may be large
            said = self.function(tensor) if self._look_up is None else self._look_up(tensor, self.function)
            self._last = weakref.ref(tensor), said
        return self._last[1]

    def __deepcopy__(self, memo: dict[int, object]) -> "Remembered[_T]":
        """Copies of a metric share what is remembered."""
        return self

    def __getstate__(self) -> dict[str, object]:
        """Without what is remembered: weak references cannot be pickled."""
        return {"function": self.function, "name": self.name, "_look_up": self._look_up, "_last": None}
