"""ktlo answers PromQL as Prometheus does: the same samples, the same expressions, to nine digits.

What Prometheus 2.42 said is recorded; where it is installed it is asked again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import peer
import promql_world as world
import pytest

from ktlo.errors import UsageError
from ktlo.telemetry.promql.evaluate import answer
from ktlo.telemetry.promql.question import Asked
from ktlo.telemetry.promql.range_functions import Rules

GOLDEN = Path(__file__).parents[2] / "golden"
RECORDED = GOLDEN / "promql_answers.json"
EXPRESSIONS = [
    line
    for line in (GOLDEN / "promql_expressions.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
START, END, STEP = world.START + 600_000, world.START + 7_000_000, 800_000
OTHER_NAMES = {"holt_winters": "double_exponential_smoothing"}
"""Functions that have another name since Prometheus 3."""


def ours(expression: str) -> peer.Answers | str:
    for old, new in OTHER_NAMES.items():
        expression = expression.replace(old, new)
    try:
        return peer.of_ktlo(
            answer(Asked(expression, START, END, STEP, rules=Rules.PROMETHEUS_2), world.source())
        )
    except UsageError as error:
        return str(error)


@pytest.fixture(scope="module")
def recorded() -> dict[str, peer.Answers | str]:
    found: dict[str, peer.Answers | str] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def test_every_expression_is_answered_as_prometheus_did(recorded: dict[str, peer.Answers | str]) -> None:
    assert list(recorded) == EXPRESSIONS, "record the answers again: see the head of promql_expressions.txt"
    differences = {
        expression: told
        for expression in EXPRESSIONS
        if (told := peer.difference(recorded[expression], ours(expression)))
    }
    assert differences == {}


@pytest.mark.skipif(
    not peer.IS_INSTALLED, reason="Prometheus is not installed: the recorded answers are compared"
)
def test_every_expression_is_answered_as_the_prometheus_of_this_machine_does(tmp_path: Path) -> None:
    with peer.prometheus(tmp_path, world.openmetrics()) as address:
        theirs = {
            expression: peer.asked_of_prometheus(address, expression, START, END, STEP)
            for expression in EXPRESSIONS
        }
    if os.environ.get("KTLO_REWRITE"):
        lines = (
            f"{json.dumps(expression)}: {json.dumps(theirs[expression], sort_keys=True)}"
            for expression in EXPRESSIONS
        )
        RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    differences = {
        expression: told
        for expression in EXPRESSIONS
        if (told := peer.difference(theirs[expression], ours(expression)))
    }
    assert differences == {}
