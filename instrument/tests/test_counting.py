"""Calls, errors, times and callers, by both engines."""

import contextlib
import sys
import threading
import time

import pytest

from ktlo_instrument import requests
from ktlo_instrument.pure import OTHER, OUTSIDE

SHOP = """
import time

def price(item):
    time.sleep(0.02)
    return item * 2

def order(items):
    time.sleep(0.01)
    return [price(item) for item in items]

def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)

def refuse(kind):
    raise kind("no")

def nothing():
    pass
"""


def test_a_call_counts_once_with_its_wall_time(bench):
    shop = bench.module(SHOP)
    before = time.perf_counter_ns()
    assert shop.price(3) == 6
    after = time.perf_counter_ns()
    row = bench.rows()["price"]
    assert row.calls == 1
    assert row.wall >= 20e6
    assert before + row.wall <= after
    assert row.own == row.wall
    assert sum(row.wall_histogram[2]) == 1


def test_self_time_is_without_the_instrumented_functions_that_were_called(bench):
    bench.module(SHOP).order([1, 2])
    rows = bench.rows()
    assert rows["order"].wall >= 50e6
    assert rows["order"].own == rows["order"].wall - rows["price"].wall
    assert rows["order"].own >= 10e6


def test_the_time_of_a_call_that_failed_is_not_its_callers_own(bench):
    shop = bench.module(
        SHOP
        + "def fails():\n    time.sleep(0.02)\n    raise KeyError\n"
        + "def tries():\n    try:\n        fails()\n    except KeyError:\n        pass\n"
    )
    shop.tries()
    rows = bench.rows()
    assert rows["tries"].own == rows["tries"].wall - rows["fails"].wall
    assert rows["fails"].wall >= 20e6


def test_callers_are_counted(bench):
    shop = bench.module(SHOP)
    shop.order([1, 2])
    shop.price(1)
    rows = bench.rows()
    assert rows["price"].callers == {"order": 2, OUTSIDE: 1}
    assert rows["order"].callers == {OUTSIDE: 1}


def test_recursion_counts_every_level(bench):
    assert bench.module(SHOP).depth(50) == 50
    row = bench.rows()["depth"]
    assert row.calls == 51
    assert row.callers == {OUTSIDE: 1, "depth": 50}
    assert row.own <= row.wall


def test_the_histogram_holds_the_duration_in_otlps_bucket(bench):
    bench.module(SHOP).price(1)
    row = bench.rows()["price"]
    scale, offset, counts = row.wall_histogram
    base = 2 ** (2**-scale)
    (place,) = [offset + at for at, count in enumerate(counts) if count]
    assert base**place < row.wall <= base ** (place + 1)


def test_errors_are_counted_by_type(bench):
    shop = bench.module(SHOP + "class Odd(Exception): pass\n")
    for kind in (ValueError, ValueError, shop.Odd):
        with pytest.raises(kind):
            shop.refuse(kind)
    row = bench.rows()["refuse"]
    assert row.calls == 3
    assert row.errors == {"ValueError": 2, "shop.Odd": 1}


def test_an_error_whose_class_is_hostile_is_counted_and_none_of_its_code_runs(bench):
    shop = bench.module(
        "asked = []\n"
        "class Meta(type):\n"
        "    def __getattribute__(cls, name):\n        asked.append(name); raise RuntimeError\n"
        "class Hostile(Exception):\n    @property\n"
        "    def __class__(self):\n        asked.append('class'); return int\n"
        "class Odd(Exception):\n    __module__ = property(lambda self: asked.append('module'))\n"
        "class Worse(Exception, metaclass=Meta):\n    __module__ = 5\n"
        "def f(error):\n    raise error\n"
    )
    made = [Exception.__new__(each) for each in (shop.Hostile, shop.Odd, shop.Worse)]
    del shop.asked[:]
    for error in made:
        with contextlib.suppress(Exception):
            shop.f(error)
    assert shop.asked == []
    assert bench.rows()["f"].errors == {"shop.Hostile": 1, "Odd": 1, "Worse": 1}


def test_the_end_of_an_iteration_is_no_error(bench):
    shop = bench.module(
        "class It:\n    def __iter__(self): return self\n    def __next__(self): raise StopIteration\n"
    )
    assert list(shop.It()) == []
    assert bench.rows()["It.__next__"].errors == {}


def test_an_exception_that_is_handled_outside_is_no_error_of_a_call_made_meanwhile(bench):
    shop = bench.module(SHOP)
    try:
        raise KeyError("outer")
    except KeyError:
        shop.nothing()
    assert bench.rows()["nothing"].errors == {}


def test_what_was_drained_is_not_told_again(bench):
    shop = bench.module(SHOP)
    shop.nothing()
    assert bench.rows()["nothing"].calls == 1
    assert bench.rows() == {}
    shop.nothing()
    assert bench.rows()["nothing"].calls == 1


