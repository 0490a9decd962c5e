"""How complete each source is, and what one click does about it: for the Sources page, the API and the CLI.

What a source lacks comes from :mod:`ktlo.server.completeness` (days), :mod:`ktlo.server.freshness` (the last reading,
rows turned away), its webhooks that were refused, and its last check (permissions). What can be done is read it again
in three ways; what only a person can do (a token with a wider scope) the check says.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from ktlo.errors import UserError
from ktlo.server.collecting import Collecting, Run
from ktlo.server.completeness import Gap, feeds, find_gaps
from ktlo.server.freshness import SourceState, removed_states, source_states
from ktlo.server.missing import Hidden, hidden_items
from ktlo.server.runtime import Runtime
from ktlo.server.twice import Twice, find_twice
from ktlo.sources.checking import secret_problem
from ktlo.sources.delivering import replay
from ktlo.sources.protocol import Health, Missing, Status, lasting

_NOT_UNDERSTOOD = """
SELECT toString(source) AS name, countIf(body != '') AS kept, countIf(status = 'refused' AND body != '') AS refused
FROM ktlo.deliveries GROUP BY name"""


class Remedy(enum.StrEnum):
    """What one click does."""

    READ = "read"
    """Read what changed since the last time, and derive every number anew."""
    READ_AGAIN = "read-again"
    """Read from the beginning: fills days that are missing; rows that are there stay once."""
    REPLAY = "replay"
    """Read every kept webhook again by the options as they are now."""


WORDS = {
    Remedy.READ: "Read now",
    Remedy.READ_AGAIN: "Read the whole past again",
    Remedy.REPLAY: "Read kept webhooks again",
}
"""What a button says."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """What of one source is in the numbers, and what is not.

    Attributes:
        state: the last reading, and rows turned away.
        gaps: days without rows that are too many to be chance.
        hidden: items that it no longer shows, so many at once that a right may be lost.
        not_understood: kept webhooks that were refused.
        twice: items that another source holds, too.
        secret: what is wrong with the secret of its webhooks; ``None`` when nothing is. One in Vault is told of by
            the check only, which may wait for an answer.
        health: what the last check said; ``None`` when there was none.
        metrics: titles of the metrics that rest on it.
        remedies: what can be done, the best first; empty when nothing is to be done.
    """

    state: SourceState
    gaps: tuple[Gap, ...]
    hidden: tuple[Hidden, ...]
    not_understood: int
    twice: tuple[Twice, ...]
    secret: Missing | None
    health: Health | None
    metrics: tuple[str, ...]
    remedies: tuple[Remedy, ...]

    @property
    def lacks_rights(self) -> bool:
        """Whether the last check told of something that it cannot read; the secret of webhooks is told by itself."""
        if self.health is None or self.health.status is not Status.LIMITED or self.state.only_listens:
            return False
        return any(one != self.secret for one in self.health.missing)


def completeness(runtime: Runtime, checked: Callable[[str], Health | None]) -> list[Completeness]:
    """Every source that is read, then those that are not any more and whose records still count.

    Args:
        runtime: holds the store and the sources.
        checked: the last check of a source.
    """
    gaps, twice = find_gaps(runtime.store), find_twice(runtime.store)
    hidden = hidden_items(runtime.store)
    kept = {row["name"]: row for row in runtime.store.query(_NOT_UNDERSTOOD).to_pylist()}
    found = []
    removed = [state for state in removed_states(runtime) if state.rows]
    for state in (*source_states(runtime), *removed):
        hooks = kept.get(state.source_id, {"kept": 0, "refused": 0})
        is_read = state.status != "removed"
        missing = tuple(gaps.get(state.source_id, ())) if is_read else ()
        found.append(
            Completeness(
                state=state,
                gaps=missing,
                hidden=hidden.get(state.source_id, ()),
                not_understood=hooks["refused"],
                twice=tuple(one for one in twice if state.source_id in (one.one, one.other)),
                secret=_secret(runtime, state),
                health=checked(state.source_id),
                metrics=tuple(feeds(tuple(state.rows))),
                remedies=tuple(_remedies(runtime, state, bool(missing), hooks["kept"], hooks["refused"]))
                if is_read
                else (),
            )
        )
    return found


def _secret(runtime: Runtime, state: SourceState) -> Missing | None:
    reference = str(state.options.get("webhook_secret", ""))
    if not reference or reference.startswith("vault:"):
        return None
    try:
        return secret_problem(runtime.source(state.source_id))
    except UserError:
        return None  # its options are not understood any more: its own page says so


def _remedies(runtime: Runtime, state: SourceState, has_gap: bool, kept: int, refused: int) -> list[Remedy]:
    remedies = []
    if state.status in ("never", "partial", "failed"):
        remedies.append(Remedy.READ)
    if has_gap:
        remedies.append(Remedy.READ_AGAIN if reads_the_past(runtime, state.source_id) else Remedy.READ)
    if refused or (kept and (state.rejected or state.incomplete)):
        remedies.append(Remedy.REPLAY)
    return list(dict.fromkeys(remedies))


def reads_the_past(runtime: Runtime, source_id: str) -> bool:
    """Whether a source can be asked for its past: it has a day to begin with, or is a repository."""
    source = runtime.source(source_id)
    return "since" in source.config.model_fields or source.kind == "git"


def mend(runtime: Runtime, collecting: Collecting, source_id: str, remedy: Remedy) -> Run:
    """Do what a button says; numbers are derived anew at the end of the run.

    Raises:
        NotFoundError: there is no such source.
        UserError: the source cannot do that, or is being read.
    """
    source = runtime.source(source_id)
    if remedy is Remedy.REPLAY:
        replay(source, runtime.store)
    if remedy is Remedy.READ_AGAIN:
        if not reads_the_past(runtime, source_id):
            raise UserError(f"{source_id} cannot be asked for its past", fix="Only what comes in is read")
        if collecting.run is not None and collecting.run.is_running:
            raise UserError("sources are being read now", fix="Wait until that is over, then do it again")
        kept = lasting(source, runtime.state.cursor(source_id))
        runtime.state.forget_cursor(source_id)
        if kept:
            runtime.state.set_cursor(source_id, kept)
    return collecting.start((source_id,))
