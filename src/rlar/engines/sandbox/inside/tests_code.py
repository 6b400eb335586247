"""Test programs as syntax trees: which can be run as plain data, and how the others report each assert.

Runs in the judge's process. Most published tests are nothing but `assert candidate(literals) == literal`: those become
calls with expected values, which are sent at once and compared on the trusted side.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from rlar.engines.sandbox.inside import wire

RECORD = "__rlar_record__"  # notes the outcome of an assert, as attributes .passed(condition) and .failed()
LARGEST = 1 << 20  # size of what a constant expression may make: 2 ** 10 ** 9 is no literal
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "float": float, "int": int, "complex": complex, "set": set, "frozenset": frozenset, "tuple": tuple, "list": list,
    "dict": dict, "range": range, "bytes": bytes, "bytearray": bytearray, "str": str,
}  # fmt: skip
Json = Any


class NotPlainError(Exception):
    """This test needs to be run as code."""


def plan(code: str, entry: str) -> dict[str, Json]:
    """{"cases": [[args, kwargs, how, expected...]]} for tests of plain data; {"bad": why} for code that is no Python;
    {"code": true} for all others. how: "eq", "ne", "truthy", "falsy", "is" or "close" (with the distance allowed).
    """
    try:
        tree = ast.parse(code)
        compile(tree, "tests.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return {"bad": f"{type(e).__name__}: {e}"}
    try:
        cases = list(_plain_cases(tree, entry))
        if not cases:
            raise NotPlainError
        return {"cases": [_encoded(case) for case in cases]}
    except (NotPlainError, wire.UnencodableError):
        return {"code": True}


def _encoded(case: list[Any]) -> list[Json]:
    args, kwargs, how, *values = case
    return [wire.encode(args), wire.encode(kwargs), how, *(wire.encode(v) for v in values)]


def _plain_cases(tree: ast.Module, entry: str) -> Iterator[list[Any]]:
    """Every assert of a module that holds nothing else than constants and one `check` function of asserts."""
    asserts: list[tuple[ast.Assert, str]] = []
    checks: dict[str, list[tuple[ast.Assert, str]]] = {}
    called: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list and _one_parameter(node):
            name = node.args.args[0].arg
            checks[node.name] = [(a, name) for a in map(_only_assert, _effective(node.body))]
        elif isinstance(node, ast.Assert):
            asserts.append((node, entry))
        elif _is_call_of_check(node, checks, entry):
            asserts += checks[node.value.func.id]  # type: ignore[attr-defined]
            called.add(node.value.func.id)  # type: ignore[attr-defined]
        elif not _is_constant(node):
            raise NotPlainError
    if "check" in checks and not called:
        asserts += checks["check"]
        called.add("check")
    if called != set(checks):
        raise NotPlainError
    for node, name in asserts:
        case = _case(node.test, {name, entry, "candidate"})
        if case is not None:
            yield case


def _one_parameter(node: ast.FunctionDef) -> bool:
    a = node.args
    return len(a.args) == 1 and not (a.posonlyargs or a.kwonlyargs or a.vararg or a.kwarg or a.defaults)


def _effective(body: list[ast.stmt]) -> list[ast.stmt]:
    return [n for n in body if not (isinstance(n, ast.Pass) or (isinstance(n, ast.Expr) and _is_literal(n.value)))]


def _only_assert(node: ast.stmt) -> ast.Assert:
    if not isinstance(node, ast.Assert):
        raise NotPlainError
    return node


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _is_constant(node: ast.stmt) -> bool:
    """A docstring, or a name for a constant like HumanEval's METADATA; such names are not used by plain cases."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Pass):
        return True
    if not (isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets)):
        return False
    constant(node.value)
    return True


def _is_call_of_check(node: ast.stmt, checks: dict[str, Any], entry: str) -> bool:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    call = node.value
    return (
        isinstance(call.func, ast.Name)
        and call.func.id in checks
        and len(call.args) == 1
        and not call.keywords
        and isinstance(call.args[0], ast.Name)
        and call.args[0].id in (entry, "candidate")
    )


