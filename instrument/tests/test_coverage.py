"""Coverage in production: what never ran, as processes tell it."""

import importlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import wire
from conftest import ENGINES
from ktlo_instrument import coverage, monitoring
from receiver import receiver

HOME = Path(__file__).resolve().parent.parent / "src"
BY_LINE = sys.version_info >= (3, 12)
by_line = pytest.mark.skipif(not BY_LINE, reason="sys.monitoring begins with Python 3.12")

ORDERS = '''\
"""Orders."""
import functools


def plain(a, b=1):
    if a > 100:
        return b

    return a


def never():
    x = 1
    # a remark
    return x


class Basket:
    """One."""

    def total(self):
        def inner():
            return 1

        return 1

    @functools.lru_cache
    def cached(self):
        return 2

    def stub(self):
        """Does nothing."""

    @property
    def name(self):
        return "x"


def numbers():
    yield 1
    yield 2


async def later():
    return 3
'''
SHOP = {
    "shop/__init__.py": "",
    "shop/orders.py": ORDERS,
    "shop/old/__init__.py": "",
    "shop/old/coupons.py": "import nowhere\n\n\nclass Coupon:\n    def redeem(self):\n        return '\\d'\n",
    "shop/broken.py": "def f(:\n",
    "elsewhere.py": "def no():\n    pass\n",
}


