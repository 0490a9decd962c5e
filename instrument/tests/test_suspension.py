"""Coroutines, generators and asynchronous generators: wall and active time apart, and everything they can do."""

import asyncio
import contextlib
import inspect
import sys
import traceback
import types

import pytest

from conftest import rest
from ktlo_instrument.pure import OUTSIDE

SHOP = """
import asyncio, time

async def fetch(n):
    await rest(0.05)
    return n

async def page(n):
    time.sleep(0.02)
    return [await fetch(n), await fetch(n + 1)]

async def ticks(n):
    for i in range(n):
        await rest(0.01)
        yield i

async def collect(n):
    found = [t async for t in ticks(n)]
    async for t in ticks(n):
        found.append(t)
    return found

class Lock:
    async def __aenter__(self):
        await asyncio.sleep(0.01)
        return self
    async def __aexit__(self, *given):
        await asyncio.sleep(0.01)
        self.given = given[0]
        return given[0] is KeyError

async def locked(kind=None):
    async with Lock() as lock:
        if kind:
            raise kind("x")
    return lock.given

def numbers():
    got = yield 1
    time.sleep(0.02)
    yield from [2, got]
    return "end"

def outer():
    result = yield from numbers()
    yield result

def closes(log):
    try:
        while True:
            try:
                yield 1
            except ValueError:
                yield "handled"
    finally:
        log.append("closed")

async def waits(event, log):
    try:
        await event.wait()
    except asyncio.CancelledError:
        log.append("cancelled")
        raise

async def fails():
    await asyncio.sleep(0)
    raise LookupError("here")

async def through():
    await fails()

async def echo():
    got = None
    while True:
        try:
            got = yield got
        except ValueError as error:
            got = "caught " + str(error)

async def bad_await():
    await 3

async def bad_for():
    async for x in 3: pass

async def bad_with():
    async with 3: pass
"""


@pytest.fixture
def shop(bench):
    made = bench.module(SHOP)
    made.rest = rest
    return made


def test_waiting_is_wall_time_and_not_active_time(bench, shop):
    assert asyncio.run(shop.page(1)) == [1, 2]
    rows = bench.rows()
    assert rows["fetch"].calls == 2
    assert rows["fetch"].wall >= 100e6
    assert rows["fetch"].active <= rows["fetch"].wall - 100e6
    assert rows["page"].wall >= 120e6
    assert 20e6 <= rows["page"].active <= rows["page"].wall - 100e6
    assert rows["page"].own == rows["page"].active - rows["fetch"].active
    assert rows["fetch"].callers == {"page": 2}
    assert sum(rows["page"].active_histogram[2]) == 1


def test_coroutines_that_run_at_once_do_not_get_each_others_time(bench, shop):
    async def both():
        await asyncio.gather(shop.page(1), shop.page(3), shop.page(5))

    asyncio.run(both())
    rows = bench.rows()
    assert rows["page"].calls == 3
    assert rows["page"].wall >= 3 * 120e6
    assert rows["page"].active <= rows["page"].wall - 3 * 100e6
    assert rows["fetch"].callers == {"page": 6}


def test_asynchronous_iteration_and_contexts_work_and_count(bench, shop):
    assert asyncio.run(shop.collect(3)) == [0, 1, 2, 0, 1, 2]
    assert asyncio.run(shop.locked()) is None
    assert asyncio.run(shop.locked(KeyError)) is KeyError
    with pytest.raises(TypeError):
        asyncio.run(shop.locked(TypeError))
    rows = bench.rows()
    assert rows["ticks"].calls == 2
    assert rows["ticks"].active <= rows["ticks"].wall - 6 * 10e6
    assert rows["locked"].calls == 3
    assert rows["locked"].errors == {"TypeError": 1}
    assert rows["collect"].own <= rows["collect"].active


def test_generators_send_and_delegate(bench, shop):
    running = shop.outer()
    assert next(running) == 1
    assert running.send("sent") == 2
    assert list(running) == ["sent", "end"]
    rows = bench.rows()
    assert rows["numbers"].calls == 1
    assert rows["numbers"].callers == {"outer": 1}
    assert rows["numbers"].active >= 20e6
    assert rows["outer"].own <= rows["outer"].active - rows["numbers"].active


def test_a_suspended_generator_is_not_the_caller_of_what_runs_meanwhile(bench, shop):
    running = shop.numbers()
    next(running)
    asyncio.run(shop.fetch(1))
    rows = bench.rows()
    assert rows["fetch"].callers == {OUTSIDE: 1}
    running.close()


