"""As if it were not there: what a program can see of its own functions."""

import contextlib
import copy
import dataclasses
import functools
import gc
import inspect
import pickle
import sys
import traceback
import types
import warnings

import pytest

SOURCE = '''
"""A shop."""
import abc, dataclasses, functools, inspect, sys, warnings
from typing import Optional

seen = []

def register(function):
    seen.append(function)
    return function

@register
def handler(a: int, /, b: "str" = "x", *rest: float, c: Optional[int] = None, **more: bool) -> dict:
    """Handles."""
    return {"a": a, "b": b, "rest": rest, "c": c, "more": more}

def names(a):
    b = 2
    return locals(), sorted(vars()), dir()

def where():
    return sys._getframe(1).f_code.co_name

def calls_where():
    return where()

def warn():
    warnings.warn("old", DeprecationWarning, stacklevel=2)

def closure(x):
    def inner(y):
        nonlocal x
        x += y
        return x
    return inner

@functools.lru_cache(maxsize=None)
def cached(x): return object()

@functools.wraps(handler)
def wrapped(*args, **kwargs): return handler(*args, **kwargs)

class Base:
    def __init_subclass__(cls, **kw):
        super().__init_subclass__()
        cls.made = kw
    def hello(self): return "base"

class Noted:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, instance, owner): return self.name

class Meta(type):
    def __call__(cls, *a):
        made = super().__call__(*a)
        made.by_meta = True
        return made

class Child(Base, kind=1):
    noted = Noted()
    def hello(self): return "child of " + super().hello()
    @staticmethod
    def s(x): return x
    @classmethod
    def c(cls, x): return cls, x
    @property
    def p(self): return self.__class__
    @p.setter
    def p(self, value): self.q = value
    @functools.cached_property
    def once(self): return object()
    def __secret(self): return "mangled"
    def tell(self): return self.__secret()
    @functools.singledispatchmethod
    def one(self, x): return "any"
    @one.register
    def _(self, x: int): return "int"

class Slotted(metaclass=Meta):
    __slots__ = ("a", "by_meta")
    def __init__(self, a): self.a = a

@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 0
    def __post_init__(self): self.x += 0
    def norm(self): return self.x + self.y

class Abstract(abc.ABC):
    @abc.abstractmethod
    def must(self): ...

class Thing:
    def __init__(self): self.n = 0
    def __getattr__(self, name):
        if name.startswith("_"): raise AttributeError(name)
        return name
    def __eq__(self, other): return self.n == other.n
    def __hash__(self): return 1
    def __reduce__(self): return (Thing, ())

def fails(x):
    y = x
    raise ValueError(y)

def fails_below(x):
    return fails(
        x
    )

def finally_wins():
    try:
        return 1
    finally:
        return 2

def returns_in_with(manager):
    with manager:
        return "inside"

def deep(n):
    return n if n == 0 else deep(n - 1)

def generic(x):
    global seen
    del x
    return len(seen)
'''


