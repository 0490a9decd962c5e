"""A real Prometheus over the samples of ``world``, and answers of both sides in one form to compare."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ktlo.telemetry.promql.aggregation import number_text
from ktlo.telemetry.promql.question import Answered
from ktlo.telemetry.promql.vector import Scalar, Vector

Answers = dict[str, dict[str, str]]
"""Labels as JSON → step in seconds as text → value as text."""

IS_INSTALLED = shutil.which("prometheus") is not None and shutil.which("promtool") is not None


@contextlib.contextmanager
def prometheus(folder: Path, openmetrics: str) -> Iterator[str]:
    """Run Prometheus on given samples; gives its address."""
    (folder / "in.txt").write_text(openmetrics, encoding="utf-8")
    (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", "in.txt", "data"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}",
        ],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=log,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/-/ready"):
                break
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def asked_of_prometheus(address: str, expression: str, start: int, end: int, step: int) -> Answers | str:
    """The answer of Prometheus; its message where it refuses."""
    asked = {"query": expression, "start": start / 1000, "end": end / 1000, "step": step / 1000}
    url = f"{address}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    try:
        with urllib.request.urlopen(url) as response:
            data = json.load(response)["data"]
    except urllib.error.HTTPError as error:
        with error:
            return str(json.load(error)["error"])
    return {
        json.dumps(series["metric"], sort_keys=True): {f"{at:.3f}": value for at, value in series["values"]}
        for series in data["result"]
    }


def of_ktlo(answered: Answered) -> Answers:
    """An answer of ours in the same form."""
    value = answered.value
    if isinstance(value, Scalar):
        steps = zip(answered.times, value.values, strict=True)
        return {"{}": {f"{at / 1000:.3f}": number_text(float(one)) for at, one in steps}}
    assert isinstance(value, Vector)
    return {
        json.dumps(dict(labels), sort_keys=True): {
            f"{answered.times[at] / 1000:.3f}": number_text(float(value.values[row, at]))
            for at in np.flatnonzero(value.present[row])
        }
        for row, labels in enumerate(value.labels)
    }


def difference(theirs: Any, ours: Any) -> str:
    """Where two answers differ by more than 1e-9 of the value; empty where they do not."""
    if isinstance(theirs, str) or isinstance(ours, str):
        return "" if isinstance(theirs, str) and isinstance(ours, str) else f"{theirs!s:.300} / {ours!s:.300}"
    if theirs.keys() != ours.keys():
        alone = sorted(theirs.keys() - ours.keys())[:3], sorted(ours.keys() - theirs.keys())[:3]
        return f"only Prometheus: {alone[0]}, only ktlo: {alone[1]}"
    for labels, values in theirs.items():
        if values.keys() != ours[labels].keys():
            missing = sorted(values.keys() ^ ours[labels].keys())[:3]
            return f"{labels} at {missing}: only one of them has a value"
        for at, value in values.items():
            a, b = float(value.replace("Inf", "inf")), float(ours[labels][at].replace("Inf", "inf"))
            if not np.isclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True):
                return f"{labels} at {at}: {value} of Prometheus, {ours[labels][at]} of ktlo"
    return ""
