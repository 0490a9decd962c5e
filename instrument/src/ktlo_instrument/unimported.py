"""Modules of the application's packages that were never imported: their files are looked through once, slowly.

A package is one that was named, or of which a module was imported. Files are compiled, never run; each file's
time is followed by fifty times as long of rest, in the thread that reports.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from ktlo_instrument.choosing import Choice
from ktlo_instrument.clock import Clock
from ktlo_instrument.coverage import Coverage, Module, described

MOST_FILES = 5_000
MOST_BYTES = 128 << 10
"""Of a file: compiling holds the interpreter, and larger ones would hold it too long."""
REST = 50
AFTER_SECONDS = 30.0
"""Since the start: an application imports its modules first."""
_AS = "ktlo-unimported:"
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "dist-packages"}


class Unimported:
    """Looks through the packages of the modules that are loaded.

    Args:
        coverage: who is told.
        choice: which modules are instrumented.
        packages: patterns that were named.
    """

    def __init__(self, coverage: Coverage, choice: Choice, packages: tuple[str, ...] = ()) -> None:
        self.skipped = 0
        self._coverage = coverage
        self.choice = choice
        self._packages = packages
        self._folders: dict[str, str] = {}
        self._files: Iterator[tuple[str, str]] | None = None
        self._begin = Clock.seconds() + AFTER_SECONDS
        self.over = False

    def after_fork(self) -> None:
        """In a child: the parent's thread may have been in the middle."""
        self._files = None

    def _loaded(self, name: str, path: str) -> None:
        """A module was imported: its package's folder is one to look through."""
        parts = name.split(".")
        depth = len(parts) - (1 if os.path.basename(path) != "__init__.py" else 0)
        if depth < 1 or parts[0] in self._folders or name == "__main__":
            return
        folder = os.path.dirname(path)
        for _ in range(depth - 1):
            folder = os.path.dirname(folder)
        if os.path.basename(folder) == parts[0]:
            self._folders[parts[0]] = folder

    def step(self, *, now: bool = False) -> float:
        """Look at one file, when it is time; seconds until the next one is."""
        if self.over:
            return float("inf")
        left = self._begin - Clock.seconds()
        if left > 0 and not now:
            return left
        began = Clock.seconds()
        try:
            self._one()
        except Exception:
            self.skipped += 1
        rest = max(0.2, (Clock.seconds() - began) * REST)
        self._begin = Clock.seconds() + rest
        return rest

    def _one(self) -> None:
        if self._files is None:
            for name, path in self._coverage.imported():
                self._loaded(name, path)
            self._named()
            self._files = self._found()
        for name, path in self._files:
            if self._coverage.is_known(path) or not self.choice.module(name, path):
                continue
            if name in sys.modules or path in _loaded_files():
                continue  # by others than us, or before us: what of it ran is not known
            if os.path.getsize(path) > MOST_BYTES:
                self.skipped += 1
                continue
            self._coverage.add(_read(name, path))
            return
        self.over = True

    def _named(self) -> None:
        """Packages that were named and of which nothing was imported."""
        for pattern in self._packages:
            top = pattern.split(".", 1)[0]
            if not top.isidentifier() or top in self._folders:
                continue
            for place in sys.path:
                folder = os.path.join(place or os.getcwd(), top)
                if os.path.isfile(os.path.join(folder, "__init__.py")):
                    self._folders[top] = folder
                    break

    def _found(self) -> Iterator[tuple[str, str]]:
        """Module names and paths below the folders."""
        left = MOST_FILES
        for top, home in list(self._folders.items()):
            for folder, inner, files in os.walk(home):
                inner[:] = sorted(each for each in inner if each.isidentifier() and each not in _SKIPPED)
                below = os.path.relpath(folder, home)
                parts = [top, *([] if below == os.curdir else below.split(os.sep))]
                for file in sorted(files):
                    stem, ending = os.path.splitext(file)
                    if ending != ".py" or not stem.isidentifier():
                        continue
                    if left <= 0:
                        self.skipped += 1
                        return
                    left -= 1
                    yield (
                        ".".join(parts if stem == "__init__" else [*parts, stem]),
                        os.path.join(folder, file),
                    )


def _loaded_files() -> set[Any]:
    """Files of all modules that are loaded, without asking one of them."""
    kind: Any = ModuleType
    own = kind.__dict__["__dict__"]
    modules = [each for each in list(sys.modules.values()) if isinstance(each, ModuleType)]
    return {file for file in (own.__get__(each).get("__file__") for each in modules) if type(file) is str}


def _ignore_warnings() -> None:
    """The compiler's warnings are for who imports the file; only those under our name for it are left out."""
    if not any(getattr(each[3], "pattern", "") == _AS for each in warnings.filters):
        warnings.filterwarnings("ignore", module=_AS)


def _read(name: str, path: str) -> Module:
    with open(path, "rb") as file:
        source = file.read(MOST_BYTES + 1)
    _ignore_warnings()
    code = compile(source, _AS + path, "exec", dont_inherit=True)
    by_line = sys.version_info >= (3, 12)
    return described(name, path, code, by_line, imported=False)
