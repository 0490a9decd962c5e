"""Coverage in production: which functions and lines of the loaded modules never ran since the process began.

What ran comes from `monitoring.py` (3.12+), or for functions alone from the statistics; what there is, from the
modules' code and, for modules that were never imported, from `unimported.py`. It leaves as log records
`ktlo.function.coverage`, one per module, cumulative over the process's life, when something changed.
"""

from __future__ import annotations

import dis
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from ktlo_instrument import otlp
from ktlo_instrument.clock import Clock
from ktlo_instrument.monitoring import OPTIMIZED, Monitor, Seen
from ktlo_instrument.uncounted import Uncounted

EVENT = "ktlo.function.coverage"
FIRST_SECONDS = 60.0
"""Until the first report; later ones are `coverage_interval` apart."""
AGAIN_SECONDS = 86_400.0
"""After which all is told again, though nothing changed: a server forgets what is old."""
MOST_FUNCTIONS = 200
"""Of one record; a module with more is told in several."""
MOST_RANGES = 2_000
"""Of one module: later ones are left out, which claims less than is known, never more."""
MOST_LINES = 3_000_000
"""Of all modules together, kept to be compared; modules beyond are told without lines."""
MOST_MODULES = 20_000
MOST_KEPT = 200_000
"""Functions of all modules together; modules beyond are not told, and counted."""
_NEVER_AFTER_RESUME = frozenset(("END_FOR", "END_SEND", "END_ASYNC_FOR", "CLEANUP_THROW"))


@dataclass(frozen=True)
class Module:
    """What there is in one module.

    Attributes:
        name: as imported.
        path: of its file.
        functions: qualified name, first line, and index of its site (`None`: none).
        lines: that can run; `None` where what ran is not known by line.
        imported: whether it was.
    """

    name: str
    path: str
    functions: tuple[tuple[str, int, int | None], ...]
    lines: tuple[int, ...] | None
    imported: bool = True


def described(
    name: str, path: str, code: CodeType, by_line: bool, imported: bool = True, counted: Any = None
) -> Module:
    """The functions and lines of a module's code. Functions come in the order of the source.

    Args:
        name: of the module.
        path: of its file.
        code: of the module.
        by_line: whether lines are wanted.
        imported: whether it was.
        counted: answers for a code object whether it is looked at.
    """
    functions: list[tuple[str, int, int | None]] = []
    lines: set[int] = set()
    waiting: list[tuple[CodeType, str]] = [(code, "")]
    while waiting:
        each, prefix = waiting.pop()
        if counted is None or counted(each):
            function = each.co_flags & OPTIMIZED and not each.co_name.startswith("<")
            if function:
                functions.append((prefix + each.co_name, each.co_firstlineno, _index(each)))
            if by_line:
                lines.update(_lines(each))
        if each is not code and not each.co_name.startswith("<generic"):
            prefix += each.co_name + (".<locals>." if each.co_flags & OPTIMIZED else ".")
        waiting += [(inner, prefix) for inner in each.co_consts if isinstance(inner, CodeType)]
    functions.sort(key=lambda each: (each[1], each[0]))
    return Module(name, path, tuple(functions), tuple(sorted(lines)) if by_line else None, imported)


def _index(code: CodeType) -> int | None:
    for constant in code.co_consts:
        kind = type(constant)
        if kind.__name__ == "Site" and kind.__module__.startswith("ktlo_instrument"):
            found = constant.index
            return found if isinstance(found, int) and found > 0 else None
    return None


def is_counted(code: CodeType) -> bool:
    """Whether a function was not left out by the settings."""
    return not any(type(constant) is Uncounted for constant in code.co_consts)


