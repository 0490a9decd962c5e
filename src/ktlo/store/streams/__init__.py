"""How telemetry lies in the store: tables by day, roll-ups that follow from them, and the ways in.

One module a signal (``traces``) declares its tables, its ways in and what flows from one to the next; ``statements``
makes the SQL of all of them. What the engine reads is the protobuf that was received; Python makes no object per row.
"""

from ktlo.store.streams.logs import LOGS
from ktlo.store.streams.metrics import METRICS
from ktlo.store.streams.physical import Flow, Incoming, Passing, Physical, Signal
from ktlo.store.streams.statements import (
    PHYSICAL,
    SIGNALS,
    create_flow,
    create_table,
    create_view,
    keep,
    load_settings,
    load_statement,
    schema_settings,
)
from ktlo.store.streams.traces import TRACES

__all__ = [
    "LOGS",
    "METRICS",
    "PHYSICAL",
    "SIGNALS",
    "TRACES",
    "Flow",
    "Incoming",
    "Passing",
    "Physical",
    "Signal",
    "create_flow",
    "create_table",
    "create_view",
    "keep",
    "load_settings",
    "load_statement",
    "schema_settings",
]
