"""Where tools are kept: those built in, a user's own files, and libraries on disk.

A library is asked for tools by name, or which of its tools fit a query; it never decides (that is routing).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from rlar.errors import InputError, ToolError
from rlar.library.builtin import CATALOG
from rlar.library.loaders import load
from rlar.library.manifest import LibraryProblem
from rlar.library.store import Store
from rlar.tools.base import as_tool
from rlar.types import Query, Tool, ToolCard, content_key


class Library:
    """Tools by name. Names are unique; adding a second tool of one name replaces the first and says so in `replaced`.

    tools: your own tools (decorated functions, Tool objects). builtin: whether the built-in tools are there too; they
    are loaded one by one, when first asked for.
    """

    def __init__(self, tools: Iterable[Any] = (), *, builtin: bool = True) -> None:
        self._own: dict[str, Tool] = {}
        self._builtin = dict(CATALOG) if builtin else {}
        self._loaded: dict[str, Tool] = {}
        self._earlier: dict[str, list[Tool]] = {}  # own tools that others of their name replaced, newest last
        self.replaced: list[str] = []
        self.withdrawn: set[str] = set()  # names that had a tool until it was taken away, and have none now
        self.problems: list[str] = []
        self._dressed: Callable[[Tool], Tool] | None = None
        for thing in tools:
            self.add(thing)

    @classmethod
    def open(cls, folder: str | Path) -> Library:
        """The built-in tools, the admitted ones of a library on disk, and those that its .py files define.

        What cannot be loaded is left out and named in `problems`. Raises InputError if the folder
        is neither a library nor a folder with .py files.
        """
        path = Path(folder)
        library = cls()
        files = sorted(path.glob("*.py")) if path.is_dir() else []
        if Store.is_library(path):
            library._take(path)
        elif not files:
            raise InputError(f"{path} is no library and holds no .py file with @rlar.tool functions")
        for file in files:
            for tool in tools_of_file(file):
                library.add(tool)
        return library

    def _take(self, folder: Path) -> None:
        with Store(folder) as store:
            for row in store.current().values():
                try:
                    self.add(load(store.manifest(row), store.path(row), store.exam(row)))
                except LibraryProblem as e:
                    self.problems.append(str(e))
            self.problems.extend(store.problems)

    def add(self, thing: Any) -> Tool:
        """Take in a tool (see `as_tool`); it comes before built-in tools of the same kind."""
        tool = as_tool(thing)
        if tool.card.name in self._own or tool.card.name in self._builtin:
            self.replaced.append(tool.card.name)
        if (before := self._own.get(tool.card.name)) is not None and before is not tool:
            self._earlier.setdefault(tool.card.name, []).append(before)
        self._own[tool.card.name] = tool
        self.withdrawn.discard(tool.card.name)
        return tool

    def dress(self, dressed: Callable[[Tool], Tool]) -> None:
        """Put another tool in the place of each one: what `dressed` makes of it, under the same name.

        Routing is not touched: a dressed built-in tool is not an own one. Built-in tools are dressed when first asked
        for, own ones now; those that are added later stay as they are. Raises ToolError if a name would change.
        """
        self._own = {name: _same_name(tool, dressed(tool)) for name, tool in self._own.items()}
        self._loaded = {name: _same_name(tool, dressed(tool)) for name, tool in self._loaded.items()}
        self._dressed = dressed

    def withdraw(self, name: str) -> Tool | None:
        """Take the tool of this name or ref away; the one that it replaced, if any, has the name again and is returned.

        A ref whose version is not the one here changes nothing. Calls in progress keep the tool they have.
        """
        plain, _, version = name.partition("@")
        now = self._own.get(plain) or self._load(plain)
        if now is None or (version and now.card.version != version):
            return None
        if plain not in self._own:
            del self._builtin[plain]
            self._loaded.pop(plain, None)
        elif self._earlier.get(plain):
            self._own[plain] = self._earlier[plain].pop()
        else:
            del self._own[plain]
        left = self._own.get(plain) or self._load(plain)
        if left is None:
            self.withdrawn.add(plain)
        return left

    def get(self, name: str) -> Tool:
        """The tool of this name or ref ("name@version"). Raises ToolError naming close matches if there is none."""
        plain, _, version = name.partition("@")
        tool = self._own.get(plain) or self._load(plain)
        if tool is None:
            import difflib

            close = difflib.get_close_matches(plain, list(self.names()), n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise ToolError(f"no tool is called {plain!r}{hint} (`rlar tools` lists them)")
        if version and tool.card.version != version:
            raise ToolError(f"{plain} is here in version {tool.card.version}, not {version}")
        return tool

    def has(self, name: str) -> bool:
        return name in self._own or name in self._builtin

    def names(self) -> Iterator[str]:
        """All names, own tools first."""
        yield from self._own
        yield from (name for name in self._builtin if name not in self._own)

    def own(self) -> Iterator[Tool]:
        """The tools that are not built in: added by the user or acquired."""
        yield from self._own.values()

    def __iter__(self) -> Iterator[Tool]:
        return (self.get(name) for name in self.names())

    def __len__(self) -> int:
        return len(set(self._own) | set(self._builtin))

    def cards(self) -> list[ToolCard]:
        return [tool.card for tool in self]

    def fitting(self, query: Query) -> list[Tool]:
        """All tools that could judge this query, own tools first, then in catalogue order."""
        return [tool for tool in self if tool.fits(query)]

    def _load(self, name: str) -> Tool | None:
        if name not in self._loaded:
            entry = self._builtin.get(name)
            if entry is None:
                return None
            module, cls, config = entry
            tool: Tool = getattr(importlib.import_module(module), cls)(**config)
            if tool.card.name != name:
                raise ToolError(f"the catalogue says {name!r}, but {module}.{cls} calls itself {tool.card.name!r}")
            self._loaded[name] = _same_name(tool, self._dressed(tool)) if self._dressed is not None else tool
        return self._loaded[name]


def _same_name(tool: Tool, dressed: Tool) -> Tool:
    if dressed.card.name != tool.card.name:
        raise ToolError(f"{tool.card.name} would become {dressed.card.name}; a dressed tool keeps its name")
    return dressed


def tools_of_file(file: str | Path) -> list[Tool]:
    """The tools that a Python file defines: functions under @rlar.tool, and Tool objects at its top.

    The file is executed: give only files that you trust. Raises InputError if it cannot be loaded or has none.
    """
    path = Path(file).resolve()
    module = _load_file(path)
    found: list[Tool] = []
    for name, value in vars(module).items():
        if name.startswith("_") or isinstance(value, type):
            continue
        if isinstance(getattr(value, "card", None), ToolCard) and getattr(value, "__module__", "") == module.__name__:
            found.append(as_tool(value))
    if not found:
        raise InputError(f"{path.name} defines no tool; put @rlar.tool() above a function f(response, query)")
    return found


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    name = f"rlar_tools_{path.stem}_{content_key(str(path))[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as e:
        del sys.modules[name]
        raise InputError(f"{path.name} could not be loaded: {type(e).__name__}: {e}") from e
    return module
