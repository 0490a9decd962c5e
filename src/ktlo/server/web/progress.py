"""How far the running collection is: a region on pages that refreshes itself (``fragments``).

Every page shows it while the first collection of a store runs, because its numbers are about to change; the
Sources page shows every one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from fastapi import Request

from ktlo.report.pieces import Progress
from ktlo.server.collecting import DERIVE, Collecting, Run, Step
from ktlo.server.freshness import has_collected_before
from ktlo.server.runtime import Runtime


@dataclasses.dataclass(frozen=True, slots=True)
class Unmeasured(Progress):
    """A step that has no amount yet: it waits for its turn, or has only just begun."""

    said: str = "waiting"

    @property
    def words(self) -> str:
        """In place of an amount."""
        return self.said


def progress_of(run: Run | None) -> tuple[Progress, ...]:
    """The steps of a run as pages show them."""
    return tuple(_shown(step) for step in run.steps) if run else ()


def _shown(step: Step) -> Progress:
    label, unit = step.name, step.unit
    if step.name == DERIVE:
        label, unit = (f"effort: {step.unit[:1].lower()}{step.unit[1:]}" if step.unit else "effort"), ""
    if step.status == "waiting":
        return Unmeasured(label, 0, 1)
    if step.status == "running" and not step.done and not step.total:
        return Unmeasured(label, 0, said="begun")
    note = step.message if step.status in ("partial", "failed") else ""
    if step.status == "failed":
        return Unmeasured(label, step.done, step.total, unit, note, finished=True, said="failed")
    return Progress(label, step.done, step.total, unit, note, finished=step.status != "running")


def shown_progress(request: Request, page: str) -> Sequence[Progress]:
    """What a page shows of the present run; empty when nothing should be shown."""
    collecting: Collecting = request.app.state.collecting
    runtime: Runtime = request.app.state.runtime
    run = collecting.run
    if run is None or not run.is_running:
        return ()
    if page != "sources" and has_collected_before(runtime.store, run.started_at):
        return ()
    return progress_of(run)
