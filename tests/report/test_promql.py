"""Answers in PromQL as something to read."""

from __future__ import annotations

import numpy as np

from ktlo.report.promql import how_many, shown
from ktlo.telemetry.promql.labels import labels_of
from ktlo.telemetry.promql.question import Answered
from ktlo.telemetry.promql.vector import Vector

NAN, INF = float("nan"), float("inf")


def test_of_many_series_those_with_the_largest_last_number_are_made_and_no_others():
    values = np.array(
        [
            [9.0, 9.0, 1.0],
            [0.0, 5.0, NAN],
            [2.0, 2.0, 99.0],
            [NAN, NAN, NAN],
            [1.0, 7.0, INF],
            [3.0, 3.0, 3.0],
        ]
    )
    present = np.ones_like(values, dtype=np.bool_)
    present[2, 2] = False
    labels = tuple(labels_of({"queue": name}) for name in "abcdef")
    answered = Answered(np.array([0, 60_000, 120_000]), Vector(labels, values, present), 18, 0.0)
    assert [each.name for each in shown(answered, "{{queue}}")] == ["e", "b", "f", "c", "a", "d"]
    assert [each.name for each in shown(answered, "{{queue}}", most=3)] == ["e", "b", "f"]
    assert [each.name for each in shown(answered, "{{queue}}", most=5)] == ["e", "b", "f", "c", "a"]
    assert how_many(answered) == 6
