"""Ten issues and ten incidents of a Jira as text, and the Jira that they were written in.

Hours count from noon in Berlin on the day before the clocks go back: half past two comes after 14.5 and after 15.5.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from jira_site import FIELDS, Site, stamp, status

NOON = dt.datetime(2026, 10, 24, 10, tzinfo=dt.UTC)
TITLE = "Main order <b>flow</b> broken 💥 & more"

ISSUES = """
# key | type | fields           | hours after noon, and what                                    | state  | closed as   | severity | ended | history
SH-1  | Bug  |                  |                                                               | open   |             | High     | -     | opened
SH-2  | Bug  |                  | 1 In Progress, 4 Done, 9 commented                            | closed | Done        | High     | 4     | opened status status closed commented
SH-3  | Bug  |                  | 1 In Progress, 4 Done, 6 In Progress                          | open   |             | High     | -     | opened status status closed status reopened
SH-4  | Bug  |                  | 1 In Progress, 4 Done, 6 To Do, 7 Done, 8 In Progress, 9 Done | closed | Done        | High     | 9     | opened status status closed status reopened status closed status reopened status closed
SH-5  | Task |                  | 2 Done                                                        | closed | Done        | High     | 2     | opened status closed
SH-6  | Bug  |                  | 2 Done, 5 Canceled                                            | closed | not_planned | High     | 2     | opened status closed status
SH-7  | Bug  |                  | 3 Done as Duplicate                                           | closed | duplicate   | High     | 3     | opened status closed
SH-8  | Bug  | status=Done      |                                                               | closed | Done        | High     | 0     | opened
SH-9  | Bug  | severity=S2      | 1 In Progress, 2 to OPS-9, 20 Done                            | closed | Done        | S2       | 20    | opened status transferred status closed
SH-10 | Bug  | priority=none    | 14.5 In Progress, 14.75 worked, 15.5 Done                     | closed | Done        |          | 15.5  | opened status worked status closed
"""  # noqa: E501

INCIDENTS = """
# key | type     | fields                      | hours after noon, and what                                   | state     | service  | severity | began | ack  | mitigated | ended | reopened
SH-11 | Incident |                             |                                                              | open      | checkout | High     | -     | -    | -         | -     | 0
SH-12 | Incident |                             | 1 In Progress, 3 Monitoring, 5 Done                          | resolved  | checkout | High     | -     | 1    | 3         | 5     | 0
SH-13 | Incident |                             | 1 In Progress, 5 Done, 6 In Progress, 7 Done, 8 In Progress  | open      | checkout | High     | -     | 1    | -         | -     | 2
SH-14 | Incident |                             | 1 In Progress, 2 To Do, 3 In Progress, 4 Monitoring, 5 In Progress, 6 Monitoring, 9 Done | resolved | checkout | High | - | 1 | 4 | 9 | 0
SH-15 | Incident | mitigated=3                 | 4 Done                                                       | resolved  | checkout | High     | -     | -    | 3         | 4     | 0
SH-16 | Incident |                             | 1 In Progress, 2 Canceled                                    | cancelled | checkout | High     | -     | 1    | -         | 2     | 0
SH-17 | Incident |                             | 6 Done as Duplicate                                          | cancelled | checkout | High     | -     | -    | -         | 6     | 0
SH-18 | Incident | status=Done, began=-2       |                                                              | resolved  | checkout | High     | -2    | -    | -         | 0     | 0
SH-19 | Bug      | priority=none               | 1 In Progress, 2 becomes Incident, 15.5 Done                 | resolved  | checkout |          | -     | 1    | -         | 15.5  | 0
SH-20 | Incident | severity=S1, service=payments, began=1 | 14.5 In Progress, 14.75 to OPS-20, 15.5 Monitoring, 16 Done, 40 commented | resolved | payments | S1 | - | 14.5 | 15.5 | 16 | 0
"""  # noqa: E501


def after(hours: float) -> dt.datetime:
    return NOON + dt.timedelta(hours=hours)


def lines(*tables: str) -> list[list[str]]:
    """The cells of each line; of both tables unless told."""
    rows = [line for table in tables or (ISSUES, INCIDENTS) for line in table.strip().splitlines()]
    return [[cell.strip() for cell in line.split("|")] for line in rows if not line.startswith("#")]


def site_by_hand(*, is_cloud: bool = True) -> Site:
    """A Jira in which the items of both tables were written."""
    site = Site(now=after(100), is_cloud=is_cloud)
    for key, kind, given, steps, *_ in lines():
        site.create(key, NOON, named(kind), **dict(fields(given)))
        for step in filter(None, steps.split(",")):
            hours, _, what = step.strip().partition(" ")
            act(site, site.moved.get(key, key), after(float(hours)), what)
    return site


def named(kind: str) -> str:
    """The name that Jira Service Management gives its type of incidents."""
    return "[System] Incident" if kind == "Incident" else kind


def fields(given: str) -> Any:
    """Fields of an issue as Jira has them."""
    yield "summary", TITLE
    for name, _, value in (one.strip().partition("=") for one in given.split(",") if one.strip()):
        if name == "priority":
            yield "priority", None
        elif name == "status":
            yield "status", status(value)
            yield "resolution", {"name": value}
            yield "resolutiondate", stamp(NOON)
        elif name in ("began", "mitigated"):
            yield FIELDS[name], stamp(after(float(value)))
        else:
            yield FIELDS[name], {"value": value}


def act(site: Site, key: str, at: dt.datetime, what: str) -> None:
    verb, _, rest = what.partition(" ")
    match verb:
        case "commented":
            site.comment(key, at)
        case "worked":
            site.work(key, at)
        case "to":
            site.rename(key, rest, at)
        case "becomes":
            site.retype(key, at, named(rest))
        case _:
            name, _, resolution = what.partition(" as ")
            site.move(key, at, name, resolution=resolution)
