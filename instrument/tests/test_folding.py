"""What is sent: OTLP that others read, with everything a page needs."""

import json
import threading

import pytest

import wire
from ktlo_instrument import requests
from ktlo_instrument.clock import Clock
from ktlo_instrument.detail import Details
from ktlo_instrument.engine import set_up
from ktlo_instrument.folding import Folding
from ktlo_instrument.pure import NEVER
from ktlo_instrument.settings import Settings, changed

SHOP = """
def price(item, token="t0psecret"):
    return {"price": item}

def order(items):
    return [price(item) for item in items]

def refuse(path):
    path = path + "/x"
    raise ValueError("card 4111 1111 1111 1111", path)

async def later():
    return 1

def counted():
    yield 1
"""


class Whole:
    def __init__(self, bench, **said):
        self.bench = bench
        self.settings = changed(Settings(), said, "test")
        self.details = Details(bench.sites, self.settings, lambda: (0xABC, 0xDEF))
        set_up(bench.engine, self.details.gate)
        self.folding = Folding(bench.sites, self.details, {"service.name": "shop"}, self.settings)
        self.shop = bench.module(SHOP, path="/srv/shop.py")

    def fold(self):
        self.bodies = dict(self.folding.fold())
        found = wire.metrics(self.bodies["/v1/metrics"]) if "/v1/metrics" in self.bodies else {}
        told = wire.logs(self.bodies["/v1/logs"]) if "/v1/logs" in self.bodies else []
        return found, told


def test_metrics_carry_functions_callers_and_routes(bench):
    whole = Whole(bench)
    with requests.request("/orders", "web"):
        whole.shop.order([1, 2, 3])
    metrics, _ = whole.fold()
    assert wire.resource(whole.bodies["/v1/metrics"]) == {"service.name": "shop"}
    calls = {
        each["code.function.name"]: (each, wire.u64(point[6][0]))
        for each, point in metrics["ktlo.function.calls"]
    }
    assert calls["shop.price"] == (
        {
            "code.function.name": "shop.price",
            "code.file.path": "/srv/shop.py",
            "code.line.number": 2,
            "http.route": "/orders",
            "ktlo.caller.service": "web",
            "ktlo.caller.function": "shop.order",
        },
        3,
    )
    assert "ktlo.caller.function" not in calls["shop.order"][0]
    for name in ("ktlo.function.duration", "ktlo.function.self_duration"):
        points = {each["code.function.name"]: point for each, point in metrics[name]}
        assert wire.u64(points["shop.price"][4][0]) == 3
        assert wire.u64(points["shop.price"][2][0]) < wire.u64(points["shop.price"][3][0])


def test_opentelemetrys_own_classes_read_it(bench):
    metrics_pb2 = pytest.importorskip("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2")
    logs_pb2 = pytest.importorskip("opentelemetry.proto.collector.logs.v1.logs_service_pb2")
    whole = Whole(bench)
    whole.shop.order([1])
    with pytest.raises(ValueError, match="card"):
        whole.shop.refuse("p")
    whole.fold()
    metrics = metrics_pb2.ExportMetricsServiceRequest.FromString(whole.bodies["/v1/metrics"])
    by_name = {each.name: each for each in metrics.resource_metrics[0].scope_metrics[0].metrics}
    duration = by_name["ktlo.function.duration"]
    assert duration.unit == "ns"
    assert duration.exponential_histogram.aggregation_temporality == 1
    for point in duration.exponential_histogram.data_points:
        assert point.count == sum(point.positive.bucket_counts) == 1
        base = 2 ** (2**-point.scale)
        assert base ** (point.positive.offset) < point.sum <= base ** (point.positive.offset + 1)
    assert by_name["ktlo.function.calls"].sum.is_monotonic
    assert by_name["ktlo.function.errors"].sum.data_points[0].as_int == 1
    logs = logs_pb2.ExportLogsServiceRequest.FromString(whole.bodies["/v1/logs"])
    assert {each.event_name for each in logs.resource_logs[0].scope_logs[0].log_records} == {
        "ktlo.function.call"
    }


def test_the_first_call_is_told_with_arguments_result_and_span(bench):
    whole = Whole(bench)
    whole.shop.price(5)
    _, (told,) = whole.fold()
    assert told["event"] == "ktlo.function.call"
    assert told["ktlo.call.reason"] == "first"
    assert json.loads(told["ktlo.call.arguments"]) == {"item": 5, "token": "[redacted]"}
    assert json.loads(told["ktlo.call.result"]) == {"price": 5}
    assert told["ktlo.call.duration"] > 0
    assert told["trace"] == ("0" * 29 + "abc", "0" * 13 + "def")


def test_a_constant_result_is_told_as_it_is(bench):
    whole = Whole(bench)
    plain = bench.module("def answer():\n    return 42\n\ndef nothing():\n    return None\n", name="plain")
    assert (plain.answer(), plain.nothing()) == (42, None)
    _, told = whole.fold()
    results = {each["code.function.name"]: json.loads(each["ktlo.call.result"]) for each in told}
    assert results == {"plain.answer": 42, "plain.nothing": None}


def test_nothing_is_told_before_the_rules_of_the_server_were_asked_for(bench):
    whole = Whole(bench)
    whole.details.ready = False
    whole.shop.price(5)
    whole.shop.price(6)
    assert whole.fold()[1] == []
    whole.details.ready = True
    whole.shop.price(7)
    assert [json.loads(each["ktlo.call.arguments"])["item"] for each in whole.fold()[1]] == [7]


