"""The KTLO share: true through the classifier's mistakes, with an interval that keeps its word."""

from __future__ import annotations

import numpy as np
import pytest

from ktlo.metrics.share import Declared, Measured, ktlo_share

CATEGORIES = 9
IS_KTLO = np.arange(CATEGORIES) > 0
TRUE_MIX = np.array([0.45, 0.20, 0.05, 0.03, 0.10, 0.05, 0.05, 0.05, 0.02])


def mistaken(accuracy, towards=(1, 4)):
    """A classifier that is right with ``accuracy`` and else prefers some categories."""
    table = np.full((CATEGORIES, CATEGORIES), 0.2 * (1 - accuracy) / CATEGORIES)
    table[:, list(towards)] += 0.8 * (1 - accuracy) / len(towards)
    return table + np.eye(CATEGORIES) * accuracy


def team(rng, confusion, weeks, mix=TRUE_MIX, items=40):
    """Weeks of work items, each of one person-day: person-days by (week, layer, verdict)."""
    effort = np.zeros((weeks, 1, CATEGORIES + 1))
    for week in range(weeks):
        for category, count in enumerate(rng.multinomial(items, rng.dirichlet(60 * mix))):
            effort[week, 0, :CATEGORIES] += rng.multinomial(count, confusion[category])
    return effort


def checked_items(rng, confusion, each):
    """A study: ``each`` items of every true category, a fifth of which the model abstained on."""
    return np.stack([rng.multinomial(each, [*(0.8 * row), 0.2]) for row in confusion])


@pytest.mark.parametrize(("accuracy", "each", "weeks"), [(0.75, 150, 26), (0.65, 60, 52), (0.8, 40, 13)])
def test_a_90_percent_interval_holds_the_truth_where_the_plain_share_is_far_off(rng, accuracy, each, weeks):
    confusion, truth, hits, errors, plain = mistaken(accuracy), 1 - TRUE_MIX[0], 0, [], []
    for _ in range(120):
        study = Measured(checked_items(rng, confusion, each))
        said = ktlo_share(team(rng, confusion, weeks), [study], IS_KTLO, level=0.9, draws=200)
        hits += said.share.low <= truth <= said.share.high
        errors.append(said.share.value - truth)
        plain.append(said.naive - truth)
    assert hits / 120 >= 0.85
    assert abs(np.mean(errors)) < 0.02 < 0.05 < np.mean(plain)


def test_the_plain_share_is_biased_by_one_sided_mistakes_and_the_corrected_one_is_not(rng):
    confusion = mistaken(0.7, towards=(0,))
    study = Measured(checked_items(rng, confusion, 2_000))
    said = [ktlo_share(team(rng, confusion, 52), [study], IS_KTLO, draws=50) for _ in range(20)]
    truth = 1 - TRUE_MIX[0]
    assert np.mean([one.naive for one in said]) < truth - 0.1
    assert np.mean([one.share.value for one in said]) == pytest.approx(truth, abs=0.015)


def test_effort_by_category_is_corrected_too(rng):
    confusion = mistaken(0.7)
    effort = sum(team(rng, confusion, 52) for _ in range(10))
    said = ktlo_share(effort, [Measured(1_000 * confusion @ np.eye(CATEGORIES, CATEGORIES + 1))], IS_KTLO)
    for estimate, true in zip(said.categories, TRUE_MIX, strict=True):
        assert estimate.value == pytest.approx(true * said.attributed, abs=0.02 * said.attributed)
        assert estimate.low <= estimate.value <= estimate.high
    assert sum(estimate.value for estimate in said.categories) == pytest.approx(said.attributed)


def test_fewer_checked_items_mean_a_wider_interval(rng):
    confusion = mistaken(0.7)
    effort = team(rng, confusion, 26)

    def width(each):
        study = np.hstack([confusion * each, np.zeros((CATEGORIES, 1))])
        share = ktlo_share(effort, [Measured(study)], IS_KTLO).share
        return share.high - share.low

    assert width(20) > 1.3 * width(200) > 1.3 * width(5_000) * 0.8


def test_people_who_corrected_everything_are_believed(rng):
    effort = team(rng, np.eye(CATEGORIES), 26)
    said = ktlo_share(effort, [Declared(1.0)], IS_KTLO)
    assert said.share.value == pytest.approx(said.naive)
    assert said.share.low < said.share.value < said.share.high


def test_what_a_declared_reliability_leaves_to_be_wrong_goes_to_the_other_categories():
    # Right in 90%: of 60 days of features 6 were something else, of 40 days of upkeep 4 were features.
    effort = np.zeros((10, 1, 3))
    effort[:, 0, 0], effort[:, 0, 1] = 6.0, 4.0
    said = ktlo_share(effort, [Declared(0.9)], [False, True])
    assert said.share.value == pytest.approx(0.42, abs=0.005)
    assert said.naive == pytest.approx(0.4)


