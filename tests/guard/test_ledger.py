"""The account of findings over scans: new, still there, gone, back; and what settles nothing."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ktlo.guard.finding import Finding as Seen
from ktlo.guard.finding import Level, Location
from ktlo.guard.ledger import Sighting, settle
from ktlo.records.findings import Finding, Scan

MONDAY = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)


def scan(day: int, **given_: object) -> Scan:
    at = MONDAY + dt.timedelta(days=day)
    return Scan(
        **{
            "source": "check:acme/shop", "repository": "acme/shop", "scan_id": str(day), "sha": f"sha{day}",
            "ref": "main", "is_default": True, "started_at": at, "finished_at": at, "verdict": "findings",
            "headline": "", "checks": ("vulnerabilities",), "complete": ("vulnerabilities",), "failing": 0,
            "tolerated": 0, "unchecked": 0, "dependencies": 0, "checked": 0, "database_at": None, **given_,
        }
    )  # fmt: skip


def seen(name: str, tolerated: str = "", level: Level = Level.HIGH) -> Sighting:
    found = Seen("vulnerabilities", name, level, f"{name} is bad", Location("uv.lock", 3), f"print-{name}",
                 properties={"package": "left", "version": "1", "fixed": "2 3"})  # fmt: skip
    return Sighting(found, tolerated)


def run(*steps: tuple[Scan, list[Sighting]]) -> dict[tuple[str, int], Finding]:
    """Settle scans one after another; the episodes by fingerprint and number."""
    account: dict[tuple[str, int], Finding] = {}
    newest: dt.datetime | None = None
    for one, sightings in steps:
        for row in settle(account.values(), one, sightings, newest):
            account[row.fingerprint, row.episode] = row
        newest = max(filter(None, (newest, one.started_at)))
    return account


def test_a_new_finding_opens_with_the_scan() -> None:
    (one,) = run((scan(0), [seen("CVE-1")])).values()
    assert (one.opened_at, one.resolved_at, one.episode) == (MONDAY, None, 1)
    assert (one.package, one.version, one.fixed_version) == ("left", "1", "2")


def test_a_finding_that_stays_keeps_its_beginning() -> None:
    (one,) = run((scan(0), [seen("CVE-1")]), (scan(3), [seen("CVE-1", level=Level.LOW)])).values()
    assert one.opened_at == MONDAY
    assert one.last_seen_at == MONDAY + dt.timedelta(days=3)
    assert one.level == "low", "the newest scan knows best how bad it is"


def test_a_finding_is_resolved_by_the_first_complete_scan_without_it() -> None:
    (one,) = run((scan(0), [seen("CVE-1")]), (scan(2), []), (scan(5), [])).values()
    assert one.resolved_at == MONDAY + dt.timedelta(days=2)
    assert one.resolved_sha == "sha2"


def test_a_scan_that_could_not_check_everything_resolves_nothing() -> None:
    (one,) = run((scan(0), [seen("CVE-1")]), (scan(2, complete=()), [])).values()
    assert one.resolved_at is None


def test_an_incomplete_scan_still_opens() -> None:
    assert len(run((scan(0, complete=()), [seen("CVE-1")]))) == 1


def test_a_scan_of_a_branch_changes_nothing() -> None:
    assert run((scan(0, is_default=False), [seen("CVE-1")])) == {}
    (one,) = run((scan(0), [seen("CVE-1")]), (scan(2, is_default=False), [])).values()
    assert one.resolved_at is None


def test_a_scan_that_arrives_late_changes_nothing() -> None:
    (one,) = run((scan(3), [seen("CVE-1")]), (scan(1), [])).values()
    assert one.resolved_at is None


def test_a_finding_that_comes_back_is_another_episode() -> None:
    both = run((scan(0), [seen("CVE-1")]), (scan(1), []), (scan(4), [seen("CVE-1")]))
    assert sorted(both) == [("print-CVE-1", 1), ("print-CVE-1", 2)]
    assert both["print-CVE-1", 1].resolved_at == MONDAY + dt.timedelta(days=1)
    assert both["print-CVE-1", 2].opened_at == MONDAY + dt.timedelta(days=4)


def test_another_check_is_not_resolved() -> None:
    (one,) = run(
        (scan(0), [seen("CVE-1")]), (scan(1, checks=("secrets",), complete=("secrets",)), [])
    ).values()
    assert one.resolved_at is None


def test_what_policy_tolerates_is_kept_with_its_reason() -> None:
    (one,) = run((scan(0), [seen("CVE-1", "ignored by Ann until 2026-12-31: not reachable")])).values()
    assert one.tolerated.startswith("ignored by Ann")


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.booleans()), max_size=10))
def test_episodes_of_a_finding_never_overlap_and_only_the_last_may_be_open(
    history: list[tuple[set[str], bool]],
) -> None:
    steps = [
        (scan(day) if whole else replace(scan(day), complete=()), [seen(name) for name in sorted(names)])
        for day, (names, whole) in enumerate(history)
    ]
    account = run(*steps)
    for name in "abc":
        episodes = [
            one for (fingerprint, _), one in sorted(account.items()) if fingerprint == f"print-{name}"
        ]
        for before, after in itertools.pairwise(episodes):
            assert before.resolved_at is not None
            assert before.opened_at < before.resolved_at <= after.opened_at
        if history and name in history[-1][0]:
            assert episodes[-1].resolved_at is None
