"""How a tool is made: the `@tool` decorator for a user's own rule, and `RuleTool` for everything that runs in workers.

A rule is plain synchronous Python. It may raise, hang or die: it runs in a killable worker process, and the pool
(rlar.engines.workers) turns what happens into one of the three outcomes.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rlar.errors import ToolError
from rlar.types import (
    Cost,
    Json,
    Kind,
    Mark,
    Query,
    Recipe,
    Response,
    Scope,
    Tool,
    ToolCard,
    Verdict,
    content_key,
)

Group = tuple[Query, Sequence[Response]]
F = TypeVar("F", bound=Callable[..., Any])


class RuleTool:
    """Base of tools that judge in worker processes; subclasses give `card`, `recipe`, `fits`, `prepare`, `rate`.

    Modules of such tools import only the standard library and `rlar.types` at their top: the parent process asks
    `fits`, and heavy libraries are imported inside `prepare` or `rate`, which only workers call.
    """

    card: ToolCard
    recipe: Recipe

    def describe(self, *, config: dict[str, Json] | None = None, libraries: Sequence[str] = (), **fields: Any) -> None:
        """Set `card` and `recipe` from the class; the version is a hash of sources, config and library versions.

        Sources: the module of the class, and all modules of rlar.tools that it imports, directly or through others.

        libraries: distribution names whose version decides values, e.g. ("math-verify", "sympy").
        fields: fields of ToolCard (name, kind, about ...).
        """
        cls = type(self)
        settings = tuple(sorted((config or {}).items()))
        self.recipe = Recipe("import", cls.__module__, cls.__qualname__, settings)
        version = content_key([_sources(cls.__module__), settings, [library_version(x) for x in libraries]])
        self.card = ToolCard(version=version[:12], **fields)

    def fits(self, query: Query) -> bool:
        raise NotImplementedError(f"{type(self).__name__} must say which queries it fits")

    def prepare(self, query: Query) -> Any:
        return None

    def rate(self, response: Response, query: Query, prepared: Any) -> float | Mark:
        raise NotImplementedError(f"{type(self).__name__} must rate a response")

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        return (await self.judge_many([(query, responses_G)]))[0]

    async def judge_many(self, groups: Sequence[Group]) -> list[list[Verdict]]:
        """Judge several groups in one go, so that the worker pool can fill its chunks. Same order as given."""
        from rlar.engines.workers import default_pool

        judged = await default_pool().judge(self.recipe, self.card, groups)
        return [
            [
                Verdict(
                    self.card.ref,
                    value=j.mark.value if j.mark else None,
                    fault=j.fault,
                    why=j.mark.why if j.mark else j.why,
                    confidence=j.mark.confidence if j.mark else None,
                    terms=j.mark.terms if j.mark else {},
                    cost=Cost(seconds=j.seconds),
                )
                for j in group
            ]
            for group in judged
        ]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.card.ref}>"


class FunctionTool(RuleTool):
    """A user's function as a tool. Made by `as_tool`; the function itself stays what it was."""

    def __init__(self, function: Callable[..., float | Mark]) -> None:
        self.function = function
        self.card = function.card  # type: ignore[attr-defined]
        self.recipe = function.recipe  # type: ignore[attr-defined]
        self._fits: Callable[[Query], bool] | None = function.fits  # type: ignore[attr-defined]

    def fits(self, query: Query) -> bool:
        return True if self._fits is None else bool(self._fits(query))

    def rate(self, response: Response, query: Query, prepared: Any) -> float | Mark:
        return self.function(response, query)

    def __reduce__(self) -> tuple[Any, ...]:
        return _found_again, (self.recipe,)  # its module may have no name that another process could import


