"""What ``x.name`` gives, for each kind of value ``x`` may be.

Source: Python's data model (language reference 3.3): attributes of objects before those of classes except data
descriptors, functions bound on the way, properties called.
"""

from __future__ import annotations

from dataclasses import dataclass

from ktlo.guard.reachability.calls import Site, call, call_method
from ktlo.guard.reachability.engine import Engine
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
    Module,
    Partial,
    Possible,
    Property,
    Super,
    Value,
    Variable,
    Wrapped,
)

ANY = object()
"""A key or a name that only the running program knows."""
_CONTAINER_METHODS = frozenset(
    {
        "append", "add", "appendleft", "insert", "extend", "update", "setdefault", "get", "pop", "popleft",
        "popitem", "items", "values", "keys", "copy", "union", "__getitem__", "__setitem__",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the program something happens."""

    engine: Engine
    code: Code
    line: int

    def site(self, *positional: Variable | None, result: Variable | None = None) -> Site:
        """A call that Python makes by itself here."""
        return Site(self.engine, self.code, self.line, list(positional), result=result)


def load(place: Place, base: Variable | None, name: str, into: Variable) -> None:
    """``into = base.name``."""
    place.engine.watch(base, lambda value: load_of(place, value, name, into))


def load_of(place: Place, value: Value, name: str, into: Variable) -> None:
    """The attribute of one value."""
    engine = place.engine
    if isinstance(value, Instance):
        engine.copy(value.fields.setdefault(name, Variable()), into)
        member = engine.member(value.of, name)
        engine.watch(member, lambda found: _bind(place, found, value, value.of, into))
        if not name.startswith("__"):
            engine.later(lambda: _fallback(place, value, name, into))
        custom = engine.member(value.of, "__getattribute__")
        engine.watch(custom, lambda found: _call_bound(place, found, value, into))
    elif isinstance(value, Module):
        load_from_module(place, value, name, into)
    elif isinstance(value, External):
        if not name.startswith("__"):
            engine.add(into, engine.external(f"{value.name}.{name}"))
    elif isinstance(value, Class):
        member = engine.member(value, name)
        engine.watch(member, lambda found: _bind(place, found, None, value, into))
        engine.watch(value.metaclass, lambda meta: _of_metaclass(place, meta, value, name, into))
    elif isinstance(value, Super):
        owner = value.receiver.of if isinstance(value.receiver, Instance) else value.receiver
        if isinstance(owner, Class):
            member = engine.member_after(owner, value.after, name)
            receiver = value.receiver
            instance = receiver if isinstance(receiver, Instance) else None
            engine.watch(member, lambda found: _bind(place, found, instance, owner, into, is_super=True))
    elif isinstance(value, Container):
        if name in _CONTAINER_METHODS:
            engine.add(into, Builtin(f"container.{name}", value))
    elif isinstance(value, Function):
        if name == "__get__":
            engine.add(into, Builtin("function.__get__", value))
        elif name in ("__call__", "__wrapped__"):
            engine.add(into, value)
        else:
            engine.copy(value.attributes.setdefault(name, Variable()), into)
    elif isinstance(value, Bound):
        if name in ("__func__", "__wrapped__"):
            engine.add(into, value.function)
        elif name == "__self__":
            engine.add(into, value.receiver)
        elif name == "__call__":
            engine.add(into, value)
        else:
            engine.copy(value.function.attributes.setdefault(name, Variable()), into)
    elif isinstance(value, Property):
        if name in ("setter", "getter", "deleter"):
            engine.add(into, Builtin(f"property.{name}", value))
        elif name == "fget":
            engine.copy(value.getter, into)
    elif isinstance(value, Partial):
        if name == "func":
            engine.copy(value.function, into)
    elif isinstance(value, Generator):
        if name in ("send", "__next__", "throw"):
            engine.add(into, Builtin("next", value))
    elif isinstance(value, Wrapped):
        if name == "__func__":
            engine.add(into, value.inner)
    elif isinstance(value, Builtin):
        if name in ("fromkeys", "from_iterable"):
            engine.add(into, Builtin("list"))
        elif name == "__new__":
            engine.add(into, Builtin("object.__new__"))
    elif isinstance(value, Possible):
        load_of(place, value.inner, name, possibly(engine, into))


def _fallback(place: Place, value: Instance, name: str, into: Variable) -> None:
    engine = place.engine
    known = value.fields.get(name)
    is_answered = engine.has_member(value.of, name) or (known is not None and bool(known.values))
    if engine.has_member(value.of, "__getattr__") and not is_answered:
        fallback = engine.member(value.of, "__getattr__")
        engine.watch(fallback, lambda found: _call_bound(place, found, value, into))


def load_from_module(place: Place, module: Module, name: str, into: Variable) -> None:
    """A module's attribute: its own name, one of a star import, or by its ``__getattr__``."""
    engine = place.engine
    variable = global_variable(engine, module, name)
    if variable is not None:
        engine.copy(variable, into)
        return
    # It may be set later by somebody else (a submodule, an assignment from outside).
    engine.copy(module.variables.setdefault(name, Variable()), into)
    engine.later(lambda: _module_fallback(place, module, name, into))


def _module_fallback(place: Place, module: Module, name: str, into: Variable) -> None:
    if "__getattr__" in module.variables and not module.variables[name].values and not name.startswith("__"):
        site = place.site(None, result=into)
        place.engine.watch(module.variables["__getattr__"], lambda found: call(site, found))


def global_variable(engine: Engine, module: Module, name: str, depth: int = 0) -> Variable | None:
    """The variable of a module's name, star imports followed; ``None`` when nothing binds it yet."""
    own = module.variables.get(name)
    if not module.stars or depth > 20:
        return own
    for other in module.stars:
        public = name in other.exported if other.exported is not None else not name.startswith("_")
        if not public:
            continue
        found = global_variable(engine, other, name, depth + 1)
        if found is not None and found is not own:
            if own is None:
                own = module.variables[name] = Variable()
            engine.copy(found, own)
    return own


def store(place: Place, base: Variable | None, name: str, source: Variable | None) -> None:
    """``base.name = source``."""
    if base is not None:
        place.engine.watch(base, lambda value: _store_of(place, value, name, source))


def _store_of(place: Place, value: Value, name: str, source: Variable | None) -> None:
    engine = place.engine
    if isinstance(value, Instance):
        engine.copy(source, value.fields.setdefault(name, Variable()))
        engine.watch(engine.member(value.of, name), lambda found: _set(place, found, value, source))
        custom = engine.member(value.of, "__setattr__")
        site = place.site(None, source)
        engine.watch(custom, lambda found: call_method(site, found, value))
    elif isinstance(value, Class):
        engine.copy(source, engine.attribute(value, name))
    elif isinstance(value, Module):
        engine.copy(source, value.variables.setdefault(name, Variable()))
    elif isinstance(value, Function):
        engine.copy(source, value.attributes.setdefault(name, Variable()))
    elif isinstance(value, Possible):
        _store_of(place, value.inner, name, source)
    elif isinstance(value, External):
        engine.watch(source, lambda kept: _escape(place, kept))


def _escape(place: Place, value: Value) -> None:
    if isinstance(value, Function | Bound | Partial):
        call(place.site(), value)


def _set(place: Place, found: Value, instance: Instance, source: Variable | None) -> None:
    if isinstance(found, Property):
        site = place.site(source)
        place.engine.watch(found.setter, lambda setter: call_method(site, setter, instance))
    elif isinstance(found, Instance):
        site = place.site(None, source)
        setter = place.engine.member(found.of, "__set__")
        place.engine.watch(setter, lambda one: call_method(site, one, found))


def _bind(
    place: Place,
    found: Value,
    instance: Instance | None,
    owner: Class,
    into: Variable,
    *,
    is_super: bool = False,
) -> None:
    """What a class's attribute becomes when it is looked up on an object (or, without one, on the class)."""
    engine = place.engine
    if isinstance(found, Function):
        if instance is not None:
            engine.add(into, engine.bound(found, instance))
        elif (
            found.node is not None and found.name.endswith((".__init_subclass__", ".__class_getitem__"))
        ) or (is_super and not found.name.endswith(".__new__")):
            engine.add(into, engine.bound(found, owner))
        else:
            engine.add(into, found)
    elif isinstance(found, Wrapped):
        inner = found.inner
        if found.kind == "classmethod" and isinstance(inner, Function):
            engine.add(into, engine.bound(inner, owner))
        else:
            engine.add(into, inner)
    elif isinstance(found, Property):
        if instance is not None:
            site = place.site(result=into)
            engine.watch(found.getter, lambda getter: call_method(site, getter, instance))
        else:
            engine.add(into, found)
    elif isinstance(found, Possible):
        _bind(place, found.inner, instance, owner, possibly(engine, into))
    elif isinstance(found, Partial) and instance is not None:
        engine.add(into, found)
    elif isinstance(found, External) and instance is not None:
        engine.add(into, Builtin(f"external:{found.name}", instance))
    else:
        if isinstance(found, Instance):
            getter = engine.member(found.of, "__get__")
            given = Variable()
            if instance is not None:
                engine.add(given, instance)
            site = place.site(given, None, result=into)
            engine.watch(getter, lambda one: call_method(site, one, found))
        if owner.is_enum and instance is None:
            engine.add(into, owner.instance)
        engine.add(into, found)


def _of_metaclass(place: Place, meta: Value, value: Class, name: str, into: Variable) -> None:
    if isinstance(meta, Class):
        engine = place.engine
        member = engine.member(meta, name)

        def use(found: Value) -> None:
            if isinstance(found, Function):
                engine.add(into, engine.bound(found, value))
            elif isinstance(found, Property):
                site = place.site(result=into)
                engine.watch(found.getter, lambda getter: call_method(site, getter, value))

        engine.watch(member, use)


def _call_bound(place: Place, found: Value, instance: Instance, into: Variable) -> None:
    call_method(place.site(None, result=into), found, instance)


def possibly(engine: Engine, into: Variable) -> Variable:
    """A variable whose values are possible ones of ``into``."""
    between = Variable()
    engine.watch(between, lambda value: engine.add(into, engine.possible(value)))
    return between


def load_any(place: Place, base: Variable | None, into: Variable, prefix: str = "") -> None:
    """``getattr(base, name)`` with a name nobody can read: every attribute is possible."""
    engine = place.engine
    between = possibly(engine, into)

    def use(value: Value) -> None:
        names: list[str] = []
        if isinstance(value, Possible):
            value = value.inner
        if isinstance(value, Module):
            names = list(value.variables)
        elif isinstance(value, Instance):
            names = [*value.fields, *_names(value.of)]
        elif isinstance(value, Class):
            names = _names(value)
        for name in dict.fromkeys(names):
            if name.startswith(prefix) and not name.startswith("__"):
                load_of(place, value, name, between)

    engine.watch(base, use)


def _names(owner: Class) -> list[str]:
    return [name for one in owner.mro if isinstance(one, Class) for name in one.attributes]
