"""What Python's own functions and a few of its modules do with the values they are given.

A registry by name: a model is a function with ``@model``. What is not here is *outside*: the functions it is given
count as called, and what it gives back is outside as well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from ktlo.guard.reachability.attributes import (
    ANY,
    Place,
    advance,
    each_field,
    everything,
    iterate,
    load,
    load_any,
    load_element,
    store,
    store_element,
)
from ktlo.guard.reachability.attributes import field as element
from ktlo.guard.reachability.calls import (
    Site,
    call,
    call_function,
    call_method,
    called_from_outside,
    uses_of,
)
from ktlo.guard.reachability.engine import Kind
from ktlo.guard.reachability.values import (
    Bound,
    Builtin,
    Class,
    Container,
    External,
    Function,
    Generator,
    Instance,
    Module,
    Namespace,
    Partial,
    Property,
    Super,
    Value,
    Variable,
    Wrapped,
)

Model = Callable[[Site], None]
_MODELS: dict[str, Model] = {}

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
        _MODELS.update(dict.fromkeys(names, made))
        return made

    return register


def place_of(site: Site) -> Place:
    """Where a call stands."""
    return Place(site.engine, site.code, site.line)


def call_builtin(site: Site, value: Builtin) -> None:
    """A known function is called."""
    if value.of is not None:
        _call_bound(site, value.name, value.of)
        return
    known = _MODELS.get(value.name)
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
    known = _MODELS.get(value.name)
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
            lambda given, following=following: _used_outside(site, given, following),  # type: ignore[misc]
        )
    for keyword in site.keywords.values():
        engine.watch(keyword, lambda given: _used_outside(site, given, []))
    for _, given in site.star:
        engine.watch(given, lambda value: _used_outside(site, value, []))


def _used_outside(site: Site, value: Value, arguments: list[Variable | None]) -> None:
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
        _register(site, of)
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
            engine.watch(argument, lambda value: _merge(site, value, of))
        for key, argument in site.keywords.items():
            engine.copy(argument, element(of, key))
    elif name in ("get", "pop", "setdefault", "__getitem__"):
        at = _key(site, 0)
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
        store_element(place_of(site), base, _key(site, 0), first, last)
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


def _merge(site: Site, value: Value, into: Container) -> None:
    engine = site.engine
    if isinstance(value, Container) and value.is_dict:
        engine.copy(value.element, into.element)
        engine.copy(value.keys, into.keys)
        each_field(value, lambda key, variable: engine.copy(variable, element(into, key)))
    else:
        given = Variable()
        engine.add(given, value)
        iterate(place_of(site), given, into.element)


def _key(site: Site, position: int) -> object:
    words = site.words.get(position)
    return next(iter(words)) if words is not None and len(words) == 1 else ANY


def _argument(site: Site, position: int, name: str = "") -> Variable | None:
    if position < len(site.positional):
        return site.positional[position]
    return site.keywords.get(name)


# --- Names that only the running program may know -----------------------------------------------------------


@model("getattr")
def _getattr(site: Site) -> None:
    if site.result is None or not site.positional:
        return
    base, words = site.positional[0], site.words.get(1)
    if words is not None:
        for word in sorted(words):
            load(place_of(site), base, word, site.result)
    else:
        prefix = next(iter(site.words.get(-1, {""})))
        load_any(place_of(site), base, site.result, prefix)
        site.engine.note(site.code, site.line, "an attribute whose name only the running program knows")
    if len(site.positional) > 2:
        site.engine.copy(site.positional[2], site.result)


@model("setattr")
def _setattr(site: Site) -> None:
    if len(site.positional) < 3:
        return
    for word in sorted(site.words.get(1) or ()):
        store(place_of(site), site.positional[0], word, site.positional[2])


@model("operator.attrgetter", "operator.methodcaller", "operator.itemgetter")
def _nothing(site: Site) -> None:
    del site


@model("exec", "eval", "compile")
def _exec(site: Site) -> None:
    site.engine.note(site.code, site.line, "code that is made while the program runs (exec, eval)")


@model("globals")
def _globals(site: Site) -> None:
    from ktlo.guard.reachability.lowering import module_of

    if site.result is not None:
        site.engine.add(site.result, Namespace(module_of(site.code)))


@model("__import__", "importlib.import_module")
def _import_module(site: Site) -> None:
    engine = site.engine
    words = site.words.get(0)
    if words is None:
        engine.note(site.code, site.line, "a module whose name only the running program knows")
        return
    from ktlo.guard.reachability.lowering import module_of

    for word in sorted(words):
        name = word
        if word.startswith("."):
            package = next(iter(site.words.get(1, {module_of(site.code).package})))
            dots = len(word) - len(word.lstrip("."))
            parts = package.split(".")
            name = ".".join([*parts[: len(parts) - dots + 1], word.lstrip(".")]).strip(".")
        found = engine.load(name, site.code, site.line)
        if site.result is not None:
            engine.add(site.result, found if found is not None else engine.external(name))


# --- Classes --------------------------------------------------------------------------------------------------


@model("super")
def _super(site: Site) -> None:
    engine = site.engine
    if site.result is None:
        return
    result = site.result
    if site.positional:
        owner, receiver = site.positional[0], _argument(site, 1)

        def with_owner(one: Value) -> None:
            if isinstance(one, Class):
                engine.watch(
                    receiver,
                    lambda held: (
                        engine.add(result, Super(one, held)) if isinstance(held, Instance | Class) else None
                    ),
                )

        engine.watch(owner, with_owner)
    elif site.scope_owner is not None:
        after = site.scope_owner
        known: dict[Value, Super] = {}

        def use(held: Value) -> None:
            if isinstance(held, Instance | Class):
                engine.add(result, known.setdefault(held, Super(after, held)))

        engine.watch(site.first, use)


@model("type")
def _type(site: Site) -> None:
    engine = site.engine
    if site.result is None or len(site.positional) != 1:
        return
    result = site.result
    engine.watch(
        site.positional[0],
        lambda value: engine.add(result, value.of) if isinstance(value, Instance) else None,
    )


@model("object.__new__")
def _new(site: Site) -> None:
    if site.result is not None and site.positional:
        engine, result = site.engine, site.result
        engine.watch(
            site.positional[0],
            lambda value: engine.add(result, value.instance) if isinstance(value, Class) else None,
        )


@model("property", "functools.cached_property", "abc.abstractproperty")
def _property(site: Site) -> None:
    made = Property()
    engine = site.engine
    engine.copy(_argument(site, 0, "fget"), made.getter)
    engine.copy(_argument(site, 1, "fset"), made.setter)
    if site.result is not None:
        engine.add(site.result, made)


@model("staticmethod", "classmethod")
def _never(site: Site) -> None:
    del site


def _wrap(kind: str) -> Model:
    def made(site: Site) -> None:
        engine, result = site.engine, site.result
        if result is not None and site.positional:
            known: dict[Value, Wrapped] = {}
            engine.watch(
                site.positional[0],
                lambda value: engine.add(result, known.setdefault(value, Wrapped(kind, value))),
            )

    return made


_MODELS |= {"staticmethod": _wrap("staticmethod"), "classmethod": _wrap("classmethod")}

# --- Functions ------------------------------------------------------------------------------------------------


@model(
    "functools.lru_cache", "functools.cache", "functools.total_ordering", "contextlib.contextmanager",
    "contextlib.asynccontextmanager", "abc.abstractmethod", "dataclasses.dataclass", "typing.overload",
    "typing.final", "typing.runtime_checkable", "types.coroutine", "copy.copy",
    "copy.deepcopy", "enum.unique", "enum.auto", "functools.update_wrapper", "weakref.proxy", "functools.wraps",
    "typing.no_type_check", "contextlib.closing", "contextlib.nullcontext", "typing_extensions.override",
    "typing.override", "asyncio.run", "asyncio.create_task", "asyncio.ensure_future", "asyncio.wait_for",
    "asyncio.shield", "iter", "unittest.skip", "itertools.cycle", "typing_extensions.deprecated",
    "types.MappingProxyType", "weakref.ref",
)  # fmt: skip
def _identity(site: Site) -> None:
    """Gives its first argument back; called with none or only options, gives a decorator that does."""
    engine, result = site.engine, site.result
    if result is None:
        return
    given = site.positional[0] if site.positional else None
    if given is None:
        engine.add(result, Builtin("identity", External("identity")))
        return
    engine.copy(given, result)


@model("functools.wraps", "typing_extensions.deprecated", "unittest.skip", "warnings.deprecated")
def _decorator_factory(site: Site) -> None:
    if site.result is not None:
        site.engine.add(site.result, Builtin("identity", External("identity")))


@model("typing.cast")
def _cast(site: Site) -> None:
    if site.result is not None:
        site.engine.copy(_argument(site, 1), site.result)


@model("functools.partial", "functools.partialmethod")
def _partial(site: Site) -> None:
    if site.result is not None and site.positional and site.positional[0] is not None:
        made = Partial(site.positional[0], site.positional[1:], site.keywords)
        site.engine.add(site.result, made)


@model("functools.reduce")
def _reduce(site: Site) -> None:
    engine = site.engine
    item = Variable()
    result = Variable() if site.result is None else site.result
    iterate(place_of(site), _argument(site, 1), item)
    inner = Site(engine, site.code, site.line, [result, item], result=result)
    engine.copy(item, result)
    engine.copy(_argument(site, 2), result)
    engine.watch(_argument(site, 0), lambda value: call(inner, value))


@model("functools.singledispatch", "functools.singledispatchmethod")
def _singledispatch(site: Site) -> None:
    engine, result = site.engine, site.result
    if result is None or not site.positional:
        return

    def use(value: Value) -> None:
        if isinstance(value, Function):
            engine.add(value.attributes.setdefault("register", Variable()), Builtin("register", value))
            engine.add(result, value)

    engine.watch(site.positional[0], use)


def _register(site: Site, of: Function) -> None:
    """``@generic.register``: what is registered may be called wherever the generic function is."""
    engine = site.engine
    again = Site(engine, site.code, site.line)

    def use(value: Value) -> None:
        if isinstance(value, Function):
            engine.edge(of, value, of.line, Kind.CALL)
            for name, parameter in zip(value.positional, of.positional, strict=False):
                engine.copy(of.parameters[parameter], value.parameters[name])
            engine.copy(value.result, of.result)

    for argument in site.positional:
        engine.watch(argument, use)
    del again
    if site.result is not None:
        given = site.positional[-1] if site.positional else None
        engine.copy(given, site.result)
        engine.add(site.result, Builtin("register", of))


@model("threading.Thread", "multiprocessing.Process", "multiprocessing.Pool")
def _thread(site: Site) -> None:
    engine = site.engine
    target = _argument(site, 1, "target")
    inner = Site(engine, site.code, site.line)
    arguments = _argument(site, 3, "args")
    if arguments is not None:
        inner.star.append((0, arguments))
    keywords = _argument(site, 4, "kwargs")
    if keywords is not None:
        inner.double_star.append(keywords)
    engine.watch(target, lambda value: call(inner, value))
    if site.result is not None:
        engine.add(site.result, engine.external("threading.Thread()"))


# --- Iteration ------------------------------------------------------------------------------------------------


@model("filter", "itertools.takewhile", "itertools.dropwhile", "itertools.filterfalse")
def _filter(site: Site) -> None:
    engine, made = site.engine, Container()
    iterate(place_of(site), _argument(site, 1), made.element)
    inner = Site(engine, site.code, site.line, [made.element], result=Variable())
    engine.watch(_argument(site, 0), lambda value: call(inner, value))
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
    engine.watch(_argument(site, 0), lambda value: call(inner, value))
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
    iterate(place_of(site), _argument(site, 0), item)
    implicit(place_of(site).site(), item, ("__bool__", "__len__", "__radd__"))


@model("dict", "collections.OrderedDict", "collections.defaultdict", "collections.ChainMap")
def _dict(site: Site) -> None:
    engine, made = site.engine, Container(is_dict=True)
    for argument in site.positional:

        def use(value: Value) -> None:
            if isinstance(value, Container):
                if value.is_dict:
                    _merge(site, value, made)
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
    iterate(place_of(site), _argument(site, 0), element(pair, 1))
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
        engine.watch(_argument(site, 0), use)


@model("next", "anext")
def _next(site: Site) -> None:
    result = site.result or Variable()
    site.engine.watch(_argument(site, 0), lambda value: advance(place_of(site), value, "__next__", result))
    site.engine.copy(_argument(site, 1), result)


def implemented() -> tuple[str, ...]:
    """Names that have a model, for tests and documentation."""
    return tuple(sorted({*_MODELS, *OPERATORS_BY_FUNCTION}))


def is_known_builtin(name: str) -> bool:
    """Python's own functions that are known here, without a module before them."""
    return name in _MODELS or name in OPERATORS_BY_FUNCTION


__all__ = [
    "Module",
    "call_builtin",
    "call_external",
    "call_function",
    "implemented",
    "implicit",
    "is_known_builtin",
]
