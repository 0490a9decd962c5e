"""Edges between services: each call once, whatever is late, twice, in a circle, or in another order."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import uuid
from pathlib import Path

import pytest
from edge_cases import Case, cases, reported
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otlp_requests import Said, request, segment

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES
from ktlo.telemetry.arrivals import COMMITTED_WITHIN
from ktlo.telemetry.pairing import Pairing

CASES = cases()
_examples = itertools.count(1)


class World:
    """A store, its pairing, and a clock."""

    def __init__(self, store: EmbeddedStore, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.pairing = Pairing(store, 10_000)

    def arrives(self, *requests) -> None:
        file = self.folder / uuid.uuid4().hex
        file.write_bytes(segment(*requests))
        self.store.load(TRACES, file, file.name)
        file.unlink()

    def pairs(self, later: dt.timedelta = dt.timedelta()):
        return self.pairing.round(dt.datetime.now(dt.UTC) + later)

    def restarts(self) -> None:
        self.pairing = Pairing(self.store, 10_000)

    def ages(self) -> None:
        """What is there arrived two days ago."""
        self.store.execute(
            "INSERT INTO ktlo.call_ends SELECT * REPLACE (received_at - toIntervalDay(2) AS received_at)"
            " FROM (SELECT * FROM ktlo.call_ends WHERE received_at > now() - 3600)"
        )
        self.store.execute(
            "ALTER TABLE ktlo.call_ends DELETE WHERE received_at > now() - 3600 SETTINGS mutations_sync = 2"
        )

    def edges(self, example: int) -> list[str]:
        rows = self.store.query(
            "SELECT client, server, client_kind, kind, server_kind, sum(calls) AS calls, sum(errors) AS errors,"
            " sum(total_ns) AS total FROM ktlo.service_edges WHERE environment = {e:String}"
            " GROUP BY ALL ORDER BY client, server",
            {"e": f"example-{example}"},
        ).to_pylist()
        return [
            f"{r['client']} -> {r['server']} | {r['client_kind']} {r['kind']} {r['server_kind']} |"
            f" {r['calls']} {r['errors']} {r['total'] / 1e6:g}"
            for r in rows
        ]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairing")
    store = EmbeddedStore(folder / "store")
    store.migrate()
    yield World(store, folder)
    store.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_edges(world: World, case: Case):
    example = next(_examples)
    world.arrives(*(reported(line, example) for line in case.spans))
    world.pairs()
    assert world.edges(example) == case.edges


@given(
    case=st.sampled_from(CASES),
    order=st.randoms(use_true_random=False),
    cuts=st.lists(st.sampled_from(["pairs", "restarts", "much later", "goes on"]), min_size=12, max_size=12),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ends_that_arrive_in_any_order_with_rounds_and_restarts_between_give_the_same_edges(
    world: World, case: Case, order: random.Random, cuts: list[str]
):
    example = next(_examples)
    lines = list(case.spans)
    order.shuffle(lines)
    for line, cut in zip(lines, itertools.cycle(cuts), strict=False):
        world.arrives(reported(line, example))
        if cut == "restarts":
            world.restarts()
        if cut != "goes on":
            world.pairs(later=dt.timedelta(hours=3) if cut == "much later" else dt.timedelta())
    world.pairs()
    assert world.edges(example) == case.edges


def test_a_round_without_news_does_nothing_and_doing_it_all_again_changes_nothing(world: World):
    example = next(_examples)
    world.arrives(*(reported(line, example) for line in CASES[0].spans))
    assert world.pairs().minutes > 0
    assert world.pairs().minutes == 0
    world.store.execute(
        "ALTER TABLE ktlo.service_edges_rows DELETE WHERE calls = 0 SETTINGS mutations_sync = 2"
    )
    world.restarts()
    world.pairs()
    assert world.edges(example) == CASES[0].edges


def test_what_was_paired_before_the_mark_is_not_looked_at_after_a_restart(world: World):
    example = next(_examples)
    world.arrives(*(reported(line, example) for line in CASES[0].spans))
    world.pairs(later=COMMITTED_WITHIN * 3)
    world.restarts()
    assert world.pairs(later=COMMITTED_WITHIN * 3).ends == 0


def test_an_answer_that_arrives_long_after_the_mark_still_completes_its_call(world: World):
    example = next(_examples)
    caller, answer = CASES[0].spans
    world.arrives(reported(caller, example))
    world.pairs()
    world.pairs(later=COMMITTED_WITHIN * 3)
    assert world.edges(example) == ["web -> (not named) | service rpc host | 1 0 30"]
    world.restarts()
    world.arrives(reported(answer, example))
    world.pairs()
    assert world.edges(example) == CASES[0].edges


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize(
    "case", [one for one in CASES if one.title.startswith("clocks may differ")], ids=lambda case: case.title
)
def test_ends_of_other_minutes_are_found_when_they_arrive_in_a_round_of_their_own(
    world: World, case: Case, backwards: bool
):
    example = next(_examples)
    for line in reversed(case.spans) if backwards else case.spans:
        world.ages()  # or all would count as news, because it arrived within the same minute
        world.arrives(reported(line, example))
        world.restarts()
        world.pairs()
    assert world.edges(example) == case.edges


def test_a_minute_whose_ends_may_have_gone_keeps_its_edges(world: World):
    example = next(_examples)
    caller, answer = CASES[0].spans
    world.arrives(reported(caller, example))
    world.pairs()
    before = world.edges(example)
    world.arrives(reported(answer, example))
    assert Pairing(world.store, 14).round(dt.datetime.now(dt.UTC) + dt.timedelta(days=90)).minutes == 0
    assert world.edges(example) == before


def test_many_calls_in_one_minute_are_paired_in_batches(world: World, monkeypatch):
    monkeypatch.setattr("ktlo.telemetry.pairing._MOST_ENDS", 100)
    example = next(_examples)
    environment = {"deployment.environment.name": f"example-{example}"}
    ids = [f"{n + 1:016x}" for n in range(300)]
    trace = f"{example:032x}"
    world.arrives(
        request(
            "web",
            *(Said(i, "c", n * 1000, kind=3, trace_id=trace) for n, i in enumerate(ids)),
            resource=environment,
        ),
        request(
            "shop",
            *(Said(f"{n + 5000:016x}", "s", n * 1000, parent=i, trace_id=trace) for n, i in enumerate(ids)),
            resource=environment,
        ),
    )  # fmt: skip
    world.pairs()
    assert world.edges(example) == ["web -> shop | service rpc service | 300 0 3000"]
