"""Ten issues and ten incidents of a Redmine as text, made in Redmine itself and then moved to their times."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from redmine_server import Redmine

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
STATUSES = {"New": 1, "In Progress": 2, "Resolved": 3, "Feedback": 4, "Closed": 5, "Rejected": 6}
TRACKERS = {"Bug": 1, "Feature": 2, "Incident": 3}
PRIORITIES = {"Low": 1, "High": 3, "Urgent": 4}
TITLE = "<b>Slow</b> 🔥 & more"

ISSUES = """
# id | tracker | priority | hours after noon, and what                                      | state  | closed as   | service | ended | history
B1  | Bug      | High     |                                                                  | open   |             | Shop    | -     | opened
B2  | Bug      | High     | 1 In Progress, 4 Resolved, 9 Closed                              | closed | Closed      | Shop    | 4     | opened status closed status
B3  | Bug      | Low      | 1 In Progress, 4 Resolved, 6 Feedback                            | open   |             | Shop    | -     | opened status closed reopened
B4  | Bug      | High     | 2 Closed, 5 In Progress, 9 Closed, 10 New, 11 Resolved           | closed | Resolved    | Shop    | 11    | opened closed reopened closed reopened closed
B5  | Bug      | High     | 3 Rejected, 30 noted                                             | closed | not_planned | Shop    | 3     | opened closed commented
B6  | Bug      | High     | 1 duplicates B2                                                  | closed | duplicate   | Shop    | 9     | opened closed
B7  | Bug      | High     | 1 moves to Web, 4 Closed                                         | closed | Closed      | Web     | 4     | opened closed
B8  | Feature  | Urgent   | 0 born Closed                                                    | closed | Closed      | Shop    | 0     | opened
B9  | Bug      | High     | 1 assigned, 2 unassigned, 3 noted, 4 Resolved                    | closed | Resolved    | Shop    | 4     | opened assigned unassigned commented closed
B10 | Incident | High     | 1 In Progress, 3 becomes Bug, 7 Closed                           | closed | Closed      | Shop    | 7     | opened status closed
"""  # noqa: E501

INCIDENTS = """
# id | tracker | priority | hours after noon, and what                                      | state     | service | ack | resolved | closed | reopened
I1  | Incident | High     |                                                                  | open      | Shop    | -   | -  | -  | 0
I2  | Incident | Urgent   | 1 In Progress, 5 Resolved                                        | resolved  | Shop    | 1   | 5  | -  | 0
I3  | Incident | High     | 1 In Progress, 5 Resolved, 8 Closed                              | resolved  | Shop    | 1   | 5  | 8  | 0
I4  | Incident | High     | 1 In Progress, 5 Closed, 6 In Progress, 9 Closed                 | resolved  | Shop    | 1   | 9  | 9  | 1
I5  | Incident | High     | 2 Rejected                                                       | cancelled | Shop    | -   | 2  | 2  | 0
I6  | Incident | Low      | 1 assigned, 4 Resolved, 30 noted                                 | resolved  | Shop    | 1   | 4  | -  | 0
I7  | Incident | High     | 1 Resolved, 2 Feedback, 3 Closed, 4 In Progress, 5 moves to Web   | open      | Web     | 2   | -  | -  | 2
I8  | Incident | High     | 1 noted, 2 duplicates I4                                         | cancelled | Shop    | -   | 5  | 5  | 0
I9  | Bug      | High     | 1 In Progress, 3 becomes Incident, 6 Closed                      | resolved  | Shop    | 1   | 6  | 6  | 0
I10 | Incident | High     | 1 In Progress, 2 moves to Web, 3 Closed                          | resolved  | Web     | 1   | 3  | 3  | 0
"""  # noqa: E501


def after(hours: float) -> dt.datetime:
    return NOON + dt.timedelta(hours=hours)


def lines(*tables: str) -> list[list[str]]:
    """The cells of each line; of both tables unless told."""
    rows = [line for table in tables or (ISSUES, INCIDENTS) for line in table.strip().splitlines()]
    return [[cell.strip() for cell in line.split("|")] for line in rows if not line.startswith("#")]


def nothing_there(path: str) -> Any:
    """What a Redmine without issues answers; the real one is held against it."""
    told: dict[str, Any] = {
        "/users/current.json": {"user": {"id": 1, "login": "admin"}},
        "/issue_statuses.json": {
            "issue_statuses": [
                {"id": number, "name": name, "is_closed": name in ("Closed", "Rejected")}
                for name, number in STATUSES.items()
            ]
        },
        "/issues.json": {"issues": [], "total_count": 0, "offset": 0, "limit": 100},
    }
    return told[path]


def made_by_hand(redmine: Redmine, most: int = 10) -> dict[str, int]:
    """Do what the first lines of the tables say, hour by hour; the numbers that Redmine gave, by the names here."""
    numbers: dict[str, int] = {}
    moments: dict[str, list[dt.datetime]] = defaultdict(lambda: [NOON])
    duplicates: dict[str, str] = {}
    steps = []
    for name, tracker, priority, told, *_ in (*lines(ISSUES)[:most], *lines(INCIDENTS)[:most]):
        said = [step.strip().partition(" ") for step in told.split(",") if step.strip()]
        born = next((what.removeprefix("born ") for _, _, what in said if what.startswith("born ")), "New")
        numbers[name] = redmine.create(
            TITLE, TRACKERS[tracker], priority_id=PRIORITIES[priority], status_id=STATUSES[born]
        )
        steps += [(int(hours), name, what) for hours, _, what in said if not what.startswith("born ")]
    for hours, name, what in sorted(steps, key=lambda step: step[0]):
        touched = [name]
        verb, _, rest = what.partition(" ")
        match verb:
            case "duplicates":
                redmine.relate(numbers[name], numbers[rest], "duplicates")
                duplicates[name] = rest
                touched.append(rest)  # Redmine notes it in both
            case "moves":
                redmine.change(numbers[name], project_id=rest.removeprefix("to ").lower())
            case "becomes":
                redmine.change(numbers[name], tracker_id=TRACKERS[rest])
            case "noted":
                redmine.change(numbers[name], notes="and so on")
            case "assigned" | "unassigned":
                redmine.change(numbers[name], assigned_to_id=redmine.worker if verb == "assigned" else "")
            case _:
                redmine.change(numbers[name], status_id=STATUSES[what])
                if what in ("Closed", "Rejected"):  # Redmine closes duplicates with what they are of
                    followers = [one for one, of in duplicates.items() if of == name]
                    touched += followers
                    for one in followers:
                        del duplicates[one]
        for one in touched:
            moments[one].append(after(hours))
    for name, number in numbers.items():
        redmine.backdate(number, *(f"{at:%Y-%m-%d %H:%M:%S}" for at in moments[name]))
    return numbers
