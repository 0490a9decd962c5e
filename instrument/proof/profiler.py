"""The same run seen by ktlo-instrument and by VizTracer: pypiserver, asked over HTTP.

    python instrument/proof/profiler.py [requests]        # needs pypiserver, viztracer; C engine when it is built

Both look at the functions of the package `pypiserver` (its own Bottle included) in one process at once. Calls must be
equal, function by function. Self time is that of VizTracer's events less the events of the package's functions inside
them; its share of the whole is compared, since each tool has the other's cost in its times. With the engine in Python
only calls are judged: VizTracer follows that engine's own frames too, which cost time in the events of some functions
and in what the engine measures of others, so that shares were up to threefold apart, either way; told to leave those
frames out (`exclude_files`), it loses calls. Generators are left out: VizTracer takes each resumption for a call.
Comprehensions and lambdas are part of the function around them, as they are for us.
"""

import http.client
import logging
import os
import statistics
import sys
import tempfile
import threading
import wsgiref.simple_server
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import ktlo_instrument

POINTS = 3.0
"""Percentage points by which shares of self time may differ, in the median of the passes."""
PASSES = 7
"""One interruption inside either tool's own code counts for another function in the other."""


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *given):
        """Silent."""


def asked(application, number):
    """Answer so many requests over a socket, all by one thread that starts now."""
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, application, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    for place in range(number):
        client = http.client.HTTPConnection(*server.server_address, timeout=30)
        client.request(
            "GET", ("/", "/simple/", f"/simple/thing{place % 20}/", "/packages/", "/no/such")[place % 5]
        )
        client.getresponse().read()
        client.close()
    server.shutdown()
    thread.join()
    server.server_close()


def of_ktlo():
    """Calls and self nanoseconds by file and line; and where generators are."""
    running = ktlo_instrument.current()
    found, generators = defaultdict(lambda: [0, 0]), set()
    for site, _, calls, _, own, *_ in running.engine.drain():
        function = running.sites.of(site)
        if function.kind == "function":
            found[function.path, function.line][0] += calls
            found[function.path, function.line][1] += own
        else:
            generators.add((function.path, function.line))
    return found, generators


def of_viztracer(data, wanted):
    """The same from its events of the functions that are wanted, and their names."""
    found, names = defaultdict(lambda: [0, 0]), {}
    by_thread = defaultdict(list)
    for event in data["traceEvents"]:
        if event["ph"] == "X" and event.get("cat") == "FEE":
            by_thread[event["tid"]].append(event)
    for events in by_thread.values():
        running = []
        for event in sorted(events, key=lambda each: (each["ts"], -each["dur"])):
            name, _, place = event["name"].rpartition(" (")
            path, _, line = place.rstrip(")").rpartition(":")
            key = (path, int(line or 0))
            if key not in wanted:
                continue
            while running and running[-1][1] <= event["ts"]:
                running.pop()
            if running:
                found[running[-1][0]][1] -= event["dur"] * 1e3
            found[key][0] += 1
            found[key][1] += event["dur"] * 1e3
            names[key] = name
            running.append((key, event["ts"] + event["dur"]))
    return found, names


def main():
    """Print the table; exit 1 when calls differ or, with the engine in C, a share of self time by more than allowed."""
    logging.disable(logging.CRITICAL)
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    ktlo_instrument.start(
        packages=("pypiserver",), endpoint="http://127.0.0.1:9", tracing=False, coverage=False, interval=3600
    )
    import pypiserver
    from viztracer import VizTracer

    calls, shares, names = defaultdict(lambda: [0, 0]), defaultdict(list), {}
    with tempfile.TemporaryDirectory() as packages:
        for place in range(60):
            Path(packages, f"thing{place % 20}-{place}.0.tar.gz").write_bytes(b"x" * 1000)
        application = pypiserver.app(roots=[packages], disable_fallback=True)
        asked(application, 20)
        tracer = VizTracer(tracer_entries=3_000_000, ignore_c_function=True, log_async=False, verbose=0)
        for _ in range(PASSES):
            ktlo_instrument.current().engine.drain()
            tracer.clear()
            tracer.start()
            asked(application, number)
            tracer.stop()
            ours, generators = of_ktlo()
            tracer.parse()
            theirs, more = of_viztracer(tracer.data, ours.keys() | generators)
            names.update(more)
            whole, whole_theirs = sum(own for _, own in ours.values()), sum(theirs[key][1] for key in ours)
            for key, (count, own) in ours.items():
                calls[key][0] += count
                calls[key][1] += theirs[key][0]
                shares[key].append((own / whole * 100, theirs[key][1] / whole_theirs * 100))
    differ = [0, 0]
    is_compared = ktlo_instrument.current().engine.NAME == "c"
    print(
        f"Python {sys.version.split()[0]}, {ktlo_instrument.current().engine.NAME} engine, {PASSES} x {number} requests"
    )
    print(f"{'function':58} {'calls':>8} {'VizTracer':>9} {'self':>7} {'VizTracer':>9}")
    for key in sorted(shares, key=lambda each: -statistics.median(share for share, _ in shares[each])):
        share = statistics.median(ours for ours, _ in shares[key])
        share_theirs = statistics.median(theirs for _, theirs in shares[key])
        apart = statistics.median(ours - theirs for ours, theirs in shares[key])
        differ[0] += calls[key][0] != calls[key][1]
        differ[1] += is_compared and abs(apart) > POINTS
        if max(share, share_theirs) >= 2 or calls[key][0] != calls[key][1]:
            name = f"{names.get(key, '?')} {os.path.basename(key[0])}:{key[1]}"
            print(f"{name:58} {calls[key][0]:8} {calls[key][1]:9} {share:6.1f}% {share_theirs:8.1f}%")
    total = sum(count for count, _ in calls.values())
    load = ", ".join(f"{each:.0f}" for each in os.getloadavg())
    print(f"{len(shares)} functions, {total:,} calls; differ: {differ[0]} in calls, ", end="")
    judged = (
        f"{differ[1]} in self time by more than {POINTS} points"
        if is_compared
        else "self time is not compared"
    )
    print(f"{judged}; load {load}")
    sys.exit(any(differ))


if __name__ == "__main__":
    main()
