"""What a call does, for each kind of value that is called: edges of the graph, arguments, and the result.

Source: Python's language reference 6.3.4 "Calls" and data model 3.3.3 "Customizing class creation". A function
that is handed to code outside what is read counts as called by whoever handed it over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ktlo.guard.reachability.containers import each_field
from ktlo.guard.reachability.containers import field as element
from ktlo.guard.reachability.engine import Engine, Kind
from ktlo.guard.reachability.values import (
    Bound,
    Builtin,
    Class,
    Code,
    Container,
    External,
    Function,
    Generator,
    Instance,
    Partial,
    Possible,
    Value,
    Variable,
    Wrapped,
)

_MOST_POSITIONS = 12
_MOST_PARTIAL_CALLS = 8


@dataclass(slots=True, eq=False)
class Site:
    """One call in the source, or one that Python makes by itself.

    Attributes:
        engine: the analysis.
        code: the body the call is in.
        line: from 1.
        positional: arguments by position.
        keywords: by name.
        star: what ``*`` unpacks, with the position it starts at.
        double_star: what ``**`` unpacks.
        result: where the result goes.
        kind: of the edges that come of it.
        words: constant strings among the positional arguments, by position.
        scope_owner: class whose method the call is in, for ``super()``.
        first: first parameter of that method.
        done: functions whose arguments are connected.
        handed_over: ways in which the arguments were given to code outside.
    """

    engine: Engine
    code: Code
    line: int
    positional: list[Variable | None] = field(default_factory=list)
    keywords: dict[str, Variable | None] = field(default_factory=dict)
    star: list[tuple[int, Variable]] = field(default_factory=list)
    double_star: list[Variable] = field(default_factory=list)
    result: Variable | None = None
    kind: Kind = Kind.CALL
    words: dict[int, set[str]] = field(default_factory=dict)
    scope_owner: Class | None = None
    first: Variable | None = None
    done: set[tuple[Function, Value | None]] = field(default_factory=set)
    handed_over: set[int] = field(default_factory=set)


def call(site: Site, value: Value) -> None:
    """A value is called."""
    engine = site.engine
    if isinstance(value, Function):
        call_function(site, value, None)
    elif isinstance(value, Bound):
        call_function(site, value.function, value.receiver)
    elif isinstance(value, Class):
        _make(site, value)
    elif isinstance(value, Instance):
        member = engine.member(value.of, "__call__")
        engine.watch(member, lambda found: call_method(site, found, value))
    elif isinstance(value, Builtin):
        from ktlo.guard.reachability.models import call_builtin

        call_builtin(site, value)
    elif isinstance(value, External):
        from ktlo.guard.reachability.models import call_external

        call_external(site, value)
    elif isinstance(value, Partial):
        _call_partial(site, value)
    elif isinstance(value, Wrapped):
        call(site, value.inner)
    elif isinstance(value, Possible):
        call(possibly(site), value.inner)


def possibly(site: Site) -> Site:
    """The same call, not certain to happen."""
    engine = site.engine
    between = None
    if site.result is not None:
        into = site.result
        between = Variable()
        engine.watch(between, lambda value: engine.add(into, engine.possible(value)))
    return Site(
        engine, site.code, site.line, site.positional, site.keywords, site.star, site.double_star, between,
        Kind.POSSIBLE, site.words, site.scope_owner, site.first,
    )  # fmt: skip


def call_method(site: Site, found: Value, receiver: Value) -> None:
    """A class's attribute is called as a method; functions take the receiver first."""
    if isinstance(found, Function):
        call_function(site, found, receiver)
    elif isinstance(found, Wrapped):
        inner = found.inner
        if found.kind == "classmethod" and isinstance(inner, Function):
            owner = receiver.of if isinstance(receiver, Instance) else receiver
            call_function(site, inner, owner)
        else:
            call(site, inner)
    elif isinstance(found, Possible):
        call_method(possibly(site), found.inner, receiver)
    elif not isinstance(found, External):
        call(site, found)


def call_function(site: Site, function: Function, receiver: Value | None) -> None:
    """A function is called: an edge, its arguments, its result."""
    key = (function, receiver)
    if key in site.done:
        return
    site.done.add(key)
    engine = site.engine
    _edge(site, function)
    _bind(site, function, receiver)
    if site.result is not None:
        if function.is_generator:
            engine.add(site.result, Generator(function))
        else:
            engine.copy(function.result, site.result)