def _case(test: ast.expr, names: set[str]) -> list[Any] | None:
    """[args, kwargs, how, *values] of one assert; None for `assert True`."""
    if isinstance(test, ast.Constant) and test.value is True:
        return None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return [*_call(test.operand, names), "falsy"]
    if isinstance(test, ast.Call):
        return [*_call(test, names), "truthy"]
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        raise NotPlainError
    left, op, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(op, ast.Lt):
        return _close(left, right, names)
    if isinstance(op, ast.Eq | ast.NotEq):
        if not _calls(left, names):
            left, right = right, left
        return [*_call(left, names), "eq" if isinstance(op, ast.Eq) else "ne", constant(right)]
    if isinstance(op, ast.Is):
        value = constant(right)
        if value is None or value is True or value is False:
            return [*_call(left, names), "is", value]
    raise NotPlainError


def _close(left: ast.expr, right: ast.expr, names: set[str]) -> list[Any]:
    """abs(candidate(x) - 1.5) < 1e-6"""
    if (
        isinstance(left, ast.Call)
        and isinstance(left.func, ast.Name)
        and left.func.id == "abs"
        and len(left.args) == 1
        and not left.keywords
        and isinstance(left.args[0], ast.BinOp)
        and isinstance(left.args[0].op, ast.Sub)
    ):
        a, b = left.args[0].left, left.args[0].right
        if not _calls(a, names):
            a, b = b, a
        centre, distance = constant(b), constant(right)
        if type(centre) in (int, float) and type(distance) in (int, float):
            return [*_call(a, names), "close", centre, distance]
    raise NotPlainError


