r"""Bytes of a repository as text: git promises no encoding, so nothing here may fail or lose a byte.

Valid UTF-8 is taken as it is; any other byte becomes ``\xNN`` (Python's *backslashreplace*), in single
values and in whole Arrow columns. Used by everything in this folder that reads what git printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import pyarrow as pa

Column: TypeAlias = "pa.Array[Any]"
"""A column of any type; pyarrow's classes take no parameters at run time."""


def text(raw: bytes) -> str:
    r"""Decode UTF-8, keeping any other byte visible as ``\xNN``."""
    return raw.decode("utf-8", "backslashreplace")


def text_column(raw: Sequence[bytes]) -> Column:
    """Decode a whole column.

    Args:
        raw: values, any bytes.

    Returns:
        Array of strings, as long as ``raw``. The usual case (all UTF-8) is checked by Arrow at once.
    """
    try:
        return pa.array(raw, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([text(value) for value in raw], pa.string())
