"""Code that production never ran, as debt: over versions and processes, worked out by hand."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "receivers"))

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otlp_requests import TEN, put, segment

from ktlo.metrics.question import Question
from ktlo.planning.debt.behind import rows_behind
from ktlo.planning.debt.entry import Kind, Standing, Status
from ktlo.planning.debt.journal import Journal
from ktlo.planning.debt.register import register
from ktlo.records import table_of
from ktlo.records.arrow import to_arrow
from ktlo.records.code import File
from ktlo.records.services import ServiceMember
from ktlo.settings import Settings
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State
from ktlo.store.streams import LOGS, METRICS
from ktlo.telemetry.unused import is_seldom, unused_functions

DAY = 86_400 * 10**9
FIRST = dt.datetime.fromtimestamp(TEN / 1e9, dt.UTC)
END = FIRST + dt.timedelta(days=30, hours=1)
CART, CLI = "/srv/{}/shop/cart.py", "/srv/{}/shop/cli.py"


def resource(made, service, version, instance):
    put(made.resource.attributes,
        {"service.name": service, "service.version": version, "service.instance.id": instance})  # fmt: skip


def called(day, function, calls, service="shop"):
    made = ExportMetricsServiceRequest()
    of = made.resource_metrics.add()
    resource(of, service, "2", "a")
    metric = of.scope_metrics.add().metrics.add(name="ktlo.function.calls")
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = 1, True
    point = metric.sum.data_points.add(time_unix_nano=TEN + day * DAY, as_int=calls)
    put(point.attributes, {"code.function.name": function, "code.file.path": CART.format(2)})
    return made


def covered(day, functions, *, since, version, instance, service="shop", module="shop.cart", path=CART):
    made = ExportLogsServiceRequest()
    of = made.resource_logs.add()
    resource(of, service, version, instance)
    record = of.scope_logs.add().log_records.add(
        time_unix_nano=TEN + day * DAY, event_name="ktlo.function.coverage"
    )
    put(record.attributes, {
        "code.file.path": path.format(version), "ktlo.module": module,
        "ktlo.coverage.functions": json.dumps(functions),
        "ktlo.coverage.since": f"{FIRST + dt.timedelta(days=since):%Y-%m-%dT%H:%M:%SZ}",
    })  # fmt: skip
    return made


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unused")
    store = EmbeddedStore(folder / "store")
    store.migrate()
    before = [["total", 7, 1], ["gone", 20, 0], ["dropped", 30, 0], ["handle_error", 40, 0], ["told", 50, 0]]
    after = [["total", 7, 0], ["gone", 22, 0], ["gone.<locals>.inner", 23, 0], ["fresh", 60, 0],
             ["handle_error", 42, 0], ["told", 52, 0]]  # fmt: skip
    logs = [
        covered(20, before, since=0, version="1", instance="a"),
        covered(20, before, since=1, version="1", instance="b"),
        covered(30, after, since=21, version="2", instance="c"),
        covered(30, [["tool", 1, 0]], since=21, version="2", instance="c", module="shop.cli", path=CLI),
        covered(30, [["idle", 1, 0]], since=0, version="2", instance="d", service="lonely"),
    ]  # fmt: skip
    metrics = [called(day, "shop.cart.total", 100) for day in range(31)] + [called(3, "shop.cart.told", 1)]
    for stream, made in ((LOGS, logs), (METRICS, metrics)):
        (folder / stream.table).write_bytes(segment(*made))
        store.load(stream, folder / stream.table, stream.table)
    members = [
        ServiceMember(kind=kind, member=member, service="shop", team="Tills", found_in="ktlo.yaml")
        for kind, member in (("repository", "acme/shop"), ("telemetry", "shop"))
    ]
    files = [
        File(source="git", repository="acme/shop", path=path, language="Python", lines=90, complexity=9.0,
             longest_indent=2, role="source", sha="a" * 40)
        for path in ("src/shop/cart.py", "src/shop/cli.py")
    ]  # fmt: skip
    store.replace(table_of(ServiceMember), [to_arrow(members, ServiceMember)])
    store.insert(table_of(File), to_arrow(files, File))
    state = State(f"sqlite:///{folder}/state.sqlite")
    yield store, state
    store.close()


def test_a_function_is_unused_when_no_version_ran_it_and_it_is_still_there(watched):
    found = unused_functions(watched[0], END)
    cart, cli = found.files
    assert (cart.repository, cart.path, cart.functions) == ("acme/shop", "src/shop/cart.py", 7)
    # `dropped` is in no version of now; `told` was called, as the statistics know; `inner` goes with `gone`.
    assert [one.name for one in cart.unused] == ["gone", "fresh"]
    assert cart.seldom == ("handle_error",)
    gone, fresh = cart.unused
    assert (gone.line, gone.days, gone.calls, gone.processes) == (22, 31, 3101, 2 + 1)
    assert (fresh.days, fresh.calls, fresh.processes, fresh.is_enough) == (10, 1000, 1, False)
    assert gone.is_enough
    assert (cli.unused, cli.seldom) == ((), ("tool",)), "a command's entry"
    assert found.not_matched == (("lonely", "the catalogue names no repository of lonely", 1),)


def test_before_anything_was_watched_nothing_is_unused(watched):
    assert unused_functions(watched[0], FIRST - dt.timedelta(days=1)).files == ()
    assert unused_functions(watched[0], END + dt.timedelta(days=120)).files == ()


def test_it_is_an_entry_of_the_register_with_its_evidence(watched):
    store, state = watched
    question = Question(END - dt.timedelta(days=90), END, END)
    found = register(store, state, question, Settings(), draws=200)
    (entry,) = [one for one in found.entries if one.kind is Kind.UNUSED]
    assert (entry.title, entry.repository, entry.path) == (
        "1 function of src/shop/cart.py never ran", "acme/shop", "src/shop/cart.py",
    )  # fmt: skip
    assert (entry.service, entry.team, entry.subject) == ("shop", "Tills", "shop")
    facts = {one.label: one.value for one in entry.evidence}
    assert facts["Functions that never ran (line)"] == "gone (22)"
    assert facts["Days with calls meanwhile, at least"] == 31
    assert "handle_error" in facts["Uncertain"]
    assert "1 function more not watched for long enough" in facts["Uncertain"]
    assert entry.principal.estimate.value > 0
    assert entry.interest.estimate.value is None
    assert any("1 function never ran but was not watched for long enough" in note for note in found.notes)
    assert any("lonely never ran and belong to no known file" in note for note in found.notes)
    rows = rows_behind(store, entry, found.period).to_pylist()
    assert {row["function"] for row in rows} >= {"gone", "fresh", "handle_error"}
    assert "total" not in {row["function"] for row in rows}


def test_a_repository_that_has_been_quiet_for_months_has_its_entries_too(watched):
    """Where nothing was committed lately, a register is about the last commit's day: what runs now still counts."""
    quiet = END - dt.timedelta(days=200)
    question = Question(quiet - dt.timedelta(days=90), quiet, END)
    assert [one.kind for one in register(*watched, question, Settings(), draws=50).entries] == [Kind.UNUSED]


