"""Errors travel between processes and machines as what they are."""

from __future__ import annotations

import pickle

import pytest

from rlar.errors import InputError, MissingExtra, ToolError, ToolFault
from rlar.types import Fault


@pytest.mark.parametrize(
    "error",
    [
        InputError("a"),
        ToolError("b"),
        MissingExtra("a Ray cluster", "ray"),
        ToolFault(Fault.UNAVAILABLE, "the service is down"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_pickling(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)
