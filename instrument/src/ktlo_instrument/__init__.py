"""Statistics of every function, and the telling calls in detail, without touching the code.

`ktlo-instrument run -- python app.py`, `import ktlo_instrument.auto`, or `ktlo_instrument.start(...)`
before the modules are imported that shall be counted. README.md says what is sent.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ktlo_instrument.requests import request
from ktlo_instrument.settings import Settings, changed, complain, read
from ktlo_instrument.version import VERSION

if TYPE_CHECKING:
    from ktlo_instrument.running import Running

__all__ = ["Settings", "__version__", "current", "flush", "request", "start", "stop"]

__version__ = VERSION

_running: Running | None = None
_lock = threading.Lock()


def start(settings: Settings | None = None, **said: Any) -> bool:
    """Count the functions of modules that are imported from now on.

    Args:
        settings: everything at once; read from files and the environment when left out.
        said: single settings, which win: `start(packages=("shop",), sample=1000)`.

    Returns:
        Whether it runs. It never raises: what went wrong is told on standard error.
    """
    global _running
    with _lock:
        if _running is not None:
            return True
        try:
            from ktlo_instrument.running import Running

            made = Running(changed(settings or read(), said, "start()"))
            made.start()
            _running = made
        except Exception as problem:
            complain(f"nothing is counted: {type(problem).__name__}: {problem}")
            return False
        return True


def current() -> Running | None:
    """What runs in this process."""
    return _running


def flush(seconds: float = 2.0) -> bool:
    """Send what was counted now; whether all of it was sent in time."""
    return _running.flush(seconds) if _running is not None else True


def stop(seconds: float = 2.0) -> None:
    """Send what was counted, and count no further imports. Modules that are loaded go on as they are, unheard."""
    global _running
    with _lock:
        if _running is not None:
            _running.stop(seconds)
            _running = None
