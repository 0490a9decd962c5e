"""Every account that occurs in the records, how often, and which accounts did the same work.

Reads commits and what forges, pagers and files delivered; hands :class:`Sighting` and :class:`SharedWork`
to :mod:`ktlo.effort.identities`. Logins are valid on a host, found from the addresses of a source's rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ktlo.effort.accounts import Account, author_account, mentioned_account, parse_trailer
from ktlo.store import Store


@dataclass(frozen=True, slots=True)
class Sighting:
    """An account that occurs in the records.

    Attributes:
        account: the account.
        name: the name that came with it; empty when none did.
        times: how often, for choosing the name that is shown.
    """

    account: Account
    name: str
    times: int


@dataclass(frozen=True, slots=True)
class SharedWork:
    """A login opened changes whose own commits were authored under a mail.

    Attributes:
        login: who opened the changes.
        mail: who authored the newest commit of their branches (or what they were squashed to).
        changes: in how many changes.
    """

    login: Account
    mail: Account
    changes: int


_HOSTS = """
SELECT source, place, count() AS times FROM (
  SELECT source, domainWithoutWWW(url) AS place FROM ktlo.changes
  UNION ALL SELECT source, domainWithoutWWW(url) FROM ktlo.issues
  UNION ALL SELECT source, domainWithoutWWW(url) FROM ktlo.incidents
  UNION ALL SELECT source, domainWithoutWWW(url) FROM ktlo.releases
) WHERE place != '' GROUP BY source, place ORDER BY times, place
"""

_AUTHORS = """
SELECT author_name AS name, author_email AS mail, count() AS times FROM ktlo.commits GROUP BY name, mail
"""

_CO_AUTHORS = """
SELECT arrayJoin(co_authors) AS trailer, count() AS times FROM ktlo.commits GROUP BY trailer
"""

_MENTIONS = """
SELECT source, who, count() AS times FROM (
  SELECT source, author AS who FROM ktlo.changes
  UNION ALL SELECT source, merged_by FROM ktlo.changes
  UNION ALL SELECT source, reviewer FROM ktlo.reviews
  UNION ALL SELECT source, author FROM ktlo.issues
  UNION ALL SELECT source, assignee FROM ktlo.issues
  UNION ALL SELECT source, actor FROM ktlo.issue_events
  UNION ALL SELECT source, actor FROM ktlo.incident_events
  UNION ALL SELECT source, arrayJoin(responders) FROM ktlo.incidents
) WHERE who != '' GROUP BY source, who
"""

_SHARED = """
SELECT changes.source AS source, changes.author AS login, commits.author_name AS name,
       commits.author_email AS mail, uniqExact(changes.external_id) AS times
FROM (
  SELECT source, external_id, repository, author, arrayJoin([head_sha, merge_sha]) AS sha
  FROM ktlo.changes WHERE author != ''
) AS changes
INNER JOIN (
  SELECT repository, sha, author_name, author_email FROM ktlo.commits
  WHERE NOT is_merge AND empty(co_authors)
) AS commits ON commits.repository = changes.repository AND commits.sha = changes.sha
GROUP BY source, login, name, mail
"""


def login_hosts(store: Store) -> Mapping[str, str]:
    """Host on which each source's logins are valid, the commonest; sources without addresses are missing."""
    return {row["source"]: row["place"] for row in store.query(_HOSTS).to_pylist()}


def host_of(source: str, hosts: Mapping[str, str]) -> str:
    """Host of a source's logins; the source itself when its rows carry no addresses."""
    return hosts.get(source) or source


def sightings(store: Store, hosts: Mapping[str, str]) -> list[Sighting]:
    """Every account in the store."""
    found = [
        (author_account(row["name"], row["mail"]), row["name"], row["times"])
        for row in store.query(_AUTHORS).to_pylist()
    ]
    for row in store.query(_CO_AUTHORS).to_pylist():
        name, mail = parse_trailer(row["trailer"])
        found.append((author_account(name, mail), name, row["times"]))
    for row in store.query(_MENTIONS).to_pylist():
        name = row["who"] if " " in row["who"].strip() and "<" not in row["who"] else ""
        found.append((mentioned_account(row["who"], host_of(row["source"], hosts)), name, row["times"]))
    return [Sighting(account, name, times) for account, name, times in found if account is not None]


def shared_work(store: Store, hosts: Mapping[str, str]) -> list[SharedWork]:
    """Which logins and mails stand behind the same changes."""
    found = []
    for row in store.query(_SHARED).to_pylist():
        login = mentioned_account(row["login"], host_of(row["source"], hosts))
        mail = author_account(row["name"], row["mail"])
        if login is not None and mail is not None and login != mail:
            found.append(SharedWork(login, mail, row["times"]))
    return found
