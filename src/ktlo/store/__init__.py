"""Where everything that happened is kept: records in an analytical engine, mutable state in SQL.

:class:`~ktlo.store.protocol.Store` holds records (embedded engine or a ClickHouse server);
``ktlo.store.state`` holds what people change: sources, cursors, corrections.
"""

from ktlo.store.protocol import Store

__all__ = ["Store"]
