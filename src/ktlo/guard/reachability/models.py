"""What Python's own functions and a few of its modules do with the values they are given.

A registry by name: a model is a function with ``@model``. What is not here is *outside*: the functions it is given
count as called, and what it gives back is outside as well.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

from ktlo.guard.reachability.attributes import ANY, Place
from ktlo.guard.reachability.calls import (
    Site,
    call_function,
    call_method,
    called_from_outside,
    uses_of,
)
from ktlo.guard.reachability.containers import each_field, everything
from ktlo.guard.reachability.containers import field as element
from ktlo.guard.reachability.elements import advance, iterate, load_element, store_element
from ktlo.guard.reachability.values import (
    Bound,
    Builtin,
    Container,
    External,
    Function,
    Generator,
    Instance,
    Module,
    Partial,
    Property,
    Value,
    Variable,
)

Model = Callable[[Site], None]
MODELS: dict[str, Model] = {}

OPERATORS_BY_FUNCTION = {
    "len": ("__len__",), "str": ("__str__", "__repr__"), "repr": ("__repr__",), "bool": ("__bool__", "__len__"),
    "int": ("__int__", "__index__"), "float": ("__float__",), "hash": ("__hash__",), "abs": ("__abs__",),
    "bytes": ("__bytes__",), "round": ("__round__",), "format": ("__format__", "__str__"), "dir": ("__dir__",),
    "print": ("__str__", "__repr__"), "reversed": ("__reversed__",), "divmod": ("__divmod__",),
    "complex": ("__complex__",), "hex": ("__index__",), "pow": ("__pow__",), "isinstance": (), "issubclass": (),
    "callable": (), "id": (), "ord": (), "chr": (), "input": (), "open": (), "range": (), "object": (), "slice": (),
    "hasattr": (), "memoryview": (), "bytearray": (), "bin": (), "oct": (), "ascii": ("__repr__",),
    "breakpoint": (), "help": (), "delattr": (),
}  # fmt: skip
"""Functions that give nothing callable, and the methods they call on their first argument, the first that is there."""


def model(*names: str) -> Callable[[Model], Model]:
    """Register what the functions of these names do."""

    def register(made: Model) -> Model:
        MODELS.update(dict.fromkeys(names, made))
        return made

    return register


@functools.cache
def _models() -> dict[str, Model]:
    """All models; the modules that hold them need this one, so they are read late."""
    from ktlo.guard.reachability import library, library_iteration

    del library, library_iteration
    return MODELS


def place_of(site: Site) -> Place:
    """Where a call stands."""
    return Place(site.engine, site.code, site.line)


def call_builtin(site: Site, value: Builtin) -> None:
    """A known function is called."""
    if value.of is not None:
        _call_bound(site, value.name, value.of)
        return
    known = _models().get(value.name)
    if known is not None:
        known(site)
    elif value.name in OPERATORS_BY_FUNCTION:
        for argument in site.positional:
            plain = Site(site.engine, site.code, site.line, kind=site.kind)
            implicit(plain, argument, OPERATORS_BY_FUNCTION[value.name])
    else:
        _outside(site, value.name)


def call_external(site: Site, value: External) -> None:
    """Something outside is called."""
    known = _models().get(value.name)
    if known is not None:
        known(site)
        return
    plain = value.name.replace("()", "").replace("[]", "")
    if plain.partition(".")[0] not in sys.stdlib_module_names:
        site.engine.outside.setdefault((site.code, plain), site.line)
    _outside(site, value.name)
    if site.result is not None:
        site.engine.add(site.result, site.engine.external(f"{value.name}()"))
        if value.name.startswith("asyncio."):
            for argument in site.positional:
                site.engine.copy(argument, site.result)


_RUNNERS = {
    "submit": 0, "apply": 0, "apply_async": 0, "call_soon": 0, "call_soon_threadsafe": 0, "to_thread": 0,
    "start_new_thread": 0, "addCleanup": 0, "callback": 0, "run_in_executor": 1, "call_later": 1, "call_at": 1,
    "Timer": 1, "register": 0,
}  # fmt: skip
"""Methods outside that call their argument at this position with the arguments behind it."""


def _outside(site: Site, name: str) -> None:
    engine = site.engine
    runs = _RUNNERS.get(name.rpartition(".")[2])
    way = -1 if runs is None else runs
    if way in site.handed_over:
        return  # what is called outside does not matter: the arguments are the same
    site.handed_over.add(way)
    for position, argument in enumerate(site.positional):
        if argument is None or (runs is not None and position > runs):
            continue
        following = site.positional[position + 1 :] if position == runs else []
        engine.watch(
            argument,
            lambda given, following=following: used_outside(site, given, following),  # type: ignore[misc]
        )
    for keyword in site.keywords.values():
        engine.watch(keyword, lambda given: used_outside(site, given, []))
    for _, given in site.star:
        engine.watch(given, lambda value: used_outside(site, value, []))


def used_outside(site: Site, value: Value, arguments: list[Variable | None]) -> None:
    if isinstance(value, Container):
        engine = site.engine
        inside = Variable()
        everything(engine, value, inside)
        engine.watch(
            inside,
            lambda one: (
                called_from_outside(site, one) if isinstance(one, Function | Bound | Partial) else None
            ),
        )
    else:
        called_from_outside(site, value, *arguments)


def implicit(site: Site, argument: Variable | None, names: tuple[str, ...]) -> None:
    """Python calls the first of these methods that an object has."""
    if argument is None or not names:
        return
    engine = site.engine

    def use(value: Value) -> None:
        if isinstance(value, Instance):
            first_method(site, value, names)

    engine.watch(argument, use)


def first_method(site: Site, value: Instance, names: tuple[str, ...]) -> None:
    """Call the first of these methods that an object has, as Python does by itself."""
    engine = site.engine

    given = site.positional or [None, None]
    inner = Site(engine, site.code, site.line, given, result=site.result, kind=site.kind)
    inner.done = site.done  # one place of the source, however many objects it meets

    def ask(known: tuple[str, ...]) -> bool:
        name = next((one for one in known if engine.has_member(value.of, one)), None)
        if name is not None:
            engine.watch(engine.member(value.of, name), lambda found: call_method(inner, found, value))
        return name is not None

    def ask_all() -> None:
        ask(names)

    if not ask(names[:1]):
        engine.later(ask_all)


def _call_bound(site: Site, name: str, of: Value) -> None:
    engine, place = site.engine, place_of(site)
    if name.startswith("container.") and isinstance(of, Container):
        _container(site, name.partition(".")[2], of)
    elif name.startswith("property.") and isinstance(of, Property):
        target = of.setter if name == "property.setter" else of.getter
        if name != "property.deleter" and site.positional:
            engine.copy(site.positional[0], target)
        if site.result is not None:
            engine.add(site.result, of)
    elif name == "next" and isinstance(of, Generator):
        if site.result is not None:
            advance(place, of, "__next__", site.result)
    elif name == "function.__get__" and isinstance(of, Function):
        if site.result is not None and site.positional:
            result = site.result
            engine.watch(
                site.positional[0],
                lambda one: engine.add(result, engine.bound(of, one)) if isinstance(one, Instance) else None,
            )
    elif name == "identity":
        if site.positional and site.result is not None:
            engine.copy(site.positional[0], site.result)
    elif name == "register" and isinstance(of, Function):
        from ktlo.guard.reachability.library import register_implementation

        register_implementation(site, of)
    elif name.startswith("external:") and isinstance(of, Instance):
        plain = name.partition(":")[2]
        call_external(site, engine.external(plain))
        if not plain.startswith("builtins.") and not plain.endswith("__"):
            uses_of(site, of.of)


def _container(site: Site, name: str, of: Container) -> None:
    engine, given = site.engine, site.positional
    first = given[0] if given else None
    last = given[-1] if given else None
    if name in ("append", "add", "appendleft"):
        engine.copy(first, of.element)
    elif name == "insert":
        engine.copy(last, of.element)
    elif name in ("extend", "update", "union"):
        for argument in given:
            engine.watch(argument, lambda value: merge(site, value, of))
        for key, argument in site.keywords.items():
            engine.copy(argument, element(of, key))
    elif name in ("get", "pop", "setdefault", "__getitem__"):
        at = key_of(site, 0)
        if site.result is not None:
            base = Variable()
            engine.add(base, of)
            load_element(place_of(site), base, at, first, site.result)
            if len(given) > 1:
                engine.copy(given[1], site.result)
        if name == "setdefault" and len(given) > 1:
            engine.copy(given[1], of.element if at is ANY else element(of, at))
    elif name == "__setitem__":
        base = Variable()
        engine.add(base, of)
        store_element(place_of(site), base, key_of(site, 0), first, last)
    elif name == "popleft" or name == "values":
        _give(site, name == "values", lambda into: everything(engine, of, into))
    elif name == "keys":
        _give(site, True, lambda into: engine.copy(of.keys, into))
    elif name in ("items", "popitem"):
        pair = Container()
        engine.copy(of.keys, element(pair, 0))
        everything(engine, of, element(pair, 1))
        _give(site, name == "items", lambda into: engine.add(into, pair))
    elif name == "copy" and site.result is not None:
        engine.add(site.result, of)


def _give(site: Site, in_container: bool, fill: Callable[[Variable], None]) -> None:
    if site.result is None:
        return
    if not in_container:
        fill(site.result)
        return
    made = Container()
    fill(made.element)
    site.engine.add(site.result, made)


def merge(site: Site, value: Value, into: Container) -> None:
    engine = site.engine
    if isinstance(value, Container) and value.is_dict:
        engine.copy(value.element, into.element)
        engine.copy(value.keys, into.keys)
        each_field(value, lambda key, variable: engine.copy(variable, element(into, key)))
    else:
        given = Variable()
        engine.add(given, value)
        iterate(place_of(site), given, into.element)


def key_of(site: Site, position: int) -> object:
    words = site.words.get(position)
    return next(iter(words)) if words is not None and len(words) == 1 else ANY


def argument_of(site: Site, position: int, name: str = "") -> Variable | None:
    if position < len(site.positional):
        return site.positional[position]
    return site.keywords.get(name)


def implemented() -> tuple[str, ...]:
    """Names that have a model, for tests and documentation."""
    return tuple(sorted({*_models(), *OPERATORS_BY_FUNCTION}))


def is_known_builtin(name: str) -> bool:
    """Python's own functions that are known here, without a module before them."""
    return name in _models() or name in OPERATORS_BY_FUNCTION


__all__ = [
    "Module",
    "call_builtin",
    "call_external",
    "call_function",
    "implemented",
    "implicit",
    "is_known_builtin",
]
