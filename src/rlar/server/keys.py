"""Bearer keys: only their SHA-256 is kept, and they are compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import Path

from rlar.errors import InputError

_LINE = re.compile(r"(?:(?P<name>[\w.-]{1,64}):)?(?P<hash>[0-9a-f]{64})")


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def add_key(file: Path, name: str) -> str:
    """A new key; its hash goes to the file, the key itself is shown to the caller only, once."""
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise InputError(f"a key's name is 1 to 64 letters, digits, dots and dashes, not {name!r}")
    key = f"rlar_{secrets.token_urlsafe(32)}"
    with file.open("a", encoding="ascii") as lines:
        file.chmod(0o600)
        lines.write(f"{name}:{hashed(key)}\n")
    return key


class Keys:
    """Who may ask. An empty set of keys lets nobody in; no Keys at all lets everybody in (loopback only)."""

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = hashes

    @classmethod
    def read(cls, file: Path) -> Keys:
        """Lines NAME:SHA256 (or SHA256 alone); # starts a comment. Raises InputError."""
        try:
            lines = file.read_text("utf-8").splitlines()
        except OSError as e:
            raise InputError(f"{file}: cannot be read: {e.strerror or e}") from e
        found: dict[str, str] = {}
        for number, line in enumerate(lines, 1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            match = _LINE.fullmatch(text)
            if match is None:
                raise InputError(f"{file}:{number}: wants NAME:SHA256 in hex; `rlar serve --add-key NAME` writes it")
            found[match["hash"]] = match["name"] or f"line {number}"
        if not found:
            raise InputError(f"{file}: holds no key; `rlar serve --key-file {file} --add-key NAME` makes one")
        return cls(found)

    def name_of(self, authorization: str) -> str | None:
        """The name of the key in an Authorization header, None if it is not one of ours. Looks at every key."""
        scheme, _, key = authorization.partition(" ")
        given = hashed(key.strip())
        name = None
        for known, its_name in self._hashes.items():
            if hmac.compare_digest(given, known):
                name = its_name
        return name if scheme.lower() == "bearer" else None