def _edge(site: Site, function: Function) -> None:
    """An edge; where a call may mean very many functions, none of them is certain."""
    engine = site.engine
    many = len(site.done) > engine.limits.certain
    engine.edge(site.code, function, site.line, Kind.POSSIBLE if many else site.kind)
    if len(site.done) == engine.limits.certain + 1:
        for earlier, _ in site.done:
            key = (site.code, earlier)
            if engine.edges.get(key) == (Kind.CALL, site.line):
                engine.edges[key] = (Kind.POSSIBLE, site.line)


def _bind(site: Site, function: Function, receiver: Value | None) -> None:
    engine = site.engine
    offset = 0
    if receiver is not None:
        own = _positional(function, 0)
        if own is not None:
            engine.add(own, receiver)
        offset = 1
    for position, argument in enumerate(site.positional):
        if argument is not None:
            engine.copy(argument, _positional(function, position + offset))
    for start, given in site.star:
        engine.watch(given, _unpacker(engine, function, start + offset))
    for name, argument in site.keywords.items():
        if argument is not None:
            engine.copy(argument, _named(function, name))
    for given in site.double_star:
        engine.watch(given, _keyword_unpacker(engine, function))


def _positional(function: Function, position: int) -> Variable | None:
    if position < len(function.positional):
        return function.parameters[function.positional[position]]
    if function.rest is not None:
        # A function that hands its own rest on to itself would count up for ever.
        beyond = position - len(function.positional)
        return element(function.rest, beyond) if beyond < _MOST_POSITIONS else function.rest.element
    return None


def _named(function: Function, name: str) -> Variable | None:
    if name in function.parameters:
        return function.parameters[name]
    if function.keyword is not None:
        return element(function.keyword, name)
    return None


def _unpacker(engine: Engine, function: Function, start: int) -> Callable[[Value], None]:
    def all_of(variable: Variable) -> None:
        for position in range(start, len(function.positional)):
            engine.copy(variable, _positional(function, position))
        if function.rest is not None:
            engine.copy(variable, function.rest.element)

    def use(value: Value) -> None:
        if isinstance(value, Container):
            all_of(value.element)

            def one(key: object, variable: Variable) -> None:
                if isinstance(key, int) and key >= 0:
                    engine.copy(variable, _positional(function, start + key))
                else:
                    all_of(variable)

            each_field(value, one)
        elif isinstance(value, Generator):
            all_of(value.function.yields)

    return use


def _keyword_unpacker(engine: Engine, function: Function) -> Callable[[Value], None]:
    def all_of(variable: Variable) -> None:
        for parameter in function.parameters.values():
            engine.copy(variable, parameter)
        if function.keyword is not None:
            engine.copy(variable, function.keyword.element)

    def one(key: object, variable: Variable) -> None:
        if isinstance(key, str):
            engine.copy(variable, _named(function, key))
        else:
            all_of(variable)

    def use(value: Value) -> None:
        if isinstance(value, Container):
            all_of(value.element)
            each_field(value, one)

    return use


def _make(site: Site, owner: Class) -> None:
    """A class is called: ``__new__`` and ``__init__`` run, an object comes out."""
    engine = site.engine
    quiet = Site(
        engine, site.code, site.line, site.positional, site.keywords, site.star, site.double_star, None, site.kind
    )  # fmt: skip

    def with_meta(meta: Value) -> None:
        if isinstance(meta, Class):
            engine.watch(engine.member(meta, "__call__"), lambda found: call_method(site, found, owner))

    engine.watch(owner.metaclass, with_meta)
    new = engine.member(owner, "__new__")

    def with_new(found: Value) -> None:
        if isinstance(found, Wrapped):
            found = found.inner
        if isinstance(found, Function):
            call_function(site, found, owner)

    engine.watch(new, with_new)
    if site.result is not None:
        engine.add(site.result, owner.instance)
    engine.watch(engine.member(owner, "__init__"), lambda found: call_method(quiet, found, owner.instance))
    after = Site(engine, site.code, site.line, kind=site.kind)
    engine.watch(
        engine.member(owner, "__post_init__"), lambda found: call_method(after, found, owner.instance)
    )
    _fill_fields(site, owner)
    if any(isinstance(base, External) for base in owner.mro) and not owner.fields:
        # Its constructor outside may call what it is given.
        maybe = Site(engine, site.code, site.line, kind=Kind.POSSIBLE)
        for argument in (*site.positional, *site.keywords.values()):
            engine.watch(argument, lambda given: _handed_over(maybe, given))


