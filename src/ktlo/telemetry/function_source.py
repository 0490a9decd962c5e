"""Where a function's code is: its file in the service's repository, the text at the deployed commit, and its history.

Which file is meant says ``function_files``. Who changed it last comes from git when its repository is on this machine
(``git log -L`` over the function's lines), else from the collected changes of the file. Incidents and bugs are those
that a commit to the file mentions or that name it as their cause, and the service's incidents.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from urllib.parse import quote

from ktlo.sources.git.program import Git, GitError
from ktlo.store.protocol import Queryable
from ktlo.telemetry.function_files import Match
from ktlo.telemetry.trackers import trackers

MOST_LINES = 120
MOST = 10
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_TAG = re.compile(r"[\w.][\w.+/@-]{0,199}")

_TAGS = """
SELECT name, sha FROM ktlo.tags WHERE repository = {repository:String}
  AND (name = {version:String} OR name = concat('v', {version:String}) OR startsWith(sha, {version:String}))
ORDER BY name = {version:String} DESC LIMIT 1"""

_COMMITTED = """
SELECT sha FROM ktlo.commits WHERE repository = {repository:String} AND startsWith(sha, {version:String})
LIMIT 1"""

_CHANGES = """
SELECT c.sha AS sha, any(c.author_name) AS author, any(c.authored_at) AS at, any(c.subject) AS subject
FROM ktlo.commits AS c INNER JOIN (
  SELECT sha FROM ktlo.file_changes WHERE repository = {repository:String} AND path = {path:String}
) AS f ON f.sha = c.sha
WHERE c.repository = {repository:String} GROUP BY sha ORDER BY at DESC LIMIT {most:UInt32}"""

_BUGS = """
SELECT DISTINCT i.source AS source, i.external_id AS id, i.title AS title, i.url AS url, i.created_at AS at,
  'issue' AS kind
FROM ktlo.issues AS i INNER JOIN (
  SELECT arrayJoin(extractAll(concat(c.subject, ' ', c.body), '#([0-9]{1,9})')) AS number FROM ktlo.commits AS c
  WHERE c.repository = {repository:String} AND c.sha IN (
    SELECT sha FROM ktlo.file_changes WHERE repository = {repository:String} AND path = {path:String})
) AS n ON n.number = i.external_id
WHERE i.repository = {repository:String} ORDER BY at DESC LIMIT {most:UInt32}"""

_INCIDENTS = """
SELECT i.source AS source, i.external_id AS id, i.title AS title, i.url AS url, i.detected_at AS at,
  'incident' AS kind,
  i.caused_by != '' AND i.caused_by IN (
    SELECT sha FROM ktlo.file_changes WHERE repository = {repository:String} AND path = {path:String}) AS is_cause
FROM ktlo.incidents AS i
WHERE is_cause OR i.service IN (
    SELECT m.member FROM ktlo.service_members AS m WHERE m.kind = 'service' AND m.service IN (
      SELECT t.service FROM ktlo.service_members AS t WHERE t.kind = 'telemetry' AND t.member = {service:String})
    UNION ALL SELECT {service:String})
  OR (i.service = '' AND i.repository = {repository:String} AND i.repository != '')
ORDER BY is_cause DESC, at DESC LIMIT {most:UInt32}"""


@dataclass(frozen=True, slots=True)
class Place:
    """A function's file.

    Attributes:
        repository: name of the repository.
        path: in it.
        line: first line of the function; 0 when not told.
        commit: what is deployed, as a commit or tag; empty when the version is neither.
        url: of the file at that commit; empty when the repository is on no known host.
        is_inferred: the catalogue does not name the repository; the deployed commit is in it alone.
    """

    repository: str
    path: str
    line: int
    commit: str
    url: str
    is_inferred: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of source text."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Touch:
    """A commit that touched the function's lines, or its file."""

    sha: str
    author: str
    at: dt.datetime
    subject: str


@dataclass(frozen=True, slots=True)
class Item:
    """An incident or a bug that touched the file or its service."""

    source: str
    id: str
    title: str
    url: str
    at: dt.datetime
    kind: str
    is_cause: bool = False


