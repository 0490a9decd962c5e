"""The events of intake v2 as an agent writes them, one struct a kind; fields that ktlo does not keep are left out.

What decides about an event (identifiers, times, names) is typed strictly, so that a wrong type is refused with its
place. Free-form parts are read as they are. Source: the JSON schemas of elastic/apm-data, docs/spec/v2.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ktlo.receivers.elastic.reporter import Metadata, Service, Tags, Text, User

Stack = list["Frame"] | None


class Url(msgspec.Struct, frozen=True, gc=False):
    """The address of a request, in pieces."""

    full: Text = None
    raw: Text = None
    protocol: Text = None
    hostname: Text = None
    port: str | int | None = None
    pathname: Text = None
    search: Text = None
    hash: Text = None


class Socket(msgspec.Struct, frozen=True, gc=False):
    """The connection of a request."""

    remote_address: Text = None


class Request(msgspec.Struct, frozen=True, gc=False):
    """A request that was answered."""

    method: Text = None
    url: Url | None = None
    http_version: Text = None
    headers: dict[str, Any] | None = None
    socket: Socket | None = None
    body: Any = None


class Response(msgspec.Struct, frozen=True, gc=False):
    """An answer."""

    status_code: int | None = None
    headers: dict[str, Any] | None = None
    transfer_size: float | None = None
    encoded_body_size: float | None = None


class Http(msgspec.Struct, frozen=True, gc=False):
    """A request that was made."""

    url: Text = None
    method: Text = None
    status_code: int | None = None
    response: Response | None = None


class Db(msgspec.Struct, frozen=True, gc=False):
    """A statement."""

    type: Text = None
    instance: Text = None
    statement: Text = None
    user: Text = None
    rows_affected: int | None = None


class Queue(msgspec.Struct, frozen=True, gc=False):
    """A queue or topic."""

    name: Text = None


class Age(msgspec.Struct, frozen=True, gc=False):
    """How old a message was."""

    ms: float | None = None


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message that was sent or received."""

    queue: Queue | None = None
    routing_key: Text = None
    body: Text = None
    headers: dict[str, Any] | None = None
    age: Age | None = None


class Resource(msgspec.Struct, frozen=True, gc=False):
    """What was called, by the older name of a target."""

    resource: Text = None


class Destination(msgspec.Struct, frozen=True, gc=False):
    """Where a span's call went."""

    address: Text = None
    port: int | None = None
    service: Resource | None = None


class Page(msgspec.Struct, frozen=True, gc=False):
    """The page that asked."""

    url: Text = None
    referer: Text = None


class Context(msgspec.Struct, frozen=True, gc=False):
    """What surrounds an event."""

    request: Request | None = None
    response: Response | None = None
    user: User | None = None
    service: Service | None = None
    message: Message | None = None
    page: Page | None = None
    db: Db | None = None
    http: Http | None = None
    destination: Destination | None = None
    tags: Tags = None
    custom: Tags = None


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One call of a stack."""

    filename: Text = None
    abs_path: Text = None
    lineno: int | None = None
    colno: int | None = None
    function: Text = None
    classname: Text = None
    module: Text = None
    context_line: Text = None


class Link(msgspec.Struct, frozen=True, gc=False):
    """A span of another trace that this one has to do with."""

    trace_id: str
    span_id: str


class Otel(msgspec.Struct, frozen=True, gc=False):
    """What an OpenTelemetry API put on an event of an Elastic agent."""

    span_kind: Text = None
    attributes: Tags = None


class SpanCount(msgspec.Struct, frozen=True, gc=False):
    """Spans of a transaction."""

    started: int | None = None
    dropped: int | None = None


class Session(msgspec.Struct, frozen=True, gc=False):
    """A session of a user."""

    id: Text = None


class Trigger(msgspec.Struct, frozen=True, gc=False):
    """Why a function ran."""

    type: Text = None


class Faas(msgspec.Struct, frozen=True, gc=False):
    """A function that runs as a service."""

    id: Text = None
    name: Text = None
    version: Text = None
    coldstart: bool | None = None
    execution: Text = None
    trigger: Trigger | None = None


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One unit of work of a service: a request that it answered, a job, a message."""

    id: str
    trace_id: str
    type: str
    duration: float
    span_count: SpanCount
    name: Text = None
    parent_id: Text = None
    timestamp: int | None = None
    result: Text = None
    outcome: Text = None
    sampled: bool | None = None
    sample_rate: float | None = None
    context: Context | None = None
    otel: Otel | None = None
    links: list[Link] | None = None
    marks: dict[str, Any] | None = None
    session: Session | None = None
    faas: Faas | None = None
    dropped_spans_stats: list[Any] | None = None


class Composite(msgspec.Struct, frozen=True, gc=False):
    """Calls of one kind that the agent has put into one span."""

    count: int
    sum: float
    compression_strategy: Text = None


class Span(msgspec.Struct, frozen=True, gc=False):
    """One operation within a transaction."""

    id: str
    trace_id: str
    parent_id: str
    name: str
    type: str
    duration: float
    timestamp: int | None = None
    start: float | None = None
    subtype: Text = None
    action: Text = None
    outcome: Text = None
    sample_rate: float | None = None
    composite: Composite | None = None
    context: Context | None = None
    otel: Otel | None = None
    links: list[Link] | None = None
    child_ids: list[str] | None = None
    stacktrace: Stack = None


class Exceptional(msgspec.Struct, frozen=True, gc=False):
    """An exception."""

    message: Text = None
    type: Text = None
    module: Text = None
    code: str | int | None = None
    handled: bool | None = None
    attributes: Tags = None
    stacktrace: Stack = None
    cause: list[Exceptional] | None = None


class Logged(msgspec.Struct, frozen=True, gc=False):
    """The log record that an error came from."""

    message: str
    level: Text = None
    logger_name: Text = None
    param_message: Text = None
    stacktrace: Stack = None


class OfTransaction(msgspec.Struct, frozen=True, gc=False):
    """The transaction that something belongs to."""

    name: Text = None
    type: Text = None
    sampled: bool | None = None


class Error(msgspec.Struct, frozen=True, gc=False):
    """An exception or a log record of an error."""

    id: str
    trace_id: Text = None
    parent_id: Text = None
    transaction_id: Text = None
    timestamp: int | None = None
    culprit: Text = None
    exception: Exceptional | None = None
    log: Logged | None = None
    transaction: OfTransaction | None = None
    context: Context | None = None


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One metric's value, or its distribution."""

    value: float | None = None
    type: Text = None
    unit: Text = None
    values: list[float] | None = None
    counts: list[Annotated[int, msgspec.Meta(ge=0)]] | None = None


class OfSpan(msgspec.Struct, frozen=True, gc=False):
    """The kind of span that a breakdown is of."""

    type: Text = None
    subtype: Text = None


class Metricset(msgspec.Struct, frozen=True, gc=False):
    """Metrics of one moment with the same labels."""

    samples: dict[str, Sample]
    timestamp: int | None = None
    tags: Tags = None
    transaction: OfTransaction | None = None
    span: OfSpan | None = None
    service: Service | None = None


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a stream: an object with one key, the kind."""

    metadata: Metadata | None = None
    transaction: Transaction | None = None
    span: Span | None = None
    error: Error | None = None
    metricset: Metricset | None = None
    log: dict[str, Any] | None = None
