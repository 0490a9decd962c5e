"""Moves values along the connections of variables until nothing new arrives: the call graph grows on the way.

Flow- and context-insensitive points-to analysis with the graph built on the fly (Andersen 1994; for Python,
Salis et al., "PyCG", ICSE 2021): a body is only read once something calls it. :mod:`.lowering` turns bodies into
connections, :mod:`.calls` and :mod:`.attributes` say what calls and attributes mean, :mod:`.models` knows Python's
own functions.
"""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ktlo.guard.reachability.limits import Limits
from ktlo.guard.reachability.values import (
    Bound,
    Class,
    Code,
    External,
    Function,
    Module,
    Possible,
    Use,
    Value,
    Variable,
)

if TYPE_CHECKING:
    from ktlo.guard.reachability.modules import Library, Source


class Kind(enum.IntEnum):
    """What an edge means, the surest first."""

    CALL = 0
    IMPORT = 1
    POSSIBLE = 2


@dataclass(frozen=True, slots=True)
class Note:
    """Something that could not be followed.

    Attributes:
        path: file.
        line: from 1.
        what: what is there, as a clause.
    """

    path: str
    line: int
    what: str


class _OutOfBudgetError(Exception):
    pass


class Engine:
    """One analysis."""

    def __init__(
        self, library: Library, limits: Limits, *, is_running: Callable[[], float] = time.monotonic
    ) -> None:
        self.library = library
        self.limits = limits
        self.edges: dict[tuple[Code, Code], tuple[Kind, int]] = {}
        self.outside: dict[tuple[Code, str], int] = {}
        self.unresolved: dict[tuple[Code, str], tuple[int, Variable]] = {}
        self.notes: dict[Note, None] = {}
        self.modules: dict[Source, Module] = {}
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.takes_all = False
        self.used_outside: set[tuple[Code, Class]] = set()
        self.crowded = 0
        self.partial_calls: dict[tuple[Code, int, Value], int] = {}
        self.is_too_deep = False
        self.lower: Callable[[Code], None] = lambda code: None
        self._clock = is_running
        self._bodies: deque[Code] = deque()
        self._queue: deque[Variable] = deque()
        self._later: deque[Callable[[], None]] = deque()
        self._tasks: deque[tuple[Use, Value]] = deque()
        self._externals: dict[str, External] = {}
        self._bounds: dict[tuple[Function, Value], Bound] = {}
        self._possibles: dict[Value, Possible] = {}
        self._steps = 0

    # --- Values ---------------------------------------------------------------------------------------------

    def add(self, variable: Variable, value: Value) -> None:
        """A value reaches a variable."""
        held = variable.values
        if value in held:
            return
        if len(held) >= self.limits.values:
            self.crowded += 1
            return
        if value.__class__ is External:
            # Names outside are endless (a.b().c()…) and lead nowhere: a few are enough.
            if variable.outside >= self.limits.outside:
                return
            variable.outside += 1
        held[value] = None
        variable.pending.append(value)
        if not variable.is_queued:
            variable.is_queued = True
            self._queue.append(variable)

    def copy(self, source: Variable | None, target: Variable | None) -> None:
        """Whatever one variable holds, the other holds too."""
        if source is None or target is None or source is target or target in source.copies:
            return
        source.copies[target] = None
        for value in source.values:
            self.add(target, value)

    def watch(self, variable: Variable | None, use: Use) -> None:
        """Do something with every value that reaches a variable, also those that already have."""
        if variable is None:
            return
        variable.uses.append(use)
        if len(variable.values) > len(variable.pending):
            waiting = set(variable.pending)
            # Later, not now: a use that leads to another and so on must not nest.
            self._tasks.extend((use, one) for one in variable.values if one not in waiting)

    def external(self, name: str) -> External:
        """The value for a dotted name outside; endless chains of attributes end in one value."""
        if name.count(".") > 6 or len(name) > 200:
            name = name[: name.index(".")] if "." in name[:200] else name[:200]
        return self._externals.setdefault(name, External(name))

    def bound(self, function: Function, receiver: Value) -> Bound:
        """A function with its first argument."""
        key = (function, receiver)
        found = self._bounds.get(key)
        if found is None:
            found = self._bounds[key] = Bound(function, receiver)
        return found

    def possible(self, value: Value) -> Possible:
        """A value of which it is not certain that the program means it."""
        if isinstance(value, Possible):
            return value
        return self._possibles.setdefault(value, Possible(value))

    def later(self, question: Callable[[], None]) -> None:
        """Ask something that depends on what is *not* there, once everything known so far has arrived."""
        self._later.append(question)

    def has_member(self, owner: Class, name: str) -> bool:
        """True when a class that is read defines the name."""
        return any(isinstance(one, Class) and name in one.attributes for one in owner.mro)

    # --- The graph ------------------------------------------------------------------------------------------

    def edge(self, caller: Code, callee: Code, line: int, kind: Kind = Kind.CALL) -> None:
        """Somebody calls something; the callee's body will be read."""
        key = (caller, callee)
        known = self.edges.get(key)
        if known is None or kind < known[0]:
            self.edges[key] = (kind, line)
        self.reach(callee)

    def reach(self, code: Code) -> None:
        """A body runs."""
        if not code.is_reached:
            code.is_reached = True
            self._bodies.append(code)

    def note(self, code: Code, line: int, what: str) -> None:
        """Something at a place could not be followed."""
        self.notes[Note(code.source.shown, line, what)] = None

    # --- Modules --------------------------------------------------------------------------------------------

    def module(self, name: str, near: Source | None = None) -> Module | None:
        """A module by its full name, its body not yet run; ``None`` when its source is not read."""
        source = self.library.find(name, near)
        if source is None:
            return None
        found = self.modules.get(source)
        if found is None:
            found = self.modules[source] = Module(source.name, source)
        return found

    def load(self, name: str, by: Code, line: int) -> Module | None:
        """Import a module and the packages above it; the last is given back."""
        found: Module | None = None
        parent: Module | None = None
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            found = self.module(".".join(parts[:count]), by.source)
            if found is None:
                return None
            self.edge(by, found, line, Kind.IMPORT)
            if parent is not None:
                self.add(parent.variables.setdefault(parts[count - 1], Variable()), found)
            parent = found
        return found

    # --- Classes --------------------------------------------------------------------------------------------

    def member(self, owner: Class, name: str) -> Variable:
        """What a class's attribute may be, by its method resolution order."""
        variable = owner.members.get(name)
        if variable is None:
            variable = owner.members[name] = Variable()
            self._resolve(owner, owner.mro, name, variable)
        return variable

    def member_after(self, owner: Class, after: Class, name: str) -> Variable:
        """The same for ``super()``: only classes behind ``after`` count."""
        variable = owner.supers.get((after, name))
        if variable is None:
            variable = owner.supers[after, name] = Variable()
            self._resolve(owner, _behind(owner, after), name, variable)
        return variable

    def attribute(self, owner: Class, name: str) -> Variable:
        """A class's own attribute, made when it is assigned from outside the class's body."""
        variable = owner.attributes.get(name)
        if variable is None:
            variable = owner.attributes[name] = Variable()
            self._refresh(owner, {name})
        return variable

    def add_base(self, owner: Class, position: int, base: Class | External) -> None:
        """A base of a class becomes known."""
        found = owner.bases[position]
        if base in found or len(found) >= 10 or base is owner:
            return
        if isinstance(base, Class):
            if owner in base.mro:
                return
            base.subclasses[owner] = None
        found.append(base)
        self._reorder(owner, set())

    def _reorder(self, owner: Class, seen: set[Class]) -> None:
        if owner in seen:
            return
        seen.add(owner)
        owner.mro = linearise(owner)
        for name, variable in list(owner.members.items()):
            self._resolve(owner, owner.mro, name, variable)
        for (after, name), variable in list(owner.supers.items()):
            self._resolve(owner, _behind(owner, after), name, variable)
        for below in list(owner.subclasses):
            self._reorder(below, seen)

    def _refresh(self, owner: Class, names: set[str]) -> None:
        stack, seen = [owner], {owner}
        while stack:
            one = stack.pop()
            for name in names & one.members.keys():
                self._resolve(one, one.mro, name, one.members[name])
            for below in one.subclasses:
                if below not in seen:
                    seen.add(below)
                    stack.append(below)

    def _resolve(self, owner: Class, order: Iterable[Class | External], name: str, into: Variable) -> None:
        outside: External | None = None
        for one in order:
            if isinstance(one, External):
                outside = outside or one
            elif name in one.attributes:
                self.copy(one.attributes[name], into)
                return
        if outside is not None:
            self.add(into, self.external(f"{outside.name}.{name}"))

    # --- Running --------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Until nothing new arrives; False when the budget ended before."""
        end = self._clock() + self.limits.seconds
        try:
            while self._queue or self._tasks or self._bodies or self._later:
                self._drain(end)
                if self._bodies:
                    code = self._bodies.popleft()
                    self.lower(code)
                    if self._clock() > end:
                        return False
                elif self._later:
                    try:
                        self._later.popleft()()
                    except RecursionError:
                        self.is_too_deep = True
        except _OutOfBudgetError:
            return False
        return not self.is_too_deep

    def _drain(self, end: float) -> None:
        """Hand on everything that waits."""
        queue, tasks = self._queue, self._tasks
        checked = self._steps
        while queue or tasks:
            if tasks:
                use, value = tasks.popleft()
                self._steps += 1
                self._use(use, value)
            else:
                self._hand_on(queue.popleft())
            if self._steps - checked > 20_000:
                checked = self._steps
                if self._steps > self.limits.steps or self._clock() > end:
                    raise _OutOfBudgetError

    def _hand_on(self, variable: Variable) -> None:
        variable.is_queued = False
        new, variable.pending = variable.pending, []
        copies, uses = variable.copies, variable.uses
        self._steps += len(new) * (len(copies) + len(uses) + 1)
        for target in list(copies):
            held = target.values
            for value in new:
                if value not in held:
                    self.add(target, value)
        for use in list(uses):
            for value in new:
                self._use(use, value)

    def _use(self, use: Use, value: Value) -> None:
        try:
            use(value)
        except RecursionError:
            self.is_too_deep = True


def _behind(owner: Class, after: Class) -> list[Class | External]:
    order = owner.mro
    return order[order.index(after) + 1 :] if after in order else after.mro[1:]


def linearise(owner: Class) -> list[Class | External]:
    """The method resolution order (C3, Barrett et al. 1996); depth first where the bases contradict it."""
    parents = [base for group in owner.bases for base in group]
    sequences: list[list[Class | External]] = [
        list(base.mro) if isinstance(base, Class) else [base] for base in parents
    ]
    sequences.append(list(parents))
    order: list[Class | External] = [owner]
    while sequences := [one for one in sequences if one]:
        for one in sequences:
            head = one[0]
            if not any(head in other[1:] for other in sequences):
                break
        else:
            for one in sequences:
                order += (part for part in one if part not in order)
            return order
        order.append(head)
        sequences = [[part for part in one if part is not head] for one in sequences]
    return order