def test_it_can_be_dismissed_as_others_can(watched):
    store, state = watched
    question = Question(END - dt.timedelta(days=90), END, END)
    (entry,) = register(store, state, question, Settings(), draws=50).entries
    day = END.date()
    kept = Standing(Status.ACCEPTED, "the yearly report needs it", day + dt.timedelta(days=300), None, "Ada")
    Journal(state).decide(entry, kept, day)
    (again,) = register(store, state, question, Settings(), draws=50).entries
    assert (again.key, again.standing.status) == (entry.key, Status.ACCEPTED)
    assert register(store, state, question, Settings(), draws=50).owed == ()


@pytest.mark.parametrize(
    ("module", "name", "seldom"),
    [
        ("shop.cart", "total", False),
        ("shop.cart", "Cart.add", False),
        ("shop.cart", "Cart.__repr__", True),
        ("shop.cart", "on_timeout", True),
        ("shop.cart", "main", True),
        ("shop.cart", "domain", False),
        ("shop.__main__", "run", True),
        ("shop.migrations.one", "forwards", True),
        ("shop.client", "get", False),
        ("shop.cart", "total.<locals>.retry", True),
    ],
)
def test_what_may_seldom_run_is_known_by_name(module, name, seldom):
    assert is_seldom(module, name) is seldom
