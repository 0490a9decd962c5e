"""JSON as every form writes it: indented, with a line feed at its end, whatever a file name holds."""

from __future__ import annotations

from typing import Any

import msgspec


def as_json(content: Any) -> str:
    """Write content as JSON; a text that is no Unicode (half of a surrogate pair) is written with escapes."""
    try:
        encoded = msgspec.json.encode(content)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_clean(msgspec.to_builtins(content)))
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value
