"""ServiceNow: ten incidents with their audited steps worked out by hand, deletions, rights that are missing."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from collected_rows import Seen, run
from servicenow_published import published

from ktlo.errors import UserError
from ktlo.sources.protocol import Status
from ktlo.sources.rest.quota import World
from ktlo.sources.servicenow import ServiceNowSource
from ktlo.sources.servicenow.source import ServiceNowConfig

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
NAMES = {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"}
BY_HAND = """
# number | minutes after noon and state        | state    | resolved | closed | steps
INC0 |                                | open      |  - |  - |
INC1 | 4>2                            | open      |  - |  - | acknowledged
INC2 | 4>2, 30>6                      | resolved  | 30 |  - | acknowledged resolved
INC3 | 4>2, 30>6, 90>7                | resolved  | 30 | 90 | acknowledged resolved closed
INC4 | 4>3, 9>2, 30>6                 | resolved  | 30 |  - | acknowledged status resolved
INC5 | 4>2, 30>6, 40>2                | open      |  - |  - | acknowledged resolved reopened
INC6 | 4>2, 30>6, 40>2, 50>6, 60>7    | resolved  | 50 | 60 | acknowledged resolved reopened resolved closed
INC7 | 5>8                            | cancelled |  5 |  5 | resolved
INC8 | 7>7                            | resolved  |  7 |  7 | resolved
INC9 | 1>2, 2>3, 3>2, 400>6           | resolved  | 400 | - | acknowledged status status resolved
"""


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def both(value: str, shown: str | None = None) -> dict[str, str]:
    return {"value": value, "display_value": value if shown is None else shown}


def time(moment: dt.datetime | None) -> dict[str, str]:
    if moment is None:
        return both("")
    # What people see is in their own time zone and format: it must not be read.
    return both(moment.strftime("%Y-%m-%d %H:%M:%S"), moment.strftime("%d.%m.%Y 05:00:00"))


class Instance:
    """A ServiceNow that answers as the Table API's documentation says."""

    def __init__(self) -> None:
        self.incidents: list[dict[str, Any]] = []
        self.audit: list[dict[str, Any]] = []
        self.deleted: list[dict[str, Any]] = []
        self.refuse: set[str] = set()
        self.asked: list[str] = []
        self.now = dt.datetime(2026, 9, 2, 12, tzinfo=dt.UTC)
        for number, (key, steps, state, resolved, closed, _) in enumerate(lines()):
            sys_id, at, before, count = f"{number:032x}", NOON, "1", 0
            for said in filter(None, steps.split(",")):
                minutes, _, after_state = said.strip().partition(">")
                at = after(int(minutes))
                count += before in "678" and after_state not in "678"
                self.audit.append(
                    {
                        "sys_id": both(f"{len(self.audit):032x}"),
                        "documentkey": both(sys_id, key),
                        "fieldname": both("state"),
                        "sys_created_on": time(at),
                        # The audit keeps texts: it shows no more than the value.
                        "oldvalue": both(before),
                        "newvalue": both(after_state),
                        "user": both("ada"),
                    }
                )
                before = after_state
            self.incidents.append(
                {
                    "sys_id": both(sys_id),
                    "number": both(key),
                    "sys_created_on": time(NOON),
                    "sys_updated_on": time(at),
                    "opened_at": time(NOON),
                    "work_start": time(None),
                    "resolved_at": time(None if resolved == "-" or state == "open" else after(int(resolved))),
                    "closed_at": time(None if closed == "-" else after(int(closed))),
                    "state": both(before, NAMES[before]),
                    "short_description": both("Email is <b>down</b> 🔥"),
                    "priority": both("1", "1 - Critical"),
                    "business_service": both("27d", "Email"),
                    "assignment_group": both("d62", "Service Desk"),
                    "assigned_to": both("5137", "David Loo"),
                    "opened_by": both("681", "System Administrator"),
                    "reopen_count": both(str(count)),
                }
            )

    def find(self, key: str) -> dict[str, Any]:
        return next(one for one in self.incidents if one["number"]["value"] == key)

    def delete(self, key: str, at: dt.datetime) -> None:
        gone = self.find(key)
        self.incidents.remove(gone)
        self.deleted.append(
            {
                "sys_id": both(f"{len(self.deleted) + 77:032x}"),
                "sys_created_on": time(at),
                "documentkey": gone["sys_id"],
                "display_value": both(key),
            }
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if not request.headers.get("authorization", "").startswith("Basic "):
            body = {"error": {"message": "User Not Authenticated"}, "status": "failure"}
            return httpx.Response(401, json=body, headers=headers)
        if described := published():
            wrong = [*described.violations(request.url.path, request.url.params)]
            assert not wrong, f"ServiceNow's own client asks otherwise: {wrong}"
        table = request.url.path.removeprefix("/api/now/table/")
        if table in self.refuse:
            body = {"error": {"message": "Operation Failed", "detail": "ACL Exception"}, "status": "failure"}
            return httpx.Response(403, json=body, headers=headers)
        query = {k: v[-1] for k, v in parse_qs(request.url.query.decode()).items()}
        found = {"incident": self.incidents, "sys_audit": self.audit, "sys_audit_delete": self.deleted}[table]
        said = query.get("sysparm_query", "")
        column = "sys_updated_on" if table == "incident" else "sys_created_on"
        if match := re.search(rf"{column}>=([0-9: -]+)", said):
            found = [one for one in found if one[column]["value"] >= match[1]]
        if match := re.search(r"sys_idIN([0-9a-f,]+)", said):
            found = [one for one in found if one["sys_id"]["value"] in match[1].split(",")]
        if match := re.search(r"(?:^|\^)state=(\d)", said):
            found = [one for one in found if one["state"]["value"] == match[1]]
        if match := re.search(r"documentkeyIN([0-9a-f,]+)", said):
            found = [one for one in found if one["documentkey"]["value"] in match[1].split(",")]
        found = sorted(found, key=lambda one: (one[column]["value"], one["sys_id"]["value"]))
        self.asked.append(said)
        if fields := query.get("sysparm_fields"):
            found = [{name: one[name] for name in fields.split(",")} for one in found]
        offset, limit = int(query.get("sysparm_offset", 0)), int(query["sysparm_limit"])
        return httpx.Response(200, json={"result": found[offset : offset + limit]}, headers=headers)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SN_PASSWORD", "pass")


def source(instance: Instance, **options: Any) -> ServiceNowSource:
    given = {"url": "https://x.service-now.com", "user": "ktlo", "token": "env:SN_PASSWORD"}
    config = ServiceNowConfig(**{**given, "since": dt.date(2026, 8, 1), **options})
    return ServiceNowSource(config, World(), httpx.MockTransport(instance.answer))


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_incidents_are_as_worked_out_by_hand(line: list[str]) -> None:
    key, _, state, resolved, closed, steps = line
    seen = Seen()
    assert run(source(Instance()), seen) is None
    found = seen.item(key)
    assert (found["state"], found["service"], found["team"]) == (state, "Email", "Service Desk")
    assert found["severity"] == "1 - Critical"
    assert found["detected_at"] == NOON
    assert found["resolved_at"] == (None if resolved == "-" else after(int(resolved)))
    assert found["closed_at"] == (None if closed == "-" else after(int(closed)))
    assert found["reopen_count"] == steps.split().count("reopened")
    assert [kind for kind, _ in seen.steps(key)] == ["detected", *steps.split()]


def test_a_step_says_states_as_people_see_them() -> None:
    seen = Seen()
    run(source(Instance()), seen)
    steps = [row for row in seen.shown("incident_events") if row["incident_id"] == "INC5"]
    told = [(row["before"], row["after"]) for row in sorted(steps, key=lambda row: row["occurred_at"])]
    assert told[1:] == [("New", "In Progress"), ("In Progress", "Resolved"), ("Resolved", "In Progress")]


@pytest.mark.parametrize("size", [1, 3, 4])
def test_pages_and_cuts_end_in_the_same_rows(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("ktlo.sources.servicenow.source.PER_PAGE", size)
    monkeypatch.setattr("ktlo.sources.rest.gathering.PER_PAGE", size)
    whole = Seen()
    run(source(Instance()), whole)
    assert len(whole.shown("incidents")) == 10
    for cut in range(1, len(whole.batches)):
        seen = Seen()
        run(source(Instance()), seen, stop_after=cut)
        run(source(Instance()), seen)
        assert seen.rows == whole.rows


@pytest.mark.parametrize(
    ("path", "told"),
    [("/api/now/incident", "there is no"), ("/api/now/table/incident", "no parameter limit")],
)
def test_a_request_that_servicenows_own_client_would_not_make_fails_the_test_that_made_it(
    path: str, told: str
) -> None:
    if published() is None:
        pytest.skip("pip cannot have pysnc: requests are not held against it")
    address, headers = f"https://example.service-now.com{path}", {"authorization": "Basic a"}
    with pytest.raises(AssertionError, match=told):
        Instance().answer(httpx.Request("GET", address, params={"limit": 1}, headers=headers))


def test_a_deleted_incident_is_removed() -> None:
    instance, seen = Instance(), Seen()
    run(source(instance), seen)
    instance.delete("INC3", after(500))
    run(source(instance), seen)
    assert "INC3" not in {row["external_id"] for row in seen.shown("incidents")}


def test_without_the_audit_incidents_come_in_and_what_is_lost_is_said() -> None:
    instance, seen = Instance(), Seen()
    instance.refuse = {"sys_audit", "sys_audit_delete"}
    assert run(source(instance), seen) is None
    assert len(seen.shown("incidents")) == 10
    assert any("no steps" in reason for reason in seen.rejected)
    health = asyncio.run(source(instance).check())
    assert health.status is Status.LIMITED
    assert [one.what.partition(" ")[0] for one in health.missing] == ["sys_audit", "sys_audit_delete"]


def test_a_user_without_the_right_to_incidents_is_a_sentence() -> None:
    instance = Instance()
    instance.refuse = {"incident"}
    health = asyncio.run(source(instance).check())
    assert health.status is Status.UNREACHABLE
    assert "right to read incidents" in health.summary


def test_without_a_user_it_says_what_to_set() -> None:
    failure = run(source(Instance(), token=""), Seen())
    assert isinstance(failure, UserError)
    assert "user" in failure.fix


def test_a_time_that_is_none_costs_its_incident_only() -> None:
    instance, seen = Instance(), Seen()
    instance.incidents[4]["opened_at"] = both("soon")
    instance.incidents[5]["sys_updated_on"] = both("")
    run(source(instance), seen)
    assert len(seen.shown("incidents")) == 8
    assert any("unexpected form" in reason for reason in seen.rejected)


def states(seen: Seen) -> dict[str, str]:
    return {row["external_id"]: row["state"] for row in seen.shown("incidents")}


def test_an_incident_that_leaves_the_query_is_asked_for_until_it_ends() -> None:
    instance, seen = Instance(), Seen()
    run(source(instance, query="state=2"), seen)
    assert states(seen) == {"INC1": "open", "INC5": "open"}
    one = instance.find("INC1")
    one |= {"state": both("3", "On Hold"), "sys_updated_on": time(after(600))}
    instance.now += dt.timedelta(hours=25)
    run(source(instance, query="state=2"), seen)
    assert states(seen) == {"INC1": "open", "INC5": "open"}
    one |= {
        "state": both("6", "Resolved"),
        "sys_updated_on": time(after(900)),
        "resolved_at": time(after(900)),
    }
    instance.now += dt.timedelta(hours=2)
    run(source(instance, query="state=2"), seen)
    assert states(seen)["INC1"] == "open"
    instance.now += dt.timedelta(hours=25)
    run(source(instance, query="state=2"), seen)
    assert states(seen) == {"INC1": "resolved", "INC5": "open"}
    assert seen.item("INC1")["resolved_at"] == after(900)
    instance.now += dt.timedelta(hours=25)
    instance.asked.clear()
    run(source(instance, query="state=2"), seen)
    assert sum("sys_idIN" in said for said in instance.asked) == 1
    assert not any("sys_idIN" in said and f"{1:032x}" in said for said in instance.asked)


def test_an_open_incident_that_is_nowhere_is_removed_without_the_audit_and_most_of_them_are_kept() -> None:
    instance, seen = Instance(), Seen()
    instance.refuse = {"sys_audit_delete"}
    for number in range(10, 30):
        key, sys_id = f"INC{number}", both(f"{number:032x}")
        instance.incidents.append({**instance.find("INC1"), "number": both(key), "sys_id": sys_id})
    run(source(instance), seen)
    instance.incidents.remove(instance.find("INC5"))
    instance.now += dt.timedelta(hours=25)
    run(source(instance), seen)
    assert "INC5" not in states(seen)
    hidden = [one for one in instance.incidents if one["number"]["value"] > "INC11"]
    instance.incidents = [one for one in instance.incidents if one not in hidden]
    instance.now += dt.timedelta(hours=25)
    before = states(seen)
    run(source(instance), seen)
    assert states(seen) == before
    assert {f"INC{number}" for number in range(12, 30)} <= seen.missing.hidden
    instance.incidents += hidden
    hidden[-1] |= {"state": both("7", "Closed"), "sys_updated_on": time(after(700))}
    instance.now += dt.timedelta(hours=25)
    run(source(instance), seen)
    assert states(seen)[hidden[-1]["number"]["value"]] == "resolved"


def test_an_open_incident_that_cannot_be_read_is_not_taken_for_deleted() -> None:
    instance, seen = Instance(), Seen()
    run(source(instance), seen)
    instance.find("INC1")["opened_at"] = both("soon")
    instance.find("INC5")["sys_updated_on"] = both("")
    instance.now += dt.timedelta(hours=25)
    run(source(instance), seen)
    assert {"INC1", "INC5"} <= states(seen).keys()
