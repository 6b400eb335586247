"""The program in a response: as it stands where it is one, else out of fences and prose. Says what it took.

Nothing here runs the program; reading is by `ast`, and sizes are bounded.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

LONGEST = 400_000  # characters of a response that are looked at; a longer one is taken as it stands
_THOUGHT = re.compile(r"^.*</think>", re.DOTALL)
_PYTHON = ("", "python", "py", "python3", "py3", "python2", "ipython")
_START = re.compile(r"^(?:def |class |import |from \w[\w.]* import |@\w|async def )")
_PROSE = re.compile(r"(?:[A-Z#>*-]|\d+\.)[^=(){}\[\]]*")


@dataclass(frozen=True, slots=True)
class Program:
    """source: what is run. took: where it came from, in words."""

    source: str
    took: str


def extract(response: str, *, entry_point: str = "", prompt: str = "") -> Program:
    """The program that a response offers as its answer. Always gives one, if only the response itself.

    A response that is a program is taken as it stands, mistakes included. Of several fenced blocks the last that
    defines entry_point counts, with the earlier ones that define what it uses. Prose before and after is left out.
    To a program out of fences or prose, imports of the prompt's own code that it lacks are added.
    If entry_point is a method of the only class that has it (LeetCode's way), a function of that name is added.
    """
    text = response
    if "</think>" in text:
        text = _THOUGHT.sub("", text, count=1)
    if len(text) > LONGEST:
        return Program(text, "the whole response")
    fences = _fences(text)
    if fences:
        source, took = _of_fences(fences, entry_point)
        return _finished(source, took, entry_point, prompt)
    if _parses(text) is None and (cut := _without_prose(text)) is not None:
        return _finished(cut, "the code between prose", entry_point, prompt)
    if entry_point and _is_open(prompt, entry_point) and not _defines(text, entry_point):
        return Program(f"{prompt}{text}", "the prompt's code, continued by the response")
    return _as_function(text, "the whole response", entry_point)


def _fences(text: str) -> list[str]:
    """The Python blocks, unlabelled ones included; if all have other labels, none. The last may be left open.

    By lines, since a regular expression for fences is quadratic on texts that are all fences.
    """
    blocks: list[str] = []
    mark, label = "", ""
    body: list[str] = []
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        if not mark:
            if bare.startswith(("```", "~~~")):
                mark = bare[0] * (len(bare) - len(bare.lstrip(bare[0])))
                label, body = bare[len(mark) :].strip().partition(" ")[0].lower(), []
                if bare[0] in bare[len(mark) :]:
                    mark = ""  # an inline fence such as ```x```
        elif bare.startswith(mark) and not bare.strip(mark[0]):
            blocks += ["".join(body)] if label in _PYTHON else []
            mark = ""
        else:
            body.append(line)
    if mark and label in _PYTHON and body:
        blocks.append("".join(body))
    return blocks


def _of_fences(blocks: list[str], entry_point: str) -> tuple[str, str]:
    defining = [i for i, block in enumerate(blocks) if entry_point and _defines(block, entry_point)]
    if len(blocks) == 1:
        return blocks[0], "the fenced block"
    if not defining:
        return "\n\n".join(blocks), f"all {len(blocks)} fenced blocks"
    last = defining[-1]
    needed = _lacking(blocks[last])
    helpers = [b for i, b in enumerate(blocks[:last]) if i not in defining and needed & _offered(b)]
    took = f"fenced block {last + 1} of {len(blocks)}" + (f" and {len(helpers)} that it uses" if helpers else "")
    return "\n\n".join([*helpers, blocks[last]]), took


def _without_prose(text: str) -> str | None:
    """The lines from the first that starts a program to the last that is no prose, if they are a program."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if _START.match(line)), None)
    if start is None:
        return None
    if any(line.strip() and not _PROSE.fullmatch(line.strip()) for line in lines[:start]):
        return None
    end = len(lines)
    while end > start and (not lines[end - 1].strip() or _PROSE.fullmatch(lines[end - 1].rstrip())):
        end -= 1
    if (start, end) == (0, len(lines)):
        return None
    cut = "\n".join(lines[start:end]) + "\n"
    return cut if _parses(cut) is not None else None


def _finished(source: str, took: str, entry_point: str, prompt: str) -> Program:
    tree = _parses(source)
    if tree is not None and prompt:
        missing = _prompt_imports(prompt, _lacking(source))
        if missing:
            source = "\n".join(missing) + "\n" + source
            took += f", with the prompt's {'; '.join(missing)}"
    return _as_function(source, took, entry_point)


def _as_function(source: str, took: str, entry_point: str) -> Program:
    tree = _parses(source)
    if tree is None or not entry_point.isidentifier() or _defines(source, entry_point):
        return Program(source, took)
    owners = [
        c.name
        for c in tree.body
        if isinstance(c, ast.ClassDef) and any(isinstance(m, ast.FunctionDef) and m.name == entry_point for m in c.body)
    ]
    if len(owners) != 1:
        return Program(source, took)
    return Program(f"{source}\n\n{entry_point} = {owners[0]}().{entry_point}\n", f"{took}, method of {owners[0]}")


def _prompt_imports(prompt: str, names: set[str]) -> list[str]:
    """The import lines of the prompt's code that bring in any of these names."""
    found = []
    for code in [*_fences(prompt), prompt]:
        for line in code.splitlines():
            if line.startswith(("import ", "from ")) and names & _offered(line) and line not in found:
                found.append(line)
    return found


def _is_open(prompt: str, entry_point: str) -> bool:
    """Whether the prompt is nothing but the beginning of a program, up to the body of entry_point."""
    return bool(prompt) and _START.match(prompt.lstrip()) is not None and _defines(f"{prompt}\n    pass\n", entry_point)


def _parses(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the response's strings
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _defines(source: str, name: str) -> bool:
    return name in _offered(source)


def _offered(source: str) -> set[str]:
    """The names that a program binds at its top."""
    tree = _parses(source)
    names: set[str] = set()
    for node in tree.body if tree else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        else:
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names


def _lacking(source: str) -> set[str]:
    """The names that a program reads and nowhere binds."""
    tree = _parses(source)
    if tree is None:
        return set()
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    bound = _offered(source) | {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    bound |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return read - bound
