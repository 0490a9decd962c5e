"""Routes of real frameworks, and requests traced by OpenTelemetry; each where it is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent / "src"


def _run(text):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text],
        env={"PYTHONPATH": str(HOME), "PATH": "", "OTEL_SERVICE_NAME": "shop"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


def test_flask_names_its_routes():
    pytest.importorskip("flask")
    said = _run(
        "from ktlo_instrument import frameworks, requests\nframeworks.install()\nimport flask\n"
        "app = flask.Flask('shop')\n"
        "@app.get('/orders/<int:number>')\n"
        "def order(number):\n    return requests.kind_of(requests.CURRENT.get(0))[0]\n"
        "print(app.test_client().get('/orders/5').text)\nprint(type(flask.app.__loader__).__name__)\n"
    )
    assert said[:2] == ["/orders/<int:number>", "SourceFileLoader"]


def test_starlette_names_its_routes():
    pytest.importorskip("starlette")
    said = _run(
        "import asyncio\nfrom ktlo_instrument import frameworks, requests\nframeworks.install()\n"
        "from starlette.applications import Starlette\nfrom starlette.routing import Route\n"
        "from starlette.responses import PlainTextResponse\n"
        "async def order(request):\n    return PlainTextResponse(requests.kind_of(requests.CURRENT.get(0))[0])\n"
        "app = Starlette(routes=[Route('/orders/{number:int}', order)])\n"
        "async def main():\n"
        "    async def send(message):\n        if 'body' in message: print(message['body'].decode())\n"
        "    async def receive(): return {'type': 'http.request', 'body': b''}\n"
        "    scope = {'type': 'http', 'method': 'GET', 'path': '/orders/5', 'headers': [], 'query_string': b''}\n"
        "    await app(scope, receive, send)\n"
        "asyncio.run(main())\n"
    )
    assert said[0] == "/orders/{number:int}"


def test_server_spans_name_route_caller_and_trace():
    pytest.importorskip("opentelemetry.sdk")
    said = _run(
        "from opentelemetry import trace, baggage\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "from ktlo_instrument import requests, tracing\nfrom ktlo_instrument.settings import Settings\n"
        "trace.set_tracer_provider(TracerProvider())\ntracing.install(Settings(), {})\n"
        "context = baggage.set_baggage('service.name', 'web')\n"
        "with trace.get_tracer('x').start_as_current_span('GET', context, trace.SpanKind.SERVER,\n"
        "        attributes={'http.route': '/orders'}) as span:\n"
        "    now = requests.CURRENT.get(0)\n    print(requests.kind_of(now), now & 1)\n"
        "    same = span.get_span_context()\n"
        "    print(tracing.current_span() == (same.trace_id, same.span_id))\n"
        "print(requests.CURRENT.get(0), tracing.current_span())\n"
    )
    assert said[:3] == ["('/orders', 'web') 1", "True", "0 None"]


def test_without_opentelemetry_nothing_happens():
    said = _run(
        "import sys\nsys.modules['opentelemetry'] = None\nfrom ktlo_instrument import tracing\n"
        "from ktlo_instrument.settings import Settings\n"
        "tracing.install(Settings(), {})\nprint(tracing.current_span())\n"
    )
    assert said[0] == "None"
