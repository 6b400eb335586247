"""From a Recipe to a living Rule. Runs in workers only, since it runs the tool's code.

A tool of a script or notebook is found without running the script: only the statements that the tool needs are
executed (`slice_for`). So no `if __name__ == "__main__"` guard is needed and no training starts inside a worker.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import linecache
import os
import symtable
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from rlar.types import Query, Recipe, Rule, content_key

MISSING = object()


class FunctionRule:
    """A user's function as a Rule; it needs nothing from the query beforehand."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def prepare(self, query: Query) -> None:
        return None

    def rate(self, response: str, query: Query, prepared: None) -> Any:
        return self.function(response, query)


class StaleError(Exception):
    """The module of a tool has changed since this process imported it: a new process is needed."""


_imported_at: dict[str, int] = {}  # module: when its file had last changed


def _changed_at(module: str) -> int:
    """Nanoseconds; 0 for what has no file."""
    try:
        return os.stat(getattr(sys.modules[module], "__file__", None) or "").st_mtime_ns  # noqa: PTH116
    except OSError:
        return 0


def load(recipe: Recipe) -> Rule:
    """The tool of a recipe. Raises whatever its code raises; ImportError where it cannot be found."""
    thing = find(recipe)
    if isinstance(thing, type):
        return cast(Rule, thing(**dict(recipe.config)))
    if hasattr(thing, "rate"):
        return cast(Rule, thing)
    if callable(thing):
        return cast(Rule, FunctionRule(thing))
    raise TypeError(f"{recipe.attribute} in {recipe.where[:200]} is a {type(thing).__name__}, not a class or function")


def preload(names: Sequence[str]) -> None:
    """Import each "module", or import and call each "module:function"; what fails is left to whoever needs it."""
    for name in names:
        module, _, function = name.partition(":")
        with contextlib.suppress(Exception):
            loaded = importlib.import_module(module)
            if function:
                getattr(loaded, function)()


def find(recipe: Recipe) -> Any:
    """The class, function or object that a recipe names."""
    if recipe.kind == "import":
        found = _imported(recipe.where, recipe.attribute)
        if found is MISSING and recipe.file:
            return _from_file(recipe.file, recipe.attribute)
        if found is MISSING:
            raise ImportError(f"module {recipe.where} has no {recipe.attribute}, or cannot be imported in a worker")
        return found
    if recipe.kind == "file":
        return _from_file(recipe.where, recipe.attribute)
    if recipe.kind == "source":
        cell = f"<{recipe.attribute} {content_key(recipe.where)[:8]}>"
        return _attribute(_run(recipe.where, cell, recipe.attribute), recipe.attribute)
    raise TypeError(f'a recipe is of kind "import", "file" or "source", not {recipe.kind!r}')


def _imported(module: str, attribute: str) -> Any:
    """MISSING only if this very module is not there; an import that fails inside it is the tool's own failure."""
    if module in _imported_at and _changed_at(module) != _imported_at[module]:
        raise StaleError(module)
    ours = module not in sys.modules
    try:
        found = importlib.import_module(module)
        if ours:
            _imported_at[module] = _changed_at(module)
    except ModuleNotFoundError as e:
        if e.name is None or not (module == e.name or module.startswith(e.name + ".")):
            raise
        return MISSING
    return _attribute(vars(found), attribute, MISSING)


def _attribute(names: dict[str, Any], path: str, default: Any = None) -> Any:
    first, *rest = path.split(".")
    found = names.get(first, MISSING)
    for name in rest:
        found = getattr(found, name, MISSING)
    if found is MISSING and default is MISSING:
        return MISSING
    if found is MISSING:
        raise ImportError(
            f"there is no {path} among {', '.join(n for n in names if not n.startswith('_')) or 'nothing'}"
        )
    return found


def _from_file(path: str, attribute: str) -> Any:
    try:
        source = Path(path).read_text("utf-8")
    except OSError as e:
        raise ImportError(f"the file of the tool cannot be read: {e}") from e
    return _attribute(_run(source, path, attribute), attribute)


