"""Opsgenie's own incidents: ten worked out by hand, who was paged, what vanishes and changes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from collected_rows import Seen, run
from opsgenie_incidents import PEOPLE, Incidents, entry, history, incident, lines, named
from test_opsgenie import NOON, after, source, stamp, webhook

from ktlo.errors import UserError
from ktlo.sources.opsgenie import OpsgenieSource
from ktlo.sources.protocol import lasting
from ktlo.sources.rest import gathering
from ktlo.sources.rest.rows import microseconds


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "k3y")


def made(account: Incidents, **options: Any) -> OpsgenieSource:
    return source(account, **{"incidents": "incidents", **options})


def at(said: str) -> dt.datetime | None:
    return None if said == "-" else after(int(said))


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_incidents_have_the_phases_worked_out_by_hand(line: list[str]) -> None:
    key, _, _, _, _, state, acknowledged, mitigated, resolved, closed, reopened, service, people = line
    seen = Seen()
    assert run(made(Incidents()), seen) is None
    assert seen.rejected == []
    found = seen.item(key)
    assert (found["state"], found["service"], found["severity"], found["team"]) == (
        state,
        service,
        "P1",
        "Payments",
    )
    assert [found[f"{name}_at"] for name in ("acknowledged", "mitigated", "resolved", "closed")] == [
        at(said) for said in (acknowledged, mitigated, resolved, closed)
    ]
    assert (found["started_at"], found["detected_at"]) == (NOON, NOON)
    assert found["reopen_count"] == int(reopened)
    assert sorted(found["responders"]) == [f"{name}@example.org" for name in people.split()]
    assert found["url"] == f"https://acme.app.opsgenie.com/incident/detail/{key}"


def test_the_steps_are_those_of_the_timeline_with_who_took_them() -> None:
    seen = Seen()
    run(made(Incidents()), seen)
    ada, grace = PEOPLE.values()
    assert [step for step in seen.steps("I8") if step[0] != "note"] == [
        ("detected", ada),
        ("acknowledged", grace),
        ("escalated", ada),
        ("mitigated", ""),
        ("resolved", grace),
    ]
    assert [kind for kind, _ in seen.steps("I7") if kind != "note"] == [
        "detected",
        "acknowledged",
        "resolved",
        "reopened",
        "mitigated",
        "resolved",
    ]
    # Its impact ended after it: that is in the record, and no step after the end.
    assert "mitigated" not in [kind for kind, _ in seen.steps("I9")]
    notes = [row for row in seen.shown("incident_events") if row["kind"] == "note"]
    assert {row["after"] for row in notes if row["incident_id"] == "I8"} == {
        "Responder team added",
        "Status page entry added",
        "Responder alert acked",
        "impacts search, checkout",
    }


@pytest.mark.parametrize(
    ("said", "status", "resolved", "closed"),
    [
        ("10 resolved Ada, 20 opened Ada, 40 closed Ada", "closed", 40, 40),
        ("10 resolved Ada, 20 closed Ada, 30 resolved Ada", "resolved", 30, None),
        ("10 resolved Ada, 30 resolved Ada, 35 closed Ada", "closed", 30, 35),
    ],
)
def test_the_last_life_has_the_end_also_where_it_is_not_told_when_it_was_reopened(
    said: str, status: str, resolved: int, closed: int | None
) -> None:
    account, seen = Incidents(), Seen()
    account.incidents, account.history["I0"] = [incident("I0", said, status, "-", "")], history("I0", said)
    assert run(made(account), seen) is None
    found = seen.item("I0")
    assert (found["resolved_at"], found["closed_at"], found["reopen_count"]) == (
        after(resolved),
        None if closed is None else after(closed),
        1,
    )


def test_the_service_of_an_older_account_is_read() -> None:
    account, seen = Incidents(), Seen()
    account.incidents[0] |= {"impactedServices": [], "serviceId": "s-2"}
    run(made(account), seen)
    assert seen.item("I0")["service"] == "search"


def test_the_alerts_of_many_responders_are_all_asked_for_or_it_is_said() -> None:
    account, seen = Incidents(), Seen()
    for number in range(60):
        account.call("I3", f"R{number}")
        text = "Rule[New Alert][Start Notify][0 min] -> Sent [sms] notification"
        account.wrote(f"R{number}", 1, text, f"p{number}@example.org", "alertRecipient")
    run(made(account), seen)
    paged = [row for row in seen.shown("incident_events") if row["kind"] == "paged"]
    assert (len({row["after"] for row in paged}), seen.rejected) == (60, [])
    plain = account.found

    def silent(path: str, query: dict[str, str]) -> tuple[dict[str, Any], int]:
        told, status = plain(path, query)
        return ({"data": told["data"]} if path.endswith("-ids") else told), status

    account.found, seen = silent, Seen()  # type: ignore[method-assign]
    run(made(account), seen)
    assert seen.rejected == ["more than 25 alerts may have called: those are not read"]


def test_who_was_paged_and_acknowledged_is_told_by_the_alerts_of_the_responders() -> None:
    account, seen = Incidents(), Seen()
    rule = "Rule[New Alert][Start Notify][0 min]"
    account.call("I3", "R1")
    account.call("I3", "R2")
    account.wrote("R1", 1, f"{rule} -> Sent [voice] notification", "ada@example.org", "alertRecipient")
    account.wrote("R1", 4, "Alert acknowledged via web", "ada@example.org")
    account.wrote("R2", 2, f"{rule} -> Sent [sms] notification", "grace@example.org", "alertRecipient")
    account.wrote("R2", 20, "Alert acknowledged via API", "API")
    assert run(made(account), seen) is None
    assert seen.item("I3")["acknowledged_at"] == after(4)
    told = [row for row in seen.shown("incident_events") if row["kind"] in ("paged", "acknowledged")]
    assert sorted(
        (row["occurred_at"], row["kind"], row["actor"] or row["after"])
        for row in told
        if row["incident_id"] == "I3"
    ) == [
        (after(1), "paged", "ada@example.org"),
        (after(2), "paged", "grace@example.org"),
        (after(4), "acknowledged", "ada@example.org"),
    ]
    assert len(seen.shown("incidents")) == 10  # alerts are none here


def test_pages_and_cuts_end_in_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "PER_PAGE", 3)
    monkeypatch.setattr("ktlo.sources.opsgenie.names.PER_PAGE", 1)
    monkeypatch.setattr("ktlo.sources.opsgenie.incident_run.OF_TIMELINE", 2)
    whole = Seen()
    assert run(made(Incidents()), whole) is None
    assert len(whole.shown("incidents")) == 10
    assert whole.item("I7")["reopen_count"] == 1
    assert (whole.item("I2")["service"], whole.item("I2")["responders"][1]) == ("search", "grace@example.org")
    for cut in range(1, len(whole.batches)):
        seen = Seen()
        run(made(Incidents()), seen, stop_after=cut)
        run(made(Incidents()), seen)
        assert seen.rows == whole.rows


def test_a_timeline_is_asked_for_once_a_run_and_later_only_of_what_is_open_or_changed() -> None:
    account, seen = Incidents(), Seen()
    run(made(account), seen)
    asked = [path for path in account.paths if path.endswith("/entries")]
    assert len(asked) == len(set(asked)) == 10
    account.paths.clear()
    account.now += dt.timedelta(hours=2)
    run(made(account), seen)
    assert not [path for path in account.paths if path.endswith("/entries")]
    account.paths.clear()
    account.now += dt.timedelta(days=1)
    run(made(account), seen)
    asked = {path.split("/")[3] for path in account.paths if path.endswith("/entries")}
    assert asked == {"I0", "I1", "I6"}


def test_what_changes_after_its_end_is_read_again() -> None:
    account, seen = Incidents(), Seen()
    run(made(account), seen)
    account.incidents[4] |= {"impactEndDate": stamp(after(5)), "updatedAt": stamp(account.now)}
    account.now += dt.timedelta(minutes=5)
    run(made(account), seen)
    assert seen.item("I4")["mitigated_at"] == after(5)


def test_a_change_that_the_list_shows_half_a_minute_late_is_read() -> None:
    account, seen = Incidents(), Seen()
    run(made(account), seen)
    account.now += dt.timedelta(hours=1)
    told_at = stamp(account.now - dt.timedelta(seconds=10))
    run(made(account), seen)  # the list does not show it yet
    account.incidents[4] |= {"priority": "P2", "updatedAt": told_at}
    late = incident("I10", "", "closed", "-", "s-1") | {"createdAt": told_at, "updatedAt": told_at}
    account.incidents.append(late)
    account.now += dt.timedelta(minutes=5)
    run(made(account), seen)
    assert (seen.item("I4")["severity"], seen.item("I10")["detected_at"]) == (
        "P2",
        dt.datetime.fromisoformat(told_at),
    )


def test_an_acknowledgement_that_does_not_change_a_young_incident_is_seen() -> None:
    account, seen = Incidents(), Seen()
    account.now = after(30)
    run(made(account), seen)
    account.history["I0"].insert(0, entry("I0", 99, 31, "acked", named("Grace")))
    account.now = after(40)
    run(made(account), seen)
    found = seen.item("I0")
    # The row is newer than the one without it, though the incident's own time of change is the same.
    assert (found["acknowledged_at"], found["row_version"]) == (after(31), microseconds(after(31)))


def test_an_open_one_that_was_deleted_is_removed_and_one_that_ended_meanwhile_is_read() -> None:
    account, seen = Incidents(), Seen()
    old = incident("I99", "", "open", "-", "")
    account.incidents.append(old | {"createdAt": "2025-01-01T00:00:00Z", "updatedAt": "2025-01-01T00:00:00Z"})
    run(made(account), seen)
    assert seen.item("I99")["state"] == "open"
    account.incidents = [one for one in account.incidents if one["id"] not in ("I0", "I99")]
    one = next(one for one in account.incidents if one["id"] == "I1")
    one |= {"status": "resolved", "updatedAt": stamp(after(50))}  # no later than the last reading
    account.history["I1"] = history("I1", "3 acked Grace, 50 resolved Ada")
    run(made(account), seen)
    assert {"I0", "I99"}.isdisjoint(row["external_id"] for row in seen.shown("incidents"))
    assert (seen.item("I1")["state"], seen.item("I1")["resolved_at"]) == ("resolved", after(50))


def test_somebody_of_two_with_one_name_keeps_the_name() -> None:
    account, seen = Incidents(), Seen()
    plain = account.found

    def twins(path: str, query: dict[str, str]) -> tuple[dict[str, Any], int]:
        made, status = plain(path, query)
        if path == "/v2/users":
            made["data"].append({"id": "u-2", "username": "ada2@example.org", "fullName": "Ada Lovelace"})
        return made, status

    account.found = twins  # type: ignore[method-assign]
    run(made(account), seen)
    assert seen.item("I2")["responders"] == ["Ada Lovelace", "grace@example.org", "ada@example.org"]


def test_a_webhook_of_an_alert_makes_no_incident_where_incidents_count() -> None:
    for action in ("Create", "Close", "Delete", "AddTags"):
        taken = made(Incidents()).receive(webhook(action, NOON))
        assert taken.rows == {}
        assert taken.why_ignored.startswith("it is about an alert")


def test_alerts_and_incidents_are_not_read_one_beside_the_other() -> None:
    for before, then in (("alerts", "incidents"), ("incidents", "alerts")):
        seen = Seen()
        assert run(source(Incidents(), incidents=before), seen) is None
        failure = run(source(Incidents(), incidents=then), seen)
        assert isinstance(failure, UserError)
        assert "would count one trouble twice" in failure.what
        assert "--forget" in failure.fix
        assert run(source(Incidents(), incidents=before), seen) is None
        # Reading the past again keeps that the rows in the store are of the one kind.
        made_so = source(Incidents(), incidents=then)
        seen.cursor = lasting(made_so, seen.cursor)
        assert seen.cursor == {"incidents": before, "since": "2026-08-01T00:00:00Z"}
        assert isinstance(run(made_so, seen), UserError)
        assert run(source(Incidents(), incidents=before), seen) is None
        assert "since" in seen.cursor


def test_a_cursor_of_before_there_was_a_choice_is_one_of_alerts() -> None:
    seen = Seen()
    assert run(source(Incidents(), incidents="alerts"), seen) is None
    del seen.cursor["incidents"]
    assert isinstance(run(made(Incidents()), seen), UserError)
    assert run(source(Incidents(), incidents="alerts"), seen) is None


def test_what_is_published_of_one_account_is_read() -> None:
    """The incident with its timeline that Faros recorded, shortened by what repeats."""
    told = [
        (
            "IncidentClosed_78b2322a",
            "incident",
            "IncidentClosed",
            "2022-04-05T15:43:40.464Z",
            "Huong",
            "user",
        ),
        (
            "ResponderAlertAcked_5f47",
            "responderAlert",
            "ResponderAlertAcked",
            "2022-04-05T15:42:42.403Z",
            "API",
            "api",
        ),
        (
            "IncidentResolved_7b69927f",
            "incident",
            "IncidentResolved",
            "2022-04-05T15:42:42.188Z",
            "Huong",
            "user",
        ),
        (
            "IncidentOpened_8a1110c1",
            "incident",
            "IncidentOpened",
            "2022-04-05T15:37:31.659Z",
            "Huong",
            "user",
        ),
    ]
    account, seen = Incidents(), Seen()
    account.incidents = [
        incident("ad22c0c7", "", "closed", "-", "")
        | {
            "createdAt": "2022-04-05T15:37:31.62Z",
            "updatedAt": "2022-04-05T15:43:40.347Z",
            "impactStartDate": "2022-04-05T15:37:31.62Z",
            "impactEndDate": "2022-04-05T15:42:42.141Z",
        }
    ]
    account.history["ad22c0c7"] = [
        {
            "id": key,
            "group": group,
            "type": kind,
            "eventTime": when,
            "hidden": False,
            "actor": {"name": who, "type": by},
            "title": {"type": "plain_text", "content": kind},
        }
        for key, group, kind, when, who, by in told
    ]
    assert run(made(account, since=dt.date(2022, 1, 1)), seen) is None
    found = seen.item("ad22c0c7")
    assert (found["resolved_at"], found["closed_at"], found["acknowledged_at"]) == (
        dt.datetime(2022, 4, 5, 15, 42, 42, 188_000, dt.UTC),
        dt.datetime(2022, 4, 5, 15, 43, 40, 464_000, dt.UTC),
        None,
    )
