"""Plans under way in the background, one a rota, so that a page can show how far a search is."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from opentelemetry.trace import Tracer

from ktlo.errors import KtloError
from ktlo.planning.rota.desk import Desk, Planned
from ktlo.planning.rota.rules import Rota
from ktlo.server.tracing import traced

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PlanningRun:
    """One search.

    Attributes:
        rota: its name.
        found: plans found so far; each is better than the one before.
        is_running: it goes on.
        planned: what came of it; ``None`` until then, or when it failed.
        problem: why it failed, one sentence; else empty.
    """

    rota: str
    found: int = 0
    is_running: bool = True
    planned: Planned | None = None
    problem: str = ""


class PlanningRuns:
    """The last search of each rota while the process lives.

    Args:
        tracer: makes a span of each search, where ktlo observes itself.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._runs: dict[str, PlanningRun] = {}
        self._lock = threading.Lock()

    def last(self, rota: str) -> PlanningRun | None:
        """The search that goes on, or the last one."""
        return self._runs.get(rota)

    def start(self, desk: Desk, rota: Rota, first: str, weeks: int, author: str) -> PlanningRun:
        """Begin a search; one that goes on is returned in its place.

        Raises:
            UsageError: the days or weeks cannot be planned.
        """
        from ktlo.planning.rota.saying import read_moment

        begin = read_moment(first, rota.zone) if first else None
        desk.problem(rota, desk.start_of(rota, begin), weeks)
        with self._lock:
            before = self._runs.get(rota.name)
            if before is not None and before.is_running:
                return before
            run = self._runs[rota.name] = PlanningRun(rota.name)

        def told(found: int, gap: float) -> None:
            del gap
            run.found = found

        def work() -> None:
            try:
                with traced(self._tracer, "plan rota", {"ktlo.weeks": weeks}):
                    run.planned = desk.plan(rota, first=begin, weeks=weeks, author=author, told=told)
            except KtloError as error:
                run.problem = str(error)
            except Exception as error:  # noqa: BLE001 - told on the page, and logged
                _log.exception("planning %s broke", rota.name)
                run.problem = (
                    f"ktlo itself broke while planning ({type(error).__name__}); the log has the details"
                )
            finally:
                run.is_running = False

        threading.Thread(target=work, name=f"plan {rota.name}", daemon=True).start()
        return run
