"""The past forecast from what was known then: no peeping, fair rules, scores by hand, a verdict against ktlo if due."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import load_worlds as worlds
import numpy as np
import pytest

from ktlo.planning.assumptions import Prices
from ktlo.planning.backtest.asking import Making
from ktlo.planning.backtest.origins import HORIZON, origins_of
from ktlo.planning.backtest.policies import Forecasts, Policy, forecast_all
from ktlo.planning.backtest.regret import quarters_of, regret_of
from ktlo.planning.backtest.run import Backtest, Trust, run_backtest
from ktlo.planning.backtest.scores import difference, inside, pinball
from ktlo.report.backtest import reading, verdict
from ktlo.settings.planning import PlanningSettings

GOLDEN = Path(__file__).parents[2] / "golden" / "pinball_by_hand.txt"
PRICES = Prices.of(PlanningSettings())


def silent(done: int, total: int) -> None:
    del done, total


@pytest.fixture(scope="module")
def busy() -> Backtest:
    """A team of which a third of the hours goes to bugs, wandering a little."""
    rng = np.random.default_rng(3)
    rate = 12 * np.exp(np.cumsum(rng.standard_normal(150) * 0.03))
    world = dataclasses.replace(worlds.steady(1.0, 150, capacity=130.0), rate=rate, size=8.0)
    return run_backtest(worlds.history_of(world, 1), PRICES, seed=1)


def test_pinball_loss_is_what_it_is_by_hand() -> None:
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            *quantiles, outcome, loss = (float(word) for word in line.split())
            assert pinball(np.array([quantiles]), np.array([outcome]))[0] == pytest.approx(loss), line


def test_an_outcome_on_the_end_of_the_interval_is_inside_it() -> None:
    said = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]] * 3)
    assert inside(said, np.array([1.0, 5.0, 5.1])).tolist() == [True, True, False]


def test_origins_stand_four_weeks_apart_and_have_a_whole_quarter_after_them() -> None:
    history = worlds.history_of(worlds.steady(4.0, 70), 1)
    origins = origins_of(history)
    assert np.diff(origins.weeks).tolist() == [4] * (len(origins) - 1)
    assert origins.weeks[-1] + HORIZON == history.end_week
    assert origins.hours[-1] == pytest.approx(history.hours()[-13:].sum())
    places = quarters_of(origins, HORIZON, 4)
    assert np.diff(origins.weeks[places]).min() >= HORIZON


def test_nothing_that_happened_later_changes_a_forecast() -> None:
    """The future is replaced by a flood; what was said before it stays the same, to the last digit."""
    calm = worlds.history_of(worlds.steady(4.0, 90, open_days=40.0), 2)
    cut = worlds.FIRST_WEEK + 60
    day = int(worlds.first_second(cut) / 86400)
    later = calm.spent.day >= day
    flood = dataclasses.replace(
        calm,
        spent=dataclasses.replace(calm.spent, hours=np.where(later, calm.spent.hours * 50, calm.spent.hours)),
        items=dataclasses.replace(
            calm.items,
            ended=np.where(calm.items.ended >= worlds.first_second(cut), np.nan, calm.items.ended),
            is_over=calm.items.is_over & ~(calm.items.ended >= worlds.first_second(cut)),
        ),
        days=dataclasses.replace(calm.days, hours=np.where(calm.days.day >= day, 9999.0, calm.days.hours)),
    )
    one, other = (forecast_all(h, origins_of(h), HORIZON, 1, silent) for h in (calm, flood))
    origins = origins_of(calm)
    before = origins.weeks <= cut
    # Widths learn from outcomes, and those are known a quarter later.
    learned = origins.weeks <= cut - HORIZON
    for policy in Policy:
        assert np.array_equal(one[policy].hours[learned], other[policy].hours[learned]), policy
        assert np.allclose(one[policy].share[before, 2], other[policy].share[before, 2]), policy
    assert not np.allclose(one[Policy.KTLO].hours[~before], other[Policy.KTLO].hours[~before])


def test_a_rule_is_as_wide_as_its_own_earlier_errors() -> None:
    """A share of 40% was never 20%: the fixed rule's interval grows to say so, and its middle stays."""
    world = worlds.steady(20.0, 150, capacity=200.0)
    history = worlds.history_of(world, 3)
    origins = origins_of(history)
    fixed = forecast_all(history, origins, HORIZON, 1, silent)[Policy.FIXED]
    assert np.allclose(fixed.share[:, 2], 0.2, atol=0.001)
    first, last = fixed.share[0], fixed.share[-1]
    assert last[4] - last[0] > 1.15 * (first[4] - first[0])


