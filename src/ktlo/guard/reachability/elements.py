"""What ``x[key]`` and loops over ``x`` give, for each kind of value ``x`` may be.

Source: Python's data model (language reference 3.3.7): subscription and iteration ask the class, not the object.
"""

from __future__ import annotations

from ktlo.guard.reachability.attributes import ANY, Place, load_any, load_from_module, possibly
from ktlo.guard.reachability.calls import Site, call, call_method
from ktlo.guard.reachability.containers import everything, field
from ktlo.guard.reachability.values import (
    Class,
    Container,
    External,
    Generator,
    Instance,
    Namespace,
    Possible,
    Value,
    Variable,
)


def load_element(
    place: Place, base: Variable | None, key: object, index: Variable | None, into: Variable
) -> None:
    """``into = base[key]``; ``ANY`` for a key that is no constant."""
    place.engine.watch(base, lambda value: _element_of(place, value, key, index, into))


def _element_of(place: Place, value: Value, key: object, index: Variable | None, into: Variable) -> None:
    engine = place.engine
    if isinstance(value, Container):
        if key is ANY or (isinstance(key, int) and key < 0):
            everything(engine, value, into)
        else:
            engine.copy(value.element, into)
            engine.copy(field(value, key), into)
        if value.factory is not None:
            site = place.site(result=into)
            engine.watch(value.factory, lambda made: call(site, made))
            engine.copy(into, value.element)
    elif isinstance(value, Instance):
        site = place.site(index, result=into)
        getter = engine.member(value.of, "__getitem__")
        engine.watch(getter, lambda found: call_method(site, found, value))
    elif isinstance(value, Class):
        engine.add(into, value)
        site = place.site(index, result=into)
        getter = engine.member(value, "__class_getitem__")
        engine.watch(getter, lambda found: call_method(site, found, value))
        if value.is_enum:
            engine.add(into, value.instance)
        engine.watch(value.metaclass, lambda meta: _meta_item(site, meta, value))
    elif isinstance(value, External):
        engine.add(into, value)
    elif isinstance(value, Namespace):
        if isinstance(key, str):
            load_from_module(place, value.module, key, into)
        else:
            base = Variable()
            engine.add(base, value.module)
            load_any(place, base, into)
    elif isinstance(value, Possible):
        _element_of(place, value.inner, key, index, possibly(engine, into))


def _meta_item(site: Site, meta: Value, value: Class) -> None:
    if isinstance(meta, Class):
        site.engine.watch(
            site.engine.member(meta, "__getitem__"), lambda found: call_method(site, found, value)
        )


def store_element(
    place: Place, base: Variable | None, key: object, index: Variable | None, source: Variable | None
) -> None:
    """``base[key] = source``."""

    def use(value: Value) -> None:
        engine = place.engine
        if isinstance(value, Container):
            engine.copy(source, value.element if key is ANY else field(value, key))
            engine.copy(index, value.keys)
        elif isinstance(value, Instance):
            setter = engine.member(value.of, "__setitem__")
            site = place.site(index, source)
            engine.watch(setter, lambda found: call_method(site, found, value))
        elif isinstance(value, Namespace) and isinstance(key, str):
            engine.copy(source, value.module.variables.setdefault(key, Variable()))
        elif isinstance(value, Possible):
            use(value.inner)

    place.engine.watch(base, use)


def iterate(place: Place, base: Variable | None, into: Variable, *, is_async: bool = False) -> None:
    """``for into in base``."""

    def use(value: Value) -> None:
        engine = place.engine
        if isinstance(value, Container):
            if value.is_dict:
                engine.copy(value.keys, into)
            else:
                everything(engine, value, into)
        elif isinstance(value, Generator):
            engine.copy(value.function.yields, into)
        elif isinstance(value, Instance):
            start, step = ("__aiter__", "__anext__") if is_async else ("__iter__", "__next__")
            given = Variable()
            site = place.site(result=given)
            engine.watch(engine.member(value.of, start), lambda found: call_method(site, found, value))
            engine.watch(given, lambda one: advance(place, one, step, into, use))
            items = place.site(None, result=into)
            if not is_async:
                engine.later(lambda: _by_index(items, value))
        elif isinstance(value, Class):
            if value.is_enum:
                engine.add(into, value.instance)
            given = Variable()
            meta_site = place.site(result=given)
            engine.watch(value.metaclass, lambda meta: _meta_iter(meta_site, meta, value))
            iterate_once(place, given, into)
        elif isinstance(value, External):
            engine.add(into, engine.external(f"{value.name}[]"))
        elif isinstance(value, Possible):
            use(value.inner)

    place.engine.watch(base, use)


def _by_index(site: Site, value: Instance) -> None:
    """Without ``__iter__``, loops ask ``__getitem__``."""
    if not site.engine.has_member(value.of, "__iter__"):
        getter = site.engine.member(value.of, "__getitem__")
        site.engine.watch(getter, lambda found: call_method(site, found, value))


def iterate_once(place: Place, given: Variable, into: Variable) -> None:
    """Iterate over what a metaclass's ``__iter__`` gave, which is no class again."""
    place.engine.watch(
        given,
        lambda one: place.engine.copy(one.function.yields, into) if isinstance(one, Generator) else None,
    )


def _meta_iter(site: Site, meta: Value, value: Class) -> None:
    if isinstance(meta, Class):
        site.engine.watch(site.engine.member(meta, "__iter__"), lambda found: call_method(site, found, value))


def advance(place: Place, value: Value, step: str, into: Variable, iterating: object = None) -> None:
    """One step of an iterator."""
    engine = place.engine
    if isinstance(value, Instance):
        site = place.site(result=into)
        engine.watch(engine.member(value.of, step), lambda found: call_method(site, found, value))
    elif isinstance(value, Generator):
        engine.copy(value.function.yields, into)
    elif isinstance(value, Container):
        everything(engine, value, into)
    del iterating