def test_threads_lose_no_count(bench):
    shop = bench.module(SHOP)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    seen = 0
    try:
        threads = [threading.Thread(target=lambda: [shop.nothing() for _ in range(20_000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            row = bench.rows().get("nothing")
            seen += row.calls if row else 0
            time.sleep(0.005)
    finally:
        sys.setswitchinterval(before)
    row = bench.rows().get("nothing")
    assert seen + (row.calls if row else 0) == 80_000


def test_running_calls_are_seen_while_they_run(bench):
    shop = bench.module("def hold(event, ready):\n    ready.release()\n    event.wait()\n")
    event, ready = threading.Event(), threading.Semaphore(0)
    threads = [threading.Thread(target=shop.hold, args=(event, ready)) for _ in range(3)]
    for thread in threads:
        thread.start()
        ready.acquire()
    index = next(at for at, each in enumerate(bench.sites.functions) if each.name == "shop.hold")
    assert bench.engine.active()[index] == (3, 3)
    event.set()
    for thread in threads:
        thread.join()
    bench.engine.active()
    assert index not in bench.engine.active()


def test_each_route_is_counted_apart(bench):
    shop = bench.module(SHOP)
    with requests.request("/orders/{id}", "web"):
        shop.nothing()
        shop.nothing()
    shop.nothing()
    rows = bench.rows()
    kind = requests.number_of("/orders/{id}", "web")
    assert rows["nothing", kind].calls == 2
    assert rows["nothing"].calls == 1
    assert requests.kind_of(kind) == ("/orders/{id}", "web")


def test_a_framework_names_the_route_and_keeps_caller_and_tracing(bench):
    shop = bench.module(SHOP)
    with requests.request("", "web", traced=True):
        requests.named("/named/{id}")
        shop.nothing()
        assert requests.CURRENT.get() & 1
    kind = requests.number_of("/named/{id}", "web", traced=True)
    assert bench.rows()["nothing", kind].calls == 1
    requests.CURRENT.set(0)


def test_routes_beyond_the_ceiling_share_one_and_are_counted(bench, monkeypatch):
    monkeypatch.setattr(requests, "MOST_KINDS", len(requests._kinds))
    before = requests.overflowed
    assert requests.kind_of(requests.number_of("/never-seen-before")) == requests.OTHER
    assert requests.overflowed == before + 1


def test_callers_beyond_the_ceiling_share_one(bench):
    shop = bench.module(
        "def leaf(): pass\n" + "".join(f"def f{n}():\n    leaf()\n" for n in range(200)),
    )
    for n in range(200):
        getattr(shop, f"f{n}")()
    callers = bench.rows()["leaf"].callers
    assert sum(callers.values()) == 200
    assert callers[OTHER] == 200 - 64


def test_a_million_functions_stay_below_the_ceiling(bench):
    bench.sites.most = 50
    shop = bench.module("".join(f"def f{n}(): return {n}\n" for n in range(200)))
    assert [getattr(shop, f"f{n}")() for n in range(200)] == list(range(200))
    assert len(bench.sites.sites) == 51
    assert bench.sites.overflowed == 150
    overflow = [row for row in bench.engine.drain() if row[0] == 0]
    assert overflow[0][2] == 150


def test_error_types_beyond_the_ceiling_share_one(bench):
    shop = bench.module(SHOP)
    for n in range(100):
        kind = type(f"E{n}", (Exception,), {})
        with pytest.raises(kind):
            shop.refuse(kind)
    errors = bench.rows()["refuse"].errors
    assert sum(errors.values()) == 100
    assert errors["_OTHER"] == 36


def test_a_wall_clock_that_jumps_changes_nothing(bench, monkeypatch):
    shop = bench.module(SHOP)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    before = time.perf_counter_ns()
    shop.price(1)
    after = time.perf_counter_ns()
    wall = bench.rows()["price"].wall
    assert wall >= 20e6
    assert before + wall <= after


def test_a_call_whose_exit_was_not_seen_does_not_spoil_the_others(bench):
    shop = bench.module(SHOP)
    outer, inner = bench.sites.sites[1:3]
    entry = outer.enter()
    inner.enter()
    shop.nothing()
    outer.exit(entry)
    shop.nothing()
    row = bench.rows()["nothing"]
    assert (row.calls, row.callers[OUTSIDE]) == (2, 1)


def test_memory_of_a_thread_that_ended_is_given_back_and_its_calls_are_kept(bench):
    shop = bench.module(SHOP)
    for _ in range(50):
        thread = threading.Thread(target=shop.nothing)
        thread.start()
        thread.join()
    assert bench.rows()["nothing"].calls == 50
    assert bench.rows() == {}


def test_clocks_that_were_replaced_are_not_asked(bench, monkeypatch):
    """As freezegun does: in the module `time`, and wherever a module has them by name."""
    shop = bench.module(
        SHOP + "def idle():\n    import time\n    end = clock() + 20_000_000\n    while clock() < end: pass\n"
    )
    real = {
        name: getattr(time, name)
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
    }
    shop.clock = time.perf_counter_ns
    times = iter(range(10**6, 0, -1))

    def backwards():
        return next(times)

    for module in [each for name, each in sys.modules.items() if name.startswith("ktlo_instrument")] + [time]:
        for name, value in list(vars(module).items()):
            if value in real.values():
                monkeypatch.setattr(module, name, backwards)
    before = shop.clock()
    shop.idle()
    after = shop.clock()
    wall = bench.rows()["idle"].wall
    assert wall >= 20e6
    assert before + wall <= after
