"""What the tests share: each engine in turn, and source text made into an instrumented module."""

import importlib
import sys
import types
from contextvars import ContextVar

import pytest

from ktlo_instrument import engine as engines
from ktlo_instrument import pure
from ktlo_instrument.detail import values_of
from ktlo_instrument.sites import Sites
from ktlo_instrument.transform import live, transform

ENGINES = ["python"]
try:
    importlib.import_module("ktlo_instrument._fast")
    ENGINES.append("c")
except ImportError:
    pass


class Told(list):
    """What the gate was handed: site, reasons, nanoseconds, arguments and result, error."""

    def gate(self, site, reasons, wall, frame, error):
        self.append((site.index, reasons, wall, values_of(frame), error))


class Bench:
    """An engine with its sites, and modules made for it."""

    def __init__(self, name):
        self.engine = pure if name == "python" else importlib.import_module("ktlo_instrument._fast")
        self.sites = Sites(self.engine)
        self.told = Told()
        self.engine.drain()
        self.engine.active()
        self.engine.after_fork()
        engines.set_up(self.engine, self.told.gate)

    def module(self, source, name="shop", path="shop.py"):
        code = live(
            transform(source.encode(), path),
            lambda kind, at, line: self.sites.site(name, path, kind, at, line),
        )
        made = types.ModuleType(name)
        made.__file__ = path
        sys.modules[name] = made
        exec(code, made.__dict__)
        return made

    def rows(self):
        """Rows by function name, of all kinds of request together when there is one."""
        found = {}
        for row in self.engine.drain():
            name = self.sites.of(row[0]).name.partition(".")[2]
            found[name if row[1] < 2 else (name, row[1])] = Row(self, row)
        return found


class Row:
    def __init__(self, bench, row):
        self.site, self.request, self.calls, self.wall, self.own, self.active = row[:6]
        self.wall_histogram, self.own_histogram, self.active_histogram, self.errors, callers = row[6:]
        self.callers = {
            bench.sites.of(key).name.partition(".")[2] if key > 0 else key: count
            for key, count in callers.items()
        }


@pytest.fixture(params=ENGINES)
def bench(request):
    made = Bench(request.param)
    yield made
    made.engine.setup(ContextVar("none"), None, pure.hide, lambda a, b: b, lambda a, b: b)
    made.engine.drain()
    sys.modules.pop("shop", None)
