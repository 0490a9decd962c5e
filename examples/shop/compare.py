"""The shop reported once by OpenTelemetry's agents and once by Elastic's: what they say, side by side.

Runs `ktlo up` and the shop twice, with the same requests in the same order, and prints Markdown: what is the same, and
every difference. No incident is played, because when it falls depends on the clock.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from start import await_port, free_ports

AGENTS = ("otel", "elastic")
QUESTIONS = {
    "Services and versions": (
        ("service", "version"),
        (
            "SELECT service, version, sum(calls) AS calls, sum(errors) AS errors FROM operation_minutes"
            " WHERE environment = 'shop' AND kind = 'server' GROUP BY service, version"
        ),
    ),
    "Operations that a service was asked for": (
        ("service", "operation"),
        (
            "SELECT service, name AS operation, sum(calls) AS calls, sum(errors) AS errors FROM operation_minutes"
            " WHERE environment = 'shop' AND kind = 'server' GROUP BY service, operation"
        ),
    ),
    "Edges of the map": (
        ("from", "to", "kind"),
        (
            "SELECT client AS `from`, server AS `to`, kind, sum(calls) AS calls, sum(errors) AS errors"
            " FROM service_edges WHERE environment = 'shop' AND client_kind = 'service' GROUP BY `from`, `to`, kind"
        ),
    ),
    "Statements and commands, compressed spans unrolled, without connecting": (
        ("service", "system"),
        (
            "SELECT service, if(attributes['db.system.name'] != '', attributes['db.system.name'],"
            " attributes['db.system']) AS system,"
            " sum(greatest(1, toUInt32OrZero(attributes['elastic.composite.count']))) AS calls,"
            " countIf(status = 'error') AS errors FROM spans WHERE environment = 'shop' AND kind = 'client'"
            " AND system != '' AND name NOT LIKE '%connect%' GROUP BY service, system"
        ),
    ),
    "Exceptions": (
        ("service", "type"),
        (
            "SELECT service, arrayElement(splitByChar('.', type), -1) AS type, uniqExact(trace_id) AS traces,"
            " count() AS reports FROM error_events"
            " WHERE environment = 'shop' AND type != '' GROUP BY service, type"
        ),
    ),
}
"""Title, columns that name a row, and the statement. The other two columns are shown and compared; of exceptions only
the traces they were in are compared: how often one is reported is a matter of the agents."""
PORT = re.compile(r"127\.0\.0\.1:\d+")


def main() -> None:
    """Run both and print the comparison."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", default="2")
    asked.add_argument("--rate", default="10")
    asked.add_argument("--work", default=str(Path.home() / ".cache" / "ktlo-shop"), help="where packages go")
    said = asked.parse_args()
    answers = {agent: run(agent, said) for agent in AGENTS}
    print(f"`examples/shop/compare.py --minutes {said.minutes} --rate {said.rate}`\n")
    for title, (names, _) in QUESTIONS.items():
        print_table(title, names, [answers[agent][title] for agent in AGENTS])


def run(agent: str, said: argparse.Namespace) -> dict[str, list[list]]:
    """Run the shop under an agent; the answers to all questions."""
    folder = Path(tempfile.mkdtemp(prefix="ktlo-compare-"))
    page, http, grpc, elastic = free_ports(4)
    (folder / "ktlo.yaml").write_text(
        f"telemetry: {{http_port: {http}, grpc_port: {grpc}, elastic_port: {elastic}}}\nsql: {{port: 0}}\n"
    )
    command = ["ktlo", "up", "--no-browser", "--port", str(page), "--data", str(folder / "data")]
    with (folder / "ktlo.log").open("wb") as log:
        ktlo = subprocess.Popen(
            [*command, "--config", str(folder / "ktlo.yaml")], cwd=folder, stdout=log, stderr=log
        )
    try:
        await_port(http, ktlo, folder / "ktlo.log")
        subprocess.run(
            [sys.executable, str(Path(__file__).with_name("start.py")), "--agent", agent, "--incident", "-1",
             "--minutes", said.minutes, "--rate", said.rate, "--work", said.work,
             "--ktlo", f"http://127.0.0.1:{http if agent == 'otel' else elastic}"],
            check=True, stdout=sys.stderr,
        )  # fmt: skip
        time.sleep(75)  # a minute of edges is paired when it is over
        return {title: query(page, statement) for title, (_, statement) in QUESTIONS.items()}
    finally:
        ktlo.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            ktlo.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def query(port: int, statement: str) -> list[list]:
    """Rows of a statement."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/query",
        json.dumps({"sql": statement}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - an address of our own
        return json.load(answer)["rows"]


def print_table(title: str, names: tuple[str, ...], both: list[list[list]]) -> None:
    """One comparison as a Markdown table; what differs is marked."""
    print(f"### {title}\n")
    print(f"| {' | '.join(names)} | OpenTelemetry | Elastic | |\n|{'---|' * (len(names) + 3)}")
    width = len(names)
    told = [
        {tuple(PORT.sub("127.0.0.1", str(cell)) for cell in row[:width]): tuple(row[width:]) for row in rows}
        for rows in both
    ]
    for key in sorted({*told[0], *told[1]}):
        values = [of.get(key) for of in told]
        cells = ["-" if value is None else " / ".join(map(str, value)) for value in values]
        compared = [value[:1] if value and title == "Exceptions" else value for value in values]
        mark = "" if compared[0] == compared[1] else "differs"
        print(
            f"| {' | '.join(f'`{part}`' if part else '' for part in key)} | {cells[0]} | {cells[1]} | {mark} |"
        )
    print()


if __name__ == "__main__":
    main()
