"""A pytest plugin: annotations of `inpaintdiff`, shapes included, are checked by beartype at every call.

jaxtyping's own plugin does the same at two to three times the price of a whole test run: it binds and checks the arguments of a call twice,
makes all checkers on import, used or not, and its hook makes Python compile whatever the package imports anew, torch included.
Here a checker is made at the first call, and checks once.
"""

import ast
import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FunctionType, ModuleType
from typing import Any, TypeVar

from beartype import beartype
from jaxtyping import jaxtyped

PACKAGE = "inpaintdiff"
T = TypeVar("T")

# What an axis' name stands for is the same in one call, and forgotten after it.
_axes = jaxtyped("context")


def typed(function: Callable[..., T]) -> Callable[..., T]:
    """The function with its arguments and result checked."""
    checked: Callable[..., T] | None = None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> T:
        __tracebackhide__ = True
        nonlocal checked
        if checked is None:
            checked = beartype(_resolved(function))
        with _axes:
            return checked(*args, **kwargs)

    return call


def _resolved(function: Callable[..., T]) -> Callable[..., T]:
    """The function with annotations instead of their texts; what a text names need not be there, as it may be imported for mypy alone."""
    hints = function.__annotations__
    if not any(isinstance(hint, str) for hint in hints.values()):
        return function
    assert isinstance(function, FunctionType)
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    functools.update_wrapper(copy, function)
    del copy.__wrapped__
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__annotations__ = {name: _meaning(hint, function.__globals__) for name, hint in hints.items()}
    return copy


def _meaning(hint: Any, names: dict[str, Any]) -> Any:
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, names)
    except (NameError, TypeError):
        return Any


def typed_class(cls: type[T]) -> type[T]:
    """A dataclass with the values that it is made of checked; other classes as they are, their methods are functions."""
    made = vars(cls).get("__dataclass_params__")
    if dataclasses.is_dataclass(cls) and made is not None and made.init:
        cls.__init__ = typed(cls.__init__)  # type: ignore[method-assign]
    return cls


class _Decorate(ast.NodeTransformer):
    """`@typed` next to every function that says something of its types, and `@typed_class` over every class."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        if node.returns is not None or any(a is not None and a.annotation is not None for a in every):
            node.decorator_list.append(_name("typed", node))
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.decorator_list.insert(0, _name("typed_class", node))
        self.generic_visit(node)
        return node


def _name(name: str, where: ast.stmt) -> ast.expr:
    expression = ast.Name(f"__{name}__", ast.Load())
    return ast.copy_location(expression, where)


class Loader(SourceFileLoader):
    """Of modules whose types are checked."""

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:  # type: ignore[override]
        tree = _Decorate().visit(ast.parse(data, path))
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)

    def path_stats(self, path: Any) -> Any:
        """Not known: Python neither reads nor writes bytecode then, which processes without this plugin would take for theirs."""
        raise OSError

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(__typed__=typed, __typed_class__=typed_class)
        super().exec_module(module)


class Finder(MetaPathFinder):
    """Of the package's modules."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.partition(".")[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


if PACKAGE in sys.modules:
    raise RuntimeError(f"{PACKAGE} is imported already, its types cannot be checked any more")
sys.meta_path.insert(0, Finder())
