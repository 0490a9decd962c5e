"""Judges findings about Python packages by the call graph of the project and of what it has installed.

Findings come from the matcher with the names of vulnerable functions where known; each gets a :class:`.tiers.Reach`.
The graph is built once, and only when there is something to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ktlo.guard.finding import Finding
from ktlo.guard.lockfiles.python_names import normalised
from ktlo.guard.reachability.distributions import Distribution, guessed, installed
from ktlo.guard.reachability.engine import Kind
from ktlo.guard.reachability.graph import CallGraph, Step, build_graph
from ktlo.guard.reachability.limits import Limits
from ktlo.guard.reachability.tiers import Reach, Tier, shown
from ktlo.guard.reachability.values import Code, Function, Module

_CERTAIN = (Kind.CALL, Kind.IMPORT)


class Judge:
    """Answers for one project.

    Args:
        project: its folder.
        environment: ``site-packages``; ``None`` when none is given.
        limits: bounds of the analysis.
    """

    def __init__(self, project: Path, environment: Path | None, limits: Limits | None = None) -> None:
        self._installed: Mapping[str, Distribution] | None = (
            None if environment is None else installed(environment)
        )
        self._graph = build_graph(project, environment, limits=limits)
        self._limits, self._is_whole = _limits(self._graph)

    def judge(self, finding: Finding, symbols: Sequence[str]) -> Reach:
        """How near one finding is.

        Args:
            finding: about a package of PyPI.
            symbols: vulnerable functions and classes, ``module:name`` or dotted; empty when nobody says.
        """
        package = finding.properties["package"]
        known = None if self._installed is None else self._installed.get(normalised(package))
        limits = self._limits
        if known is not None and known.version != finding.properties["version"]:
            limits = _joined(f"the environment has {package} {known.version}", limits)
        if symbols:
            found = self._symbols(symbols)
            if found is not None:
                return Reach(found.tier, found.path, limits)
        modules = known.modules if known is not None else frozenset(guessed(package))
        path = self._into(modules, is_exact=known is not None)
        if path:
            # "No path was found" may only be said of a whole graph.
            may_say = not symbols or self._is_whole
            return Reach(Tier.IMPORTED if may_say else Tier.UNKNOWN, shown(path), limits)
        if self._installed is None:
            return Reach(Tier.UNKNOWN, (), _joined("no environment was given to follow dependencies", limits))
        if known is None:
            return Reach(Tier.UNKNOWN, (), _joined(f"{package} is not in the environment", limits))
        return Reach(Tier.INSTALLED if self._is_whole else Tier.UNKNOWN, (), limits)

    def _symbols(self, symbols: Sequence[str]) -> Reach | None:
        names = self._definitions(symbols)

        def is_wanted(code: Code) -> bool:
            return isinstance(code, Function) and _is_within(code.name, names)

        def is_wanted_outside(name: str) -> bool:
            return _is_within(name, names)

        for path in (self._graph.path_to(is_wanted, _CERTAIN), self._graph.path_outside(is_wanted_outside)):
            if path:
                certain = all(one.kind is not Kind.POSSIBLE for one in path)
                return Reach(Tier.CALLED if certain else Tier.POSSIBLE, shown(path))
        path = self._graph.path_to(is_wanted)
        if path:
            return Reach(Tier.POSSIBLE, shown(path))
        for symbol in symbols:
            module, _, qualified = symbol.partition(":")
            if "." in qualified and self._graph.module_is_loaded(module):
                path = self._graph.guesses(qualified.rpartition(".")[2])
                if path:
                    return Reach(Tier.POSSIBLE, shown((*path[:-1], Step(symbol.replace(":", ".")))))
        return None

    def _definitions(self, symbols: Sequence[str]) -> frozenset[str]:
        """Dotted names, and where a module only passes a name on, the name of what it means."""
        names = {symbol.replace(":", ".") for symbol in symbols}
        for symbol in symbols:
            module, _, qualified = symbol.partition(":")
            names |= self._graph.meaning(module, qualified)
        return frozenset(names)

    def _into(self, modules: frozenset[str], *, is_exact: bool) -> tuple[Step, ...]:
        def is_own(name: str) -> bool:
            return name in modules if is_exact else _is_within(name, modules)

        def is_called(code: Code) -> bool:
            if code.source.is_project:
                return False
            return isinstance(code, Function) and is_own(code.source.name)

        def is_loaded(code: Code) -> bool:
            if code.source.is_project or code.source.is_folder:
                return False
            return isinstance(code, Module) and is_own(code.source.name)

        calls = self._graph.path_to(is_called, _CERTAIN)
        return (
            calls
            or self._graph.path_to(is_loaded, _CERTAIN)
            or self._graph.path_outside(lambda name: _is_within(name, modules))
            or self._graph.path_to(is_loaded)
        )


def _is_within(name: str, names: Iterable[str]) -> bool:
    wanted = names if isinstance(names, frozenset) else frozenset(names)
    while name:
        if name in wanted:
            return True
        name = name.rpartition(".")[0]
    return False


def _limits(graph: CallGraph) -> tuple[str, bool]:
    """What the graph leaves out, as a clause, and whether "not found" may be said at all."""
    parts = []
    if not graph.is_complete:
        parts.append("the analysis stopped at its limit")
    if graph.unread:
        first = graph.unread[0]
        parts.append(
            f"{len(graph.unread)} {'file was' if len(graph.unread) == 1 else 'files were'} not read"
            f" ({first.path}: {first.reason})"
        )
    own = [one for one in graph.notes if not one.path.startswith("site-packages/")]
    if graph.notes:
        first_note = (own or graph.notes)[0]
        parts.append(
            f"{len(graph.notes)} {'place' if len(graph.notes) == 1 else 'places'} could not be followed"
            f" ({first_note.path}:{first_note.line}: {first_note.what})"
        )
    if graph.crowded:
        parts.append("some names stand for more things than were followed")
    is_whole = graph.is_complete and not own and not any(
        not one.path.startswith("site-packages/") for one in graph.unread
    )  # fmt: skip
    return "; ".join(parts), is_whole


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
