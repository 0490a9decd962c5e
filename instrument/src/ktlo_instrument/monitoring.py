"""Which lines and functions ran, told once each by `sys.monitoring` (PEP 669, Python 3.12 and later).

Only the code of instrumented modules is listened to (local events), and each event is disabled where it came
from as soon as it came, so that code that ran is again as it was. A tool id of its own is taken: debuggers,
profilers and coverage.py keep theirs. `_seen.c` is the same in C, without a frame that a debugger could step into.
"""

from __future__ import annotations

import importlib
import sys
from types import CodeType
from typing import Any, Union

NAME = "ktlo-instrument"
TOOLS = (4, 3)
"""Ids that PEP 669 leaves to anybody."""
OPTIMIZED = 0x1
"""Of `co_flags`: a function, not the body of a module or class."""
MOST_FILES = 20_000
"""Files listened to; a program that makes more of them is not followed into all."""

Seen = set[Union[int, tuple[str, int]]]
"""Of one file: lines that ran, and functions that began as (qualified name, first line)."""

_monitoring: Any = getattr(sys, "monitoring", None)
_over: Any = getattr(_monitoring, "DISABLE", None)
_ran: dict[str, Seen] = {}


def _line(code: CodeType, line: int, ran: Any = _ran, over: Any = _over) -> Any:
    seen = ran.get(code.co_filename)
    if seen is not None:
        seen.add(line)
    return over


def _start(code: Any, _offset: int, ran: Any = _ran, over: Any = _over) -> Any:
    seen = ran.get(code.co_filename)
    if seen is not None:
        seen.add((code.co_qualname, code.co_firstlineno))
    return over


class Monitor:
    """Listens to the code it is given, for as long as the process lives.

    Args:
        compiled: take the callbacks in C when they were built.
    """

    def __init__(self, compiled: bool = True) -> None:
        self.tool: int | None = None
        self.ran = _ran
        self.beyond = 0
        if _monitoring is None:
            return
        for tool in TOOLS:
            if _monitoring.get_tool(tool) == NAME:  # Of an earlier start in this process.
                self.tool = tool
                break
        else:
            for tool in TOOLS:
                try:
                    _monitoring.use_tool_id(tool, NAME)
                except ValueError:
                    continue
                self.tool = tool
                break
        if self.tool is None:
            return
        events = _monitoring.events
        self._function = events.PY_START | events.LINE
        self._body = events.LINE
        start, line = _callbacks(compiled)
        _monitoring.register_callback(self.tool, events.PY_START, start)
        _monitoring.register_callback(self.tool, events.LINE, line)

    def listen(self, path: str, code: CodeType, counted: Any) -> bool:
        """Listen to a module's code before it runs; whether it is listened to.

        Args:
            path: `co_filename` of the code.
            code: of the module.
            counted: answers for a code object whether it is to be listened to.
        """
        if self.tool is None:
            return False
        if path not in self.ran:
            if len(self.ran) >= MOST_FILES:
                self.beyond += 1
                return False
            self.ran[path] = set()
        listen = _monitoring.set_local_events
        waiting = [code]
        while waiting:
            each = waiting.pop()
            if counted(each):
                listen(self.tool, each, self._function if each.co_flags & OPTIMIZED else self._body)
            waiting += [inner for inner in each.co_consts if isinstance(inner, CodeType)]
        return True

    def forget(self, path: str) -> None:
        """The file's source is another now."""
        seen = self.ran.get(path)
        if seen is not None:
            seen.clear()


def _callbacks(compiled: bool) -> tuple[Any, Any]:
    if compiled:
        try:
            made: Any = importlib.import_module("ktlo_instrument._seen")
            made.setup(_ran, _monitoring.DISABLE)
        except Exception:
            return _start, _line
        return made.start, made.line
    return _start, _line
