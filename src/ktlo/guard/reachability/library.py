"""Models of Python's own functions: computed names, classes, decorators and functions of functions.

Read by :mod:`.models` when the first call needs one.
"""

from __future__ import annotations

from ktlo.guard.reachability.attributes import load, load_any, store
from ktlo.guard.reachability.calls import (
    Site,
    call,
)
from ktlo.guard.reachability.elements import iterate
from ktlo.guard.reachability.engine import Kind
from ktlo.guard.reachability.models import (
    MODELS,
    Model,
    argument_of,
    model,
    place_of,
)
from ktlo.guard.reachability.values import (
    Builtin,
    Class,
    External,
    Function,
    Instance,
    Namespace,
    Partial,
    Property,
    Super,
    Value,
    Variable,
    Wrapped,
)

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
        owner, receiver = site.positional[0], argument_of(site, 1)

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
    engine.copy(argument_of(site, 0, "fget"), made.getter)
    engine.copy(argument_of(site, 1, "fset"), made.setter)
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


MODELS |= {"staticmethod": _wrap("staticmethod"), "classmethod": _wrap("classmethod")}

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
        site.engine.copy(argument_of(site, 1), site.result)


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
    iterate(place_of(site), argument_of(site, 1), item)
    inner = Site(engine, site.code, site.line, [result, item], result=result)
    engine.copy(item, result)
    engine.copy(argument_of(site, 2), result)
    engine.watch(argument_of(site, 0), lambda value: call(inner, value))


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


def register_implementation(site: Site, of: Function) -> None:
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
    target = argument_of(site, 1, "target")
    inner = Site(engine, site.code, site.line)
    arguments = argument_of(site, 3, "args")
    if arguments is not None:
        inner.star.append((0, arguments))
    keywords = argument_of(site, 4, "kwargs")
    if keywords is not None:
        inner.double_star.append(keywords)
    engine.watch(target, lambda value: call(inner, value))
    if site.result is not None:
        engine.add(site.result, engine.external("threading.Thread()"))
