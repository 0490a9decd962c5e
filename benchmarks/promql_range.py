"""How fast ktlo answers PromQL over a long range, against a real Prometheus with the same samples, in one run.

Run: ``python benchmarks/promql_range.py [DAYS [SERIES]]`` (1 day; 7 days of 1,000 series at 15 s are 40 million
samples and take some ten minutes to prepare). Needs ``prometheus`` and ``promtool``. The answers are compared; trust
the ratios, that of CPU seconds most where others keep the machine busy.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from ktlo.receivers.spool import length_prefix
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import METRICS
from ktlo.telemetry.promql.asking import ask
from ktlo.telemetry.promql.question import Asked, Limits
from ktlo.telemetry.promql.range_functions import Rules

EVERY = 15
START = 1_790_640_000
"""A multiple of two hours, so that blocks of Prometheus are whole."""
BLOCK = 7200
EXPRESSIONS = (
    ("sum by (job) (rate(requests_total[5m]))", 600),
    ("sum by (job) (increase(requests_total[1h]))", 3600),
    ("max by (job) (requests_total)", 600),
    ("avg(avg_over_time(requests_total[1h]))", 3600),
    ('rate(requests_total{pod="pod-7"}[5m])', 60),
)


def _fill_prometheus(folder: Path, days: float, series: int) -> None:
    names = [f'requests_total{{job="job-{n % 10}",pod="pod-{n}"}} ' for n in range(series)]
    for begin in range(START, START + int(days * 86_400), BLOCK):
        with (folder / "in.txt").open("w", encoding="utf-8") as out:
            for n, name in enumerate(names):
                out.write(
                    "".join(
                        f"{name}{(at - START) // EVERY * (n % 11 + 1)} {at + 1}\n"
                        for at in range(begin, begin + BLOCK, EVERY)
                    )
                )
            out.write("# EOF\n")
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", "in.txt", "data"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    (folder / "in.txt").unlink()
    (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")


def _fill_ktlo(folder: Path, days: float, series: int) -> EmbeddedStore:
    store = EmbeddedStore(folder / "store")
    store.migrate()
    count = int(days * 86_400) // EVERY
    made = ExportMetricsServiceRequest()
    for n in range(series):
        of_resource = made.resource_metrics.add()
        of_resource.resource.attributes.add(key="service.name").value.string_value = f"job-{n % 10}"
        metric = of_resource.scope_metrics.add().metrics.add(name="requests")
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True
        for place in (0, count - 1):
            point = metric.sum.data_points.add(
                time_unix_nano=(START + 1 + place * EVERY) * 10**9, as_double=float(place * (n % 11 + 1))
            )
            point.attributes.add(key="pod").value.string_value = f"pod-{n}"
    body = made.SerializeToString()
    (folder / "series").write_bytes(length_prefix(len(body)) + body)
    store.load(METRICS, folder / "series", "series")
    store.execute(
        "INSERT INTO ktlo.metric_points (series, at, started_at, value, flags, received_at)"
        " SELECT s.series, toDateTime64({start:Int64} + p.number * 15, 9, 'UTC'), toDateTime64(0, 9, 'UTC'),"
        " p.number * (toUInt32(substring(s.attributes['pod'], 5)) % 11 + 1), 0, now64(6)"
        " FROM ktlo.metric_series AS s CROSS JOIN numbers(1, {most:UInt64}) AS p",
        {"start": START + 1, "most": count - 2},
    )
    return store


def _prometheus(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    process = subprocess.Popen(
        [
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=error",
            "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}",
            "--query.max-samples=500000000",
        ],
        cwd=folder,
    )  # fmt: skip
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready").close()
            break
        except OSError:
            time.sleep(0.1)
    return process, f"http://127.0.0.1:{port}"


def _cpu_of(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _theirs(
    address: str, process: int, expression: str, start: int, end: int, step: int
) -> tuple[float, float, dict[str, Any]]:
    asked = urllib.parse.urlencode({"query": expression, "start": start, "end": end, "step": step})
    begun, used = time.perf_counter(), _cpu_of(process)
    with urllib.request.urlopen(f"{address}/api/v1/query_range?{asked}") as answer:
        data = json.load(answer)["data"]["result"]
    took, cpu = time.perf_counter() - begun, _cpu_of(process) - used
    return (
        took,
        cpu,
        {each["metric"].get("job", ""): [float(value) for _, value in each["values"]] for each in data},
    )


def _ours(store: EmbeddedStore, asked: Asked) -> tuple[float, float, dict[str, Any], int]:
    begun, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    answered = ask(store, asked)
    vector: Any = answered.value
    found = {
        dict(labels).get("job", ""): vector.values[row][vector.present[row]]
        for row, labels in enumerate(vector.labels)
    }
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return time.perf_counter() - begun, cpu, found, answered.samples


def main() -> None:
    """Measure and print."""
    if shutil.which("promtool") is None:
        sys.exit("prometheus and promtool are needed (Debian: apt-get install prometheus)")
    days = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    series = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        store = _fill_ktlo(folder, days, series)
        print(
            f"{series:,} series, {days:g} days at {EVERY} s, in ktlo after {time.perf_counter() - begun:.0f} s"
        )
        begun = time.perf_counter()
        _fill_prometheus(folder, days, series)
        print(f"in Prometheus after {time.perf_counter() - begun:.0f} s")
        process, address = _prometheus(folder)
        end = START + int(days * 86_400)
        try:
            for expression, step in EXPRESSIONS:
                first = START + 3600 + 7
                asked = Asked(
                    expression, first * 1000, end * 1000, step * 1000, rules=Rules.PROMETHEUS_2,
                    limits=Limits(samples=10**9, seconds=600),
                )  # fmt: skip
                theirs = [_theirs(address, process.pid, expression, first, end, step) for _ in range(5)]
                ours = [_ours(store, asked) for _ in range(5)]
                took, cpu = (min(one[place] for one in theirs) for place in (0, 1))
                mine, my_cpu = (min(one[place] for one in ours) for place in (0, 1))
                told = ours[0][2]
                same = theirs[0][2].keys() == told.keys() and all(
                    len(value) == len(told[key]) and np.allclose(value, told[key], rtol=1e-9)
                    for key, value in theirs[0][2].items()
                )
                print(
                    f"{expression:52} step {step:>5} s  {ours[0][3]:>11,} samples  Prometheus {took:6.2f} s"
                    f" ({cpu:.2f} CPU)  ktlo {mine:6.2f} s ({my_cpu:.2f} CPU)  ratio {mine / took:5.2f}"
                    f" ({my_cpu / max(cpu, 0.01):.2f} CPU)  {'same' if same else 'DIFFERENT'}"
                )
        finally:
            process.terminate()
            process.wait(20)
            store.close()


if __name__ == "__main__":
    main()
