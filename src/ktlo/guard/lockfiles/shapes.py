"""Typed access to parsed JSON, TOML and YAML: a value of the wrong kind refuses the file instead of vanishing.

A gate may not skip what it does not understand: an entry that is quietly dropped is a dependency nobody checked.
"""

from __future__ import annotations

from collections.abc import Mapping

from ktlo.guard.lockfiles.protocol import UnreadableError
from ktlo.guard.lockfiles.wording import printable

Table = Mapping[str, object]

_NAMES = {dict: "a table", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}


def _refuse(what: str, expected: str, value: object) -> UnreadableError:
    found = _NAMES.get(type(value), "a number")
    return UnreadableError(
        f"{printable(what)} should be {expected} but is {found}", fix="Make it again with its tool."
    )


def as_table(value: object, what: str) -> Table:
    """The value as a table; nothing counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refuse(what, "a table", value)
    return value


def as_text(value: object, what: str) -> str:
    """The value as text; nothing counts as empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _refuse(what, "text", value)
    return value


def table(parent: Table, key: str) -> Table:
    """The table at a key; empty when the key is missing."""
    return as_table(parent.get(key), key)


def items(parent: Table, key: str) -> list[object]:
    """The list at a key; empty when the key is missing."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _refuse(key, "a list", value)
    return value


def tables(parent: Table, key: str) -> list[Table]:
    """The list of tables at a key."""
    return [as_table(item, f"an entry of {key}") for item in items(parent, key)]


def text(parent: Table, key: str) -> str:
    """The text at a key; empty when the key is missing."""
    return as_text(parent.get(key), key)


def texts(parent: Table, key: str) -> list[str]:
    """The list of texts at a key."""
    return [as_text(item, f"an entry of {key}") for item in items(parent, key)]


def flag(parent: Table, key: str) -> bool:
    """True or false at a key; false when the key is missing."""
    value = parent.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _refuse(key, "true or false", value)
    return value
