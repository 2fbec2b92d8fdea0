"""Packages that training does without: imported when they are first used, with a sentence where they are missing.

A machine that only trains (`fit` on clips that are simulated, with a local log) needs neither PyAV nor decord nor MLflow.
"""

import importlib
from types import ModuleType
from typing import Any

from inpaintdiff.errors import MissingPackageError


class LazyPackage:
    """Stands for a package until a name of it is asked for.

    Args:
        name: that `import` knows.
        purpose: what this package does with it, for the sentence.
        install: name on the package index, where it is another.
    """

    def __init__(self, name: str, purpose: str, install: str | None = None) -> None:
        self._name, self._purpose, self._install = name, purpose, install or name
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> Any:
        """The package's own attribute.

        Raises:
            MissingPackageError: the package is not installed.
        """
        if attribute.startswith("__"):  # doctest, inspect and pickle ask every object for such names
            raise AttributeError(attribute)
        if self._module is None:
            try:
                self._module = importlib.import_module(self._name)
            except ModuleNotFoundError as e:
                raise MissingPackageError(
                    f"{self._name} is not installed, and {self._purpose} needs it; try: pip install {self._install}"
                ) from e
        return getattr(self._module, attribute)
