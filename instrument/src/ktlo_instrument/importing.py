"""The import hook: source files of chosen modules are compiled with their functions timed.

Whatever goes wrong, the module is loaded as if we were not there. Compiled code is cached beside Python's
own, under a name of its own (`x.cpython-311.opt-ktlo1.pyc`), checked against the source's time and size as
Python does.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import marshal
import os
import struct
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import Any

from ktlo_instrument.choosing import Choice
from ktlo_instrument.coverage import Coverage
from ktlo_instrument.sites import Sites
from ktlo_instrument.transform import live, transform

_FORMAT = 3
"""Of the cache; a new one whenever the transformation changes."""


class Hook:
    """A finder that takes modules from the other finders and has the chosen ones loaded by `Loader`.

    Args:
        choice: which modules.
        sites: where functions get their sites.
        cache: whether compiled code is kept.
        coverage: who is told of each module before it runs.
    """

    def __init__(
        self, choice: Choice, sites: Sites, cache: bool = True, coverage: Coverage | None = None
    ) -> None:
        self.choice = choice
        self.sites = sites
        self.cache = cache
        self.coverage = coverage
        self.modules = 0
        self.failed = 0

    def install(self) -> None:
        """Look at every import from now on."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        """Look at none any more; what is loaded stays as it is."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """What the finders after us find, to be loaded by us when it is a chosen source file."""
        found = False
        for finder in list(sys.meta_path):
            if finder is self:
                found = True
                continue
            find = getattr(finder, "find_spec", None) if found else None
            spec: importlib.machinery.ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                self._take(spec)
                return spec
        return None

    def _take(self, spec: importlib.machinery.ModuleSpec) -> None:
        loader = spec.loader
        if type(loader) is not importlib.machinery.SourceFileLoader:
            return
        try:
            if self.choice.module(spec.name, loader.path):
                spec.loader = Loader(self, spec.name, loader.path)
        except Exception:
            self.failed += 1

    def code(self, source: bytes | None, path: str, module: str) -> CodeType | None:
        """Instrumented code of a source file; `None` when it cannot be made, and is to be loaded as it is."""
        try:
            placeholders = self._cached(source, path)
            shown = "" if module == "__main__" else module

            def site(kind: str, name: str, line: int) -> Any:
                return self.sites.site(shown or "__main__", path, kind, name, line)

            made = live(placeholders, site, lambda name: self.choice.function(f"{module}.{name}"))
            self.modules += 1
            if self.coverage is not None:
                self._told(module, path, made, placeholders)
        except Exception:
            self.failed += 1
            return None
        else:
            return made

    def _told(self, module: str, path: str, made: CodeType, source: CodeType) -> None:
        try:
            if self.coverage is not None:
                self.coverage.loaded(module, path, made, hash(source))
        except Exception:
            self.failed += 1

    def _cached(self, source: bytes | None, path: str) -> CodeType:
        stat = os.stat(path)
        head = importlib.util.MAGIC_NUMBER + struct.pack(
            "<III", _FORMAT, int(stat.st_mtime) & 0xFFFFFFFF, stat.st_size & 0xFFFFFFFF
        )
        place = ""
        if self.cache and sys.implementation.cache_tag:
            tag = f"ktlo{_FORMAT}o{sys.flags.optimize}"
            place = importlib.util.cache_from_source(path, optimization=tag)
            try:
                with open(place, "rb") as file:
                    kept = file.read()
                if kept.startswith(head):
                    code = marshal.loads(kept[len(head) :])
                    if isinstance(code, CodeType) and code.co_filename == path:
                        return code
            except (OSError, ValueError, EOFError, TypeError):
                pass
        if source is None:
            with open(path, "rb") as file:
                source = file.read()
        code = transform(source, path)
        if place and not sys.dont_write_bytecode:
            _keep(place, head + marshal.dumps(code), stat.st_mode)
        return code


def _keep(place: str, content: bytes, mode: int) -> None:
    """Write as a whole or not at all; a folder one may not write to is no problem."""
    aside = f"{place}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode & 0o666 | 0o200)
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(aside, place)
    except OSError:
        try:
            os.unlink(aside)
        except OSError:
            pass


class Loader(importlib.machinery.SourceFileLoader):
    """Python's own loader of source files, with instrumented code.

    It equals Python's own for the same file, and pickled or copied it is one.
    """

    __slots__ = ("_hook",)

    def __init__(self, hook: Hook, name: str, path: str) -> None:
        super().__init__(name, path)
        self._hook = hook

    def __eq__(self, other: object) -> bool:
        return isinstance(other, importlib.machinery.SourceFileLoader) and vars(self) == vars(other)

    __hash__ = importlib.machinery.SourceFileLoader.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return importlib.machinery.SourceFileLoader, (self.name, self.path)

    def get_code(self, fullname: str) -> CodeType | None:
        """Instrumented; as Python's own loader gives it when that fails.

        Raises:
            ImportError: `fullname` is not the module this loader was made for.
        """
        code = self._hook.code(None, self.get_filename(fullname), fullname)
        return code if code is not None else super().get_code(fullname)
