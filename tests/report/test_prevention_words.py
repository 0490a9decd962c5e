"""What the Load page says about preventive work is what its numbers say."""

from __future__ import annotations

import math

from ktlo.planning.load.experiment import Experiment
from ktlo.planning.load.prevention import Effect
from ktlo.report.prevention import effect_text, experiment_text


def effect(per_hour: float, low: float, high: float) -> Effect:
    return Effect(per_hour, low, high, low > 0, 200, 500, 20.0)


def test_a_shown_effect_is_told_for_ten_hours_with_its_interval_and_as_association() -> None:
    tenth = -math.log(0.8) / 10  # ten hours more: 20% fewer
    said = effect_text(effect(tenth, -math.log(0.9) / 10, -math.log(0.7) / 10), "bugs")
    assert "20% fewer bugs (10% to 30%, 95%)" in said
    assert "not yet what caused what" in said


def test_an_interval_that_holds_nothing_is_told_from_its_best_to_its_worst_end() -> None:
    said = effect_text(effect(0.0, math.log(0.9) / 10, -math.log(0.9) / 10), "bugs")
    assert said.startswith("No effect shown yet")
    assert "anything from 10% fewer bugs to 11% more bugs fits" in said


def test_no_estimate_gives_its_reason() -> None:
    assert effect_text(Effect(None, None, None, False, 3, 1, 0.0, "3 weeks are too few"), "bugs") == (
        "Cannot be told: 3 weeks are too few."
    )


def test_an_experiment_is_told_by_what_it_can_show() -> None:
    assert "6 h of preventive work a week more, for 40 weeks" in experiment_text(
        Experiment(6.0, 0.2, 40, 0.15, 104), "bugs"
    )
    assert "a fall by 45%" in experiment_text(Experiment(6.0, 0.2, None, 0.45, 104), "bugs")
    assert "too few incidents" in experiment_text(Experiment(6.0, 0.2, None, None, 104), "incidents")
    assert experiment_text(None, "bugs") == ""
