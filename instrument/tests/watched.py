"""A small shop whose process tells what of it ran, for the tests of coverage."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import wire
from receiver import receiver

HOME = Path(__file__).resolve().parent.parent / "src"
BY_LINE = sys.version_info >= (3, 12)
"""`sys.monitoring` begins with Python 3.12."""

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
USE = """
    import asyncio
    from shop import orders
    orders.plain(1)
    basket = orders.Basket()
    basket.total(), basket.cached(), basket.stub(), basket.name
    list(orders.numbers())
    asyncio.run(orders.later())
"""


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


def watching(folder, engine):
    """Runs text as a script beside the shop, under `ktlo-instrument run`; gives what was told."""
    for name, text in SHOP.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    def watch(text, *command, engine=engine, **environment):
        (folder / "app.py").write_text(textwrap.dedent(text))
        kept_away = ("KTLO_", "OTEL_", "COV_", "COVERAGE_")
        given = {key: value for key, value in os.environ.items() if not key.startswith(kept_away)}
        given.update(PYTHONPATH=str(HOME), KTLO_INSTRUMENT_ENGINE=engine, OTEL_SERVICE_NAME="shop")
        with receiver() as (url, kept):
            given.update({"KTLO_INSTRUMENT_ENDPOINT": url, **environment})
            line = [sys.executable, "-m", "ktlo_instrument.command", "run", "--"]
            line += command or (sys.executable, "app.py")
            done = subprocess.run(line, cwd=folder, env=given, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done
        return Told(kept, done.stdout)

    return watch
