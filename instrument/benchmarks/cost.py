"""What a call costs more with its function counted: ratios in one run against peers, on the Python that runs this.

    python instrument/benchmarks/cost.py            # peers that are installed: opentelemetry-sdk, elastic-apm, logfire

Each figure is the least of several repetitions, less the same call without anything. Nothing is sent.
"""

import contextlib
import gc
import importlib
import sys
import time
import timeit
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from ktlo_instrument import engine as engines
from ktlo_instrument import pure
from ktlo_instrument.sites import Sites
from ktlo_instrument.transform import live, transform

SOURCE = """
def leaf(a, b=1, *, c=2):
    return a

def pair(a):
    return leaf(a)

def generator(a):
    yield a

async def coroutine(a):
    return a

async def outer(a):
    return await coroutine(a)
"""
_REPEAT, _NUMBER = 400, 1_000


def best(function, number=_NUMBER):
    """Nanoseconds a call, the least of several."""
    return min(timeit.repeat(function, number=number, repeat=_REPEAT)) / number * 1e9


def counted(engine):
    """The functions, counted by an engine, with its gate closed as between two telling calls."""
    engines.set_up(engine, lambda *given: None)
    sites = Sites(engine)

    def site(kind, name, line):
        return sites.site("", "", kind, name, line)

    names = {}
    exec(live(transform(SOURCE.encode(), "cost.py"), site), names)
    for each in sites.sites:
        each.left = pure.NEVER
    return names


def run(coroutine):
    """Run to the end a coroutine that never waits."""
    with contextlib.suppress(StopIteration):
        coroutine.send(None)


CALLS = (
    ("function", 1, lambda names: names["leaf"](1)),
    ("function that calls one, each", 2, lambda names: names["pair"](1)),
    ("generator", 1, lambda names: list(names["generator"](1))),
    ("coroutine", 1, lambda names: run(names["coroutine"](1))),
    ("coroutine that awaits one, each", 2, lambda names: run(names["outer"](1))),
)


def peers(leaf):
    """The same function, as peers watch it."""
    found = {}
    with contextlib.suppress(ImportError):
        from opentelemetry.sdk.trace import TracerProvider

        tracer = TracerProvider().get_tracer("cost")

        def span(a):
            with tracer.start_as_current_span("leaf"):
                return leaf(a)

        found["OpenTelemetry span"] = span
    with contextlib.suppress(ImportError):
        import elasticapm

        client = elasticapm.Client(
            service_name="cost",
            server_url="http://127.0.0.1:9",
            disable_send=True,
            transaction_max_spans=10**9,
            span_compression_enabled=False,
        )
        client.begin_transaction("cost")
        found["elastic-apm capture_span"] = elasticapm.capture_span("leaf")(leaf)
    with contextlib.suppress(ImportError):
        import logfire

        logfire.configure(send_to_logfire=False, console=False)
        watched = logfire.instrument("leaf", extract_args=True, record_return=True)(leaf)
        found["logfire.instrument, arguments and result"] = watched
    return found


def wrapper(leaf):
    """The floor of the other design: a wrapper of the same signature with a histogram, and no self time."""
    clock, buckets, sums = time.perf_counter_ns, [0] * 64, [0]

    def leaf_(a, b=1, *, c=2):
        began = clock()
        try:
            return leaf(a, b, c=c)
        finally:
            took = clock() - began
            buckets[(took - 1).bit_length()] += 1
            sums[0] += took

    return leaf_


def main():
    """Print the table."""
    gc.disable()
    simple = {}
    exec(compile(SOURCE, "cost.py", "exec"), simple)
    floor = best(lambda: simple["leaf"](1))
    print(
        f"Python {sys.version.split()[0]}: an uncounted call {floor - best(lambda: None):.0f} ns. More than that:"
    )
    rows = []
    made = [("Python", pure)]
    try:
        made.append(("C", importlib.import_module("ktlo_instrument._fast")))
    except ImportError:
        print("the C engine is not built")
    for engine_name, engine in made:
        names = counted(engine)
        for kind, each, call in CALLS:
            more = best(lambda c=call, n=names: c(n)) - best(lambda c=call: c(simple))
            rows.append((f"{engine_name} engine, {kind}", more / each))
        engine.drain()
    wrapped = wrapper(simple["leaf"])
    rows.append(("a wrapper (histogram and sum only)", best(lambda: wrapped(1)) - floor))
    for peer, function in peers(simple["leaf"]).items():
        rows.append((peer, best(lambda f=function: f(1), 300) - floor))
    base = rows[0][1]
    for row, more in rows:
        print(f"  {row:45} {more:9,.0f} ns {more / base:8.2f} x")


if __name__ == "__main__":
    main()
