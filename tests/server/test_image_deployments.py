"""A service that reports its image through OpenTelemetry's exporter, and where its deployment is then shown."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from ktlo.delivery.derive import derive_delivery
from ktlo.server.app import make_app
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings, TelemetrySettings
from ktlo.telemetry.deployments import derive_deployments

DIGEST = "sha256:" + "a1" * 32
IMAGE = f"registry.example/acme/pay:1.4.2,latest@{DIGEST}"


def ran(address: str, first: dt.datetime, minutes: int, **image: object) -> None:
    """Two calls a minute, as a collector with the k8sattributes processor would pass them on."""
    resource = Resource(
        {"service.name": "pay"} | {f"container.image.{key}": said for key, said in image.items()}
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{address}/v1/traces")))
    tracer = provider.get_tracer("tests")
    chance = random.Random(1)
    for half in range(minutes * 2):
        at = int((first + dt.timedelta(seconds=30 * half + chance.random() * 20)).timestamp() * 1e9)
        span = tracer.start_span("POST /charge", kind=SpanKind.SERVER, start_time=at)
        span.end(at + 20_000_000)
    provider.shutdown()


@pytest.fixture(scope="module")
def visitor(tmp_path_factory, visiting):
    said = TelemetrySettings(http_port=0, grpc_port=0, elastic_port=0)
    runtime = Runtime(Settings(telemetry=said), tmp_path_factory.mktemp("image"))
    receiving = Receiving(runtime)
    address = receiving.doors[0].address
    now = dt.datetime.now(dt.UTC)
    name = "registry.example/acme/pay"
    ran(address, now - dt.timedelta(minutes=150), 62, name=name, tags=["1.4.1"])
    ran(
        address, now - dt.timedelta(minutes=90), 89, name=name, tags=["1.4.2", "latest"],
        repo_digests=[f"{name}@{DIGEST}"],
    )  # fmt: skip
    receiving.traces.flush()
    derive_deployments(runtime.store, now)
    derive_delivery(runtime.store, runtime.settings, [])
    yield visiting(make_app(runtime, Access(), receiving=receiving))
    receiving.close()
    runtime.close()


def test_the_deployments_say_telemetry_and_name_the_image(visitor):
    (one,) = visitor.get("/api/v1/deployments").json()["deployments"]
    assert (one["basis"], one["version"], one["image"]) == ("telemetry", "1.4.2", IMAGE)
    page = visitor.get("/deployments").text.replace("<wbr>", "")
    assert "telemetry, image pay:1.4.2,latest" in page
    one_page = visitor.get("/deployments/deployment", params={"id": one["deployment_id"]}).text
    assert f"image {IMAGE}" in one_page.replace("<wbr>", "")


def test_the_page_of_the_service_marks_it(visitor):
    (one,) = visitor.get("/api/v1/services/service?name=pay&since=6h").json()["deployments"]
    assert (one["found_in"], one["version"], one["previous"], one["image"]) == (
        "telemetry", "1.4.2", "1.4.1", IMAGE,
    )  # fmt: skip
    page = visitor.get("/services/service?name=pay&since=6h").text.replace("<wbr>", "")
    assert "deployed 1.4.2" in page
    assert "telemetry, image pay:1.4.2,latest" in page


def test_the_metric_counts_it_as_seen_by_telemetry(visitor):
    answer = visitor.get("/api/v1/metrics/deployment_frequency").json()
    (figure,) = answer["figures"]
    statistics = figure["statistics"]
    assert statistics["count"]["value"] == 1
    assert statistics["from_telemetry"]["value"] == 1
