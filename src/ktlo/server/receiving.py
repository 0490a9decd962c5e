"""The receivers of one running ktlo: an intake for each signal, the doors to them, and how long telemetry is kept.

Started by ``ktlo up`` beside the pages; what is received is visible in the API and on the Telemetry page. A port that
something else uses is told, and the rest goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ktlo.effort.telemetry_names import join_namesakes
from ktlo.errors import UserError
from ktlo.receivers.access import Ingest, Key, Sender
from ktlo.receivers.front import Front
from ktlo.receivers.intake import Intake
from ktlo.receivers.namers import Namers
from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.exchange import Export
from ktlo.server.address import listen, url_of
from ktlo.server.forwarding import Forwarding
from ktlo.server.http_door import HttpDoor
from ktlo.server.pairing import PairingThread
from ktlo.server.runtime import Runtime
from ktlo.server.security import is_loopback
from ktlo.settings.secret_reference import secret
from ktlo.settings.telemetry import TelemetrySettings
from ktlo.store import streams

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ktlo.receivers.otlp.grpc import Server as GrpcServer

FOLDER = "spool"
FORWARD_FOLDER = "forward"


@dataclass(frozen=True, slots=True)
class Door:
    """One way in.

    Attributes:
        protocol: as people know it.
        address: URL or host and port that senders are configured with; empty when it is closed.
        problem: why it is closed; empty when it is open.
        setting: how a sender is told; empty when it is closed.
    """

    protocol: str
    address: str
    problem: str = ""
    setting: str = ""


class Receiving:
    """Receives until it is closed.

    Args:
        runtime: the store and the data folder.

    Raises:
        UserError: an address that others reach without an ingest key, or a key that cannot be read.
    """

    def __init__(self, runtime: Runtime) -> None:
        said = runtime.settings.telemetry
        self.access = _access(said)
        self.observes_itself = False
        for noun, made in streams.PHYSICAL.items():
            runtime.store.retain(noun, getattr(said, made.kept))
        self.forwarding = Forwarding(
            said.forward, runtime.folder / FORWARD_FOLDER, frozenset({said.http_port, said.grpc_port})
        )

        def intake(stream: streams.Incoming, name: str) -> Intake:
            return Intake(
                name,
                stream,
                runtime.store,
                runtime.folder / FOLDER / name,
                said.spool_mib << 20,
                beside=self.forwarding.beside(name),
            )

        self.traces = intake(streams.TRACES, "traces")
        self.metrics = intake(streams.METRICS, "metrics")
        self.logs = intake(streams.LOGS, "logs")
        self.namers = Namers()
        self.exports = (
            Export(signals.TRACES, self.traces, self.namers),
            Export(signals.METRICS, self.metrics, self.namers),
            Export(signals.LOGS, self.logs, self.namers),
        )
        self.front = Front(self.access)
        self._agents = said.agents
        self._pairing = PairingThread(
            runtime.store,
            said.keep_days,
            lambda: join_namesakes(runtime.store, runtime.state, runtime.settings.services),
        )
        self._http: HttpDoor | None = None
        self._grpc: GrpcServer | None = None
        otlp, *others = self._open_http(said)
        self.doors = (otlp, self._open_grpc(said), *others)

    @property
    def intakes(self) -> tuple[Intake, ...]:
        """One a signal."""
        return (self.traces, self.metrics, self.logs)

    def close(self) -> None:
        """Stop listening, then have the store take what was received."""
        if self._http is not None:
            self._http.close()
        if self._grpc is not None:
            self._grpc.stop()
        for intake in self.intakes:
            intake.close()
        self.forwarding.close()
        self._pairing.close()

    def _application(self) -> Starlette:
        """Every protocol that is received over HTTP."""
        from ktlo.receivers.elastic import http as elastic
        from ktlo.receivers.elastic.stream import Exports
        from ktlo.receivers.front import application
        from ktlo.receivers.otlp import http
        from ktlo.receivers.prometheus import http as prometheus
        from ktlo.receivers.zipkin import http as zipkin

        traces, metrics, logs = self.exports
        return application(
            [
                *http.routes(self.exports, self.front),
                *elastic.routes(Exports(traces, logs, metrics), self.front, self._agents),
                *prometheus.routes(metrics, self.front),
                *zipkin.routes(traces, self.front),
            ],
            http.broken,
        )

    def _open_http(self, said: TelemetrySettings) -> tuple[Door, ...]:
        """OTLP/HTTP and Elastic's agents: every protocol on both ports, each named by whose default the port is."""
        from ktlo.receivers.elastic import http as elastic
        from ktlo.receivers.otlp import http

        doors, listeners = [], []
        for protocol, port in ((http.DOOR, said.http_port), (elastic.DOOR, said.elastic_port)):
            try:
                listener = listen(said.host, port)
            except OSError as error:
                doors.append(Door(protocol, "", f"port {port} cannot be used: {error.strerror}"))
                continue
            listeners.append(listener)
            url = url_of(said.host, listener.getsockname()[1])
            is_otlp = protocol == http.DOOR
            setting = _exporter(url, "http/protobuf") if is_otlp else f"export ELASTIC_APM_SERVER_URL={url}"
            doors.append(Door(protocol, url, setting=setting))
        if listeners:
            self._http = HttpDoor(self._application(), listeners)
        open_ones = [door.address for door in doors if door.address]
        return (*doors, *_guests(open_ones[0] if open_ones else "", doors[0].problem))

    def _open_grpc(self, said: TelemetrySettings) -> Door:
        from ktlo.receivers.otlp.grpc import DOOR, serve

        try:
            self._grpc = serve(self.exports, self.access, said.host, said.grpc_port, self.front.door(DOOR))
        except UserError as error:
            return Door(DOOR, "", error.what)
        url = url_of(said.host, self._grpc.port)
        return Door(DOOR, url, setting=_exporter(url, "grpc"))


def _guests(url: str, problem: str) -> tuple[Door, ...]:
    """Prometheus and Zipkin, which have no port of their own: on that of OTLP/HTTP, else on Elastic's."""
    if not url:
        return (Door("Prometheus", "", problem), Door("Zipkin", "", problem))
    write, spans = f"{url}/api/v1/write", f"{url}/api/v2/spans"
    return (
        Door("Prometheus", write, setting=f"remote_write:  # in prometheus.yml\n  - url: {write}"),
        Door("Zipkin", spans, setting=f"export OTEL_EXPORTER_ZIPKIN_ENDPOINT={spans}"),
    )


def _exporter(url: str, protocol: str) -> str:
    return f"export OTEL_EXPORTER_OTLP_ENDPOINT={url}\nexport OTEL_EXPORTER_OTLP_PROTOCOL={protocol}"


def _access(said: TelemetrySettings) -> Ingest:
    """Who may send.

    Raises:
        UserError: an address that others reach without an ingest key, or a key that cannot be read.
    """
    access = Ingest(
        secret(said.key).get_secret_value() if said.key else "",
        tuple(
            Key(Sender(name, tuple(key.services)), secret(key.secret).get_secret_value())
            for name, key in said.keys.items()
        ),
    )
    if not is_loopback(said.host) and access.is_open:
        raise UserError(
            f"telemetry would be received on {said.host} from anybody",
            where="telemetry.host",
            fix="Give an ingest key, telemetry: {key: env:KTLO_INGEST_KEY}, or listen on 127.0.0.1",
        )
    return access
