"""The one place that chooses a backend: a server when settings name one, else the folder's own engine."""

from __future__ import annotations

from pathlib import Path

from ktlo.settings import Settings
from ktlo.store.protocol import Store
from ktlo.store.state import State


def open_store(settings: Settings, folder: Path) -> Store:
    """Open the store for records, not yet migrated.

    Args:
        settings: ``store.url`` and ``store.cluster`` decide.
        folder: the data folder; used by the embedded engine only.

    Raises:
        UserError: ``store.url`` is not an address.
        StoreBusyError: another process has the folder open.
        StoreError: the folder or the server cannot be used.
    """
    if settings.store.url:
        from ktlo.store.clickhouse import ClickHouseStore

        return ClickHouseStore(settings.store.url, cluster=settings.store.cluster)
    from ktlo.store.embedded import EmbeddedStore

    return EmbeddedStore(folder)


def open_state(settings: Settings, folder: Path) -> State:
    """Open the state database, migrated.

    Raises:
        StoreError: it cannot be reached or migrated.
    """
    return State(settings.store.state) if settings.store.state else State.in_folder(folder)