def test_ktlo_too_becomes_as_wide_as_its_own_earlier_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_sure(known: object, horizon: int, rng: np.random.Generator) -> np.ndarray:
        return 0.2 + 0.002 * rng.standard_normal(200)

    monkeypatch.setattr("ktlo.planning.backtest.policies.drawn_share", too_sure)
    history = worlds.history_of(worlds.steady(10.0, 120, capacity=150.0), 3)
    own = forecast_all(history, origins_of(history), HORIZON, 1, silent)[Policy.KTLO].share
    width = own[:, 4] - own[:, 0]
    assert width[-1] > 1.8 * width[0]


def test_a_wandering_third_is_forecast_better_than_by_a_fixed_fifth(busy: Backtest) -> None:
    own, fixed = busy.share[0], busy.share[1]
    assert (own.policy, fixed.policy) == (Policy.KTLO, Policy.FIXED)
    assert own.loss < fixed.loss
    assert fixed.against.high is not None
    assert fixed.against.high < 0
    assert 0.55 <= own.covered <= 1.0


def test_where_the_share_is_a_fifth_for_good_the_fixed_rule_is_not_called_worse() -> None:
    each = worlds.steady(1.0, 1, sigma=0.4).mean_hours
    world = worlds.steady(9.6, 140, capacity=9.6 * each / 0.2, sigma=0.4)
    fixed = run_backtest(worlds.history_of(world, 5), PRICES, seed=1).share[1]
    assert fixed.against.low is not None
    assert fixed.against.low > -0.012


def test_following_a_fifth_where_a_third_is_needed_costs_more_than_ktlos_share(busy: Backtest) -> None:
    regret = {each.policy: each for each in busy.regret}
    assert regret[Policy.KTLO].regret < regret[Policy.FIXED].regret
    assert regret[Policy.FIXED].kept_up < regret[Policy.KTLO].kept_up
    assert all(each.regret >= 0 for each in busy.regret)
    assert regret[Policy.FIXED].share == pytest.approx(0.2)


def test_the_share_that_ktlo_names_knows_nothing_of_the_quarter_it_is_for() -> None:
    calm = worlds.history_of(worlds.steady(6.0, 130), 4)
    places = quarters_of(origins_of(calm), HORIZON, 4)
    start = int(worlds.first_second(int(origins_of(calm).weeks[places[-1]])) / 86400)
    later = calm.spent.day >= start
    flood = dataclasses.replace(
        calm,
        spent=dataclasses.replace(calm.spent, hours=np.where(later, calm.spent.hours * 9, calm.spent.hours)),
    )
    named = [
        [each.share for each in regret_of(each_of, origins_of(each_of), places, PRICES, HORIZON, 1, silent)]
        for each_of in (calm, flood)
    ]
    assert named[0] == named[1]


def test_the_same_history_and_seed_give_the_same_backtest(busy: Backtest) -> None:
    rng = np.random.default_rng(3)
    rate = 12 * np.exp(np.cumsum(rng.standard_normal(150) * 0.03))
    world = dataclasses.replace(worlds.steady(1.0, 150, capacity=130.0), rate=rate, size=8.0)
    assert run_backtest(worlds.history_of(world, 1), PRICES, seed=1) == busy


