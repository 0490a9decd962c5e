"""Which engine counts: the one in C when it was built, else the one in Python. `KTLO_INSTRUMENT_ENGINE` chooses."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from ktlo_instrument import pure, suspension
from ktlo_instrument.requests import CURRENT


def load(name: str = "") -> Any:
    """The engine's module.

    Args:
        name: `c` or `python`; empty takes what there is.

    Raises:
        ImportError: `c` was asked for, and was not built.
    """
    name = name or os.environ.get("KTLO_INSTRUMENT_ENGINE", "")
    free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
    if name == "python" or free_threaded:
        return pure
    try:
        return importlib.import_module("ktlo_instrument._fast")
    except ImportError:
        if name == "c":
            raise
        return pure


def set_up(engine: Any, gate: Any) -> None:
    """Connect an engine to the current request and to whom telling calls are handed to."""
    engine.setup(CURRENT, gate, pure.hide, suspension.each, suspension.within)
