"""The rows behind an entry: the commits, declarations, to-dos, runs, findings or functions that it was made from."""

from __future__ import annotations

import pyarrow as pa

from ktlo.effort.paths import NOT_BY_HAND
from ktlo.planning.debt.entry import Entry, Kind
from ktlo.planning.debt.names import NAMES
from ktlo.planning.debt.period import Period
from ktlo.planning.debt.touches import MOST_FILES, WORK
from ktlo.store.protocol import Queryable
from ktlo.telemetry.function_files import ROOTS

_COMMITS = f"""
WITH {NAMES}, {WORK}
SELECT t.at AS at, t.category AS category, c.subject AS subject, t.file AS file, t.lines AS lines,
  round(t.part, 3) AS part_of_commit, round(t.person_days * {{hours:Float64}}, 2) AS hours,
  t.files <= {{most:UInt32}} AND t.lines > 0 AS counted, t.mail AS author, t.repository AS repository, t.sha AS sha
FROM touches AS t
LEFT JOIN (SELECT repository, sha, any(subject) AS subject FROM ktlo.commits GROUP BY repository, sha) AS c
  ON c.repository = t.repository AND c.sha = t.sha
WHERE t.repository = {{repository:String}} AND has({{paths:Array(String)}}, t.file)
ORDER BY category != 'bug_fix', at DESC LIMIT {{limit:UInt32}}"""  # noqa: S608 - no value enters the text

_DECLARATIONS = """
SELECT max(changed_at) AS at, any(manifest) AS manifest, name, any(ecosystem) AS ecosystem,
  any(requirement) AS requirement, any(repository) AS repository
FROM ktlo.dependencies AS d
WHERE d.repository = {repository:String} AND has({paths:Array(String)}, d.manifest)
GROUP BY name ORDER BY at LIMIT {limit:UInt32}"""

_MARKERS = """
SELECT any(introduced_at) AS at, path, line, any(word) AS word, any(text) AS text, any(author_email) AS author,
  any(repository) AS repository
FROM ktlo.markers AS m
WHERE m.repository = {repository:String} AND has({paths:Array(String)}, m.path)
GROUP BY path, line ORDER BY at, path, line LIMIT {limit:UInt32}"""

_RUNS = """
SELECT any(started_at) AS at, any(workflow) AS workflow, any(sha) AS sha, max(attempt) AS attempts,
  any(conclusion) AS conclusion, any(branch) AS branch, any(url) AS url, any(repository) AS repository
FROM ktlo.workflow_runs AS r
WHERE r.repository = {repository:String} AND r.workflow = {workflow:String} AND r.status = 'completed'
  AND r.started_at >= {start:DateTime64(6, 'UTC')} AND r.started_at < {end:DateTime64(6, 'UTC')}
  AND (r.attempt > 1 OR r.sha IN (
    SELECT sha FROM ktlo.workflow_runs WHERE repository = {repository:String} AND workflow = {workflow:String}
      AND sha != '' AND status = 'completed'
    GROUP BY sha HAVING countIf(conclusion = 'success') > 0 AND countIf(conclusion IN ('failure', 'timed_out')) > 0
  ))
GROUP BY external_id ORDER BY at DESC LIMIT {limit:UInt32}"""

_FINDINGS = """
SELECT opened_at AS at, rule, level, package, version, fixed_version, path, message, reachability, repository
FROM ktlo.findings
WHERE repository = {repository:String} AND package = {package:String} AND check = 'vulnerabilities'
  AND resolved_at IS NULL AND tolerated = ''
ORDER BY at LIMIT {limit:UInt32}"""

_SAMPLES = """
SELECT sampled_at AS at, any(files) AS files, any(lines) AS lines, any(complexity) AS complexity,
  any(markers) AS markers, any(sha) AS sha, any(repository) AS repository
FROM ktlo.code_samples AS c WHERE c.repository = {repository:String}
GROUP BY sampled_at ORDER BY at LIMIT {limit:UInt32}"""

_UNUSED = """
SELECT max(c.last_at) AS at, max(c.module) AS module, c.function AS function, argMax(c.line, c.last_at) AS line,
  min(c.since) AS watched_from, arrayStringConcat(arraySort(groupUniqArray(toString(c.version))), ', ') AS versions,
  any(c.path) AS path,
  toString(c.service) AS service
FROM ktlo.function_coverage AS c
WHERE c.service = {service:String} AND endsWith(concat('/', c.path), {end_of_path:String})
GROUP BY service, function HAVING max(c.executed) = 0
ORDER BY line, function LIMIT {limit:UInt32}"""


def rows_behind(store: Queryable, entry: Entry, period: Period, limit: int = 500) -> pa.Table:
    """The rows that an entry was made from, at most ``limit``.

    Args:
        store: where they are.
        entry: whose rows.
        period: over which its interest was measured.
        limit: most rows to give.
    """
    bound = period.bound(repository=entry.repository, paths=list(entry.paths), limit=limit)
    if entry.kind is Kind.DEPENDENCY:
        return store.query(_DECLARATIONS, bound)
    if entry.kind is Kind.MARKER:
        return store.query(_MARKERS, bound)
    if entry.kind is Kind.FLAKY:
        return store.query(_RUNS, {**bound, "workflow": entry.subject})
    if entry.kind is Kind.VULNERABILITY:
        return store.query(_FINDINGS, {**bound, "package": entry.subject})
    if entry.kind is Kind.UNUSED:
        first, _, rest = entry.path.partition("/")
        ending = f"/{rest if first in ROOTS and rest else entry.path}"
        return store.query(_UNUSED, {**bound, "service": entry.subject, "end_of_path": ending})
    if entry.kind is Kind.COMPLEXITY:
        return store.query(_SAMPLES, bound)
    return store.query(
        _COMMITS,
        {
            **bound,
            "since": period.start,
            "not_by_hand": NOT_BY_HAND,
            "most": MOST_FILES,
            "hours": period.hours_per_day,
        },
    )