def _lines(code: Any) -> set[int]:
    """Lines of which `sys.monitoring` tells: those of instructions after RESUME, but for a few that begin none."""
    operations = code.co_code[::2]
    resume = dis.opmap.get("RESUME")
    begin = operations.index(resume) + 1 if resume in operations else 0
    found: set[int] = set()
    for start, end, line in code.co_lines():
        if line is None or end // 2 <= begin:
            continue
        named = (dis.opname[operations[place]] for place in range(max(begin, start // 2), end // 2))
        if any(name not in _NEVER_AFTER_RESUME for name in named):
            found.add(line)
    return found


def ranges(lines: Iterable[int]) -> list[list[int]]:
    """Ascending lines as [first, last] of each run of neighbours."""
    found: list[list[int]] = []
    for line in lines:
        if found and found[-1][1] == line - 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return found


class Coverage:
    """Keeps what there is and what ran, and makes the records of what changed.

    Args:
        interval: seconds between reports, at least.
        compiled: take the callbacks in C when they were built.
    """

    def __init__(self, interval: float = 300.0, compiled: bool = True) -> None:
        self.monitor = Monitor(compiled)
        self.interval = max(0.1, interval)
        self.beyond = 0
        self._since = Clock.wall() / 1e9
        self._due = Clock.seconds() + min(FIRST_SECONDS, self.interval)
        self._again = Clock.seconds() + AGAIN_SECONDS
        self._pending: deque[tuple[str, str, CodeType, bool]] = deque()
        self._modules: dict[tuple[str, str], Module] = {}
        self._sources: dict[str, int] = {}
        self._lines = 0
        self._functions = 0
        self._called: set[int] = set()
        self._told: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def loaded(self, name: str, path: str, code: CodeType, source: int) -> None:
        """A module is about to run. Called by whoever imports it, so nothing slow is done here.

        Args:
            name: of the module.
            path: of its file.
            code: instrumented.
            source: another number for another source.
        """
        if len(self._sources) >= MOST_MODULES and path not in self._sources:
            self.beyond += 1
            return
        if self._sources.get(path, source) != source:
            self.monitor.forget(path)
        self._sources[path] = source
        self._pending.append((name, path, code, self.monitor.listen(path, code, is_counted)))

    def called(self, indexes: Iterable[int]) -> None:
        """The sites of functions that were called, or are running, since it was said last."""
        self._called.update(indexes)

    def imported(self) -> list[tuple[str, str]]:
        """Names and paths of the modules that were imported."""
        with self._lock:
            return [key for key, module in self._modules.items() if module.imported]

    def is_known(self, path: str) -> bool:
        """Whether a file was imported."""
        return path in self._sources

    def settle(self, seconds: float = float("inf")) -> bool:
        """Look into modules that were loaded, for about so long; whether all are done."""
        end = Clock.seconds() + seconds
        while self._pending:
            if Clock.seconds() > end:
                return False
            try:
                name, path, code, by_line = self._pending.popleft()
            except IndexError:
                break
            self._keep(described(name, path, code, by_line, True, is_counted))
        return True

    def add(self, module: Module) -> None:
        """A module that was never imported."""
        if not self.is_known(module.path) and len(self._modules) < MOST_MODULES:
            self._keep(module)

    def _keep(self, module: Module) -> None:
        with self._lock:
            key = (module.name, module.path)
            self._forget(key)
            if self._functions + len(module.functions) > MOST_KEPT:
                self.beyond += 1
                return
            self._functions += len(module.functions)
            lines = len(module.lines) if module.lines is not None else 0
            if lines and self._lines + lines > MOST_LINES:
                module = Module(module.name, module.path, module.functions, None, module.imported)
                self.beyond += 1
            else:
                self._lines += lines
            self._modules[key] = module
            self._told.pop(key, None)

    def _forget(self, key: tuple[str, str]) -> None:
        old = self._modules.pop(key, None)
        if old is not None:
            self._functions -= len(old.functions)
            self._lines -= len(old.lines) if old.lines is not None else 0

    def is_due(self) -> bool:
        """Whether the time for a report has come."""
        return Clock.seconds() >= self._due

    def records(self) -> list[bytes]:
        """Log records of the modules that changed since they were told last."""
        now = Clock.seconds()
        self._due = now + self.interval
        if now >= self._again:
            self.tell_again()
            self._again = now + AGAIN_SECONDS
        with self._lock:
            modules = list(self._modules.items())
        found: list[bytes] = []
        for key, module in modules:
            if not module.imported and (self.is_known(module.path) or module.name in sys.modules):
                with self._lock:
                    self._forget(key)
                continue
            seen = self.monitor.ran.get(module.path) if module.imported else None
            ran = [self._ran(module, each) for each in module.functions] if seen is None else []
            state = sum(ran) if seen is None else len(seen)
            if self._told.get(key) != state:
                self._told[key] = state
                ran = ran or [self._ran(module, each) for each in module.functions]
                found += self._tell(module, ran, _never(module, seen))
        return found

    def tell_again(self) -> None:
        """What was told did not arrive: it is all told with the next report."""
        self._told.clear()

    def after_fork(self) -> None:
        """In a child: what the parent ran, it ran too, in its own name."""
        self._lock = threading.Lock()
        self._told.clear()
        self._due = Clock.seconds() + min(FIRST_SECONDS, self.interval)

    def _ran(self, module: Module, function: tuple[str, int, int | None]) -> bool:
        if not module.imported:
            return False
        seen = self.monitor.ran.get(module.path)
        name, line, index = function
        return index in self._called if seen is None else (name, line) in seen

    def _tell(self, module: Module, ran: list[bool], never: list[int] | None) -> list[bytes]:
        found: list[bytes] = []
        spans = None if never is None else ranges(never)
        known = [
            [name[:200], line, int(did)] for (name, line, index), did in zip(module.functions, ran)
            if index is not None or module.lines is not None or not module.imported
        ]  # fmt: skip
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._since))
        idle = sum(1 for each in known if not each[2])
        for start in range(0, max(1, len(known)), MOST_FUNCTIONS):
            given: dict[str, Any] = {
                "code.file.path": module.path,
                "ktlo.module": module.name,
                "ktlo.coverage.functions": _json(known[start : start + MOST_FUNCTIONS]),
                "ktlo.coverage.since": began,
                "ktlo.coverage.imported": module.imported,
            }
            if spans is not None and start == 0:
                given["ktlo.coverage.lines_never"] = _json(spans[:MOST_RANGES])
            sentence = f"{module.name}: {idle} of {len(known)} functions never ran since {began}"
            found.append(otlp.log_record(Clock.wall(), (9, "INFO"), sentence, EVENT, given, None))
        return found


def _never(module: Module, seen: Seen | None) -> list[int] | None:
    if module.lines is None:
        return None
    return [line for line in module.lines if seen is None or line not in seen]


def _json(given: Any) -> str:
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))