def tool(
    function: F | None = None,
    *,
    name: str | None = None,
    kind: Kind | str = Kind.VERIFIER,
    suits: str | Sequence[str] = (),
    needs: str | Sequence[str] = (),
    fits: Callable[[Query], bool] | None = None,
    low: float = 0.0,
    high: float = 1.0,
    line: float | None = None,
    scale: str = "unit",
    timeout_s: float = 2.0,
    memory_mib: int = 1024,
    about: str = "",
    licence: str = "unknown",
) -> Any:
    """Attach a card to your rule `f(response, query) -> float | Mark`, and give back the *same* function.

    So it still pickles, calls and tests like any function. Anything in the card's range is a value; an exception is
    never a value. fits(query) says which queries the rule can judge; without it, every query is fair.
    timeout_s: CPU seconds one response may cost. Raises ToolError for a lambda or a nested function: a worker process
    has to find it again.

    >>> @tool(suits="dialogue", about="thanks the user")
    ... def thanks(response, query):
    ...     return 1.0 if "thank" in response.lower() else 0.0
    """

    def attach(f: F) -> F:
        if "<" in f.__qualname__:
            raise ToolError(
                f"{f.__qualname__} is a lambda or a nested function; move it to the top of a module or notebook cell, "
                "so that worker processes can load it"
            )
        text = inspect.getdoc(f) or ""
        source = _function_source(f)
        settings = [low, high, line, scale, str(kind), timeout_s, memory_mib]
        card = ToolCard(
            name=name or f.__name__,
            version=content_key([source, settings])[:12],
            kind=Kind(kind),
            about=about or text.partition("\n")[0],
            suits=_words(suits),
            needs=_words(needs),
            low=low,
            high=high,
            line=line,
            scale=scale,
            scope=Scope.RESPONSE,
            timeout_s=timeout_s,
            memory_mib=memory_mib,
            licence=licence,
            provenance="user",
        )
        f.card = card  # type: ignore[attr-defined]
        f.recipe = _function_recipe(f)  # type: ignore[attr-defined]
        f.fits = fits  # type: ignore[attr-defined]
        return f

    return attach if function is None else attach(function)


def as_tool(thing: Any) -> Tool:
    """A Tool from a Tool, a decorated function, or a class of tools. Raises ToolError for anything else."""
    if inspect.isclass(thing):
        thing = thing()
    if isinstance(thing, Tool):
        if not isinstance(thing.card, ToolCard):
            raise ToolError(f"{thing!r}: its card is a {type(thing.card).__name__}, not a ToolCard")
        return thing
    if callable(thing) and isinstance(getattr(thing, "card", None), ToolCard):
        return FunctionTool(thing)
    raise ToolError(
        f"{thing!r} is not a tool: decorate a function f(response, query) with @rlar.tool, or give an object with "
        "card, fits and judge"
    )


def _found_again(recipe: Recipe) -> FunctionTool:
    from rlar.engines.workers.loading import find

    return FunctionTool(find(recipe))


def library_version(distribution: str) -> str:
    """ "name==version" of an installed distribution, "name==absent" where it is not installed."""
    try:
        return f"{distribution}=={importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{distribution}==absent"


def _words(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def module_hash(package: str, settings: Any) -> str:
    """12 hex digits over the sources of a package and its settings: the version of a tool of several modules."""
    folder = Path(sys.modules[package].__file__ or "").parent
    sources = {p.name: p.read_text("utf-8") for p in sorted(folder.glob("*.py"))}
    return content_key([sources, settings])[:12]


_IMPORT = re.compile(r"^\s*(?:from|import) (rlar\.tools\.[\w.]+)", re.M)


@functools.cache
def _sources(module: str) -> list[str]:
    """The sources of a module and of the modules of rlar.tools that it imports; its name where it has no file."""
    texts: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in texts or name == __name__:  # how tools are made decides no value
            continue
        texts[name] = _module_source(name)
        waiting += _IMPORT.findall(texts[name])
    return [texts[name] for name in sorted(texts)]


@functools.cache
def _module_source(module: str) -> str:
    """The source of a module; of a package, of all modules in its folder; the name of what has no file."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if loaded is None and (spec := importlib.util.find_spec(module)) is not None:
        file = spec.origin
    if not file:
        return module
    path = Path(file)
    files = sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]
    return "\n".join(each.read_text("utf-8") for each in files)


def _function_source(f: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(f)
    except OSError as e:
        raise ToolError(
            f"the source of {f.__name__} cannot be read ({e}); write it to a .py file, so that its version can be told"
        ) from e


def _function_recipe(f: Callable[..., Any]) -> Recipe:
    """Import it by module if a new process can, else run its file, else (notebooks) its own source."""
    file = getattr(sys.modules.get(f.__module__), "__file__", None)
    if f.__module__ != "__main__" and f.__module__ in sys.modules and file:
        return Recipe("import", f.__module__, f.__qualname__, file=str(Path(file).resolve()))
    if file:
        return Recipe("file", str(Path(file).resolve()), f.__qualname__)
    return Recipe("source", _function_source(f), f.__qualname__)
