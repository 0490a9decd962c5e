"""What an engine keeps of coroutines and generators that run: their figures, how many there are, what they told."""

import asyncio
import contextlib
import gc

import pytest

from conftest import rest
from ktlo_instrument import requests
from ktlo_instrument.pure import OUTSIDE


def test_what_was_never_suspended_was_active_all_the_time(bench):
    shop = bench.module(
        "import asyncio\n"
        "def add(n):\n    return sum(range(n))\n"
        "async def alone(n):\n    return n\n"
        "async def calls(n):\n    return add(n)\n"
        "async def may_wait(wait):\n    if wait: await rest(0.02)\n"
        "async def refuses():\n    raise KeyError\n"
        "async def page():\n"
        "    for n in range(300): await alone(n); await calls(n)\n"
        "    for wait in (True, False, True): await may_wait(wait)\n"
        "    try: await refuses()\n"
        "    except KeyError: pass\n"
    )
    shop.rest = rest
    asyncio.run(shop.page())
    rows = bench.rows()
    assert {
        name: (row.calls, sum((row.active_histogram or (0, 0, []))[2])) for name, row in rows.items()
    } == {
        "add": (300, 0),
        "alone": (300, 300),
        "calls": (300, 300),
        "may_wait": (3, 3),
        "refuses": (1, 1),
        "page": (1, 1),
    }
    assert rows["alone"].own == rows["alone"].active <= rows["alone"].wall
    assert rows["calls"].own + rows["add"].wall == rows["calls"].active <= rows["calls"].wall
    assert rows["may_wait"].active <= rows["may_wait"].wall - 2 * 20e6
    assert rows["refuses"].errors == {"KeyError": 1}
    assert rows["page"].callers == {OUTSIDE: 1}
    assert {name: rows[name].callers for name in ("alone", "add")} == {
        "alone": {"page": 300},
        "add": {"calls": 300},
    }
    assert rows["page"].own <= rows["page"].active


def test_who_is_suspended_runs_until_it_is_over(bench):
    shop = bench.module(
        "def counts(look):\n    yield look()\n    yield look()\n"
        "async def quick(look):\n    return look()\n"
        "def call(look):\n    return look()\n"
    )
    index = {each.name: at for at, each in enumerate(bench.sites.functions)}

    def running(name):
        return bench.engine.active().get(index["shop." + name], (0, 0))[0]

    one, two = (shop.counts(lambda: running("counts")) for _ in range(2))
    assert running("counts") == 0
    assert (next(one), running("counts"), next(two), running("counts")) == (1, 1, 2, 2)
    assert (next(one), list(two), running("counts")) == (2, [2], 1)
    one.close()
    assert running("counts") == 0
    with pytest.raises(StopIteration) as ended:
        shop.quick(lambda: running("quick")).send(None)
    assert (ended.value.value, running("quick")) == (1, 0)
    assert (shop.call(lambda: running("call")), running("call")) == (1, 0)


def test_a_coroutine_is_counted_in_its_request_and_not_again(bench):
    shop = bench.module("async def quick():\n    return 1\n")
    with requests.request("/quick"):
        asyncio.run(shop.quick())
        asyncio.run(shop.quick())
    kind = requests.number_of("/quick")
    assert bench.rows()["quick", kind].calls == 2
    assert bench.rows() == {}
    asyncio.run(shop.quick())
    assert bench.rows()["quick"].calls == 1


@pytest.mark.parametrize("wait", [True, False])
def test_a_coroutine_that_failed_tells_with_which_arguments(bench, wait):
    shop = bench.module(
        "import asyncio\nasync def fails(wait):\n    if wait: await asyncio.sleep(0)\n    raise KeyError(wait)\n"
    )
    with pytest.raises(KeyError):
        asyncio.run(shop.fails(wait))
    (_, reasons, _, values, error) = bench.told[0]
    assert (reasons, values["wait"], type(error)) == (4 | 2, wait, KeyError)


def test_what_a_coroutine_raised_is_gone_with_its_last_reference(bench):
    shop = bench.module("async def fails(n):\n    raise ValueError(n)\n")

    def fail(n):
        with contextlib.suppress(ValueError):
            shop.fails(n).send(None)

    fail(0)  # What is told of first calls is kept by these tests.
    gc.collect()
    gc.disable()
    try:
        fail(1)
        assert not [each for each in gc.get_objects() if type(each) is ValueError and each.args == (1,)]
    finally:
        gc.enable()


def test_a_generator_around_which_the_call_has_gone_leaves_nothing_on_the_stack(bench):
    """As when greenlets switch in the middle of calls."""
    shop = bench.module(
        "def around(): pass\n"
        "def stops(leave):\n    leave()\n    yield 1\n"
        "def ends(leave):\n    leave()\n    return\n    yield\n"
        "def nothing(): pass\n"
    )
    around = bench.sites.sites[1]
    for generator in (shop.stops, shop.ends):
        entry = around.enter()
        running = generator(lambda entry=entry: around.exit(entry))
        next(running, None)
        shop.nothing()
    rows = bench.rows()
    assert rows["nothing"].callers == {OUTSIDE: 2}
    assert (rows["around"].calls, rows["ends"].calls) == (2, 1)
