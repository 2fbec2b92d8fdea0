"""A function of the truth whose last answer is kept: several methods are compared with one truth, which costs once."""

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from torch import Tensor

_T = TypeVar("_T")


class Remembered(Generic[_T]):
    """Calls a function of one tensor, and remembers what it said of the last one for as long as that very tensor lives.

    The tensor must not be changed in between.

    Args:
        function: of one tensor.
        name: for the names of scores.
    """

    def __init__(self, function: Callable[[Tensor], _T], name: str = "") -> None:
        self.function, self.name = function, name
        self._last: tuple[weakref.ref[Tensor], _T] | None = None

    def __call__(self, tensor: Tensor) -> _T:
        """What the function says of this tensor."""
        if self._last is None or self._last[0]() is not tensor:
            self._last = None  # before the next one is made, as both may be large
            self._last = weakref.ref(tensor), self.function(tensor)
        return self._last[1]

    def __deepcopy__(self, memo: dict[int, object]) -> "Remembered[_T]":
        """Copies of a metric share what is remembered."""
        return self

    def __getstate__(self) -> dict[str, object]:
        """Without what is remembered: weak references cannot be pickled."""
        return {"function": self.function, "name": self.name, "_last": None}
