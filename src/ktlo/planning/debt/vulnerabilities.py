"""Entries for open vulnerabilities, one a package: by their risk and not by a return.

Takes the open ``findings`` of the guard's vulnerability check; where no check ever reported, the open issues that are
about security. What a vulnerability costs is what happens when it is used, so its interest is not estimable by the
month, and it comes before everything that is ordered by return.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ktlo.planning.debt.entry import Amount, Entry, Fact, Kind, amount, key_of, stream, unknown
from ktlo.planning.debt.history import History
from ktlo.planning.debt.period import Period
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

MOST = 60
LEVELS = ("critical", "high", "medium", "low", "unknown")
_REASON = "A vulnerability costs when it is used, not by the month: it goes by its level"

_MEMBERS = """
WITH members AS (
  SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
  WHERE kind = 'repository' GROUP BY member
)"""

_FINDINGS = f"""{_MEMBERS}
SELECT
  f.repository AS repository, any(m.service) AS service, any(m.team) AS team, f.package AS package,
  any(f.ecosystem) AS ecosystem, count() AS findings, arraySort(groupUniqArray(f.rule)) AS rules,
  min(indexOf({{levels:Array(String)}}, toString(f.level))) AS level, min(f.opened_at) AS oldest,
  arraySort(groupUniqArray(f.path)) AS paths,
  any(f.version) AS version, max(f.fixed_version) AS fixed_version, max(f.reachability) AS reachability
FROM (
  SELECT repository, fingerprint, any(package) AS package, any(ecosystem) AS ecosystem,
    any(rule) AS rule, any(level) AS level, min(opened_at) AS opened_at, any(path) AS path,
    any(version) AS version, any(fixed_version) AS fixed_version, any(reachability) AS reachability
  FROM (
    SELECT * FROM ktlo.findings
    WHERE check = 'vulnerabilities' AND resolved_at IS NULL AND tolerated = ''
      AND opened_at < {{end:DateTime64(6, 'UTC')}}
  ) GROUP BY repository, fingerprint
) AS f LEFT JOIN members AS m ON m.member = f.repository
GROUP BY repository, package ORDER BY level, oldest LIMIT {{most:UInt32}}"""  # noqa: S608 - no value enters the text

_ISSUES = f"""{_MEMBERS}
SELECT
  i.repository AS repository, any(m.service) AS service, any(m.team) AS team, i.external_id AS external_id,
  i.source AS source, any(i.title) AS title, any(i.severity) AS severity, any(i.created_at) AS oldest
FROM ktlo.issues AS i
INNER JOIN (
  SELECT source, item_id FROM ktlo.verdicts WHERE item_kind = 'issue' AND category = 'security'
) AS v ON v.source = i.source AND v.item_id = i.external_id
LEFT JOIN members AS m ON m.member = i.repository
WHERE i.created_at < {{end:DateTime64(6, 'UTC')}}
  AND (i.closed_at IS NULL OR i.closed_at >= {{end:DateTime64(6, 'UTC')}}) AND i.state != 'closed'
GROUP BY repository, source, external_id ORDER BY oldest LIMIT {{most:UInt32}}"""  # noqa: S608 - as above


def vulnerabilities(store: Queryable, period: Period, history: History) -> list[Entry]:
    """Make the entries, the most severe first and of these the oldest."""
    if store.query("SELECT count() AS n FROM ktlo.scans").to_pylist()[0]["n"]:
        rows = store.query(_FINDINGS, period.bound(levels=list(LEVELS), most=MOST)).to_pylist()
        return [_of_package(row, period, history) for row in rows]
    rows = store.query(_ISSUES, period.bound(most=MOST)).to_pylist()
    return [_of_issue(row, period, history) for row in rows]


def _of_package(row: dict[str, Any], period: Period, history: History) -> Entry:
    repository, package = row["repository"], row["package"] or row["rules"][0]
    key = key_of(Kind.VULNERABILITY, repository, row["ecosystem"], package)
    level = LEVELS[row["level"] - 1] if row["level"] else "unknown"
    work = history.update if row["fixed_version"] else history.security_repair
    rules = ", ".join(row["rules"][:6]) + ("…" if len(row["rules"]) > 6 else "")
    fixed = row["fixed_version"] or "none is known"
    n = int(row["findings"])
    return Entry(
        key=key,
        kind=Kind.VULNERABILITY,
        title=f"{package} {row['version']}: {counted(n, 'vulnerabilities')}, {level}",
        repository=repository,
        path=row["paths"][0] if row["paths"] else "",
        service=row["service"] or "",
        team=row["team"] or "",
        principal=_principal(key, period, work),
        interest=unknown(_REASON, n),
        relief=np.ones(period.draws),
        evidence=(
            Fact("Level", level),
            Fact("Advisories", rules),
            Fact("Fixed in", fixed),
            Fact("Reachability", row["reachability"] or "not judged"),
            Fact("Open since", row["oldest"]),
        ),
        since=row["oldest"],
        paths=tuple(row["paths"]),
        subject=row["package"],
        is_urgent=level in ("critical", "high", "unknown"),
    )


def _of_issue(row: dict[str, Any], period: Period, history: History) -> Entry:
    key = key_of(Kind.VULNERABILITY, row["source"], row["external_id"])
    return Entry(
        key=key,
        kind=Kind.VULNERABILITY,
        title=f"{row['external_id']}: {row['title']}",
        repository=row["repository"],
        path="",
        service=row["service"] or "",
        team=row["team"] or "",
        principal=_principal(key, period, history.security_repair),
        interest=unknown(_REASON, 1),
        relief=np.ones(period.draws),
        evidence=(
            Fact("Issue", f"{row['source']} {row['external_id']}"),
            Fact("Severity", row["severity"] or "not said"),
            Fact("Open since", row["oldest"]),
        ),
        since=row["oldest"],
    )


def _principal(key: str, period: Period, work: Any) -> Amount:
    return amount(work.draw(1.0, period.draws, stream(period.seed, key)), work.n, work.basis)
