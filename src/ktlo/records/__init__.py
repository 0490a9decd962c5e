"""The nouns of keeping the lights on, one module per family.

Each noun is a frozen dataclass registered with :func:`ktlo.records.schema.record`; from that one place
come its Arrow schema, its table in every store, and its page in the reference documentation.
"""

from ktlo.records import (
    calls,
    code,
    collection,
    delivery,
    effort,
    errors,
    findings,
    functions,
    logs,
    metrics,
    people,
    phases,
    reliability,
    service_levels,
    services,
    telemetry,
    versions,
    work,
)
from ktlo.records.schema import TABLES, Column, Table, table_of

__all__ = [
    "TABLES",
    "Column",
    "Table",
    "calls",
    "code",
    "collection",
    "delivery",
    "effort",
    "errors",
    "findings",
    "functions",
    "logs",
    "metrics",
    "people",
    "phases",
    "reliability",
    "service_levels",
    "services",
    "table_of",
    "telemetry",
    "versions",
    "work",
]
