"""Telling calls become log records: arguments, result or exception, and the span they belong to.

An engine's gate fires while the function's frame still exists, so nothing is kept for calls that tell
nothing. How many are told is limited, for each function and in total; what is not told for that reason is
counted.
"""

from __future__ import annotations

import inspect
import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Optional

from ktlo_instrument import otlp
from ktlo_instrument.choosing import matches
from ktlo_instrument.clock import Clock
from ktlo_instrument.pure import ERROR, FIRST, SAMPLED, SLOW, TRACED
from ktlo_instrument.redaction import Redaction
from ktlo_instrument.representation import Representation, type_name
from ktlo_instrument.requests import CURRENT, OPENED, kind_of
from ktlo_instrument.settings import Settings
from ktlo_instrument.sites import Function, Sites
from ktlo_instrument.transform import HIDDEN, RESULT

EVENT = "ktlo.function.call"
MOST_WAITING = 1_000
"""Records that wait to be sent; the oldest go first."""
MOST_JSON = 8_192
_FEW_FRAMES = 30
_BEGINNINGS = (
    "/threading.py", "/asyncio/events.py", "/socketserver.py", "/concurrent/futures/thread.py",
    "/multiprocessing/process.py",
)  # fmt: skip
"""Files of Python's own below which a thread, task or request begins."""
_WORDS = ((SLOW, "slow"), (ERROR, "error"), (FIRST, "first"), (TRACED, "traced"), (SAMPLED, "sampled"))

Span = Callable[[], Optional[tuple[int, int]]]


class Details:
    """What single calls told, until it is sent.

    Args:
        sites: the functions.
        settings: limits and redaction.
        span: gives trace and span of the current context.
    """

    def __init__(self, sites: Sites, settings: Settings, span: Span | None = None) -> None:
        self._sites = sites
        self._span = span
        self._waiting: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._second = 0
        self._told = 0
        self.dropped = 0
        self.ready = True
        """False until the rules of the server were asked for: they may say what is secret."""
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Follow other settings from now on."""
        self._settings = settings
        self._shown = Representation(Redaction(settings.redact, settings.redact_emails), settings.open_types)

    def gate(self, site: Any, reasons: int, wall: int, frame: Any, error: BaseException | None) -> None:
        """Called by an engine at the end of a call that may tell something."""
        settings = self._settings
        if not self.ready:
            site.left, site.tokens = 1, 1
            return
        function = self._sites.of(site.index)
        if not settings.detail or matches(function.name, settings.quiet) or not self._may():
            return
        record = self._record(function, reasons, wall, frame, error)
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(record)

    def take(self) -> list[bytes]:
        """The records that wait, which are ours to send now."""
        with self._lock:
            found = list(self._waiting)
            self._waiting.clear()
        return found

    def after_fork(self) -> None:
        """In a child: the parent sends its own."""
        self._lock = threading.Lock()
        self._waiting.clear()
        self.dropped = 0

    def _may(self) -> bool:
        second = int(Clock.seconds())
        if second != self._second:
            self._second, self._told = second, 0
        self._told += 1
        if self._told > self._settings.details_per_second:
            self.dropped += 1
            return False
        return True

    def _record(
        self, function: Function, reasons: int, wall: int, frame: Any, error: BaseException | None
    ) -> bytes:
        names = [word for bit, word in _WORDS if reasons & bit]
        values = values_of(frame)
        code = frame.f_code
        arguments, changed = _arguments(code, values)
        route, caller = kind_of(CURRENT.get(0))
        given: dict[str, Any] = {
            "code.function.name": function.name,
            "code.file.path": function.path,
            "code.line.number": function.line,
            "ktlo.call.reason": names[0] if names else "sampled",
            "ktlo.call.reasons": names,
            "ktlo.call.duration": wall,
            "ktlo.call.arguments": _json(self._shown.of_named(arguments)),
            "thread.id": threading.get_ident(),
        }
        if changed:
            given["ktlo.call.reassigned"] = changed
        if error is None and "generator" not in function.kind:
            given["ktlo.call.result"] = _json(self._shown.of(values.get(RESULT)))
        if error is not None:
            given.update(self._exception(error, frame))
        if route:
            given["http.route"] = route
        if caller:
            given["ktlo.caller.service"] = caller
        failed = bool(reasons & ERROR)
        sentence = f"{function.name} {'failed' if failed else 'took'} {'after ' if failed else ''}{wall / 1e6:.3f} ms"
        severity = (17, "ERROR") if failed else (13, "WARN") if reasons & SLOW else (9, "INFO")
        span = self._span() if self._span else None
        return otlp.log_record(Clock.wall(), severity, sentence, EVENT, given, span)

    def _exception(self, error: BaseException, frame: Any) -> dict[str, Any]:
        """As the semantic conventions have it; messages are redacted, and only text made by built-in types is shown."""
        told: dict[str, Any] = {"exception.type": type_name(type(error))}
        arguments = BaseException.__dict__["args"].__get__(error, type(error))
        shown = self._shown.of(list(arguments)) if type(arguments) is tuple else []
        first = shown[0] if len(shown) == 1 else shown
        message = first if isinstance(first, str) else _json(first) if shown else ""
        if isinstance(first, str) and len(shown) == 1 and type(error).__str__ is KeyError.__str__:
            message = repr(first)  # as Python has it, and with it whoever else tells of the same exception
        told["exception.message"] = message
        frames = _around(frame)
        entry = BaseException.__dict__["__traceback__"].__get__(error, type(error))
        inner = [] if entry is None else _inside(entry)
        frames += [_frame(each.tb_frame.f_code, each.tb_lineno) for each in inner]
        if any(self._tells(each.tb_frame.f_code) for each in inner[1:]):
            told["ktlo.call.propagated"] = True
        stack = "".join(frames)
        head = "Traceback (most recent call last):\n"
        told["exception.stacktrace"] = f"{head}{stack}{told['exception.type']}: {told['exception.message']}"
        return told

    def _tells(self, code: Any) -> bool:
        """Whether a function's own failed calls are told."""
        kind = self._sites.engine.Site
        site = next((each for each in code.co_consts if type(each) is kind), None)
        return site is not None and not matches(self._sites.of(site.index).name, self._settings.quiet)