def test_generators_are_thrown_into_and_closed(bench, shop):
    log = []
    running = shop.closes(log)
    assert next(running) == 1
    assert running.throw(ValueError("x")) == "handled"
    running.close()
    assert log == ["closed"]
    row = bench.rows()["closes"]
    assert (row.calls, row.errors) == (1, {})


def test_a_generator_that_was_never_finished_is_closed_by_the_collector(bench, shop):
    log = []
    running = shop.closes(log)
    next(running)
    del running
    assert log == ["closed"]
    assert bench.rows()["closes"].calls == 1


def test_cancelling_reaches_the_coroutine(bench, shop):
    log = []

    async def main():
        task = asyncio.ensure_future(shop.waits(asyncio.Event(), log))
        await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(main())
    assert log == ["cancelled"]
    assert list(bench.rows()["waits"].errors) == ["asyncio.exceptions.CancelledError"]


def test_timeouts_work(bench, shop):
    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(shop.waits(asyncio.Event(), []), 0.001)

    asyncio.run(main())
    assert bench.rows()["waits"].calls == 1


def test_asynchronous_generators_take_asend_athrow_and_aclose(bench, shop):
    async def main():
        running = shop.echo()
        found = [await running.asend(None), await running.asend(5), await running.athrow(ValueError("v"))]
        await running.aclose()
        return found

    assert asyncio.run(main()) == [None, 5, "caught v"]
    assert bench.rows()["echo"].calls == 1


def test_the_traceback_of_a_coroutine_shows_the_authors_frames_only(bench, shop):
    with pytest.raises(LookupError) as caught:
        asyncio.run(shop.through())
    names = [
        each.name for each in traceback.extract_tb(caught.value.__traceback__) if each.filename == "shop.py"
    ]
    ours = [
        each
        for each in traceback.extract_tb(caught.value.__traceback__)
        if "ktlo_instrument" in each.filename
    ]
    assert names == ["through", "fails"]
    assert ours == []


def test_kinds_are_what_they_were(bench, shop):
    assert inspect.iscoroutinefunction(shop.fetch)
    assert inspect.isasyncgenfunction(shop.ticks)
    assert inspect.isgeneratorfunction(shop.numbers)
    assert isinstance(shop.numbers(), types.GeneratorType)
    waiting = shop.fetch(1)
    assert isinstance(waiting, types.CoroutineType)
    waiting.close()
    assert bench.rows() == {}


def test_wrong_use_complains_as_python_does(bench, shop):
    for name, words in (
        ("bad_await", "await"),
        ("bad_for", "async for|__aiter__"),
        ("bad_with", "__aenter__|async.*context"),
    ):
        with pytest.raises((TypeError, AttributeError), match=words):
            asyncio.run(getattr(shop, name)())


def test_awaiting_twice_complains_as_python_does(bench):
    shop = bench.module("async def f(c):\n    return await c\nasync def g():\n    return 1\n")

    async def main():
        one = shop.g()
        assert await shop.f(one) == 1
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await shop.f(one)

    asyncio.run(main())


def test_locals_of_coroutines_show_only_the_authors_names(bench):
    shop = bench.module("async def f(a):\n    b = 1\n    return locals()\ndef g(a):\n    yield locals()\n")
    assert asyncio.run(shop.f(2)) == {"a": 2, "b": 1}
    assert list(shop.g(3)) == [{"a": 3}]


def test_a_generator_expression_that_awaits_works(bench):
    shop = bench.module(
        "async def v(n): return n\nasync def f():\n    return [x async for x in (await v(n) for n in range(3))]\n"
    )
    assert asyncio.run(shop.f()) == [0, 1, 2]


def test_generators_that_cross_threads_do_not_spoil_the_stack(bench, shop):
    import threading

    running = shop.outer()
    next(running)
    found = []
    thread = threading.Thread(target=lambda: found.extend(running))
    thread.start()
    thread.join()
    assert found == [2, None, "end"]
    assert shop.__name__
    list(shop.numbers())
    assert bench.rows()["numbers"].callers == {"outer": 1, OUTSIDE: 1}


def test_waiting_coroutines_are_collected_with_their_cycles(bench):
    import gc
    import weakref

    shop = bench.module("async def f(future, holder):\n    holder.append(1)\n    await future\n")

    class Holder(list):
        pass

    async def main():
        holder = Holder()
        future = asyncio.get_running_loop().create_future()
        waiting = shop.f(future, holder)
        holder.append(waiting)
        waiting.send(None)
        return weakref.ref(holder)

    reference = asyncio.run(main())
    gc.collect()
    assert reference() is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks_work(bench, shop):
    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await asyncio.gather(shop.fetch(1), shop.page(2))

    assert asyncio.run(main()) == [1, [2, 3]]
    assert bench.rows()["fetch"].callers[OUTSIDE] == 1
