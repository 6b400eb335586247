"""Whether a verifier may serve many items in one process: it must keep no state, and run nothing an item says.

A list of what is allowed, not of what is forbidden: anything unknown makes a verifier "not pure", which only means
that each item gets a process of its own. Runs confined, like the verifier itself.
"""

from __future__ import annotations

import ast
import builtins

from rlar.engines.sandbox.inside.syscalls import words

PURE_MODULES = frozenset(
    words(
        """math cmath re json string itertools functools operator collections statistics fractions decimal unicodedata
        difflib html textwrap heapq bisect typing numbers __future__ ast datetime calendar"""
    )
)
SINKS = frozenset(
    words(
        """eval exec compile open input globals locals vars getattr setattr delattr breakpoint help memoryview super
        object classmethod staticmethod property id"""
    )
)
ALLOWED_BUILTINS = frozenset(n for n in dir(builtins) if not n.startswith("_")) - SINKS
# attributes of the pure modules that keep state, or reach others by a name in a text
STATEFUL = frozenset(
    words(
        """getcontext setcontext localcontext attrgetter methodcaller Formatter Context singledispatch partialmethod
        cached_property system modules update_wrapper wraps now today utcnow fromtimestamp utcfromtimestamp
        setfirstweekday astimezone timestamp"""
    )
)
MUTATING = frozenset(
    words(
        """append extend insert remove pop clear sort reverse update setdefault popitem add discard appendleft popleft
        extendleft rotate difference_update intersection_update symmetric_difference_update subtract move_to_end"""
    )
)
CONSTANT_MAKERS = frozenset(
    words("""frozenset set dict list tuple str int float bool compile Decimal Fraction range""")
)
CACHES = frozenset({"lru_cache", "cache"})


def reasons(source: str) -> list[str]:
    """Why this verifier is not pure; empty if it is. Raises SyntaxError."""
    tree = ast.parse(source)
    check = _Check(tree)
    for node in tree.body:
        check.top_level(node)
    check.visit(tree)
    return sorted(set(check.found))


class _Check(ast.NodeVisitor):
    def __init__(self, tree: ast.Module) -> None:
        self.found: list[str] = []
        self.globals = {n.id for s in tree.body for n in _targets(s)}

    def no(self, why: str) -> None:
        self.found.append(why)

    def top_level(self, node: ast.stmt) -> None:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.Pass() | ast.Expr(ast.Constant()):
                return
            case ast.Assign(value=value) | ast.AnnAssign(value=value) if _constant(value):
                return
        self.no(f"{type(node).__name__} at the top level")

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in PURE_MODULES:
                self.no(f"import of {alias.name}")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module not in PURE_MODULES:
            self.no(f"import of {node.module}")
        for alias in node.names:
            if alias.name in STATEFUL or alias.name.startswith("_") or alias.name == "*":
                self.no(f"import of {alias.name}")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            name = decorator.func if isinstance(decorator, ast.Call) else decorator
            if (name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")) not in CACHES:
                self.no("a decorator")
        defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
        if not all(isinstance(d, ast.Constant) or _constant_number(d) for d in defaults):
            self.no("a default that could change")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in SINKS or (node.id.startswith("_") and node.id != "_" and node.id not in self.globals):
            self.no(f"use of {node.id}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.no("an attribute is set")
        if node.attr.startswith("_") or node.attr in STATEFUL:
            self.no(f"use of .{node.attr}")
        if node.attr in MUTATING and isinstance(node.value, ast.Name) and node.value.id in self.globals:
            self.no(f"{node.value.id} is changed")
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name) and node.value.id in self.globals:
            self.no(f"{node.value.id} is changed")
        self.generic_visit(node)

    def _forbidden(self, node: ast.AST) -> None:
        self.no(type(node).__name__)

    visit_Global = visit_Nonlocal = visit_ClassDef = visit_AsyncFunctionDef = visit_Await = _forbidden
    visit_With = visit_AsyncWith = visit_AsyncFor = visit_Delete = _forbidden


def _targets(node: ast.stmt) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]


def _constant(node: ast.expr | None) -> bool:
    """Whether a top-level value is data: literals, and calls that make data or patterns of literals."""
    if node is None:
        return True
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            name = part.func.attr if isinstance(part.func, ast.Attribute) else getattr(part.func, "id", "")
            if name not in CONSTANT_MAKERS:
                return False
        elif isinstance(part, ast.GeneratorExp | ast.Lambda | ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
    return True


def _constant_number(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
