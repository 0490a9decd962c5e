"""Arguments and results as plain values, bounded in depth, size and time, without running a line of the application's.

Only exact built-in types are opened, with their own methods (`dict.items`, not the object's): no
`__repr__`, `__len__`, `__iter__`, `__getattr__`, property or descriptor is called. Of other objects the
type's name is shown; of arrays and frames of well-known libraries their shape too; instances of classes
that were opted in, their plain fields.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import sys
import types
import uuid
from collections.abc import Iterable
from typing import Any

from ktlo_instrument.clock import Clock
from ktlo_instrument.redaction import MOST_TEXT, REDACTED, Redaction

MOST_DEPTH = 4
MOST_ITEMS = 20
MOST_NODES = 200
MOST_CHARACTERS = 200
MOST_NANOSECONDS = 2_000_000

_PLAIN = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, uuid.UUID)
_PATHS = (pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath)
_SHOWN_AS_TEXT = frozenset(map(id, _PLAIN))
_SHOWN_REDACTED = frozenset(map(id, (*_PATHS, decimal.Decimal)))
_CONTAINERS = frozenset(map(id, (list, tuple, set, frozenset, dict)))
_KEYS = frozenset(map(id, (str, int, float, bool, bytes, type(None))))
# By identity: `in` would ask the equality and hash of a type, which its metaclass may have changed.
_SHAPED = (("numpy", "ndarray"), ("pandas", "DataFrame"), ("pandas", "Series"))
_type_name = type.__dict__["__qualname__"].__get__
_type_module = type.__dict__["__module__"].__get__
_type_dict = type.__dict__["__dict__"].__get__
_type_mro = type.__dict__["__mro__"].__get__


class Representation:
    """Makes plain values.

    Args:
        redaction: what is a secret.
        opened: fully qualified names of classes whose fields may be shown.
    """

    def __init__(self, redaction: Redaction, opened: Iterable[str] = ()) -> None:
        self.redaction = redaction
        self._opened: frozenset[str] = frozenset(opened)

    def of(self, given: Any) -> Any:
        """Something JSON can hold, for one value."""
        return _Walk(self.redaction, self._opened).value(given, 0)

    def of_named(self, given: dict[str, Any]) -> dict[str, Any]:
        """The same for arguments by parameter; those with a secret's name are never looked at."""
        walk = _Walk(self.redaction, self._opened)
        return {
            name: REDACTED if self.redaction.is_secret(name) else walk.value(value, 0)
            for name, value in list(given.items())[:50]
        }


