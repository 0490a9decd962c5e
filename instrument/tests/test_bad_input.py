"""What may be thrown at it in one running application: the application never notices.

Single parts have their own tests (`test_representation.py`, `test_sending.py`); here they meet in whole processes.
"""

import contextlib
import os
import signal
import sys
import threading
import time

import pytest

import wire
from conftest import calls
from ktlo_instrument.rules import Rules
from ktlo_instrument.sending import Sender, ask
from ktlo_instrument.settings import Settings
from ktlo_instrument.sites import Sites
from receiver import receiver

HOSTILE = """
import sys, time, shop

class Raises:
    def __repr__(self): raise SystemExit("noticed: repr raised")
    __str__ = __len__ = __iter__ = __bool__ = __eq__ = __hash__ = __repr__

class Blocks:
    def __repr__(self): time.sleep(3600)
    @property
    def name(self): time.sleep(3600)

class Recurses:
    def __repr__(self): return repr(self)

class Prints:
    def __repr__(self): return "x" * 1_000_000_000

class Hides:
    def __getattribute__(self, name): raise SystemExit("noticed: an attribute was asked for")

def take(*given, **named):
    return given

def fail(given):
    raise given

for kind in (Raises, Blocks, Recurses, Prints, Hides):
    take(kind(), [kind()], {"note": kind()}, note=kind())
loop = []; loop.append(loop)
take(loop, "x" * 100_000_000, list(range(1_000_000)))
take(note="Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ", comment="4111 1111 1111 1111")

class Odd(Exception):
    def __str__(self): time.sleep(3600)
    __repr__ = __str__

try:
    fail(Odd(Raises()))
except Odd:
    pass
print("ended")
"""


def test_hostile_values_in_a_running_application_are_not_noticed(run):
    with receiver() as (url, kept):
        done = run(
            HOSTILE,
            url=url,
            environment={"KTLO_INSTRUMENT_SAMPLE": "1", "KTLO_INSTRUMENT_DETAILS_PER_SECOND": "1000"},
        )
    assert (done.out, done.err, done.returncode) == ("ended\n", "", 0)
    assert calls(kept)["__main__.take"] == 7
    assert not any("Raises.__repr__" in name or "Blocks.name" in name for name in calls(kept))
    sent = b"".join(body for _, body, _ in kept)
    assert b"eyJzdWIi" not in sent
    assert b"4111 1111" not in sent
    told = [each for path, body, _ in kept if path == "/v1/logs" for each in wire.logs(body)]
    assert any(each.get("code.function.name") == "__main__.take" for each in told)


def test_a_million_functions_take_no_more_than_the_ceiling(bench):
    sites = Sites(bench.engine, most=1_000)
    for number in range(1_000_000):
        site = sites.site("shop", "/srv/shop.py", "function", f"f{number}", number)
        if number == 999_999:
            site.exit(site.enter())
    assert (len(sites.sites), len(sites.functions), len(sites._numbers)) == (1_001, 1_001, 1_000)
    assert sites.overflowed == 999_000
    assert next(row[2] for row in bench.engine.drain() if row[0] == 0) == 1


CLOCKS = """
import itertools, sys, time
import shop
real = {name: getattr(time, name) for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter",
                                               "perf_counter_ns")}
back = itertools.count(10**9, -10**6)
for module in list(sys.modules.values()):
    for name, value in list(getattr(module, "__dict__", {}).items()):
        ours = module.__name__ == "__main__" or "thread" in module.__name__
        if any(value is each for each in real.values()) and not ours:
            setattr(module, name, lambda: next(back))
for _ in range(1000):
    shop.add(1, 2)
import ktlo_instrument
print(ktlo_instrument.flush(5.0))
"""


def test_clocks_that_run_backwards_everywhere_change_no_figure(run):
    with receiver() as (url, kept):
        began = time.time_ns()
        done = run(CLOCKS, url=url)
    assert (done.out, done.err, done.returncode) == ("True\n", "", 0)
    assert calls(kept)["shop.add"] == 1000
    for path, body, _ in kept:
        for points in wire.metrics(body).values() if path == "/v1/metrics" else ():
            for _, point in points:
                start, now = wire.u64(point[2][0]), wire.u64(point[3][0])
                assert began - 60e9 < start <= now < time.time_ns() + 1e9


def _says(handler, status, headers, *parts):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    for part in parts:
        handler.wfile.write(part)
    return True


def _endless(handler):
    _says(handler, 200, {"transfer-encoding": "chunked"})
    while True:  # until the other side has enough
        handler.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")


