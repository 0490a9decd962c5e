"""Asks the store each question once while one page or document is made.

Many metrics rest on the same rows; a page would otherwise fetch its incidents a dozen times.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ktlo.store.protocol import Queryable


class Remembering:
    """Answers of a store, remembered by statement and parameters for as long as this lives.

    Args:
        store: asked when a question is new.
    """

    def __init__(self, store: Queryable) -> None:
        self._store = store
        self._answers: dict[tuple[str, str], pa.Table] = {}
        self._guard = threading.Lock()

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query`."""
        key = (sql, repr(sorted((params or {}).items())))
        with self._guard:
            if key not in self._answers:
                self._answers[key] = self._store.query(sql, params)
            return self._answers[key]
