"""Collections in the background: every source in turn, then what is derived from them, with progress.

One thread with its own event loop, so that neither pages nor sources wait for each other. Asked by the
scheduler, the API and the CLI; two requests at once become one run.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from opentelemetry.trace import Status, StatusCode

from ktlo.effort.derive import derive
from ktlo.errors import KtloError
from ktlo.records.collection import Collection
from ktlo.server.checks import Checks
from ktlo.server.deriving import Deriving
from ktlo.server.registers import note_sightings
from ktlo.server.runtime import Runtime
from ktlo.server.scanning import has_repositories, scan_all
from ktlo.server.tracing import traced
from ktlo.sources.collector import collect
from ktlo.sources.delivering import replay_outdated
from ktlo.wording import counted

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """How far one part of a run is.

    Attributes:
        name: source identifier, ``effort`` for what is derived, or ``ktlo.yaml`` when that cannot be used.
        status: waiting, running, complete, partial or failed.
        done: units handled.
        total: units expected; ``None`` when unknown.
        unit: what is counted.
        message: what went wrong, in words.
    """

    name: str
    status: str = "waiting"
    done: int = 0
    total: int | None = None
    unit: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run over all sources (or some).

    Attributes:
        number: counts up from 1 while the process lives.
        started_at: when it began.
        finished_at: when it ended; ``None`` while running.
        steps: in the order they run.
    """

    number: int
    started_at: dt.datetime
    finished_at: dt.datetime | None
    steps: tuple[Step, ...]

    @property
    def is_running(self) -> bool:
        """True until every step has ended."""
        return self.finished_at is None

    @property
    def failures(self) -> tuple[Step, ...]:
        """Steps that did not end complete."""
        return tuple(step for step in self.steps if step.status in ("partial", "failed"))


DERIVE = "effort"
"""Name of the last step of every run."""

FINDINGS = "findings"
"""Name of the step after it, where there are repositories to look at."""

SETTINGS = "ktlo.yaml"
"""Name of the first step of a run that goes on with earlier settings."""


def _joined(steps: tuple[Step, ...], names: list[str]) -> tuple[Step, ...]:
    """Steps with further sources in them, read before (another time) effort is worked out."""
    ahead = {step.name for step in steps if step.status in ("waiting", "running")}
    more = [Step(name) for name in names if name not in ahead]
    if not more:
        return steps
    last = [step for step in steps if step.name in (DERIVE, FINDINGS) and step.status == "waiting"]
    if any(step.name == DERIVE for step in last):
        return (*steps[: -len(last)], *more, *last)
    after = [Step(FINDINGS)] if any(step.name == FINDINGS for step in steps) else []
    kept = steps[: -len(last)] if last else steps
    return (*kept, *more, Step(DERIVE), *after)


class _StoppedError(Exception):
    """The step under way was asked to end."""


