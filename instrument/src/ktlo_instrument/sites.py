"""The functions that are instrumented: one site each, with a ceiling on how many."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Function:
    """One function of the source.

    Attributes:
        name: fully qualified, `module.Class.method`.
        path: of its file.
        line: of its `def`, or of its first decorator (as `co_firstlineno`).
        kind: `function`, `generator`, `coroutine` or `async generator`.
    """

    name: str
    path: str
    line: int
    kind: str


OVERFLOW = Function("_OTHER", "", 0, "function")
"""Functions beyond the ceiling, counted together."""


class Sites:
    """Gives each function its site.

    Args:
        engine: `pure` or `_fast`.
        most: functions kept apart; later ones share the overflow.
    """

    def __init__(self, engine: Any, most: int = 20_000) -> None:
        self.engine = engine
        self.most = most
        self.functions: list[Function] = [OVERFLOW]
        self.sites: list[Any] = [engine.Site(0)]
        self.overflowed = 0
        self._numbers: dict[tuple[str, str, int], int] = {}
        self._lock = threading.Lock()

    def site(self, module: str, path: str, kind: str, name: str, line: int) -> Any:
        """The site of a function; the same one again when its module is loaded again."""
        key = (path, name, line)
        with self._lock:
            number = self._numbers.get(key)
            if number is None:
                if len(self.sites) > self.most:
                    self.overflowed += 1
                    return self.sites[0]
                number = self._numbers[key] = len(self.sites)
                self.functions.append(Function(f"{module}.{name}" if module else name, path, line, kind))
                self.sites.append(self.engine.Site(number))
            return self.sites[number]

    def of(self, index: int) -> Function:
        """The function of a site's index."""
        return self.functions[index] if 0 <= index < len(self.functions) else OVERFLOW

    def after_fork(self) -> None:
        """In a child: a lock that another thread held is open again."""
        self._lock = threading.Lock()
        self.overflowed = 0
