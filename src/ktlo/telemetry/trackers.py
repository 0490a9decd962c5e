"""Where an error becomes an issue: the tracker of the repository that the catalogue names for a service.

A tracker's address is known from any issue or change that was read from it; GitHub and GitLab take a prefilled title
and text in the address of their form for new issues (GitHub: "Creating an issue from a URL query"; GitLab: "Create an
issue using a URL with prefilled values").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from ktlo.store.protocol import Queryable

MOST_ADDRESS = 7_000
"""Characters; browsers and servers refuse addresses of 8 KiB."""

_REPOSITORIES = """
SELECT DISTINCT r.member AS repository FROM ktlo.service_members AS r
WHERE r.kind = 'repository' AND r.service IN (
  SELECT t.service FROM ktlo.service_members AS t
  WHERE t.kind IN ('telemetry', 'service', 'workload') AND t.member IN {services:Array(String)}
  UNION ALL SELECT arrayJoin({services:Array(String)})
) ORDER BY repository"""

_ADDRESSES = """
SELECT repository, any(url) AS url FROM (
  SELECT repository, url FROM ktlo.issues WHERE repository IN {names:Array(String)} AND url LIKE 'http%'
  UNION ALL SELECT repository, url FROM ktlo.changes WHERE repository IN {names:Array(String)} AND url LIKE 'http%'
) GROUP BY repository"""

_ITEM = re.compile(r"(https?://[^/]+/.+?)(/-)?/(?:issues|pull|pulls|merge_requests|work_items)/\d+")


@dataclass(frozen=True, slots=True)
class Tracker:
    """A place for new issues.

    Attributes:
        repository: whose it is.
        form: address of the form, without parameters; empty when it is not known.
        title: its parameter for the title.
        text: its parameter for the text.
    """

    repository: str
    form: str
    title: str = "title"
    text: str = "body"

    def prefilled(self, title: str, text: str) -> str:
        """Address of the form with title and text; a text that is too long for an address is cut."""
        address = f"{self.form}?{urlencode({self.title: title, self.text: text})}"
        while len(address) > MOST_ADDRESS and text:
            text = text[: len(text) * 3 // 4]
            address = f"{self.form}?{urlencode({self.title: title, self.text: text + chr(10) + '…'})}"
        return address


def trackers(store: Queryable, services: tuple[str, ...]) -> list[Tracker]:
    """Trackers of the repositories that services belong to; without a form where none is known."""
    rows = store.query(_REPOSITORIES, {"services": list(services)}).to_pylist()
    names = [row["repository"] for row in rows]
    if not names:
        return []
    known = {row["repository"]: row["url"] for row in store.query(_ADDRESSES, {"names": names}).to_pylist()}
    return [_tracker(name, known.get(name, "")) for name in names]


def _tracker(repository: str, url: str) -> Tracker:
    read = _ITEM.match(url)
    if read is None:
        return Tracker(repository, "")
    if read[2]:
        return Tracker(repository, f"{read[1]}/-/issues/new", "issue[title]", "issue[description]")
    return Tracker(repository, f"{read[1]}/issues/new")