@pytest.fixture
def run(tmp_path):
    for name, text in SHOP.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    def go(text, *command, engine=ENGINES[-1], **environment):
        (tmp_path / "app.py").write_text(textwrap.dedent(text))
        kept_away = ("KTLO_", "OTEL_", "COV_", "COVERAGE_")
        given = {key: value for key, value in os.environ.items() if not key.startswith(kept_away)}
        given.update(PYTHONPATH=str(HOME), KTLO_INSTRUMENT_ENGINE=engine, OTEL_SERVICE_NAME="shop")
        with receiver() as (url, kept):
            given.update({"KTLO_INSTRUMENT_ENDPOINT": url, **environment})
            line = [sys.executable, "-m", "ktlo_instrument.command", "run", "--"]
            line += command or (sys.executable, "app.py")
            done = subprocess.run(line, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done
        return Told(kept, done.stdout)

    return go


class Told:
    """The coverage records of a run: the last word on each module."""

    def __init__(self, kept, out):
        self.out = out
        self.records = [
            {**each, "resource": wire.resource(body)}
            for path, body, _ in kept
            if path == "/v1/logs"
            for each in wire.logs(body)
            if each["event"] == "ktlo.function.coverage"
        ]
        self.modules = {each["ktlo.module"]: each for each in self.records}

    def ran(self, module):
        told = json.loads(self.modules[module]["ktlo.coverage.functions"])
        return {name: bool(ran) for name, _, ran in told}

    def never(self, module):
        found = self.modules[module].get("ktlo.coverage.lines_never")
        return None if found is None else json.loads(found)


USE = """
    import asyncio
    from shop import orders
    orders.plain(1)
    basket = orders.Basket()
    basket.total(), basket.cached(), basket.stub(), basket.name
    list(orders.numbers())
    asyncio.run(orders.later())
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_told_which_functions_ran_and_which_never_did(run, engine):
    told = run(USE, engine=engine)
    ran = told.ran("shop.orders")
    stub = (
        {"Basket.stub"} if BY_LINE else set()
    )  # without a line of its own it is not counted, only listened to
    assert {name for name, did in ran.items() if did} == stub | {
        "plain", "Basket.total", "Basket.cached", "Basket.name", "numbers", "later",
    }  # fmt: skip
    assert {name for name, did in ran.items() if not did} == {"never", "Basket.total.<locals>.inner"}


def test_a_record_says_where_and_since_when(run, tmp_path):
    told = run(USE)
    record = told.modules["shop.orders"]
    assert record["code.file.path"] == str(tmp_path / "shop" / "orders.py")
    assert record["ktlo.coverage.since"].startswith("20")
    assert record["ktlo.coverage.since"].endswith("Z")
    assert record["resource"]["service.name"] == "shop"
    lines = {name: line for name, line, _ in json.loads(record["ktlo.coverage.functions"])}
    assert lines["plain"] == 5
    assert lines["Basket.cached"] == 27  # its decorator's, as the statistics have it


@by_line
def test_it_is_told_which_lines_never_ran(run):
    told = run(USE)
    assert told.never("shop.orders") == [[7, 7], [13, 13], [15, 15], [23, 23]]


@pytest.mark.skipif(BY_LINE, reason="with sys.monitoring lines are known")
def test_where_lines_are_not_known_nothing_is_said_of_them(run):
    assert run(USE).never("shop.orders") is None


def test_a_function_that_only_began_ran(run):
    told = run(
        """
        import threading, shop.orders as o, os
        waiting = iter(o.numbers())
        next(waiting)
        def forever(): threading.Event().wait()
        threading.Thread(target=forever, daemon=True).start()
        """
    )
    assert told.ran("shop.orders")["numbers"]
    assert told.ran("__main__")["forever"]


def test_modules_that_were_never_imported_are_told_and_the_others_are_not_touched(run):
    told = run(
        """
        import shop, ktlo_instrument
        running = ktlo_instrument.current()
        running.coverage.settle()
        for _ in range(9): running.unimported.step(now=True)
        """
    )
    assert len(told.ran("shop.orders")) == 9
    assert not any(told.ran("shop.orders").values())
    assert told.ran("shop.old.coupons") == {"Coupon.redeem": False}
    assert told.modules["shop.old.coupons"]["ktlo.coverage.imported"] is False
    assert told.never("shop.old.coupons") == ([[1, 1], [4, 6]] if BY_LINE else None)
    assert "elsewhere" not in told.modules
    assert "shop.broken" not in told.modules


def test_a_module_that_is_imported_later_is_told_as_it_then_is(run):
    told = run(
        """
        import shop, ktlo_instrument
        running = ktlo_instrument.current()
        running.coverage.settle()
        for _ in range(9): running.unimported.step(now=True)
        running._tell_coverage()
        import shop.orders
        shop.orders.never()
        """
    )
    first, last = [each for each in told.records if each["ktlo.module"] == "shop.orders"]
    assert (first["ktlo.coverage.imported"], last["ktlo.coverage.imported"]) == (False, True)
    assert told.ran("shop.orders")["never"]


def test_it_is_told_again_only_when_something_changed(run):
    told = run(
        """
        import ktlo_instrument, time
        from shop import orders
        running = ktlo_instrument.current()
        def report():
            running.flush()
            running._tell_coverage()
        report(); report(); report()
        orders.plain(1)
        report()
        """
    )
    assert [each["ktlo.module"] for each in told.records].count("shop.orders") == 2
    assert told.ran("shop.orders")["plain"]


def test_what_did_not_arrive_is_told_again(run):
    told = run(
        """
        import ktlo_instrument
        from shop import orders
        running = ktlo_instrument.current()
        running._tell_coverage()
        running.sender._waiting.clear()
        running.sender.dropped += 1
        """
    )
    assert "shop.orders" in told.modules


def test_it_reports_by_itself_in_its_time(run):
    told = run(
        "import time\nfrom shop import orders\norders.never()\ntime.sleep(1.5)\nimport os\nos._exit(0)\n",
        KTLO_INSTRUMENT_INTERVAL="0.2",
        KTLO_INSTRUMENT_COVERAGE_INTERVAL="0.5",
    )
    assert told.ran("shop.orders")["never"]
    assert len(told.records) < 8


def test_it_can_be_switched_off(run):
    assert run(USE, KTLO_INSTRUMENT_COVERAGE="0").records == []


def test_what_is_left_out_is_not_told(run):
    told = run(USE, KTLO_INSTRUMENT_EXCLUDE="shop.orders.never")
    assert "never" not in told.ran("shop.orders")
    if BY_LINE:
        assert told.never("shop.orders") == [[7, 7], [23, 23]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_tells_what_it_and_its_parent_ran(run):
    told = run(
        """
        import os, sys
        from shop import orders
        orders.plain(1)
        pid = os.fork()
        if pid == 0:
            orders.never()
            sys.exit(0)
        os.waitpid(pid, 0)
        """
    )
    by_process = {}
    for each in told.records:
        if each["ktlo.module"] == "shop.orders":
            functions = json.loads(each["ktlo.coverage.functions"])
            ran = {name for name, _, did in functions if did}
            by_process[each["resource"]["service.instance.id"]] = ran
    assert sorted(sorted(each) for each in by_process.values()) == [
        ["never", "plain"] if BY_LINE else ["never"],
        ["plain"],
    ]


def test_what_runs_in_threads_is_seen(run):
    told = run(
        """
        import threading
        from shop import orders
        threads = [threading.Thread(target=each) for each in (orders.never, orders.Basket().total)]
        [each.start() for each in threads]; [each.join() for each in threads]
        """
    )
    ran = told.ran("shop.orders")
    assert ran["never"]
    assert ran["Basket.total"]


def test_a_module_that_is_loaded_again_is_told_as_it_is_now(run):
    told = run(
        """
        import importlib, pathlib, sys
        sys.dont_write_bytecode = True
        from shop import orders
        orders.plain(1); orders.never()
        place = pathlib.Path(orders.__file__)
        place.write_text("# moved\\n\\n" + place.read_text())
        importlib.reload(orders)
        orders.plain(1)
        """
    )
    record = told.modules["shop.orders"]
    lines = {name: (line, did) for name, line, did in json.loads(record["ktlo.coverage.functions"])}
    assert lines["plain"] == (7, 1)
    assert lines["never"] == (14, 0)


def test_large_modules_are_told_in_parts(run, tmp_path):
    (tmp_path / "shop" / "large.py").write_text("".join(f"def f{n}():\n    pass\n\n" for n in range(450)))
    told = run("import shop.large\nshop.large.f3()\nshop.large.f449()\n")
    parts = [each for each in told.records if each["ktlo.module"] == "shop.large"]
    functions = [each for part in parts for each in json.loads(part["ktlo.coverage.functions"])]
    assert len(parts) == 3
    assert len(functions) == 450
    assert {name for name, _, ran in functions if ran} == {"f3", "f449"}
    # Lines of a module are told once: what several records of it say of lines is what none of them ran.
    assert sum("ktlo.coverage.lines_never" in part for part in parts) == (1 if BY_LINE else 0)


def test_a_million_functions_are_bounded_and_what_is_left_out_is_counted():
    kept = coverage.Coverage()
    functions = tuple((f"f{number}", number, None) for number in range(50_000))
    for number in range(20):
        kept._keep(coverage.Module(f"m{number}", f"m{number}.py", functions, None))
    assert sum(len(each.functions) for each in kept._modules.values()) == 200_000
    assert kept.beyond == 16
    kept._keep(coverage.Module("m0", "m0.py", functions, None))
    assert len(kept._modules) == 4


@by_line
def test_debuggers_profilers_and_coverage_keep_their_tools(run):
    told = run(
        """
        import sys
        m = sys.monitoring
        print([m.get_tool(each) for each in range(6)])
        for tool in (m.DEBUGGER_ID, m.COVERAGE_ID, m.PROFILER_ID, m.OPTIMIZER_ID): m.use_tool_id(tool, "theirs")
        seen = []
        m.register_callback(m.COVERAGE_ID, m.events.LINE, lambda code, line: seen.append(code.co_name) or m.DISABLE)
        m.set_events(m.COVERAGE_ID, m.events.LINE)
        from shop import orders
        orders.never()
        m.restart_events()
        traced = []
        def trace(frame, event, arg):
            traced.append(frame.f_code.co_name)
            return trace
        sys.settrace(trace)
        orders.plain(1)
        sys.settrace(None)
        print("never" in seen, "plain" in traced)
        """
    )
    assert told.out.splitlines() == ["[None, None, None, None, 'ktlo-instrument', None]", "True True"]
    ran = told.ran("shop.orders")
    assert ran["never"]
    assert ran["plain"]


@by_line
def test_where_every_tool_is_taken_functions_are_known_from_the_statistics(run):
    told = run(
        """
        import sys
        sys.monitoring.use_tool_id(3, "a"); sys.monitoring.use_tool_id(4, "b")
        import ktlo_instrument.auto
        from shop import orders
        orders.never()
        """,
        "env",
        f"PYTHONPATH={HOME}",
        sys.executable,
        "app.py",
    )
    assert told.ran("shop.orders")["never"]
    assert not told.ran("shop.orders")["plain"]
    assert told.never("shop.orders") is None


@by_line
@pytest.mark.parametrize("engine", ENGINES)
def test_each_callback_switches_its_event_off_and_never_raises(engine):
    start, line = monitoring._callbacks(engine == "c")
    code = test_a_record_says_where_and_since_when.__code__
    for place in (code.co_filename, "elsewhere"):
        monitoring._ran.pop(place, None)
    assert line(code, 7) is start(code, 0) is sys.monitoring.DISABLE  # of a file nobody listens to
    seen = monitoring._ran[code.co_filename] = set()
    assert line(code, 7) is start(code, 0) is sys.monitoring.DISABLE
    assert seen == {7, (code.co_qualname, code.co_firstlineno)}
    del monitoring._ran[code.co_filename]


@by_line
def test_after_the_first_event_none_follows(run):
    told = run(
        """
        import sys, ktlo_instrument
        from shop import orders
        m, tool = sys.monitoring, ktlo_instrument.current().coverage.monitor.tool
        count = 0
        def line(code, line):
            global count
            count += code.co_name == "never"
            return m.DISABLE
        m.register_callback(tool, m.events.LINE, line)
        for _ in range(100): orders.never()
        print(count)
        """
    )
    assert told.out == "2\n"


def test_who_stops_and_starts_again_goes_on(run):
    told = run(
        """
        import sys, ktlo_instrument
        from shop import orders
        ktlo_instrument.stop()
        orders.never()
        ktlo_instrument.start()
        orders.plain(1)
        monitoring = getattr(sys, "monitoring", None)
        print(monitoring and (monitoring.get_tool(4), monitoring.get_tool(3)))
        """
    )
    assert told.out == ("('ktlo-instrument', None)\n" if BY_LINE else "None\n")
    ran = told.ran("shop.orders")
    assert ran["plain"]
    assert not ran["Basket.total"]


def test_a_module_that_was_loaded_by_others_is_not_told_as_never_imported(run):
    told = run(
        """
        import ktlo_instrument, sys
        hook = sys.meta_path.pop(sys.meta_path.index(ktlo_instrument.current().hook))
        from shop import orders
        sys.meta_path.insert(0, hook)
        import shop.old
        running = ktlo_instrument.current()
        running.coverage.settle()
        for _ in range(9): running.unimported.step(now=True)
        """
    )
    assert "shop.old.coupons" in told.modules
    assert "shop.orders" not in told.modules


@by_line
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["textwrap", "colorsys", "shlex", "contextlib", "dataclasses", "argparse"])
def test_lines_are_those_a_tracer_sees(name, engine):
    """Of real modules: what a tracer calls a line is one here, and what it never sees is told as never run."""
    source = Path(importlib.import_module(name).__file__)
    from ktlo_instrument.monitoring import Monitor
    from ktlo_instrument.pure import Site
    from ktlo_instrument.transform import live, transform

    path = str(source)
    traced = set()

    def trace(frame, event, argument):
        if frame.f_code.co_filename != path:
            return None
        if event == "line":
            traced.add(frame.f_lineno)
        return trace

    use = {
        "textwrap": lambda m: m.dedent(m.fill("a b c " * 30, 20)),
        "colorsys": lambda m: m.rgb_to_hsv(1, 0.5, 0.2),
        "shlex": lambda m: m.split("a 'b c' d"),
        "contextlib": lambda m: m.suppress(ValueError).__enter__(),
        "dataclasses": lambda m: m.make_dataclass("P", ["x", "y"])(1, 2),
        "argparse": lambda m: m.ArgumentParser().parse_args([]),
    }[name]

    def load(code):
        names = {"__name__": name + "_copy", "__file__": path, "__builtins__": __builtins__}
        module = type(sys)(name + "_copy")
        module.__dict__.update(names)
        sys.modules[name + "_copy"] = module
        exec(code, module.__dict__)
        use(module)
        del sys.modules[name + "_copy"]

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        load(compile(source.read_bytes(), path, "exec"))
    finally:
        sys.settrace(before)
    code = live(transform(source.read_bytes(), path), lambda kind, at, line: Site(1))
    there = coverage.described(name, path, code, by_line=True)
    plain = coverage.described(name, path, compile(source.read_bytes(), path, "exec"), by_line=True)
    assert set(there.lines) == set(plain.lines)
    assert [each[:2] for each in there.functions] == [each[:2] for each in plain.functions]
    monitor = Monitor(compiled=engine == "c")
    monitor.listen(path, code, coverage.is_counted)
    monitor.forget(path)
    load(code)
    seen = {each for each in monitor.ran[path] if isinstance(each, int)}
    assert seen == traced
    assert traced <= set(there.lines)