@pytest.fixture
def shop(bench, tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(SOURCE)
    return bench.module(SOURCE, path=str(path))


@pytest.fixture
def plain(tmp_path):
    module = types.ModuleType("plain")
    sys.modules["plain"] = module
    exec(compile(SOURCE, str(tmp_path / "shop.py"), "exec"), module.__dict__)
    yield module
    del sys.modules["plain"]


def test_signature_defaults_and_annotations_are_the_authors(shop, plain):
    assert str(inspect.signature(shop.handler)) == str(inspect.signature(plain.handler))
    for name in ("__defaults__", "__kwdefaults__", "__annotations__", "__doc__", "__name__", "__qualname__"):
        assert getattr(shop.handler, name) == getattr(plain.handler, name)
    assert shop.handler(1, "b", 2.0, c=3, d=True) == plain.handler(1, "b", 2.0, c=3, d=True)
    assert type(shop.handler) is types.FunctionType


def test_decorators_got_the_very_function_that_the_module_has(shop):
    assert shop.seen == [shop.handler]
    assert not hasattr(shop.handler, "__wrapped__")


def test_the_module_has_no_names_of_ours(shop, plain):
    assert set(vars(shop)) == set(vars(plain)) | {"__file__"}
    assert vars(shop.Child).keys() == vars(plain.Child).keys()
    for name in (
        "co_varnames",
        "co_names",
        "co_argcount",
        "co_firstlineno",
        "co_flags",
        "co_freevars",
        "co_cellvars",
    ):
        mine = getattr(shop.closure.__code__, name)
        if name == "co_varnames":
            mine = tuple(each for each in mine if each not in (".r", ".k"))
        if name == "co_names":
            mine = tuple(each for each in mine if each not in ("enter", "exit", "fail"))
        assert mine == getattr(plain.closure.__code__, name), name


def test_source_and_place_are_found(shop):
    assert inspect.getsource(shop.names).startswith("def names(a):\n    b = 2\n")
    assert inspect.getsourcelines(shop.Child)[1] == inspect.getsourcelines(shop.Child.hello)[1] - 2


def test_locals_vars_and_dir_show_only_the_authors_names(shop):
    both, of_vars, of_dir = shop.names(1)
    assert both == {"a": 1, "b": 2}
    assert of_vars == ["a", "b"]
    assert of_dir == ["a", "b"]


def test_no_frame_of_ours_is_on_the_stack(shop):
    assert shop.calls_where() == "calls_where"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shop.warn()
    assert caught[0].filename == __file__


def test_tracebacks_have_the_same_lines(shop, plain):
    def lines(module):
        with pytest.raises(ValueError, match="7") as caught:
            module.fails_below(7)
        return [(each.name, each.lineno) for each in traceback.extract_tb(caught.value.__traceback__)][1:]

    assert lines(shop) == lines(plain)
    assert len(lines(shop)) == 2


def test_an_exception_is_gone_with_its_last_reference(shop):
    """Nothing of ours makes a cycle of it that only the garbage collector ends."""
    with contextlib.suppress(ValueError):
        shop.fails(0)  # what is told of first calls is kept by these tests
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(ValueError):
            shop.fails(1)
        assert not [each for each in gc.get_objects() if type(each) is ValueError and each.args == (1,)]
    finally:
        gc.enable()


def test_context_and_cause_of_exceptions_are_untouched(shop):
    with pytest.raises(ValueError, match="1") as caught:
        shop.fails(1)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_super_cells_mangling_and_class_hooks_work(shop):
    child = shop.Child()
    assert child.hello() == "child of base"
    assert shop.Child.made == {"kind": 1}
    assert (child.s(1), child.c(2), child.p) == (1, (shop.Child, 2), shop.Child)
    child.p = 5
    assert child.q == 5
    assert child.once is child.once
    assert child.tell() == "mangled"
    assert child.noted == "noted"
    assert (child.one("x"), child.one(1)) == ("any", "int")


def test_slots_metaclasses_dataclasses_and_abstract_methods_work(shop):
    assert shop.Slotted(3).by_meta
    assert not hasattr(shop.Slotted(3), "__dict__")
    assert shop.Point(1, 2) < shop.Point(2)
    assert dataclasses.asdict(shop.Point(1, 2)) == {"x": 1, "y": 2}
    assert dataclasses.replace(shop.Point(1), y=5).norm() == 6
    with pytest.raises(TypeError):
        shop.Abstract()


def test_attribute_hooks_equality_and_copying_work(shop):
    thing = shop.Thing()
    assert thing.anything == "anything"
    assert not hasattr(thing, "_x")
    assert {thing: 1}[shop.Thing()] == 1
    assert copy.deepcopy(thing) == thing


def test_functions_methods_and_instances_are_pickled_by_name(shop):
    for each in (shop.handler, shop.Child.hello, shop.Child.s, shop.Point(1, 2), shop.Child().hello):
        again = pickle.loads(pickle.dumps(each))
        assert again == each or again.__func__ is each.__func__
    assert pickle.loads(pickle.dumps(functools.partial(shop.handler, 1)))("b")["b"] == "b"


def test_closures_caches_and_wraps_work(shop):
    add = shop.closure(1)
    assert (add(2), add(3)) == (3, 6)
    assert add.__closure__ is not None
    assert inspect.getclosurevars(add).nonlocals == {"x": 6}
    assert shop.cached(1) is shop.cached(1)
    assert shop.wrapped(1)["a"] == 1
    assert shop.wrapped.__wrapped__ is shop.handler


def test_finally_and_with_keep_their_meaning(shop):
    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, *given):
            self.given = given

    manager = Manager()
    assert shop.finally_wins() == 2
    assert shop.returns_in_with(manager) == "inside"
    assert manager.given == (None, None, None)


def test_recursion_goes_as_deep_as_before(shop, plain):
    def deepest(function):
        low, high = 10, 2000
        while low < high:
            middle = (low + high + 1) // 2
            try:
                function(middle)
                low = middle
            except RecursionError:
                high = middle - 1
        return low

    assert deepest(plain.deep) - deepest(shop.deep) <= 5


def test_a_result_lives_no_longer_than_before(bench):
    import weakref

    shop = bench.module(
        "class Big: pass\ndef make():\n    big = Big()\n    return big\ndef drop(x):\n    del x\n    return 1\n"
    )
    reference = weakref.ref(shop.make())
    bench.told.clear()
    assert reference() is None
    assert shop.drop(shop.Big()) == 1


def test_a_module_with_as_many_nested_blocks_as_python_allows_still_compiles_or_is_left_alone():
    from ktlo_instrument.transform import transform

    source = "def f():\n" + "".join("  " * n + "  for x in y:\n" for n in range(1, 20)) + "  " * 21 + "pass\n"
    compile(source, "x", "exec")
    try:
        transform(source.encode(), "x")
    except SyntaxError as problem:
        assert "nested blocks" in str(problem)  # noqa: PT017 - the import hook then loads it as it is


def test_code_can_be_pickled_with_its_sites(bench, shop):
    site = bench.sites.sites[1]
    assert pickle.loads(pickle.dumps(site)).index == 0
