"""Which provider runs code: by name, by address, or because the native one cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rlar.errors import InputError, UnsafeError

if TYPE_CHECKING:
    from rlar.engines.sandbox.scripted import Provider, ScriptPool

NAMES = ("", "native", "wasm", "bubblewrap")


def check_name(name: str) -> None:
    """Raise InputError unless it is a provider's name or an address."""
    if name not in NAMES and not name.startswith(("http://", "https://")):
        raise InputError(f"provider must be native, wasm, bubblewrap or the address of a service, not {name!r}")


def scripted_pool(provider: str | Callable[[], Provider], slots: int | None, require: str) -> ScriptPool:
    """Workers of a provider other than the native one. Raises UnsafeError if it cannot be had here."""
    from rlar.engines.sandbox.scripted import ScriptPool

    return ScriptPool(provider if callable(provider) else _maker(provider), slots, require)


def _maker(name: str) -> Callable[[], Provider]:
    if name == "wasm":
        from rlar.engines.sandbox.wasm import Wasm

        return Wasm
    if name == "bubblewrap":
        from rlar.engines.sandbox.bubblewrap import Bubblewrap

        return Bubblewrap
    from rlar.engines.sandbox.remote import Remote

    return lambda: Remote(name)


def instead(why: UnsafeError, slots: int | None, require: str) -> ScriptPool:
    """WebAssembly in place of the native provider. Raises UnsafeError naming what is missing of both."""
    from rlar.engines.sandbox.wasm import missing

    absent = missing()
    if absent:
        raise UnsafeError(
            f'{why}. Or the portable one: pip install "rlar[wasm]" (missing: {", ".join(absent)})'
        ) from why
    try:
        return scripted_pool("wasm", slots, require)
    except UnsafeError as e:
        raise UnsafeError(f"{why}. And the portable one: {e}") from e
