"""The first look at written code: what it may import and use. It is read here, never run.

This is no wall (the sandbox is); it refuses early, with a reason that a writer can use, and keeps out what would make a
reward depend on anything but its arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

MODULES = (
    "math", "cmath", "re", "json", "string", "fractions", "decimal", "datetime", "collections", "itertools",
    "functools", "operator", "statistics", "difflib", "textwrap", "unicodedata", "bisect", "heapq", "calendar",
)  # fmt: skip
LONGEST = 20_000  # characters of a program
MOST_NODES = 6_000
DEEPEST = 60  # levels of nesting
ENTRY = "score"
ARGUMENTS = ["prompt", "response", "reference", "extra"]

FORBIDDEN_NAMES = frozenset({
    "eval", "exec", "compile", "open", "input", "print", "globals", "locals", "vars", "getattr", "setattr",
    "delattr", "hasattr", "breakpoint", "help", "memoryview", "exit", "quit", "id", "hash", "object", "super",
    "classmethod", "staticmethod", "property", "type", "dir", "callable", "__import__",
})  # fmt: skip
# Attributes that read a clock, keep state, or reach others by a name in a text.
FORBIDDEN_ATTRIBUTES = frozenset({
    "now", "today", "utcnow", "fromtimestamp", "utcfromtimestamp", "attrgetter", "methodcaller", "format_map",
    "getcontext", "setcontext", "localcontext", "f_globals", "f_locals", "gi_frame", "cr_frame", "tb_frame",
    "func_globals", "modules",
})  # fmt: skip
MUTATING = frozenset({
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "popitem",
    "add", "discard", "appendleft", "popleft", "extendleft", "rotate", "subtract", "move_to_end",
})  # fmt: skip


def problems_of(source: str, entries: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """What is wrong with a program, in words with line numbers; an empty list if it may be tried in the sandbox.

    entries: functions it must have, with their arguments; None for a reward tool's: `score`, and a term beside it.
    """
    if len(source) > LONGEST:
        return [f"the program has {len(source)} characters; {LONGEST} are the most"]
    try:
        tree = ast.parse(source)
        nodes = list(_walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return [f"the program cannot be read: {type(e).__name__}: {e}"]
    deepest = max((depth for _, depth in nodes), default=0)
    if len(nodes) > MOST_NODES or deepest > DEEPEST:
        return [f"the program has {len(nodes)} nodes, {deepest} deep; {MOST_NODES} and {DEEPEST} are the most"]
    found = [*_shape(tree, entries or {ENTRY: ARGUMENTS}, terms=entries is None), *_Look(tree).found]
    return list(dict.fromkeys(found))[:20]


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """All nodes with their depth, without recursion."""
    stack = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack += [(child, depth + 1) for child in ast.iter_child_nodes(node)]


def _shape(tree: ast.Module, entries: Mapping[str, Sequence[str]], *, terms: bool) -> Iterator[str]:
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    for name, arguments in entries.items():
        entry = functions.get(name)
        if entry is None:
            yield f"there is no function {name}({', '.join(arguments)})"
        elif [a.arg for a in (*entry.args.posonlyargs, *entry.args.args)] != list(arguments) or entry.args.kwonlyargs:
            yield f"{name} must take exactly ({', '.join(arguments)})"
    if terms and not any(name.startswith("term_") for name in functions):
        yield "no part of the judgement has a function of its own: name each `term_...`"


class _Look(ast.NodeVisitor):
    def __init__(self, tree: ast.Module) -> None:
        self.found: list[str] = []
        self.of_module = {
            name.id
            for statement in tree.body
            if isinstance(statement, (ast.Assign, ast.AnnAssign))
            for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
        } | {s.name for s in tree.body if isinstance(s, ast.FunctionDef)}
        for statement in tree.body:
            allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Assign, ast.AnnAssign)
            constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not (isinstance(statement, allowed) or constant):
                self._no(statement, f"a {type(statement).__name__} at the top level")
        self.visit(tree)

    def _no(self, node: ast.AST, why: str) -> None:
        self.found.append(f"line {getattr(node, 'lineno', 0)}: {why}")

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._module(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._module(node, "" if node.level else node.module or "")
        for alias in node.names:
            if alias.name == "*" or alias.name.startswith("_") or alias.name in FORBIDDEN_ATTRIBUTES:
                self._no(node, f"import of {alias.name}")

    def _module(self, node: ast.AST, name: str) -> None:
        if name not in MODULES:
            self._no(node, f"import of {name or 'a relative module'}; allowed are {', '.join(MODULES)}")

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in FORBIDDEN_NAMES or (node.id.startswith("__") and node.id.endswith("__")):
            self._no(node, f"use of {node.id}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr.startswith("_") or node.attr in FORBIDDEN_ATTRIBUTES:
            self._no(node, f"use of .{node.attr}")
        if not isinstance(node.ctx, ast.Load):
            self._no(node, "an attribute is set, which keeps state between calls")
        if node.attr in MUTATING and isinstance(node.value, ast.Name) and node.value.id in self.of_module:
            self._no(node, f"{node.value.id} is changed, which keeps state between calls")
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name) and node.value.id in self.of_module:
            self._no(node, f"{node.value.id} is changed, which keeps state between calls")
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if isinstance(default, (ast.List, ast.Dict, ast.Set, ast.Call, ast.ListComp, ast.DictComp, ast.SetComp)):
                self._no(default, "a default that can be changed, which keeps state between calls")
        for decorator in node.decorator_list:
            self._no(decorator, "a decorator")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and "__" in node.value and "{" in node.value:
            self._no(node, "a format text that reaches attributes")

    def _refused(self, node: ast.AST) -> None:
        self._no(node, f"a {type(node).__name__}")

    visit_Global = visit_Nonlocal = visit_ClassDef = visit_AsyncFunctionDef = visit_Await = _refused
    visit_With = visit_AsyncWith = visit_AsyncFor = visit_Delete = visit_Yield = visit_YieldFrom = _refused