def _calls(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _call(node: ast.expr, names: set[str]) -> list[Any]:
    if not (isinstance(node, ast.Call) and _calls(node, names)):
        raise NotPlainError
    if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
        raise NotPlainError
    return [[constant(a) for a in node.args], {str(k.arg): constant(k.value) for k in node.keywords}]


def constant(node: ast.expr) -> Any:
    """The value of an expression of literals, plain operators and plain constructors. Raises NotPlainError."""
    match node:
        case ast.Constant(value):
            if value is Ellipsis:
                raise NotPlainError
            return value
        case ast.List(items):
            return [constant(n) for n in items]
        case ast.Tuple(items):
            return tuple(constant(n) for n in items)
        case ast.Set(items):
            return {_hashable(constant(n)) for n in items}
        case ast.Dict(keys, values):
            if any(k is None for k in keys):
                raise NotPlainError
            return {_hashable(constant(k)): constant(v) for k, v in zip(keys, values, strict=True) if k is not None}
        case ast.UnaryOp(op, operand):
            value = constant(operand)
            if isinstance(op, ast.USub | ast.UAdd) and type(value) in (int, float, complex):
                return -value if isinstance(op, ast.USub) else value
            if isinstance(op, ast.Not):
                return not value
        case ast.BinOp(left, op, right):
            return _operate(op, constant(left), constant(right))
        case ast.Call(ast.Name(name), args, []) if name in _FUNCTIONS:
            try:
                return _FUNCTIONS[name](*[constant(a) for a in args])
            except Exception:
                raise NotPlainError from None
    raise NotPlainError


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        raise NotPlainError from None
    return value


def _operate(op: ast.operator, a: Any, b: Any) -> Any:
    numbers = {int, float, complex}
    if type(a) in numbers and type(b) in numbers:
        if isinstance(op, ast.Pow) and (abs(b) > 1024 or abs(a) > LARGEST):
            raise NotPlainError
    elif isinstance(op, ast.Mult):
        sized, times = (a, b) if type(b) is int else (b, a)
        if type(times) is not int or type(sized) not in (str, bytes, list, tuple) or len(sized) * times > LARGEST:
            raise NotPlainError
    elif not (isinstance(op, ast.Add) and type(a) is type(b) and type(a) in (str, bytes, list, tuple)):
        raise NotPlainError
    how: dict[type, Callable[[], Any]] = {
        ast.Add: lambda: a + b,
        ast.Sub: lambda: a - b,
        ast.Mult: lambda: a * b,
        ast.Div: lambda: a / b,
        ast.FloorDiv: lambda: a // b,
        ast.Mod: lambda: a % b,
        ast.Pow: lambda: a**b,
    }
    if type(op) not in how:
        raise NotPlainError
    try:
        return how[type(op)]()
    except Exception:
        raise NotPlainError from None


# -- tests that are run as code


def instrument(code: str, entry: str) -> tuple[CodeType, list[str]]:
    """The test program with reporting asserts, and the names it uses that neither it nor Python defines."""
    tree = ast.parse(code)
    free = free_names(code) - {entry.split(".")[0], "candidate"}
    tree = ast.fix_missing_locations(_Reporting(entry).visit(tree))
    return compile(tree, "tests.py", "exec", dont_inherit=True), sorted(free)


def free_names(code: str) -> set[str]:
    top = symtable.symtable(code, "tests.py", "exec")
    own = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    used: set[str] = set()
    waiting = [top]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                used.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                own.add(symbol.get_name())
    return used - own - set(dir(builtins)) - {"__name__", "__file__"}


def runnable(code: str, names: dict[str, Any]) -> list[tuple[Callable[..., Any], bool]]:
    """Functions that the tests define and leave to the runner: (function, whether it takes the candidate)."""
    tree = ast.parse(code)
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    out = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name not in called and callable(names.get(node.name)):
            if node.name == "check" and len(node.args.args) == 1:
                out.append((names[node.name], True))
            elif node.name.startswith("test") and not node.args.args:
                out.append((names[node.name], False))
    return out


def has_asserts(code: str) -> bool:
    return any(isinstance(n, ast.Assert) for n in ast.walk(ast.parse(code)))


class _Reporting(ast.NodeTransformer):
    """Each assert tells how it went. Where nothing around it could catch its error, a failed one lets the rest run.

    A call of the answer that stands alone, as a statement, is made for its effect on its arguments.
    """

    def __init__(self, entry: str) -> None:
        self.caught = 0  # depth of try and with blocks around
        self.names = {entry, "candidate"}

    def visit_Try(self, node: ast.Try) -> ast.AST:
        return self._inside(node)

    def visit_With(self, node: ast.With) -> ast.AST:
        return self._inside(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._inside(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == "check" or node.name.startswith("test"):
            self.names |= {a.arg for a in node.args.args[:1]} if node.name == "check" else set()
            return self.generic_visit(node)
        return self._inside(node)

    def _inside(self, node: ast.AST) -> ast.AST:
        self.caught += 1
        self.generic_visit(node)
        self.caught -= 1
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if self.caught:
            raising = ast.Raise(ast.Call(ast.Name("AssertionError", ast.Load()), [], []), None)
            new: ast.stmt = ast.If(node.test, [_note("passed", ast.Constant(True))], [_note("failed"), raising])
        else:
            error = ast.Attribute(ast.Name(RECORD, ast.Load()), "errors", ast.Load())
            handler = ast.ExceptHandler(error, None, [_note("failed")])
            new = ast.Try([_note("passed", node.test)], [handler], [], [])
        return ast.copy_location(new, node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in self.names and call.args:
            call.func = ast.copy_location(ast.Attribute(call.func, "rlar_in_place", ast.Load()), call.func)
        return self.generic_visit(node)


def _note(what: str, *values: ast.expr) -> ast.stmt:
    return ast.Expr(ast.Call(ast.Attribute(ast.Name(RECORD, ast.Load()), what, ast.Load()), list(values), []))