@pytest.mark.parametrize("weeks", [0, 3, 39, 94])
def test_too_short_a_past_gives_no_verdict_and_says_how_much_is_needed(weeks: int) -> None:
    found = run_backtest(worlds.history_of(worlds.steady(3.0, weeks), 1), PRICES, seed=1)
    assert found.trust is Trust.UNKNOWN
    assert "95 weeks" in found.reason
    assert "cannot be told" in verdict(found)
    assert "complete weeks" in reading(found)


def test_a_difference_is_told_only_from_enough_losses_and_has_the_sign_of_the_better() -> None:
    rng = np.random.default_rng(1)
    small, large = rng.uniform(0, 1, 40), rng.uniform(1, 2, 40)
    better = difference(small, large, 1)
    assert better.high is not None
    assert better.high < 0
    assert difference(small[:5], large[:5], 1).value is None


def test_when_a_simple_rule_wins_the_page_says_so(busy: Backtest) -> None:
    from ktlo.metrics.estimate import Estimate

    beaten = dataclasses.replace(busy.share[2], against=Estimate(0.02, 0.01, 0.03, 30))
    tied = dataclasses.replace(busy.share[3], against=Estimate(0.0, -0.01, 0.01, 30))
    lost = dataclasses.replace(busy, share=(*busy.share[:2], beaten, tied), trust=Trust.WORSE)
    assert lost.beaten_by == (Policy.LAST_QUARTER,)
    assert "last quarter again did better than ktlo's share" in verdict(lost)
    cheaper = dataclasses.replace(busy.regret[1], against=Estimate(3.0, 1.0, 5.0, 10))
    dear = dataclasses.replace(busy, regret=(busy.regret[0], cheaper, *busy.regret[2:]))
    assert "to follow fixed 20% would have cost less" in reading(dear)


def test_a_forecast_that_is_far_off_is_called_worse_than_the_rules_that_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*given: object) -> dict[Policy, Forecasts]:
        found = forecast_all(*given)  # type: ignore[arg-type]
        own = found[Policy.KTLO]
        return found | {Policy.KTLO: Forecasts(own.hours * 3, np.minimum(own.share * 3, 1.0))}

    monkeypatch.setattr("ktlo.planning.backtest.run.forecast_all", broken)
    found = run_backtest(worlds.history_of(worlds.steady(8.0, 130), 6), PRICES, seed=1)
    assert found.trust is Trust.WORSE
    assert {Policy.LAST_QUARTER, Policy.TRAILING_MEAN} <= set(found.beaten_by)
    assert "trust that more here" in verdict(found)


def test_rules_that_are_as_good_are_named(busy: Backtest) -> None:
    from ktlo.metrics.estimate import Estimate

    worse = dataclasses.replace(busy.share[1], against=Estimate(-0.02, -0.03, -0.01, 30))
    tied = dataclasses.replace(busy.share[3], against=Estimate(0.0, -0.01, 0.01, 30))
    found = dataclasses.replace(
        busy, share=(busy.share[0], worse, dataclasses.replace(worse, policy=Policy.LAST_QUARTER), tied),
        trust=Trust.AS_GOOD,
    )  # fmt: skip
    assert "mean of 52 weeks was not shown to be worse either" in verdict(found)
    assert "fixed 20%" not in verdict(found)


def test_an_interval_that_held_too_seldom_is_called_too_narrow(busy: Backtest) -> None:
    narrow = dataclasses.replace(
        busy, share=(dataclasses.replace(busy.share[0], covered=0.4), *busy.share[1:])
    )
    assert not narrow.is_covered
    assert "too narrow" in reading(narrow)


def test_what_stopped_a_backtest_is_raised_to_whoever_waits() -> None:
    making = Making(error=ValueError("broken"))
    making.finished.set()
    with pytest.raises(ValueError, match="broken"):
        making.wait()