NONSENSE = {
    "a page": lambda h: _says(
        h, 200, {"content-type": "text/html", "content-length": "13"}, b"<h1>Hi</h1>\r\n"
    ),
    "a redirect to itself": lambda h: _says(h, 307, {"location": h.path, "content-length": "0"}),
    "errors": lambda h: _says(h, 500, {"content-length": "2"}, b"no"),
    "a huge body": lambda h: _says(h, 200, {"content-length": str(16 << 20)}, *[b"x" * (1 << 20)] * 16),
    "no end": _endless,
    "random bytes": lambda h: h.wfile.write(bytes(range(256)) * 40) and True,
    "a bomb": lambda h: _says(
        h, 200, {"content-encoding": "gzip", "content-length": "20"}, b"\x1f\x8b" + b"\0" * 18
    ),
}


def _in_time(*tasks):
    """What they give, one after the other; one that hangs is given up, so that the test fails."""
    given = []
    thread = threading.Thread(target=lambda: given.extend(task() for task in tasks), daemon=True)
    thread.start()
    thread.join(90)
    assert not thread.is_alive(), f"it hangs, after {len(given)} of {len(tasks)}"
    return given


@pytest.mark.parametrize("answer", NONSENSE)
def test_a_server_of_nonsense_holds_nobody_and_changes_nothing(answer):
    with receiver(NONSENSE[answer]) as (url, kept):
        sender = Sender(url)
        sender.keep("/v1/metrics", b"x" * 1000)
        _, rules, found = _in_time(
            lambda: sender.send(2.0),
            lambda: Rules(Settings(rules=url), "shop").fetch(),
            lambda: ask("GET", url, 2.0, most=100_000),
        )
        assert rules is None
        assert found is None or len(found[2]) <= 100_000
        asked = len([each for each in kept if each[0] == "/v1/metrics"])
    assert asked == 1, "a redirect was followed"
    assert sender.sent + sender.refused + len(sender._waiting) == 1
    assert sender.refused == (answer == "a redirect to itself")


@pytest.mark.parametrize("answer", ["a redirect to itself", "errors", "random bytes", "no end"])
def test_an_application_whose_server_talks_nonsense_runs_and_ends_as_without(run, answer):
    with receiver(NONSENSE[answer]) as (url, _):
        done = run(
            "import shop, time\nfor _ in range(20):\n    shop.add(1, 2)\n    time.sleep(0.02)\nprint(shop.add(1, 2))\n",
            "--rules",
            url,
            url=url,
            environment={"KTLO_INSTRUMENT_INTERVAL": "0.1"},
        )
    assert (done.out, done.err, done.returncode) == ("3\n", "", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_between_folds_what_was_told_is_whole_and_told_once(run):
    with receiver() as (url, kept):
        process = run(
            "import shop\nwhile True:\n    shop.add(1, 2)\n",
            url=url,
            wait=False,
            environment={"KTLO_INSTRUMENT_INTERVAL": "0.2"},
        )
        end = time.monotonic() + 60
        while time.monotonic() < end and sum(path == "/v1/metrics" for path, _, _ in kept) < 3:
            time.sleep(0.05)
        process.kill()
        process.communicate()
    stretches = []
    for path, body, _ in kept:
        if path == "/v1/metrics":
            with contextlib.suppress(KeyError):
                point = wire.metrics(body)["ktlo.function.calls"][0][1]
                stretches.append((wire.u64(point[2][0]), wire.u64(point[3][0])))
    assert len(stretches) >= 3
    slack = 50_000_000  # Two clocks are read one after the other.
    assert all(first[1] <= second[0] + slack for first, second in zip(stretches, stretches[1:]))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("kind", [KeyError, ValueError, ZeroDivisionError])
def test_what_a_handler_of_a_signal_raises_reaches_the_application(bench, kind):
    shop = bench.module("def f(): pass\ndef g(): yield\n")
    came = []

    def handler(*given):
        came.append(1)
        raise kind("from the handler")

    def work():
        while not came:
            shop.f()
            running = shop.g()
            try:
                running.send(None)
            except StopIteration:
                pass
            finally:
                running.close()

    def told():
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            work()
        except kind:
            return True
        return False

    # In a process of its own: what is raised between an entry and the `try` after it leaves that entry without an exit.
    child = os.fork()
    if not child:
        reached = 0
        try:
            signal.signal(signal.SIGALRM, handler)
            for _ in range(60):
                del came[:]
                reached += told()
        finally:
            os._exit(0 if reached == 60 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
