"""Models of Python's own functions that go through many things: ``map``, ``sorted``, ``dict``, ``zip``, ``next``.

Read by :mod:`.models` when the first call needs one.
"""

from __future__ import annotations

from ktlo.guard.reachability.calls import (
    Site,
    call,
    call_method,
)
from ktlo.guard.reachability.containers import field as element
from ktlo.guard.reachability.elements import advance, iterate, load_element
from ktlo.guard.reachability.models import (
    argument_of,
    implicit,
    merge,
    model,
    place_of,
)
from ktlo.guard.reachability.values import (
    Bound,
    Builtin,
    Class,
    Container,
    Function,
    Instance,
    Partial,
    Value,
    Variable,
)


@model("filter", "itertools.takewhile", "itertools.dropwhile", "itertools.filterfalse")
def _filter(site: Site) -> None:
    engine, made = site.engine, Container()
    iterate(place_of(site), argument_of(site, 1), made.element)
    inner = Site(engine, site.code, site.line, [made.element], result=Variable())
    engine.watch(argument_of(site, 0), lambda value: call(inner, value))
    if site.result is not None:
        engine.add(site.result, made)


@model("map", "itertools.starmap")
def _map(site: Site) -> None:
    engine, made = site.engine, Container()
    items: list[Variable | None] = []
    for argument in site.positional[1:]:
        item = Variable()
        iterate(place_of(site), argument, item)
        items.append(item)
    inner = Site(engine, site.code, site.line, items, result=made.element)
    engine.watch(argument_of(site, 0), lambda value: call(inner, value))
    if site.result is not None:
        engine.add(site.result, made)


@model("sorted", "min", "max", "list.sort")
def _sorted(site: Site) -> None:
    engine, item = site.engine, Variable()
    if len(site.positional) == 1:
        iterate(place_of(site), site.positional[0], item)
    else:
        for argument in site.positional:
            engine.copy(argument, item)
    key = site.keywords.get("key")
    if key is not None:
        inner = Site(engine, site.code, site.line, [item], result=Variable())
        engine.watch(key, lambda value: call(inner, value))
    else:
        implicit(place_of(site).site(), item, ("__lt__", "__gt__"))
    if site.result is not None:
        made = Container()
        engine.copy(item, made.element)
        engine.add(site.result, made)
        engine.copy(item, site.result)


@model(
    "list", "tuple", "set", "frozenset", "reversed", "collections.deque", "itertools.chain", "itertools.islice",
    "itertools.chain.from_iterable",
)  # fmt: skip
def _collect(site: Site) -> None:
    made = Container()
    for argument in site.positional:
        iterate(place_of(site), argument, made.element)
    if site.result is not None:
        site.engine.add(site.result, made)


@model("sum", "any", "all")
def _consume(site: Site) -> None:
    item = Variable()
    iterate(place_of(site), argument_of(site, 0), item)
    implicit(place_of(site).site(), item, ("__bool__", "__len__", "__radd__"))


@model("dict", "collections.OrderedDict", "collections.defaultdict", "collections.ChainMap")
def _dict(site: Site) -> None:
    engine, made = site.engine, Container(is_dict=True)
    for argument in site.positional:

        def use(value: Value) -> None:
            if isinstance(value, Container):
                if value.is_dict:
                    merge(site, value, made)
                    return
                pair = Variable()
                iterate(place_of(site), argument, pair)  # noqa: B023 - used at once or with the same argument
                load_element(place_of(site), pair, 0, None, made.keys)
                load_element(place_of(site), pair, 1, None, made.element)
            elif isinstance(value, Function | Class | Bound | Builtin | Partial):
                made.factory = made.factory or Variable()
                engine.add(made.factory, value)

        engine.watch(argument, use)
    for key, argument in site.keywords.items():
        engine.copy(argument, element(made, key))
    if site.result is not None:
        engine.add(site.result, made)


@model("enumerate")
def _enumerate(site: Site) -> None:
    pair, made = Container(), Container()
    iterate(place_of(site), argument_of(site, 0), element(pair, 1))
    site.engine.add(made.element, pair)
    if site.result is not None:
        site.engine.add(site.result, made)


@model("zip", "itertools.product", "itertools.zip_longest")
def _zip(site: Site) -> None:
    pair, made = Container(), Container()
    for position, argument in enumerate(site.positional):
        iterate(place_of(site), argument, element(pair, position))
    site.engine.add(made.element, pair)
    if site.result is not None:
        site.engine.add(site.result, made)


@model("iter")
def _iter(site: Site) -> None:
    engine, place = site.engine, place_of(site)
    result = site.result or Variable()

    def use(value: Value) -> None:
        if isinstance(value, Instance):
            inner = place.site(result=result)
            engine.watch(engine.member(value.of, "__iter__"), lambda found: call_method(inner, found, value))
        else:
            engine.add(result, value)

    if len(site.positional) == 2:
        inner = place.site()
        engine.watch(site.positional[0], lambda value: call(inner, value))
    else:
        engine.watch(argument_of(site, 0), use)


@model("next", "anext")
def _next(site: Site) -> None:
    result = site.result or Variable()
    site.engine.watch(argument_of(site, 0), lambda value: advance(place_of(site), value, "__next__", result))
    site.engine.copy(argument_of(site, 1), result)
