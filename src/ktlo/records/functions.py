"""Functions of running services: how often each ran, how long, with which errors, who called it, and which never ran.

Roll-ups of ``ktlo-instrument``'s metrics, of spans that name their function (OpenTelemetry ``code.*``), and of what
processes say of their coverage. Histograms of durations lie beside them in the store (``store/streams/functions``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Life, record


@record(
    "function_minutes",
    key=("minute", "service", "environment", "version", "route", "origin", "function"),
    order=("service", "minute", "environment", "version", "route", "origin", "function"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionMinute:
    """One function in one minute, for one route and version."""

    minute: Annotated[dt.datetime, Field("The minute of the report; a report covers ten seconds before it")]
    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version of the service", label=True)]
    route: Annotated[str, Field("Route of the request; empty outside of requests", label=True)]
    origin: Annotated[str, Field("instrument or spans", label=True)]
    function: Annotated[str, Field("Qualified name", label=True)]
    path: Annotated[str, Field("File, as the service names it")]
    line: Annotated[int, Field("First line; 0 when not told")]
    calls: Annotated[int, Field("Calls", unit="calls")]
    errors: Annotated[int, Field("Of them, raised", unit="calls")]
    total_ns: Annotated[int, Field("Time from entry to exit, added up", unit="ns")]
    self_ns: Annotated[int, Field("The same without counted functions called; 0 for spans", unit="ns")]
    active_ns: Annotated[int, Field("Time in which coroutines and generators ran", unit="ns")]


@record(
    "function_edges",
    key=("minute", "service", "environment", "version", "route", "caller", "function"),
    order=("service", "minute", "environment", "version", "route", "caller", "function"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionEdge:
    """Calls of one function by another in one minute."""

    minute: Annotated[dt.datetime, Field("The minute of the report")]
    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version of the service", label=True)]
    route: Annotated[str, Field("Route of the request; empty outside of requests", label=True)]
    caller: Annotated[str, Field("Calling function; empty for code that is not counted", label=True)]
    function: Annotated[str, Field("Called function", label=True)]
    calls: Annotated[int, Field("Calls", unit="calls")]


@record(
    "function_coverage",
    key=("service", "environment", "version", "path", "function", "line"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCoverage:
    """Whether a function ran in a version of a service, all processes together."""

    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version of the service", label=True)]
    path: Annotated[str, Field("File, as the service names it")]
    function: Annotated[str, Field("Qualified name")]
    line: Annotated[int, Field("First line")]
    module: Annotated[str, Field("Module")]
    executed: Annotated[bool, Field("True when any process ran it")]
    since: Annotated[dt.datetime, Field("When the first process began to look")]
    last_at: Annotated[dt.datetime, Field("When a process last told of it")]


@record(
    "module_coverage",
    key=("service", "environment", "version", "path"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCoverage:
    """Lines of a module that never ran in a version of a service, all processes together."""

    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version of the service", label=True)]
    path: Annotated[str, Field("File, as the service names it")]
    module: Annotated[str, Field("Module")]
    processes: Annotated[int, Field("Processes that told of it")]
    lines_never: Annotated[int, Field("Lines that no process ran; 0 where none tells of lines", unit="lines")]
    since: Annotated[dt.datetime, Field("When the first process began to look")]
    last_at: Annotated[dt.datetime, Field("When a process last told of it")]
