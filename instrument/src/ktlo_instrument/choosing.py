"""Which modules are instrumented: those named, or else the application's own code."""

from __future__ import annotations

import fnmatch
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence

from ktlo_instrument.settings import Settings

_NEVER = ("ktlo_instrument", "sitecustomize", "usercustomize", "opentelemetry")


class Choice:
    """Answers for each module and function whether it is instrumented.

    Args:
        settings: packages and exceptions.
        roots: folders of the application's own code; the working folder and the script's when empty.
    """

    def __init__(self, settings: Settings, roots: Sequence[str] = ()) -> None:
        self._packages = settings.packages
        self._exclude = settings.exclude
        self._roots = [os.path.realpath(root) for root in roots]
        paths = sysconfig.get_paths()
        self._foreign = [
            os.path.realpath(paths[name]) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")
        ]

    def module(self, name: str, path: str) -> bool:
        """Whether a module is instrumented."""
        if name.split(".", 1)[0] in _NEVER or matches(name, self._exclude):
            return False
        if self._packages:
            return matches(name, self._packages)
        real = os.path.realpath(path)
        if any(real.startswith(folder) for folder in self._foreign):
            return False
        parts = real.split(os.sep)
        if "site-packages" in parts or "dist-packages" in parts:
            return False
        return any(real.startswith(root + os.sep) for root in self._own())

    def function(self, name: str) -> bool:
        """Whether a function of an instrumented module is."""
        return not matches(name, self._exclude)

    def _own(self) -> list[str]:
        if self._roots:
            return self._roots
        found = [os.getcwd()]
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        if main:
            found.append(os.path.dirname(os.path.abspath(main)))
        return [os.path.realpath(each) for each in found if each != os.sep]


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a dotted name is one of the patterns or lies below one: `shop` covers `shop.orders.pay`."""
    return any(
        name == pattern or name.startswith(pattern + ".") or fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
    )
