"""Ten issues, incidents and deployments of a project on GitLab as text, and the project that they were written in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from gitlab_project import Project, stamp, user

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
TITLE = "Ut <i>commodi</i> ullam & dolores 🔥"

ISSUES = """
# iid | type | fields                  | labels           | hours after noon, and what                      | state  | closed as | severity       | closed | history
 1 | issue     |                         |                  | 0 open                                          | open   |           |                | -  | opened
 2 | issue     |                         | bug              | 0 open, 5 close                                 | closed |           |                | 5  | opened closed
 3 | issue     |                         | bug              | 0 open, 5 close, 8 reopen                       | open   |           |                | -  | opened closed reopened
 4 | issue     |                         | bug, severity::2 | 0 open, 5 close, 8 reopen, 20 close, 21 reopen, 30 close | closed |   | severity::2    | 30 | opened closed reopened closed reopened closed
 5 | task      |                         | priority::high   | 1 open, 2 close                                 | closed |           | priority::high | 2  | opened closed
 6 | issue     | duplicate of 2          | bug              | 1 open, 30 close                                | closed | duplicate |                | 30 | opened closed
 7 | issue     | moved to 77             |                  | 1 open, 9 close                                 | closed | moved     |                | 9  | opened closed
 8 | test_case |                         | workflow::done   | 1 open, 4 commented, 6 close, 40 commented      | closed |           |                | 6  | opened commented closed commented
 9 | issue     |                         |                  | 2 open, 2 close                                 | closed |           |                | 2  | opened closed
10 | issue     | duplicate of 2          |                  | 1 open, 3 close, 4 reopen                       | open   |           |                | -  | opened closed reopened
"""  # noqa: E501

INCIDENTS = """
# iid | type  | fields                  | labels           | hours after noon, and what                      | state     | severity    | closed | reopened | history
11 | incident | severity CRITICAL       |                  | 0 open                                          | open      | critical    | -  | 0 | detected
12 | incident | severity HIGH           |                  | 0 open, 3 close                                 | resolved  | high        | 3  | 0 | detected resolved
13 | incident | severity LOW            |                  | 0 open, 3 close, 4 reopen                       | open      | low         | -  | 1 | detected resolved reopened
14 | incident |                         |                  | 0 open, 3 close, 4 reopen, 9 close              | resolved  |             | 9  | 1 | detected resolved reopened resolved
15 | incident | severity MEDIUM         | severity::1      | 0 open, 3 close, 4 reopen, 9 close, 10 reopen   | open      | medium      | -  | 2 | detected resolved reopened resolved reopened
16 | incident |                         | severity::1      | 0 open, 3 commented, 6 close                    | resolved  | severity::1 | 6  | 0 | detected resolved
17 | incident | duplicate of 12         |                  | 0 open, 3 close                                 | cancelled |             | 3  | 0 | detected resolved
18 | incident | moved to 78             |                  | 0 open, 3 close                                 | cancelled |             | 3  | 0 | detected resolved
19 | issue    |                         |                  | 0 open, 3 close, 4 reopen, 5 becomes incident, 9 close | resolved |       | 9  | 1 | detected resolved reopened resolved
20 | incident | severity HIGH           |                  | 2 open, 2 close                                 | resolved  | high        | 2  | 0 | detected resolved
"""  # noqa: E501

DEPLOYMENTS = """
# id | status   | ref     | job: hours when created, begun, ended | status      | version | started | finished
41   | success  | v1.2.0  | 1 2 3, of a tag                       | success     | v1.2.0  | 2       | 3
42   | success  | main    | 1 2 3                                 | success     |         | 2       | 3
43   | failed   | v1.2.1  | 1 2 3, of a tag                       | failure     | v1.2.1  | 2       | 3
44   | canceled | main    | 1 2 3                                 | inactive    |         | 2       | 3
45   | canceled | main    | 1 - 3                                 | inactive    |         | 1       | 3
46   | skipped  | main    | 1 - -                                 | inactive    |         | 1       | 9
47   | running  | main    | 1 2 -                                 | in_progress |         | 2       | -
48   | created  | main    | 1 - -                                 | in_progress |         | 1       | -
49   | blocked  | v1.3.0  | 1 - -, of a tag                       | in_progress | v1.3.0  | 1       | -
50   | success  | main    | none                                  | success     |         | 1       | 9
"""


def after(hours: float) -> dt.datetime:
    return NOON + dt.timedelta(hours=hours)


def lines(*tables: str) -> list[list[str]]:
    """The cells of each line; of both tables unless told."""
    rows = [line for table in tables or (ISSUES, INCIDENTS) for line in table.strip().splitlines()]
    return [[cell.strip() for cell in line.split("|")] for line in rows if not line.startswith("#")]


def listed(labels: str) -> list[str]:
    return [one.strip() for one in labels.split(",") if one.strip()]


def deployment(line: list[str]) -> dict[str, Any]:
    """A deployment as GitLab lists it, changed last after nine hours."""
    number, status, ref, job, *_ = line
    times, _, tag = job.partition(",")
    made: dict[str, Any] = {
        "id": int(number),
        "iid": int(number) - 40,
        "ref": ref,
        "sha": "99d03678b90d914dbb1b109132516d71a4a03ea8",
        "created_at": stamp(after(1)),
        "updated_at": stamp(after(9)),
        "status": status,
        "user": user("ada"),
        "environment": {"id": 9, "name": "production"},
        "deployable": None,  # made by the API, without a job
    }
    if times != "none":
        _, begun, ended = (None if hour == "-" else stamp(after(int(hour))) for hour in times.split())
        job_told = {"id": 600 + int(number), "tag": bool(tag), "started_at": begun, "finished_at": ended}
        made["deployable"] = {**job_told, "web_url": f"https://gitlab.com/jobs/{number}"}
    return made


def project_by_hand() -> Project:
    """A project in which the items of the tables were written."""
    project = Project(now=after(100))
    project.deployments = {int(line[0]): deployment(line) for line in lines(DEPLOYMENTS)}
    for iid, kind, given, labels, steps, *_ in lines():
        number, (name, _, value) = int(iid), given.rpartition(" ")
        for step in steps.split(","):
            hours, _, what = step.strip().partition(" ")
            at = after(int(hours))
            match what.split():
                case ["open"]:
                    more: dict[str, Any] = {"severity": value} if name == "severity" else {}
                    project.open_issue(
                        number, at, title=TITLE, issue_type=kind, labels=listed(labels), **more
                    )
                case ["close"] if name == "moved to":
                    project.close(number, at, moved_to_id=int(value))
                case ["close"]:
                    project.close(number, at, duplicate_of=int(value) if name == "duplicate of" else None)
                case ["reopen"]:
                    project.reopen(number, at)
                case ["commented"]:
                    project.comment("Issue", number, at, "grace")
                case ["becomes", other]:
                    project.issues[number]["issue_type"] = other
    return project