def test_no_category_that_a_rule_names_vanishes(rng):
    effort = np.zeros((20, 1, CATEGORIES + 1))
    effort[:, 0, 0], effort[:, 0, 3] = 10.0, 0.1
    rare = ktlo_share(effort, [Declared(0.85)], IS_KTLO).categories[3]
    assert rare.low > 1.5  # 2 days, of which 15% may be something else


def test_one_week_has_no_interval_and_says_why():
    effort = np.ones((1, 1, 3))
    said = ktlo_share(effort, [Declared(0.9)], [False, True])
    assert said.share.value == pytest.approx(0.5)
    assert (said.share.low, said.share.high) == (None, None)
    assert "one week" in said.share.reason


def test_each_layer_is_corrected_by_its_own_mistakes(rng):
    model = mistaken(0.65, towards=(0,))
    effort = np.concatenate([team(rng, np.eye(CATEGORIES), 104), team(rng, model, 104)], axis=1)
    study = Measured(np.hstack([model * 2_000, np.zeros((CATEGORIES, 1))]))
    said = ktlo_share(effort, [Declared(1.0), study], IS_KTLO)
    assert said.share.value == pytest.approx(1 - TRUE_MIX[0], abs=0.03)
    assert said.naive < said.share.value - 0.04


def test_what_is_unattributed_bounds_the_share_of_all_effort():
    effort = np.zeros((4, 1, 3))
    effort[:, 0] = [3.0, 1.0, 4.0]
    said = ktlo_share(effort, [Declared(1.0)], [False, True])
    assert said.share.value == pytest.approx(0.25)
    assert (said.attributed, said.unattributed) == (16, 16)
    assert said.if_none == pytest.approx(1 / 8)
    assert said.if_all == pytest.approx(5 / 8)


def test_the_same_question_gets_the_same_answer(rng):
    effort, study = team(rng, mistaken(0.7), 13), Measured(checked_items(rng, mistaken(0.7), 50))
    one, other = ktlo_share(effort, [study], IS_KTLO), ktlo_share(effort, [study], IS_KTLO)
    assert one.share == other.share
    assert np.array_equal(one.draws, other.draws)


def test_the_unit_of_effort_does_not_matter(rng):
    effort, study = team(rng, mistaken(0.7), 13), Measured(checked_items(rng, mistaken(0.7), 50))
    days, hours = ktlo_share(effort, [study], IS_KTLO), ktlo_share(8 * effort, [study], IS_KTLO)
    assert hours.share.value == pytest.approx(days.share.value)
    assert hours.share.low == pytest.approx(days.share.low)
    assert hours.categories[1].value == pytest.approx(8 * days.categories[1].value)


def test_a_single_week_says_what_its_interval_does_not_know(rng):
    said = ktlo_share(team(rng, mistaken(0.7), 1), [Declared(0.9)], IS_KTLO)
    assert said.share.reason.startswith("one week only")


def test_a_classifier_that_was_never_checked_leaves_the_share_wide_open(rng):
    unknown = Measured(np.zeros((CATEGORIES, CATEGORIES + 1)))
    share = ktlo_share(team(rng, mistaken(0.7), 26), [unknown], IS_KTLO).share
    assert share.high - share.low > 0.4


def test_no_effort_is_not_estimable():
    said = ktlo_share(np.zeros((3, 1, 3)), [Declared(1.0)], [False, True])
    assert said.share.value is None
    assert said.if_none is None
    assert len(said.categories) == 2


def test_only_unattributed_effort_leaves_everything_possible():
    effort = np.zeros((3, 1, 3))
    effort[:, 0, 2] = 5
    said = ktlo_share(effort, [Declared(1.0)], [False, True])
    assert (said.share.value, said.if_none, said.if_all) == (None, 0, 1)


@pytest.mark.parametrize(
    "effort", [np.zeros((3, 2, 3)), np.full((3, 1, 3), -1.0), np.full((3, 1, 3), np.nan)]
)
def test_effort_that_cannot_be_is_refused(effort):
    with pytest.raises(ValueError, match=r"fit|person-days"):
        ktlo_share(effort, [Declared(1.0)], [False, True])


def test_a_reliability_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="means nothing"):
        Declared(1.2)


def test_a_mixture_is_corrected_the_same_alone_and_among_others(rng):
    layer = Measured(np.eye(3, 4, dtype=int) * 30 + rng.integers(0, 9, (3, 4)))
    others = rng.dirichlet(np.ones(3), 60)
    asked = rng.dirichlet(np.ones(3))
    among = layer.true_mixtures(np.vstack((asked, others)), np.random.default_rng(7))[0]
    alone = layer.true_mixtures(asked[None], np.random.default_rng(7))[0]
    assert among == pytest.approx(alone, abs=1e-4)
    assert among.sum() == pytest.approx(1)
