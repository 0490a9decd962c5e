"""The call graph of a Python program: who calls whom, and by which path something is reached.

:func:`build_graph` reads a project (and an environment, when given) and runs the analysis; :class:`CallGraph` answers
questions about paths. A path whose every step is certain is told before one with possible steps, and one from the
program before one from its tests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ktlo.guard.reachability.engine import Engine, Kind, Note
from ktlo.guard.reachability.limits import Limits
from ktlo.guard.reachability.lowering import lower
from ktlo.guard.reachability.modules import Library, Unread
from ktlo.guard.reachability.values import Class, Code, Function, Module


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: somebody at a place calls (or imports) the next.

    Attributes:
        name: who.
        path: file the call is in; empty for the last.
        line: of the call; 0 for the last.
        kind: of the edge to the next; ``None`` for the last.
    """

    name: str
    path: str = ""
    line: int = 0
    kind: Kind | None = None


class CallGraph:
    """The outcome of one analysis.

    Attributes:
        is_complete: False when a limit ended it: then more is reachable than is told.
        unread: files that are not part of it.
        notes: places that could not be followed.
        files: files read.
        lines: lines read.
        crowded: values that were not followed because a name already stood for too many.
    """

    def __init__(self, engine: Engine, roots: Sequence[Code], *, is_complete: bool) -> None:
        self._engine = engine
        self._roots = roots
        self.is_complete = is_complete
        self.unread: tuple[Unread, ...] = tuple(engine.library.unread)
        self.notes: tuple[Note, ...] = tuple(engine.notes)
        self.files = engine.library.files_read
        self.lines = engine.library.lines_read
        self.crowded = engine.crowded
        self._next: dict[Code, list[tuple[Code, Kind, int]]] = {}
        for (caller, callee), (kind, line) in engine.edges.items():
            self._next.setdefault(caller, []).append((callee, kind, line))

    def edges(self) -> Iterable[tuple[Code, Code, Kind, int]]:
        """(caller, callee, kind, line) of every edge."""
        return ((caller, callee, kind, line) for (caller, callee), (kind, line) in self._engine.edges.items())

    def codes(self) -> Iterable[Code]:
        """Every module and function that was seen."""
        yield from self._engine.modules.values()
        yield from self._engine.functions

    def path_to(
        self, is_wanted: Callable[[Code], bool], kinds: Collection[Kind] = tuple(Kind)
    ) -> tuple[Step, ...]:
        """The shortest path from the project to something; empty when there is none.

        Args:
            is_wanted: what is looked for.
            kinds: edges that may be walked.
        """
        own = [one for one in self._roots if not one.source.is_test]
        for roots in (own, self._roots):
            found = self._search(roots, is_wanted, kinds)
            if found:
                return found
        return ()

    def path_outside(self, is_wanted: Callable[[str], bool]) -> tuple[Step, ...]:
        """The same for names outside what is read, such as a package without an environment."""
        callers: dict[Code, tuple[str, int]] = {}
        for (code, name), line in self._engine.outside.items():
            if is_wanted(name):
                callers.setdefault(code, (name, line))
        if not callers:
            return ()
        for kinds in ((Kind.CALL, Kind.IMPORT), tuple(Kind)):
            path = self.path_to(callers.__contains__, kinds)
            if path:
                last = next(code for code in callers if code.name == path[-1].name)
                name, line = callers[last]
                return (*path[:-1], Step(last.name, last.source.shown, line, Kind.CALL), Step(name))
        return ()

    def guesses(self, name: str) -> tuple[Step, ...]:
        """A path to a call of a method of this name on something that could not be followed."""
        callers = {
            code: line
            for (code, called), (line, variable) in self._engine.unresolved.items()
            if called == name and not variable.values
        }
        path = self.path_to(callers.__contains__)
        if not path:
            return ()
        last = next(code for code in callers if code.name == path[-1].name)
        return (*path[:-1], Step(last.name, last.source.shown, callers[last], Kind.POSSIBLE), Step(name))

    def module_is_loaded(self, name: str) -> bool:
        """True when a module of this name runs."""
        return any(one.is_reached and one.name == name for one in self._engine.modules.values())

    def meaning(self, module: str, name: str) -> frozenset[str]:
        """Dotted names of what a module's name stands for, such as a function defined elsewhere."""
        first, _, rest = name.partition(".")
        found = set()
        for one in self._engine.modules.values():
            if one.name == module and first in one.variables:
                for value in one.variables[first].values:
                    if isinstance(value, Function | Class):
                        found.add(f"{value.name}.{rest}" if rest else value.name)
        return frozenset(found)

    def _search(
        self, roots: Iterable[Code], is_wanted: Callable[[Code], bool], kinds: Collection[Kind]
    ) -> tuple[Step, ...]:
        parents: dict[Code, tuple[Code, Kind, int] | None] = dict.fromkeys(roots)
        queue = deque(parents)
        while queue:
            code = queue.popleft()
            if is_wanted(code):
                return _told(code, parents)
            for callee, kind, line in self._next.get(code, ()):
                if callee not in parents and kind in kinds:
                    parents[callee] = (code, kind, line)
                    queue.append(callee)
        return ()


def _told(last: Code, parents: dict[Code, tuple[Code, Kind, int] | None]) -> tuple[Step, ...]:
    steps = [Step(last.name)]
    code = last
    while (parent := parents[code]) is not None:
        code, kind, line = parent
        steps.append(Step(code.name, code.source.shown, line, kind))
    return tuple(reversed(steps))


def build_graph(
    project: Path,
    environment: Path | None = None,
    *,
    entries: Sequence[str] | None = None,
    limits: Limits | None = None,
) -> CallGraph:
    """Read a program and find out who calls whom.

    Args:
        project: its folder.
        environment: ``site-packages`` of its dependencies, whose code is read as far as it is reached.
        entries: dotted names of modules that are run; by default every module and every function of the project
            may be.
        limits: bounds.
    """
    limits = limits or Limits()
    library = Library(project, environment, limits)
    engine = Engine(library, limits)
    engine.lower = lambda code: lower(engine, code)
    engine.takes_all = entries is None
    roots: list[Code] = []
    for source in library.project:
        if entries is None or source.name in entries:
            module = engine.modules.get(source) or Module(source.name, source)
            engine.modules[source] = module
            engine.reach(module)
            roots.append(module)
    is_complete = engine.run()
    if engine.takes_all:
        roots += (one for one in engine.functions if one.source.is_project)
    return CallGraph(engine, roots, is_complete=is_complete)
