"""How it is listened to what ran: beside debuggers and other tools, each event once, lines as a tracer has them."""

import importlib
import sys
from pathlib import Path

import pytest

from conftest import ENGINES
from ktlo_instrument import coverage, monitoring
from watched import BY_LINE, HOME

by_line = pytest.mark.skipif(not BY_LINE, reason="sys.monitoring begins with Python 3.12")


@by_line
def test_debuggers_profilers_and_coverage_keep_their_tools(watch):
    told = watch(
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
def test_where_every_tool_is_taken_functions_are_known_from_the_statistics(watch):
    told = watch(
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
    code = test_after_the_first_event_none_follows.__code__
    for place in (code.co_filename, "elsewhere"):
        monitoring._ran.pop(place, None)
    assert line(code, 7) is start(code, 0) is sys.monitoring.DISABLE  # of a file nobody listens to
    seen = monitoring._ran[code.co_filename] = set()
    assert line(code, 7) is start(code, 0) is sys.monitoring.DISABLE
    assert seen == {7, (code.co_qualname, code.co_firstlineno)}
    del monitoring._ran[code.co_filename]


@by_line
def test_after_the_first_event_none_follows(watch):
    told = watch(
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


def test_who_stops_and_starts_again_goes_on(watch):
    told = watch(
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