def place_of(
    store: Queryable, service: str, match: Match, line: int, version: str, remote: str = ""
) -> Place:
    """Where a function is at the deployed commit.

    Args:
        store: holds catalogue, tags and commits.
        service: service.name.
        match: the file that the service means; one that is matched.
        line: first line of the function.
        version: of the service that ran it last.
        remote: address of the repository in a browser, where its clone knows it; empty: from its tracker.
    """
    commit = _deployed(store, match.repository, version)
    base = remote or _base(store, service, match.repository)
    address = _address(base, commit, match.path, line) if base and commit else ""
    return Place(match.repository, match.path, line, commit, address, match.is_inferred)


def _deployed(store: Queryable, repository: str, version: str) -> str:
    if not version or not _TAG.fullmatch(version):
        return ""
    asked = {"repository": repository, "version": version}
    tagged = store.query(_TAGS, asked).to_pylist()
    if tagged:
        return str(tagged[0]["name"])
    if not _COMMIT.fullmatch(version):
        return ""
    known = store.query(_COMMITTED, asked).to_pylist()
    return str(known[0]["sha"]) if known else version


def _base(store: Queryable, service: str, repository: str) -> str:
    for one in trackers(store, (service,)):
        if one.repository == repository and one.form:
            return one.form.removesuffix("/-/issues/new").removesuffix("/issues/new")
    return ""


def _address(base: str, commit: str, path: str, line: int) -> str:
    between = "/-/blob/" if "gitlab" in base.split("/")[2] else "/blob/"
    return f"{base}{between}{quote(commit)}/{quote(path)}" + (f"#L{line}" if line else "")


def text_of(git: Git, place: Place) -> tuple[Line, ...]:
    """The function's text at the deployed commit, to where its indentation ends; none if unknown."""
    if not place.commit or not place.line:
        return ()
    try:
        raw = (
            git.run("cat-file", "blob", f"{place.commit}:{place.path}")
            .decode("utf-8", "replace")
            .splitlines()
        )
    except GitError:
        return ()
    first = place.line - 1
    if first >= len(raw):
        return ()
    last = _end(raw, first)
    return tuple(
        Line(number + 1, raw[number][:400]) for number in range(first, min(last + 1, first + MOST_LINES))
    )


def _end(raw: list[str], first: int) -> int:
    """Last line of a block by indentation, the way Python has it; a brace at its level belongs to it."""
    depth = len(raw[first]) - len(raw[first].lstrip())
    last, begun = first, False
    for number in range(first + 1, len(raw)):
        text = raw[number]
        if not text.strip():
            continue
        own = len(text) - len(text.lstrip())
        if own > depth:
            begun, last = True, number
        elif not begun or text.lstrip()[:1] in ")]}":
            last = number
        else:
            break
    return last


def touches(
    store: Queryable, place: Place, git: Git | None = None, lines: int = 0
) -> tuple[list[Touch], str]:
    """Who changed it last, newest first, and what that is about: ``lines`` or ``file``."""
    if git is not None and place.commit and place.line and lines:
        span = f"-L{place.line},{place.line + lines - 1}:{place.path}"
        said = git.ask(
            "log", "--no-patch", f"-n{MOST}", "--format=%H%x1f%an%x1f%at%x1f%s", span, place.commit
        )  # fmt: skip
        read = [line.split("\x1f") for line in said.splitlines() if line.count("\x1f") == 3]
        if read:
            made = [
                Touch(sha, author, dt.datetime.fromtimestamp(int(at), dt.UTC), subject)
                for sha, author, at, subject in read
            ]
            return made, "lines"
    asked = {"repository": place.repository, "path": place.path, "most": MOST}
    return [Touch(**row) for row in store.query(_CHANGES, asked).to_pylist()], "file"


def items_of(store: Queryable, service: str, place: Place | None) -> list[Item]:
    """Incidents and bugs that touched the file, then those of the service; newest first in each."""
    asked = {
        "service": service, "most": MOST, "repository": place.repository if place else "",
        "path": place.path if place else "",
    }  # fmt: skip
    found = [
        Item(**{**row, "is_cause": bool(row["is_cause"])})
        for row in store.query(_INCIDENTS, asked).to_pylist()
    ]
    if place is not None:
        found += [Item(**row) for row in store.query(_BUGS, asked).to_pylist()]
    return found