def _run(source: str, path: str, attribute: str) -> dict[str, Any]:
    """Execute what `attribute` needs of a file's or a cell's source, as a module of its own, and return its names."""
    first = attribute.partition(".")[0]
    name = f"rlar_tool_{content_key([path, source, first])}"
    if name in sys.modules:
        return vars(sys.modules[name])
    module = ModuleType(name)
    module.__file__ = path
    if path.startswith("<"):
        vars(module).update(_notebook_names(source, path))
        linecache.cache[path] = (
            len(source),
            None,
            source.splitlines(keepends=True),
            path,
        )  # for inspect and tracebacks
    tree = slice_for(ast.parse(source, path), first)
    sys.modules[name] = module  # dataclasses and pickle look modules up there
    folder = str(Path(path).parent)
    if not path.startswith("<") and folder not in sys.path:
        sys.path.append(folder)  # a script finds its neighbours
    try:
        exec(compile(tree, path, "exec"), vars(module))  # noqa: S102  (running the user's tool is what this is for)
    except BaseException:
        del sys.modules[name]
        raise
    return vars(module)


def _notebook_names(source: str, path: str) -> dict[str, Any]:
    """What a lone cell may lean on without an import of its own: rlar's names, and modules that other cells import."""
    from rlar import errors, types

    base = importlib.import_module("rlar.tools.base")  # a layer above: workers know it by name only
    names: dict[str, Any] = {"rlar": sys.modules["rlar"], "tool": base.tool, "RuleTool": base.RuleTool}
    for module in (types, errors):
        names.update({k: v for k, v in vars(module).items() if not k.startswith("_")})
    for name in _globals_of(symtable.symtable(source, path, "exec")):
        found = _USUAL_NAMES.get(name, name if name in sys.stdlib_module_names else None)
        if name not in names and found is not None:
            with contextlib.suppress(ImportError):
                names[name] = importlib.import_module(found)
    return names


_USUAL_NAMES = {"np": "numpy", "numpy": "numpy", "sp": "sympy", "sympy": "sympy"}


def _globals_of(table: symtable.SymbolTable) -> set[str]:
    """Names that functions inside read from the module."""
    names = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return names.union(*(_globals_of(child) for child in table.get_children()))


def slice_for(tree: ast.Module, wanted: str) -> ast.Module:
    """The part of a module that its top-level name `wanted` depends on, in order.

    Kept: statements that bind or fill a name that a kept statement reads, `from __future__`, star imports and changes
    of sys.path. A module where `wanted` is not bound by a plain statement is returned whole.
    """
    bound = [_bound(statement) for statement in tree.body]
    if not any(wanted in names for names in bound):
        return tree
    needed = {wanted}
    kept: set[int] = set()
    changed = True
    while changed:
        changed = False
        for i, statement in enumerate(tree.body):
            if i not in kept and (bound[i] & needed or _always(statement) or _fills(statement, needed)):
                kept.add(i)
                needed |= _read(statement)
                changed = True
    return ast.Module([s for i, s in enumerate(tree.body) if i in kept], tree.type_ignores)


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds; nothing inside functions and classes counts, nor a __main__ block."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.If) and "__main__" in ast.dump(statement.test):
        return set()
    names: set[str] = set()
    for node in _shallow(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def _shallow(node: ast.AST) -> list[ast.AST]:
    """The node and all below it, without the bodies of functions, classes and comprehensions."""
    found: list[ast.AST] = [node]
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp)
    if isinstance(node, (*inner, ast.GeneratorExp)):
        return found
    for child in ast.iter_child_nodes(node):
        found += _shallow(child)
    return found


def _read(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)} - set(dir(builtins))


def _always(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__" or any(alias.name == "*" for alias in statement.names)
    return isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("sys.path.")


def _fills(statement: ast.stmt, needed: set[str]) -> bool:
    """TABLE["x"] = 1, TABLE += ..., TABLE.update(...): a change of a needed name that is not bound anew."""
    if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return any(_root(t) in needed for t in targets if isinstance(t, ast.Subscript | ast.Attribute))
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        return isinstance(function, ast.Attribute) and function.attr in _FILLING and _root(function) in needed
    return False


_FILLING = frozenset({"add", "append", "extend", "insert", "setdefault", "update", "discard", "remove", "pop", "sort"})


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
