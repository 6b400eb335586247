"""Which interpreter runs inside, and which files it needs to see."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rlar.errors import UnsafeError

# Asks the interpreter itself, bare as it will run: where its library is, and which shared objects it maps.
_QUESTION = """
import json, os, struct, sys, sysconfig
for name in "_ctypes _decimal _sqlite3 _ssl _hashlib _lzma _bz2 zlib _uuid _socket select".split():
    try: __import__(name)
    except ImportError: pass
with open("/proc/self/maps") as f:
    maps = sorted({line.split(None, 5)[5].strip() for line in f if line.count("/")})
loader = ""
with open(sys.executable, "rb") as f:
    head = f.read(64)
    start, = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    for i in range(count):
        f.seek(start + i * size)
        kind, _, offset, _, _, length = struct.unpack("<IIQQQQ", f.read(40))
        if kind == 3:
            f.seek(offset)
            loader = f.read(length).rstrip(b"\\0").decode()
paths = sysconfig.get_paths()
print(json.dumps({"maps": [m for m in maps if ".so" in m], "loader": loader,
                  "stdlib": [paths["stdlib"], paths["platstdlib"]], "version": sys.version_info[:3]}))
"""
_SYSTEM = ("/lib/", "/usr/lib/", "/lib64/", "/usr/lib64/")
_NOT_INSIDE = {"site-packages", "dist-packages", "__pycache__"}
_DATA = ("/usr/share/zoneinfo", "/usr/lib/locale")


@dataclass(frozen=True)
class Interpreter:
    """python: the file to execute. folders, files: what it must be able to read. masked: folders within them that hold
    other people's packages. libraries: folders for the loader beyond its usual ones."""

    python: str
    folders: tuple[str, ...]
    files: tuple[str, ...]
    masked: tuple[str, ...]
    libraries: tuple[str, ...]
    version: tuple[int, ...]

    def readable_one_by_one(self) -> list[str]:
        """For Landlock, which cannot take something out again: the folders' entries without the masked ones."""
        out = list(self.files)
        for folder in self.folders:
            if not any(m.startswith(folder + "/") for m in self.masked):
                out.append(folder)
                continue
            with os.scandir(folder) as entries:
                out += [e.path for e in entries if e.name not in _NOT_INSIDE or e.name == "__pycache__"]
        return out


@functools.cache
def find(python: str = "") -> Interpreter:
    """The base interpreter of this process (not a virtual environment's link), or the one given. Raises UnsafeError."""
    path = os.path.realpath(python or getattr(sys, "_base_executable", "") or sys.executable)
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-B", "-c", _QUESTION], capture_output=True, check=True, timeout=60, env={}, text=True
        )
        said = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as e:
        detail = getattr(e, "stderr", "") or str(e)
        raise UnsafeError(
            f"the sandbox cannot run the interpreter {path!r} ({detail[-300:]}); name one with python=..."
        ) from e
    folders = list(dict.fromkeys(said["stdlib"]))
    files, libraries = [path], []
    for mapped in dict.fromkeys(said["maps"]):
        home = os.path.dirname(mapped)  # noqa: PTH120
        if any(home == f or home.startswith(f + "/") for f in folders):
            continue
        if mapped.startswith(_SYSTEM):
            folders.append(home)
        elif home not in libraries:
            libraries.append(home)
            files += sorted(str(p) for p in Path(home).glob("*.so*"))
    if said["loader"]:
        files.append(said["loader"])
    files += [p for p in _DATA if os.path.isdir(p)]  # noqa: PTH112
    folders = sorted(dict.fromkeys(folders), key=lambda f: f.count("/"))
    masked = [f"{f}/{name}" for f in folders for name in ("site-packages", "dist-packages") if Path(f, name).is_dir()]
    return Interpreter(path, tuple(folders), tuple(files), tuple(masked), tuple(libraries), tuple(said["version"]))