def _handed_over(site: Site, value: Value) -> None:
    if isinstance(value, Function | Bound | Partial):
        called_from_outside(site, value)


def _fill_fields(site: Site, owner: Class) -> None:
    """Dataclasses and named tuples: arguments become attributes by the order of annotated names."""
    engine = site.engine
    names = [
        name for one in reversed(owner.mro) if isinstance(one, Class) for name in one.fields
    ]  # fmt: skip
    if not names or any(isinstance(one, Class) and "__init__" in one.attributes for one in owner.mro):
        return
    names = list(dict.fromkeys(names))
    fields = owner.instance.fields
    for position, argument in enumerate(site.positional):
        if argument is not None and position < len(names):
            engine.copy(argument, fields.setdefault(names[position], Variable()))
    for name, argument in site.keywords.items():
        if argument is not None and name in names:
            engine.copy(argument, fields.setdefault(name, Variable()))


def _call_partial(site: Site, value: Partial) -> None:
    # A partial among its own arguments, handed on and on, would call itself for ever.
    key = (site.code, site.line, value)
    times = site.engine.partial_calls[key] = site.engine.partial_calls.get(key, 0) + 1
    if times > _MOST_PARTIAL_CALLS:
        return
    count = len(value.positional)
    whole = Site(
        site.engine, site.code, site.line,
        [*value.positional, *site.positional],
        {**value.keywords, **site.keywords},
        [(start + count, given) for start, given in site.star],
        site.double_star, site.result, site.kind,
    )  # fmt: skip
    site.engine.watch(value.function, lambda found: call(whole, found))


def called_from_outside(site: Site, value: Value, *arguments: Variable | None) -> None:
    """Code that is not read has been given something to call, and calls it."""
    engine = site.engine
    if not isinstance(value, Function | Bound | Partial | Wrapped | Class | Instance | Possible):
        return
    inner = Site(engine, site.code, site.line, list(arguments), kind=site.kind, result=Variable())
    if isinstance(value, Function | Bound | Partial | Wrapped):
        call(inner, value)
    elif isinstance(value, Class):
        # A handler class, say: made and used by the framework, as far as one can tell.
        if any(_is_framework(base) for base in value.mro):
            maybe = Site(engine, site.code, site.line, kind=Kind.POSSIBLE, result=Variable())
            call(maybe, value)
            uses_of(maybe, value)
    elif isinstance(value, Instance):
        if engine.has_member(value.of, "__call__"):
            member = engine.member(value.of, "__call__")
            engine.watch(member, lambda found: call_method(inner, found, value))
        if any(_is_framework(base) for base in value.of.mro):
            uses_of(inner, value.of)
    elif isinstance(value, Possible):
        maybe = Site(engine, site.code, site.line, kind=Kind.POSSIBLE)
        called_from_outside(maybe, value.inner, *arguments)


_INERT = ("builtins.", "abc.", "typing.", "typing_extensions.", "enum.", "types.", "numbers.", "dataclasses.")
"""Modules whose classes call nothing of their subclasses by themselves."""


def _is_framework(base: Class | External) -> bool:
    return isinstance(base, External) and not base.name.startswith(_INERT)


def uses_of(site: Site, owner: Class) -> None:
    """A base class outside may call every method the class defines."""
    engine = site.engine
    if (site.code, owner) in engine.used_outside:
        return
    engine.used_outside.add((site.code, owner))
    for one in owner.mro:
        if not isinstance(one, Class):
            break
        for name, variable in list(one.attributes.items()):
            if name != "__init__":
                maybe = Site(engine, site.code, site.line, kind=Kind.POSSIBLE)
                engine.watch(
                    variable,
                    lambda found, maybe=maybe: (  # type: ignore[misc]
                        call_method(maybe, found, owner.instance)
                        if isinstance(found, Function | Wrapped)
                        else None
                    ),
                )
