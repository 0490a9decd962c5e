"""Lines: tracers, debuggers and coverage see the same ones with and without."""

import sys
import traceback
import types

import pytest

from ktlo_instrument.transform import live, transform

SOURCE = '''
def a(x):
    if x:
        return 1
    return 2
def b(n):
    """doc"""
    total = 0
    for i in range(n):
        if i % 2:
            continue
        total += i
    else:
        total += 100
    return total
def c(x):
    try:
        y = 1 / x
    except ZeroDivisionError:
        y = 0
    finally:
        z = 3
    if y:
        z = 4
def d(x):
    while x:
        x -= 1
        if x == 2:
            break
    with open('/dev/null') as f:
        if x:
            return f.read()
        g = (x,
             f.read())
def e(x):
    for i in range(x):
        try:
            if i == 1:
                return [j
                        for j in range(3)]
        finally:
            k = 1
def f(x):
    if x: raise ValueError(
        x)
    def inner():
        return x
    return (inner()
            + 1)
def g(x):
    yield 1
    for i in range(x):
        y = yield i
    yield from range(x)
    return 4
def h(x):
    if x:
        pass
    else:
        x = 2
def k(x): return x
def l(x):
    while True:
        x += 1
        if x > 3:
            if x > 2:
                break
            continue
def m(x):
    @decor
    def q(): pass
    class Z:
        y = x
    assert x is not None, "no"
    del x
def decor(f): return f
'''


def _module(instrumented, bench=None):
    module = types.ModuleType("lines")
    if instrumented:
        code = live(transform(SOURCE.encode(), "x.py"), lambda kind, name, line: bench.engine.Site(1))
    else:
        code = compile(SOURCE, "x.py", "exec")
    exec(code, module.__dict__)
    return module


def _seen(function, given):
    """Lines a tracer is told, and lines of the traceback."""
    seen = []

    def trace(frame, event, argument):
        if frame.f_code.co_filename != "x.py":
            return None
        if event == "line":
            seen.append((frame.f_code.co_name, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        found = function(given)
        if hasattr(found, "send"):
            list(found)
    except Exception as problem:
        sys.settrace(None)
        seen.append(repr(problem))
        seen += [each.lineno for each in traceback.extract_tb(problem.__traceback__)][1:]
    finally:
        sys.settrace(None)
    return seen


@pytest.mark.skipif(sys.version_info < (3, 10), reason="before 3.10 no instruction can be without a line")
@pytest.mark.parametrize("given", [0, 1, 2, 3])
@pytest.mark.parametrize("name", list("abcdefghklm"))
def test_a_tracer_sees_the_same_lines(bench, name, given):
    assert _seen(getattr(_module(True, bench), name), given) == _seen(getattr(_module(False), name), given)


@pytest.mark.parametrize("given", [0, 1, 2, 3])
@pytest.mark.parametrize("name", list("abcdefghklm"))
def test_no_line_is_seen_that_the_file_does_not_have(bench, name, given):
    last = SOURCE.count("\n")
    lines = [each[1] for each in _seen(getattr(_module(True, bench), name), given) if isinstance(each, tuple)]
    assert all(line is None or 0 < line <= last for line in lines)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="columns came with 3.11")
def test_columns_of_the_authors_instructions_are_kept(bench):
    mine = {each for each in _module(True, bench).d.__code__.co_positions() if each[2] is not None}
    plain = {
        each
        for each in _module(False).d.__code__.co_positions()
        if each[2] is not None and each[0] != each[2]
    }
    assert {each for each in plain if each[2] != each[3]} <= mine | {each for each in plain if each[3] == 0}