def test_an_error_is_told_with_its_place_and_without_its_secrets(bench):
    whole = Whole(bench)
    with pytest.raises(ValueError, match="card"):
        whole.shop.refuse("p")
    _, (told,) = whole.fold()
    assert told["ktlo.call.reason"] == "error"
    assert told["exception.type"] == "ValueError"
    assert json.loads(told["exception.message"]) == ["card [redacted]", "p/x"]
    assert 'File "/srv/shop.py", line 10, in refuse' in told["exception.stacktrace"]
    assert told["ktlo.call.reassigned"] == ["path"]
    assert "ktlo.call.result" not in told
    assert "4111" not in str(told)


@pytest.mark.parametrize(
    "raised", ["KeyError('fish')", "KeyError(7)", "KeyError('it\\'s')", "ValueError('fish')"]
)
def test_the_message_of_an_error_is_what_python_says(bench, raised):
    whole = Whole(bench)
    module = bench.module(f"def lookup():\n    raise {raised}\n", name="lookups")
    with pytest.raises((KeyError, ValueError)) as caught:
        module.lookup()
    _, (told,) = whole.fold()
    assert told["exception.message"] == str(caught.value)


def test_the_stack_of_an_error_begins_where_its_thread_does_and_the_innermost_function_reports_it(bench):
    whole = Whole(bench)
    deep = bench.module(
        "def low():\n    raise KeyError(1)\ndef high():\n    return low()\n", name="deep", path="/srv/deep.py"
    )

    def ask():
        with pytest.raises(KeyError):
            deep.high()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    told = {each["code.function.name"]: each for each in whole.fold()[1]}
    assert "ktlo.call.propagated" not in told["deep.low"]
    assert told["deep.high"]["ktlo.call.propagated"] is True
    for each in told.values():
        names = [
            line.rpartition(" in ")[2] for line in each["exception.stacktrace"].splitlines() if "File" in line
        ]
        assert names == ["ask", "high", "low"]


def test_slow_is_judged_by_the_functions_own_history(bench):
    whole = Whole(bench, slow_floor_ms=0.0, sample=0)
    for _ in range(200):
        whole.shop.price(1)
    whole.fold()
    site = next(site for site in bench.sites.sites if bench.sites.of(site.index).name == "shop.price")
    assert 0 < site.limit < 1e9
    site.limit = 1
    whole.shop.price(7)
    _, (told,) = whole.fold()
    assert told["ktlo.call.reason"] == "slow"
    assert told["severity"] == 13


def test_nothing_is_slow_before_enough_is_known(bench):
    whole = Whole(bench)
    whole.shop.price(1)
    whole.fold()
    assert all(site.limit == NEVER for site in bench.sites.sites)


def test_one_in_so_many_is_told(bench):
    whole = Whole(bench, sample=10, details_per_second=1000)
    told = 0
    for _ in range(30):
        for _ in range(100):
            whole.shop.price(1)
        told += sum(each["ktlo.call.reason"] == "sampled" for each in whole.fold()[1])
    assert 20 <= told <= 40


def test_details_are_limited_and_what_is_left_out_is_counted(bench, monkeypatch):
    monkeypatch.setattr(Clock, "seconds", lambda: 100.5)  # All in one second.
    whole = Whole(bench, details_per_second=2)
    for name in ("price", "order", "counted"):
        found = getattr(whole.shop, name)(*[[]] * (name != "counted"))
        if name == "counted":
            list(found)
    metrics, told = whole.fold()
    assert len(told) == 2
    (point,) = metrics["ktlo.instrument.dropped"]
    assert (point[0]["reason"], wire.u64(point[1][6][0])) == ("details", 1)


def test_detail_can_be_off_altogether_and_for_patterns(bench):
    whole = Whole(bench, detail=False)
    whole.shop.price(1)
    assert whole.fold()[1] == []
    whole = Whole(bench, quiet=("shop.price",))
    whole.shop.order([1])
    assert [each["code.function.name"] for each in whole.fold()[1]] == ["shop.order"]


def test_nothing_is_sent_when_nothing_was_called(bench):
    whole = Whole(bench)
    assert whole.fold() == ({}, [])


def test_a_wall_clock_that_jumps_back_gives_a_stretch_of_the_right_length(bench, monkeypatch):
    import time

    whole = Whole(bench)
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    whole.shop.price(1)
    metrics, _ = whole.fold()
    point = metrics["ktlo.function.calls"][0][1]
    assert 0 < wire.u64(point[3][0]) - wire.u64(point[2][0]) < 60e9


def test_generators_and_coroutines_tell_their_active_time(bench):
    import asyncio

    whole = Whole(bench)
    asyncio.run(whole.shop.later())
    list(whole.shop.counted())
    metrics, told = whole.fold()
    names = {each["code.function.name"] for each, _ in metrics["ktlo.function.active_duration"]}
    assert names == {"shop.later", "shop.counted"}
    results = {each["code.function.name"]: each.get("ktlo.call.result") for each in told}
    assert results["shop.counted"] is None


def test_values_that_no_protobuf_can_hold_are_told_as_text():

    assert wire.attributes([wire_attribute("k", "a\ud800b")]) == {"k": "a?b"}
    assert wire.attributes([wire_attribute("k", 1 << 70)]) == {"k": str(1 << 70)}


def wire_attribute(key, value):
    from ktlo_instrument import otlp

    return wire.fields(otlp.attributes(1, {key: value}))[1][0]
