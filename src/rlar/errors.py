"""Errors that people are shown. Each message says what was wrong, what came and what to do."""

from __future__ import annotations

from rlar.types import Fault


class RlarError(Exception):
    """Base of everything this package raises on purpose."""


class InputError(RlarError):
    """The caller's data or options are wrong."""


class ToolError(RlarError):
    """A tool is built or used against its contract (wrong count of verdicts, unknown name, bad card)."""


class UnsafeError(RlarError):
    """Something would have to run without the isolation that was asked for."""


class MissingExtra(RlarError):
    """A feature needs packages that are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an extra: pip install "rlar[{extra}]"')
        self.what = what
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        return MissingExtra, (self.what, self.extra)


class ToolFault(Exception):
    """Raised inside a tool to say: I broke, the response is innocent. Becomes a Verdict with this fault."""

    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(why)
        self.fault = fault
        self.why = why

    def __reduce__(self) -> tuple[type[ToolFault], tuple[Fault, str]]:
        return ToolFault, (
            self.fault,
            self.why,
        )  # an exception is rebuilt from its args, and these are the message alone
