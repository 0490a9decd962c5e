"""What the tests share: each engine in turn, source text made into an instrumented module, and whole processes."""

import asyncio
import importlib
import os
import subprocess
import sys
import time
import types
from contextvars import ContextVar
from pathlib import Path

import pytest

import watched
import wire
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


SOURCES = Path(__file__).resolve().parent.parent / "src"
SHOP = """
def add(a, b):
    return a + b

class Basket:
    def total(self):
        return add(1, 2)
"""


async def rest(seconds):
    """Wait for something that the event loop does meanwhile: whoever awaits this is suspended at least so long."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def work():
        time.sleep(seconds)
        done.set_result(None)

    loop.call_soon(work)
    await done


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


@pytest.fixture(params=ENGINES)
def run(request, tmp_path):
    """Runs text as a script under `ktlo-instrument run`; gives process, metrics by function, and log records."""
    (tmp_path / "shop.py").write_text(SHOP)

    def go(text, *before, arguments=(), environment=None, name="app.py", command=None, wait=True, url=None):
        (tmp_path / name).write_text(text)
        given = {
            **{
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("KTLO_", "OTEL_", "COV_"))
            },
            "PYTHONPATH": str(SOURCES),
            "KTLO_INSTRUMENT_ENGINE": request.param,
            "KTLO_INSTRUMENT_ENDPOINT": url or "http://127.0.0.1:9",
            "OTEL_SERVICE_NAME": "shop",
            **(environment or {}),
        }
        line = [sys.executable, "-m", "ktlo_instrument.command", "run", *before, "--"]
        line += command or [sys.executable, name, *arguments]
        process = subprocess.Popen(
            line, cwd=tmp_path, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if wait:
            process.out, process.err = process.communicate(timeout=90)
        return process

    return go


@pytest.fixture
def watch(tmp_path):
    """Runs text as a script beside a small shop; gives what it told of what ran."""
    return watched.watching(tmp_path, ENGINES[-1])


def calls(kept):
    found = {}
    for path, body, _ in kept:
        if path == "/v1/metrics":
            for given, point in wire.metrics(body).get("ktlo.function.calls", ()):
                name = given["code.function.name"]
                found[name] = found.get(name, 0) + wire.u64(point[6][0])
    return found
