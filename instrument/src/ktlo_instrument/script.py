"""Runs a script with its own functions counted, since Python does not import the file it is told to run.

Started by `launch.py`.
"""

from __future__ import annotations

import builtins
import os
import sys
from types import CodeType, ModuleType
from typing import Any

import ktlo_instrument
from ktlo_instrument.settings import complain


def begin() -> None:
    """Start, and have the main module of `multiprocessing`'s spawned children counted too."""
    if not ktlo_instrument.start():
        return
    import runpy

    module: Any = runpy
    original = getattr(module, "_get_code_from_file", None)
    if original is None or getattr(original, "ktlo", False):
        return

    def get_code(*given: Any) -> Any:
        path = given[-1] if given else ""
        code = code_of(path) if isinstance(path, str) and path.endswith(".py") else None
        if code is None:
            return original(*given)
        return (code, path) if len(given) > 1 else code

    get_code.ktlo = True  # type: ignore[attr-defined]
    module._get_code_from_file = get_code


def code_of(path: str) -> CodeType | None:
    """The file's code, instrumented when it is chosen; `None` when it is not."""
    running = ktlo_instrument.current()
    if running is None:
        return None
    try:
        if not os.path.isfile(path) or not running.hook.choice.module("__main__", path):
            return None
        with open(path, "rb") as file:
            return running.hook.code(file.read(), path, "__main__")
    except OSError:
        return None


def main() -> None:
    """Run `sys.argv[1:]` as Python would."""
    del sys.argv[0]
    path = sys.argv[0]
    path = os.path.abspath(path)
    sys.path[0] = os.path.dirname(path)
    begin()
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        import runpy

        runpy.run_path(path, run_name="__main__")
        return
    code = code_of(path)
    if code is None:
        try:
            with open(path, "rb") as file:
                code = compile(file.read(), path, "exec", dont_inherit=True)
        except OSError as problem:
            complain(f"can't open file {path!r}: {problem.strerror}")
            raise SystemExit(2) from None
    module = ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    sys.modules["__main__"] = module
    try:
        exec(code, module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        # As Python shows it, without the frames that led here.
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)
