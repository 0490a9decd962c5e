"""Entries for workflows that fail and then pass on the same commit: somebody was interrupted for nothing.

Takes ``workflow_runs``. A flaky run is one that passed at a later attempt, or that failed on a commit on which the same
workflow also passed. Each interrupts somebody who looks, runs it again and resumes: ``planning.interruption_minutes``
and the triage of ``effort.triage_hours``, both said in ktlo.yaml. Waiting is told beside it and is no labour.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from ktlo.planning.debt.entry import Entry, Fact, Kind, amount, key_of, nothing_shown, stream
from ktlo.planning.debt.history import History
from ktlo.planning.debt.period import Period
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

LEAST_FLAKY = 2
"""Flaky runs below which a workflow is not listed."""
MOST_WORKFLOWS = 20

_RUNS = """
WITH
  members AS (
    SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
    WHERE kind = 'repository' GROUP BY member
  ),
  completed AS (
    SELECT * FROM ktlo.workflow_runs
    WHERE status = 'completed' AND conclusion IN ('success', 'failure', 'timed_out')
      AND started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
  ),
  runs AS (
    SELECT repository, workflow, external_id, any(sha) AS sha, any(attempt) AS attempt,
      any(conclusion) AS conclusion, any(started_at) AS began, any(finished_at) AS ended
    FROM completed GROUP BY repository, workflow, external_id
  ),
  shas AS (
    SELECT repository, workflow, sha, countIf(conclusion = 'success') AS passed,
      minIf(ended, conclusion = 'success') AS passed_at
    FROM runs WHERE sha != '' GROUP BY repository, workflow, sha
  ),
  judged AS (
    SELECT
      r.repository AS repository, r.workflow AS workflow, r.began AS began,
      multiIf(
        r.conclusion = 'success' AND r.attempt > 1, toUInt32(r.attempt - 1),
        r.conclusion != 'success' AND s.passed > 0, toUInt32(1), toUInt32(0)
      ) AS repeats,
      dateDiff('second', r.began, assumeNotNull(r.ended)) AS seconds,
      if(r.conclusion != 'success' AND s.passed > 0 AND r.ended IS NOT NULL AND s.passed_at IS NOT NULL,
        greatest(0, dateDiff('second', assumeNotNull(r.ended), assumeNotNull(s.passed_at))), 0) AS waited
    FROM runs AS r LEFT JOIN shas AS s
      ON s.repository = r.repository AND s.workflow = r.workflow AND s.sha = r.sha
  )
SELECT
  j.repository AS repository, any(m.service) AS service, any(m.team) AS team, j.workflow AS workflow,
  count() AS runs, countIf(j.repeats > 0) AS flaky, sum(j.repeats) AS repeats,
  sum(least(if(j.waited > 0, j.waited, j.repeats * j.seconds), 86400)) AS waited,
  minIf(j.began, j.repeats > 0) AS first
FROM judged AS j LEFT JOIN members AS m ON m.member = j.repository
GROUP BY repository, workflow HAVING flaky >= {least:UInt32}
ORDER BY repeats DESC, repository, workflow LIMIT {workflows:UInt32}"""


def flaky(store: Queryable, period: Period, history: History, settings: Settings) -> list[Entry]:
    """Make the entries, most repeats first."""
    rows = store.query(_RUNS, period.bound(least=LEAST_FLAKY, workflows=MOST_WORKFLOWS)).to_pylist()
    each = settings.planning.interruption_minutes / 60 + settings.effort.triage_hours
    return [_entry(row, period, history, each) for row in rows]


def _entry(row: dict[str, Any], period: Period, history: History, each: float) -> Entry:
    repository, workflow = row["repository"], row["workflow"]
    key = key_of(Kind.FLAKY, repository, workflow)
    rng = stream(period.seed, key)
    runs, found, repeats = int(row["runs"]), int(row["flaky"]), int(row["repeats"])
    took = f"took {each * 60:.0f} minutes: an interruption and its triage (ktlo.yaml)"
    basis = f"Each of {counted(repeats, 'repeats')} {took}" if repeats != 1 else f"The one repeat {took}"
    if each > 0:
        interest = amount(
            rng.standard_gamma(repeats + 0.5, period.draws) * each / period.months, found, basis
        )
    else:
        interest = nothing_shown(
            0.0, found, "ktlo.yaml says that an interruption costs nothing", period.draws
        )
    return Entry(
        key=key,
        kind=Kind.FLAKY,
        title=f"{workflow} fails and passes on the same commit",
        repository=repository,
        path="",
        service=row["service"] or "",
        team=row["team"] or "",
        principal=amount(
            history.flaky_repair.draw(1.0, period.draws, rng),
            history.flaky_repair.n,
            history.flaky_repair.basis,
        ),
        interest=interest,
        relief=np.ones(period.draws),
        evidence=(
            Fact("Runs", float(runs)),
            Fact("Flaky runs", float(found)),
            Fact("Share of runs that were flaky", found / runs, "share"),
            Fact("Repeats", float(repeats)),
            Fact("Waited for a passing run", float(row["waited"]), "s"),
        ),
        since=row["first"],
        subject=workflow,
    )


def repeats_between(store: Queryable, repository: str, workflow: str, start: float, end: float) -> int:
    """Repeats of one workflow in a half-open stretch, seconds since 1970."""
    bound = {
        "start": dt.datetime.fromtimestamp(start, dt.UTC), "end": dt.datetime.fromtimestamp(end, dt.UTC),
        "least": 1, "workflows": 100_000,
    }  # fmt: skip
    rows = store.query(_RUNS, bound).to_pylist()
    own = [row for row in rows if (row["repository"], row["workflow"]) == (repository, workflow)]
    return sum(int(row["repeats"]) for row in own)