def _inside(entry: Any) -> list[Any]:
    """A traceback's entries, outermost first."""
    found: list[Any] = []
    while entry is not None and len(found) < _FEW_FRAMES:
        found.append(entry)
        entry = entry.tb_next
    return found


def _around(frame: Any) -> list[str]:
    """Who called a function, outermost first, from where its span, task, thread or script begins.

    A span's event tells the same: its stack begins where the span was opened.
    """
    found: list[str] = []
    opened = OPENED.get()
    at = frame
    while at.f_code is not opened and at.f_back is not None and len(found) < _FEW_FRAMES:
        at = at.f_back
        code = at.f_code
        if code.co_name == "<module>" or code.co_filename.replace("\\", "/").endswith(_BEGINNINGS):
            break
        found.append(_frame(code, at.f_lineno))
    return found[::-1]


def _frame(code: Any, line: int | None) -> str:
    return f'  File "{code.co_filename}", line {line}, in {code.co_name}\n'


def values_of(frame: Any) -> dict[str, Any]:
    """A copy of a frame's variables.

    Until 3.12 the frame keeps a dictionary that `locals()` also gives: our names are taken out of it again.
    """
    shared = frame.f_locals
    found = dict(shared)
    if type(shared) is dict:
        for name in HIDDEN:
            shared.pop(name, None)
    return found


def _arguments(code: Any, values: Any) -> tuple[dict[str, Any], list[str]]:
    """Parameters with their values as the call ends, and those that were assigned to meanwhile."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    names = code.co_varnames[:count]
    return {name: values[name] for name in names if name in values}, _reassigned(code, names)


_assigned: dict[Any, list[str]] = {}


def _reassigned(code: Any, names: tuple[str, ...]) -> list[str]:
    """Parameters that the function assigns to or deletes: what is shown of them is their last value."""
    known = _assigned.get(code)
    if known is None:
        import dis

        stores = ("STORE_FAST", "DELETE_FAST", "STORE_DEREF", "DELETE_DEREF")
        stored: set[Any] = set()
        for each in dis.get_instructions(code):
            if each.opname.startswith(stores):
                stored.update(each.argval if isinstance(each.argval, tuple) else (each.argval,))
        known = [name for name in names if name in stored]
        if len(_assigned) < 5_000:
            _assigned[code] = known
    return known


def _json(given: Any) -> str:
    shown = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
    return shown if len(shown) <= MOST_JSON else shown[:MOST_JSON] + "…"
