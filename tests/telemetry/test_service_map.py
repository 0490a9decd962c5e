"""The map: what stands on it, who is known by name only, what is around a service, and what changed."""

from __future__ import annotations

import datetime as dt

import pytest
from otlp_requests import TEN, Said, request, segment

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES
from ktlo.telemetry.changes import Measure
from ktlo.telemetry.edge import edge_examples, edge_series
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.pairing import Pairing
from ktlo.telemetry.service_map import Place, Way, comparable, compared, environments, resolved, service_map

BEGIN = dt.datetime.fromtimestamp(TEN // 60_000_000_000 * 60, dt.UTC)
FIRST = Interval(BEGIN, BEGIN + dt.timedelta(minutes=31))
SECOND = Interval(FIRST.end, FIRST.end + dt.timedelta(minutes=31))
WEB, SHOP, PAY = (Place("service", name) for name in ("web", "shop", "pay"))
HALF_HOUR = 31 * 60_000


def calls(begin: float, *, slow: float = 1.0, has_fraud: bool = False):
    spans = {"web": [], "shop": [], "pay": []}
    for n in range(120):
        trace, at = f"{int(begin) + n + 1:032x}", begin + n * 14_000
        spans["web"].append(Said("1" * 16, "GET shop", at, 50, kind=3, trace_id=trace))
        spans["shop"].append(
            Said(
                "2" * 16,
                "POST /orders",
                at,
                40,
                "1" * 16,
                trace,
                attributes={"server.address": "shop.example"},
            )
        )
        spans["shop"].append(
            Said("3" * 16, "pay", at, 20 * slow, "2" * 16, trace, 3, attributes={"peer.service": "pay"})
        )
        spans["shop"].append(
            Said(
                "5" * 16,
                "sql",
                at,
                2,
                "2" * 16,
                trace,
                3,
                attributes={"db.system": "postgresql", "db.name": "shop"},
            )
        )
        spans["pay"].append(Said("4" * 16, "POST /charge", at, 10, trace_id=trace))
        spans["pay"].append(
            Said(
                "7" * 16, "GET", at, 10, trace_id=trace, kind=3, attributes={"server.address": "shop.example"}
            )
        )
        if has_fraud:
            spans["pay"].append(
                Said(
                    "6" * 16, "GET", at, 2, "4" * 16, trace, 3, attributes={"server.address": "fraud.example"}
                )
            )
    return [
        request(service, *said, resource={"deployment.environment.name": "production"})
        for service, said in spans.items()
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    opened = EmbeddedStore(folder / "store")
    opened.migrate()
    file = folder / "one.segment"
    file.write_bytes(segment(*calls(0), *calls(HALF_HOUR, slow=3, has_fraud=True)))
    opened.load(TRACES, file, "one")
    Pairing(opened, 10_000).round(dt.datetime.now(dt.UTC))
    yield opened
    opened.close()


def test_services_and_what_does_not_report_itself_stand_on_the_map(store):
    found = service_map(store, FIRST)
    assert {str(e.way.client): str(e.way.server) for e in found.edges if e.way.server.kind != "service"} == {
        "shop": "postgresql shop"
    }
    paired = next(e for e in found.edges if (e.way.client, e.way.server) == (WEB, SHOP))
    assert (paired.red.calls, paired.by_name, paired.red.p95_ns) == (120, 0, 50e6)
    assert {node.place for node in found.nodes} == {WEB, SHOP, PAY, Place("database", "postgresql shop")}


def test_a_pair_that_is_missing_is_known_by_name(store):
    found = service_map(store, FIRST)
    by_name = {(str(e.way.client), str(e.way.server)): e.by_name for e in found.edges if e.by_name}
    assert by_name == {("shop", "pay"): 120, ("pay", "shop"): 120}


def test_around_a_place_are_its_callers_and_what_it_calls(store):
    whole = service_map(store, SECOND)
    near = whole.around(Place("host", "fraud.example"), 1)
    assert {str(node.place) for node in near.nodes} == {"fraud.example", "pay"}
    assert {str(node.place) for node in whole.around(Place("host", "fraud.example"), 3).nodes} == {
        "fraud.example", "pay", "shop", "web",
    }  # fmt: skip


def test_what_appeared_and_what_got_slower_is_named_and_nothing_else(store):
    named = {(str(one.of.server), one.measure) for one in compared(store, FIRST, SECOND)}
    assert named == {("pay", Measure.P95), ("fraud.example", Measure.APPEARED)}
    assert [one.measure for one in compared(store, SECOND, FIRST) if one.measure is not Measure.P95] == [
        Measure.GONE
    ]


def test_a_stretch_without_telemetry_is_not_compared_with_and_of_one_that_had_it_later_the_part_that_had(
    store,
):
    day = dt.timedelta(days=1)
    assert comparable(store, Interval(FIRST.start - day, FIRST.end - day)) is None
    first = dt.datetime.fromtimestamp(TEN / 1e9, dt.UTC)
    assert comparable(store, Interval(FIRST.start - day, FIRST.end)) == Interval(first, FIRST.end)
    assert comparable(store, SECOND) == SECOND


def test_an_edge_over_time_adds_up_to_the_edge_and_leads_to_traces(store):
    way = Way(SHOP, PAY, "rpc")
    assert sum(moment.red.calls for moment in edge_series(store, SECOND, way)) == 120
    examples = edge_examples(store, SECOND, Way(WEB, SHOP, "rpc"))
    assert len(examples) == 20
    assert {one.name for one in examples} == {"GET shop"}
    assert all(one.duration_ns == 50e6 for one in examples)


def test_only_one_environment_is_shown_when_one_is_asked_for(store):
    assert environments(store, FIRST) == ["production"]
    assert service_map(store, FIRST, "staging").nodes == ()
    assert service_map(store, FIRST, "production") == service_map(store, FIRST)


def test_names_resolve_to_services_only_without_doubt():
    known = ["orders", "api", "pay"]
    hosts = [
        "orders:8080",
        "orders.default.svc.cluster.local",
        "api.stripe.com",
        "pay",
        "10.0.0.7:8080",
        "x.internal",
    ]
    assert resolved(hosts, {"10.0.0.7:8080": "pay"}, known) == {
        "orders:8080": "orders",
        "orders.default.svc.cluster.local": "orders",
        "pay": "pay",
        "10.0.0.7:8080": "pay",
    }