class Collecting:
    """Runs collections one at a time in a thread of its own.

    Args:
        runtime: what to read and where to put it.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.checks = Checks(runtime.store)
        """What the sources were last found to be like; a server looks at each once a day."""
        self.deriving = Deriving(runtime)
        """What derives deployments; a webhook asks it to do so soon."""
        self._changed = threading.Condition()
        self._run: Run | None = None
        self._thread: threading.Thread | None = None
        self._timer: threading.Thread | None = None
        self._stop = threading.Event()
        self._cancel: Callable[[], object] = lambda: None

    @property
    def run(self) -> Run | None:
        """The run that goes on, or the last one; ``None`` before the first."""
        return self._run

    @property
    def is_scheduled(self) -> bool:
        """True when runs begin by themselves: a server, not a command in its own process."""
        return self._timer is not None

    def start(self, only: tuple[str, ...] = ()) -> Run:
        """Begin a run, or join the one that goes on; sources named here that it lacks are added to it.

        A run begins with the settings file as it is now; see :meth:`Runtime.reload_settings`.

        Args:
            only: source identifiers; all when empty.

        Raises:
            NotFoundError: an identifier names no source.
            UserError: a source's configuration is wrong.
        """
        run = self._run
        if run is None or not run.is_running:
            self._runtime.reload_settings()
        names = [self._runtime.entry(name).source_id for name in only] or [
            entry.source_id for entry in self._runtime.sources()
        ]
        with self._changed:
            if self._run is not None and self._run.is_running:
                self._run = replace(self._run, steps=_joined(self._run.steps, names if only else []))
                return self._run
            number = self._run.number + 1 if self._run else 1
            problem = self._runtime.settings_problem
            told = [Step(SETTINGS, "failed", message=problem)] if problem else []
            after = [FINDINGS] if has_repositories(self._runtime) else []
            steps = (*told, *(Step(name) for name in [*names, DERIVE, *after]))
            self._run = Run(number, dt.datetime.now(dt.UTC), None, steps)
            self._thread = threading.Thread(target=self._work, name="ktlo-collect", daemon=True)
            self._thread.start()
            return self._run

    def wait(self, timeout: float | None = None) -> Run | None:
        """Block until no run goes on, or the time-out (seconds) is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._run is None or not self._run.is_running, timeout)
            return self._run

    def schedule(self, minutes: float) -> None:
        """Begin a run now and every so many minutes until :meth:`close`."""

        def tick() -> None:
            while not self._stop.is_set():
                try:
                    self.start()
                except KtloError:
                    _log.exception("the scheduled collection could not begin")
                self._stop.wait(minutes * 60)

        self._timer = threading.Thread(target=tick, name="ktlo-schedule", daemon=True)
        self._timer.start()

    def close(self, timeout: float = 10) -> None:
        """Stop the schedule and cut the run off; what is durable stays, the next run continues there.

        Args:
            timeout: seconds that the step under way gets to end.
        """
        self._stop.set()
        self._cancel()
        self.deriving.close(timeout)
        self.wait(timeout)

    def _set(self, index: int, change: Callable[[Step], Step]) -> None:
        with self._changed:
            assert self._run is not None  # noqa: S101 - set by start()
            steps = list(self._run.steps)
            steps[index] = change(steps[index])
            self._run = replace(self._run, steps=tuple(steps))
            self._changed.notify_all()

    def _next(self) -> tuple[int, Step] | None:
        """The step to take now; without one the run ends, in the same moment, so that none can be added."""
        with self._changed:
            assert self._run is not None  # noqa: S101 - set by start()
            waiting = ((i, step) for i, step in enumerate(self._run.steps) if step.status == "waiting")
            found = None if self._stop.is_set() else next(waiting, None)
            if found is None:
                self._run = replace(self._run, finished_at=dt.datetime.now(dt.UTC))
                self._changed.notify_all()
            return found

    def _work(self) -> None:
        try:
            while (found := self._next()) is not None:
                index, step = found
                self._set(index, lambda old: replace(old, status="running"))
                try:
                    status, message = self._step(index, step.name)
                except KtloError as error:
                    status, message = "failed", str(error)
                except (asyncio.CancelledError, _StoppedError):
                    status, message = "partial", "ktlo was stopped; the next run continues here"
                except Exception as error:  # noqa: BLE001 - a bug in one source must not stop the others
                    _log.exception("%s broke", step.name)
                    status, message = "failed", f"ktlo itself broke here ({type(error).__name__}: {error})"
                self._set(index, lambda old, s=status, m=message: replace(old, status=s, message=m))  # type: ignore[misc]
        finally:
            with self._changed:
                assert self._run is not None  # noqa: S101 - set by start()
                if self._run.is_running and self._thread is threading.current_thread():
                    self._run = replace(self._run, finished_at=dt.datetime.now(dt.UTC))
                    self._changed.notify_all()

    def _step(self, index: int, name: str) -> tuple[str, str]:
        """One step as a span of ktlo's own; answers status and message."""
        kind = {DERIVE: "derive", FINDINGS: "scan"}.get(name) or f"collect {self._runtime.entry(name).kind}"
        with traced(self._runtime.tracer, kind, {"ktlo.step": name}) as span:
            status, message = self._work_on(index, name)
            step = self._run.steps[index] if self._run is not None else Step(name)
            span.set_attributes({"ktlo.status": status, "ktlo.done": step.done, "ktlo.unit": step.unit})
            if status == "failed":
                span.set_status(Status(StatusCode.ERROR, message[:200]))
            return status, message

    def _work_on(self, index: int, name: str) -> tuple[str, str]:
        def show(done: int, total: int | None, unit: str) -> None:
            if self._stop.is_set():
                raise _StoppedError
            self._set(index, lambda old: replace(old, done=done, total=total, unit=unit))

        runtime = self._runtime
        if name == DERIVE:
            derive(
                runtime.store,
                runtime.state,
                runtime.settings,
                report=lambda step: show(step.done, step.total, step.words),
            )
            now = dt.datetime.now(dt.UTC)
            self.deriving.derive(now)
            note_sightings(runtime, now)
            return "complete", ""
        if name == FINDINGS:
            problems = scan_all(runtime, show)
            return ("partial", " ".join(problems)) if problems else ("complete", "")
        source = runtime.source(name)
        again = replay_outdated(source, runtime.store)
        if again:
            _log.info("%s: %s read again by a newer mapping", name, counted(again, "kept webhooks"))

        async def read() -> Collection:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            assert task is not None  # noqa: S101 - inside asyncio.run()
            self._cancel = lambda: loop.is_closed() or loop.call_soon_threadsafe(task.cancel)
            if self._stop.is_set():  # it was stopped before it could be cancelled
                raise _StoppedError
            outcome = await collect(
                source,
                runtime.store,
                runtime.state,
                lambda progress: show(progress.done, progress.total, progress.unit),
            )
            if self.is_scheduled and self.checks.is_due(source.source_id, dt.datetime.now(dt.UTC)):
                await self.checks.check(source)
            return outcome

        outcome = asyncio.run(read())
        return outcome.status, outcome.message