class _Walk:
    """One representation: what may still be spent, and what is being opened."""

    def __init__(self, redaction: Redaction, opened: frozenset[str]) -> None:
        self.redaction = redaction
        self.opened = opened
        self.nodes = MOST_NODES
        self.until = Clock.nanoseconds() + MOST_NANOSECONDS
        self.above: list[int] = []

    def value(self, given: Any, depth: int) -> Any:
        self.nodes -= 1
        kind = type(given)
        if given is None or kind is bool:
            return given
        if kind is int:
            return self._number(given)
        if kind is float:
            if given - given != 0:
                return str(given)
            return REDACTED if given == given // 1 and self.redaction.number(int(given)) else given
        if kind is str:
            return self._text(given)
        if kind is bytes or kind is bytearray:
            return f"<{kind.__name__} of {len(given)} bytes>"
        if kind is complex:
            return str(given)
        if self.nodes < 0 or Clock.nanoseconds() > self.until:
            return "<cut: too much>"
        if id(kind) in _SHOWN_AS_TEXT:
            return str(given)
        if id(kind) in _SHOWN_REDACTED:
            return self._text(str(given))
        if id(kind) in _CONTAINERS:
            return self._container(given, kind, depth)
        return self._object(given, kind, depth)

    def _number(self, given: int) -> Any:
        if given.bit_length() > 256:
            return f"<int of {given.bit_length()} bits>"
        return REDACTED if self.redaction.number(given) else given

    def _text(self, given: str) -> str:
        if self.nodes < 0 or Clock.nanoseconds() > self.until:
            return "<cut: too much>"
        shown = self.redaction.text(given)
        if len(shown) <= MOST_CHARACTERS and len(given) <= MOST_TEXT:
            return shown
        return f"{shown[:MOST_CHARACTERS]}… ({len(given)} characters)"

    def _container(self, given: Any, kind: type, depth: int) -> Any:
        if id(given) in self.above:
            return "<itself>"
        if depth >= MOST_DEPTH:
            return f"<{kind.__name__} of {len(given)}>"
        self.above.append(id(given))
        try:
            return self._mapping(given, depth) if kind is dict else self._sequence(given, depth)
        finally:
            self.above.pop()

    def _sequence(self, given: Any, depth: int) -> list[Any]:
        """Items. The second of a pair (`("Cookie", …)`) and what follows an option (`--password …`) may be secrets."""
        shown: list[Any] = []
        size = len(given)
        before: Any = None
        for each in _first(given):
            secret = (
                type(before) is str and (size == 2 or before[:1] == "-") and self.redaction.is_secret(before)
            )
            shown.append(REDACTED if secret else self.value(each, depth + 1))
            before = str(each, "latin-1") if type(each) is bytes and len(each) < 100 else each
        if size > MOST_ITEMS:
            shown.append(f"… {size - MOST_ITEMS} more")
        return shown

    def _mapping(self, given: dict[Any, Any], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for key, value in _first(given.items()):
            if type(key) is str:
                name, secret = self._text(key), self.redaction.is_secret(key)
            else:
                plain = id(type(key)) in _KEYS
                name = str(self.value(key, MOST_DEPTH)) if plain else f"<{type_name(type(key))}>"
                secret = type(key) is bytes and self.redaction.is_secret(str(key[:200], "latin-1"))
            shown[name] = REDACTED if secret else self.value(value, depth + 1)
        if len(given) > MOST_ITEMS:
            shown["…"] = f"{len(given) - MOST_ITEMS} more"
        return shown

    def _object(self, given: Any, kind: type, depth: int) -> Any:
        name = type_name(kind)
        if type(kind) is enum.EnumMeta:
            member = object.__getattribute__(given, "__dict__").get("_name_")
            return f"{name}.{member}" if type(member) is str else f"<{name}>"
        if _is_shaped(kind):
            shape = getattr(given, "shape", None)
            plain = type(shape) is tuple and all(type(each) is int for each in shape)
            return f"<{name} of shape {shape}>" if plain else f"<{name}>"
        if name in self.opened and depth < MOST_DEPTH and id(given) not in self.above:
            self.above.append(id(given))
            try:
                return {"": f"<{name}>", **self._fields(given, kind, depth)}
            finally:
                self.above.pop()
        return f"<{name}>"

    def _fields(self, given: Any, kind: type, depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for field, value in plain_fields(given, kind).items():
            if len(shown) >= MOST_ITEMS:
                break
            shown[field] = REDACTED if self.redaction.is_secret(field) else self.value(value, depth + 1)
        return shown


def _is_shaped(kind: type) -> bool:
    """Whether it is exactly an array or frame of a well-known library, which is loaded."""
    for module, name in _SHAPED:
        loaded = sys.modules.get(module)
        if type(loaded) is types.ModuleType and loaded.__dict__.get(name) is kind:
            return True
    return False


def _first(given: Any) -> list[Any]:
    """The first items of a built-in container; what another thread changes meanwhile is not shown."""
    found: list[Any] = []
    try:
        for each in given:
            if len(found) >= MOST_ITEMS:
                break
            found.append(each)
    except RuntimeError:
        pass
    return found


def type_name(kind: type) -> str:
    """Module and qualified name of a type, without asking its metaclass."""
    try:
        module = _type_module(kind)
        name = _type_name(kind)
    except Exception:
        return "object"
    if type(name) is not str:
        return "object"
    if type(module) is not str or module == "builtins":
        return name[:200]
    return f"{module}.{name}"[:200]


def plain_fields(given: Any, kind: type) -> dict[str, Any]:
    """What lies in the instance's dictionary and slots, read without its own code."""
    found: dict[str, Any] = {}
    slots: list[Any] = []
    holder: Any | None = None
    for each in _type_mro(kind):
        own = _type_dict(each)
        slots += [item for item in own.items() if type(item[1]) is types.MemberDescriptorType]
        if holder is None and type(own.get("__dict__")) is types.GetSetDescriptorType:
            holder = own["__dict__"]
    for name, slot in slots:
        try:
            found[name] = slot.__get__(given, kind)
        except AttributeError:
            continue
    if holder is not None:
        fields = holder.__get__(given, kind)
        if type(fields) is dict:
            found.update((name, value) for name, value in list(fields.items()) if type(name) is str)
    return found
