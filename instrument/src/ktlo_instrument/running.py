"""One instrumentation of this process: hook, engine, and the thread that folds, sends and asks for rules.

The thread is a daemon and the only one. At exit what was counted is sent within a time limit; a child of
`fork` counts for itself and gets a thread of its own.
"""

from __future__ import annotations

import atexit
import os
import threading
import uuid
import warnings
from typing import Any

from ktlo_instrument import engine as engines
from ktlo_instrument import frameworks, tracing
from ktlo_instrument.choosing import Choice
from ktlo_instrument.clock import Clock
from ktlo_instrument.coverage import Coverage
from ktlo_instrument.detail import Details
from ktlo_instrument.folding import Folding
from ktlo_instrument.importing import Hook
from ktlo_instrument.resource import resource
from ktlo_instrument.rules import EVERY_SECONDS, Rules
from ktlo_instrument.sending import Sender
from ktlo_instrument.settings import Settings, complain
from ktlo_instrument.sites import Sites
from ktlo_instrument.unimported import Unimported

EXIT_SECONDS = 2.0
FORK_SECONDS = 0.1
_OURS = ("ktlo-instrument", "OtelBatch")
"""Names of threads that are there because of us."""
_FORK = "This process .* is multi-threaded, use of fork"


_sites: dict[str, Sites] = {}
_coverages: dict[str, Coverage] = {}


