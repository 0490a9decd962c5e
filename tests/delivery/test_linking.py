"""Incidents and the deployments they are put down to: a table worked out by hand, and what must always hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from deployed_world import at, deployed, harm
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.delivery.linking import NOTHING, Harm, Traces, links, prior
from ktlo.delivery.verdicts import Said, Verdict, with_verdicts
from ktlo.records.delivery import IncidentLink, ServiceDeployment
from ktlo.settings.delivery import DeliverySettings

TABLE = [
    [cell.strip() for cell in line.split("|")]
    for line in (Path(__file__).parent / "golden" / "links.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
SETTINGS = DeliverySettings()
WORLD = [
    deployed("A", 0, version="1.0.0", next_at=at(100)),
    deployed("B", 100, version="1.1.0", next_at=at(102), rolled_back_at=at(102)),
    deployed("C", 102, version="1.0.0", is_rollback=True, next_at=at(200)),
    deployed("D", 200, version="1.2.0", sha="d0000001" + "0" * 32, next_at=at(204)),
    deployed("E", 204, version="1.3.0", next_at=at(400)),
    deployed("S", 300, service="api", version="9.0.0"),
    deployed("F", 400, version="1.4.0"),
]
KNOWN = Traces(
    calls={"web": frozenset({"api"})},
    new_errors={("web", "1.4.0"): ((at(400.5), "KeyError"),)},
    repaired_by={"forge|D": ((at(204), "revert", "a revert of d0000001, which this one brought"),)},
    requests={"forge|D": frozenset({"7"})},
)


def told(row: list[str]) -> Harm:
    name, hour, until, cause, words = (None if cell == "-" else cell for cell in row[:5])
    ended = at(float(until)) if until else None
    return harm(str(name), float(hour or 0), ended_at=ended, caused_by=cause or "", words=words or "")


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_an_incident_is_put_down_to_the_deployment_worked_out_by_hand(row: list[str]) -> None:
    found = links([told(row)], WORLD, SETTINGS, KNOWN)
    if row[5] == "-":
        assert not found, row[10]
        return
    best = found[0]
    assert best.deployment_id == f"forge|{row[5]}", row[10]
    odds = float(row[6]) * float(row[7])
    assert float(row[8]) == pytest.approx(odds / (1 + odds), abs=1e-3), "the table contradicts itself"
    assert best.confidence == pytest.approx(float(row[8]), abs=1e-3), row[10]
    assert best.is_counted is (row[9] == "yes"), row[10]
    assert not any(link.is_counted for link in found[1:]), "an incident has one cause"


def test_the_reasons_are_said_in_words() -> None:
    (best, *_) = links([told(next(row for row in TABLE if row[0] == "I14"))], WORLD, SETTINGS, KNOWN)
    assert best.reasons == (
        "it came 60 min before the incident",
        "the incident speaks of its commit d0000001",
        "a later deployment brought a revert of d0000001, which this one brought",
    )


def test_an_incident_without_a_service_is_linked_only_by_name() -> None:
    assert not links([harm("I", 1, service="")], WORLD, SETTINGS, KNOWN)
    (best,) = links([harm("I", 1, service="", caused_by="1.0.0")], WORLD, SETTINGS, KNOWN)
    assert best.deployment_id == "forge|A"


def test_what_never_came_into_force_or_is_elsewhere_caused_nothing() -> None:
    elsewhere = [deployed("X", 0, status="failure"), deployed("Y", 0, is_production=False)]
    assert not links([harm("I", 1)], elsewhere, SETTINGS)


@given(st.floats(0, 2000), st.floats(0, 2000))
def test_a_longer_gap_never_raises_the_suspicion(one: float, two: float) -> None:
    shorter, longer = sorted((one, two))
    half = dt.timedelta(hours=8)
    assert prior(dt.timedelta(hours=longer), half) <= prior(dt.timedelta(hours=shorter), half) <= 0.7


@given(st.floats(0, 71), st.sets(st.sampled_from(["cause", "words", "errors", "revert", "rollback"])))
def test_more_evidence_never_lowers_the_confidence(gap: float, evidence: set[str]) -> None:
    def confidence(kinds: set[str]) -> float:
        one = deployed("A", 0, version="1.2.3", rolled_back_at=at(gap + 0.5) if "rollback" in kinds else None)
        traces = replace(
            NOTHING,
            new_errors={("web", "1.2.3"): ((at(gap), "E"),)} if "errors" in kinds else {},
            repaired_by={"forge|A": ((at(gap + 0.5), "revert", "r"),)} if "revert" in kinds else {},
        )
        suffering = harm(
            "I", gap, ended_at=at(gap + 1), caused_by="1.2.3" if "cause" in kinds else "",
            words="1.2.3" if "words" in kinds else "",
        )  # fmt: skip
        return links([suffering], [one], SETTINGS, traces)[0].confidence

    for each in evidence:
        assert confidence(evidence - {each}) <= confidence(evidence)


def failed(found: list[IncidentLink]) -> set[str]:
    return {link.deployment_id for link in found if link.is_counted}


HOURS = st.lists(st.integers(0, 120), min_size=1, max_size=8)


@settings(max_examples=150)
@given(HOURS, HOURS, st.data())
def test_rejecting_a_link_never_raises_the_failure_rate_and_confirming_counts_it(
    deployments: list[int], incidents: list[int], data: st.DataObject
) -> None:
    put = [deployed(str(n), hour) for n, hour in enumerate(deployments)]
    harms = {("pager", str(n)): harm(str(n), hour) for n, hour in enumerate(incidents)}
    found = links(harms.values(), put, SETTINGS)
    pairs = st.tuples(st.sampled_from(sorted(harms)), st.sampled_from([one.deployment_id for one in put]))
    kinds = st.sampled_from(list(Verdict))
    said = {
        pair: Said(*pair, data.draw(kinds), "Ann", at(0)) for pair in data.draw(st.lists(pairs, max_size=5))
    }
    before = with_verdicts(found, said.values(), harms, put)
    pair = data.draw(pairs)
    rejected = with_verdicts(
        found, ({**said, pair: Said(*pair, Verdict.REJECTED, "Bob", at(1))}).values(), harms, put
    )
    was_cause = pair in said and said[pair].verdict is not Verdict.REJECTED
    if not was_cause:  # taking back a confirmation by rejecting lets what was likely speak again
        assert failed(rejected) <= failed(before)
    assert not any(
        link.is_counted
        for link in rejected
        if (link.incident_id, link.deployment_id) == (pair[0][1], pair[1])
    )
    confirmed = with_verdicts(
        found, ({**said, pair: Said(*pair, Verdict.CONFIRMED, "Bob", at(1))}).values(), harms, put
    )
    assert pair[1] in failed(confirmed)


def test_what_a_person_says_wins_and_names_the_person() -> None:
    put: list[ServiceDeployment] = [deployed("A", 0), deployed("B", 60, told_by=("forge|B", "telemetry|b"))]
    harms = {("pager", "I"): harm("I", 61)}
    found = links(harms.values(), put, SETTINGS)
    said = [
        Said(("pager", "I"), "telemetry|b", Verdict.REJECTED, "Ann", at(70)),
        Said(("pager", "I"), "forge|A", Verdict.ADDED, "Bob", at(71)),
        Said(("pager", "gone"), "forge|A", Verdict.ADDED, "Bob", at(71)),
    ]
    judged = {link.deployment_id: link for link in with_verdicts(found, said, harms, put)}
    assert (judged["forge|B"].is_counted, judged["forge|B"].verdict) == (False, "rejected")
    assert (judged["forge|A"].is_counted, judged["forge|A"].said_by) == (True, "Bob")
    assert judged["forge|A"].reasons[0] == "Bob added it on 2026-03-04"