class Running:
    """Instruments what is imported from now on, and reports.

    Args:
        settings: everything that was said.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = engines.load(settings.engine)
        # Sites are in the code of loaded modules for ever: who starts again goes on with them.
        if self.engine.NAME not in _sites:
            _sites[self.engine.NAME] = Sites(self.engine)
        self.sites = _sites[self.engine.NAME]
        self.sites.most = max(1, settings.functions)
        self.resource = resource()
        self.details = Details(self.sites, settings, tracing.current_span)
        self.details.ready = not settings.rules
        engines.set_up(self.engine, self.details.gate)
        choice = Choice(settings)
        self.coverage = self._coverage(settings)
        self.unimported = Unimported(self.coverage, choice, settings.packages) if self.coverage else None
        self.hook = Hook(choice, self.sites, settings.cache, self.coverage)
        self.folding = Folding(self.sites, self.details, self.resource, settings, self.coverage)
        self.sender = Sender(settings.endpoint, settings.key)
        self.rules = Rules(settings, str(self.resource["service.name"]))
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._work = threading.Lock()
        self._held = False

    def start(self) -> None:
        """Begin."""
        "".encode("idna")  # Imports it: the first request would, perhaps in the middle of a fork.
        self.hook.install()
        if self.settings.frameworks:
            frameworks.install()
        if self.settings.tracing:
            tracing.install(self.settings, self.resource)
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork, after_in_parent=self._forked, after_in_child=self._after_fork
            )
        self._begin_thread()

    def stop(self, seconds: float = EXIT_SECONDS) -> None:
        """Send what was counted, within so many seconds, and count no further imports."""
        self._stopped.set()
        self.hook.uninstall()
        try:
            with self._lock:
                self._fold()
        except Exception as problem:
            complain(f"reporting failed: {type(problem).__name__}")
        if self.coverage is not None:
            self._tell_coverage(EXIT_SECONDS / 4)
        self.flush(seconds)

    def flush(self, seconds: float = EXIT_SECONDS) -> bool:
        """Fold and send now; whether everything was sent."""
        try:
            with self._lock:
                self._fold()
                return self.sender.send(seconds, now=True)
        except Exception as problem:
            complain(f"reporting failed: {type(problem).__name__}")
            return False

    def use(self, settings: Settings) -> None:
        """Follow other settings from the next fold on; modules that are loaded already stay as they are."""
        self.settings = settings
        self.details.use(settings)
        self.folding.settings = settings
        self.hook.choice = Choice(settings)
        if self.unimported is not None:
            self.unimported.choice = self.hook.choice

    def _begin_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="ktlo-instrument", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            complain("no thread could be started; nothing is reported until exit")

    def _run(self) -> None:
        stopped = self._stopped
        asked = float("-inf")
        folded = Clock.seconds()
        while True:
            if self.settings.rules and Clock.seconds() - asked >= EVERY_SECONDS:
                asked = Clock.seconds()
                with self._work:
                    self._ask()
            rest = self._look()
            left = max(0.05, folded + max(0.1, self.settings.interval) - Clock.seconds())
            if stopped.wait(min(left, rest, EVERY_SECONDS)):
                return
            if Clock.seconds() - folded >= max(0.1, self.settings.interval):
                folded = Clock.seconds()
                with self._work:
                    self._report()

    def _coverage(self, settings: Settings) -> Coverage | None:
        try:
            if settings.coverage:
                fresh = Coverage(settings.coverage_interval, self.engine.NAME != "python")
                kept = _coverages.setdefault(self.engine.NAME, fresh)
                kept.interval = fresh.interval
                return kept
        except Exception as problem:
            complain(f"what never ran is not told: {type(problem).__name__}")
        return None

    def _look(self) -> float:
        """A little of what need not be done at once; seconds until there is more."""
        if self.coverage is None or self.unimported is None:
            return EVERY_SECONDS
        try:
            with self._work:
                if not self.coverage.settle(0.01):
                    return 0.5
                return self.unimported.step()
        except Exception:
            return EVERY_SECONDS

    def _fold(self) -> None:
        for path, body in self.folding.fold():
            self.sender.keep(path, body)
        lost = self.sender.dropped + self.sender.refused
        if self.coverage is not None and lost > self.folding.lost.get("bodies", 0):
            self.coverage.tell_again()
        self.folding.lost["bodies"] = lost

    def _tell_coverage(self, seconds: float = float("inf")) -> None:
        """Keep what is new about functions that never ran; modules not looked into in time are left out."""
        try:
            if self.coverage is not None:
                self.coverage.settle(seconds)
            for path, body in self.folding.coverage_bodies():
                self.sender.keep(path, body)
        except Exception as problem:
            complain(f"what never ran is not told: {type(problem).__name__}")

    def _report(self) -> None:
        try:
            with self._lock:
                self._fold()
            if self.coverage is not None and self.coverage.is_due():
                self._tell_coverage()
            self.sender.send()
        except Exception as problem:
            complain(f"reporting failed: {type(problem).__name__}")

    def _ask(self) -> None:
        try:
            new = self.rules.fetch()
            if new is not None:
                self.use(new)
        except Exception as problem:
            complain(f"rules could not be read: {type(problem).__name__}")
        finally:
            self.details.ready = True

    def _at_exit(self) -> None:
        if not self._stopped.is_set():
            self.stop()

    def _before_fork(self) -> None:
        """Our thread holds no lock in a child: wait a moment until it rests, and do not have it warned about."""
        self._held = self._work.acquire(timeout=FORK_SECONDS)
        others = [each for each in threading.enumerate() if not each.name.startswith(_OURS)]
        _warn_of_forks(any(each is not threading.current_thread() for each in others))

    def _forked(self) -> None:
        if self._held:
            self._held = False
            self._work.release()

    def _after_fork(self) -> None:
        """In a child: what the parent counted is the parent's."""
        self._work = threading.Lock()
        self._held = False
        self._lock = threading.Lock()
        self.engine.after_fork()
        self.sites.after_fork()
        self.details.after_fork()
        self.folding.after_fork()
        if self.coverage is not None:
            self.coverage.after_fork()
        if self.unimported is not None:
            self.unimported.after_fork()
        self.sender.after_fork()
        if self._stopped.is_set():
            return
        self._stopped = threading.Event()
        fresh: Any = {"service.instance.id": str(uuid.uuid4()), "process.pid": os.getpid()}
        self.resource.update(fresh)
        self.folding.resource.update(fresh)
        self._begin_thread()


def _warn_of_forks(wanted: bool) -> None:
    """Python 3.12 warns when a process with threads forks; not for ours alone, which is made for it."""
    ours = [each for each in warnings.filters if getattr(each[1], "pattern", "") == _FORK]
    if wanted:
        for each in ours:
            warnings.filters.remove(each)  # type: ignore[attr-defined]
    elif not ours:
        warnings.filterwarnings("ignore", _FORK, DeprecationWarning)
