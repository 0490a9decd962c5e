"""What the category model promises: obvious work is recognised, doubt is said, corrections teach."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.effort.confusion import Confusion, hand_checked_confusion, held_out_confusion
from ktlo.effort.features import CHUNK, Evidence
from ktlo.effort.model import Correction, fit_corrections, load_model
from ktlo.records.effort import Category

OBVIOUS = Path(__file__).parents[1] / "golden" / "obvious_work.tsv"


def obvious_work() -> list[tuple[Category, Evidence]]:
    rows = [line.split("\t") for line in OBVIOUS.read_text("utf-8").splitlines() if not line.startswith("#")]
    return [
        (
            Category(category),
            Evidence(title, "", tuple(filter(None, paths.split(","))), int(added), int(deleted)),
        )
        for category, title, paths, added, deleted in rows
    ]


@pytest.mark.parametrize(
    ("category", "evidence"), obvious_work(), ids=[evidence.title for _, evidence in obvious_work()]
)
def test_obvious_work_is_recognised(category: Category, evidence: Evidence) -> None:
    (verdict,) = load_model().classify([evidence])
    assert verdict.category is category, verdict


def test_a_verdict_names_the_words_that_spoke_for_it() -> None:
    (verdict,) = load_model().classify(
        [Evidence("Bump lodash from 4.17.20 to 4.17.21", "", ("package-lock.json",), 4, 4)]
    )
    assert verdict.reason.startswith("looks like dependency: “")
    assert "bump" in verdict.reason
    assert 0.5 < verdict.confidence <= 1.0


@pytest.mark.parametrize("title", ["", "   ", "…", "!!!"])
def test_an_item_without_words_and_paths_stays_unattributed(title: str) -> None:
    (verdict,) = load_model().classify([Evidence(title)])
    assert verdict.category is Category.UNATTRIBUTED
    assert verdict.confidence == 0.0
    assert verdict.reason == "no words and no paths to go by"


def test_a_doubtful_item_stays_unattributed_and_says_between_what() -> None:
    (verdict,) = load_model().classify([Evidence("session limits")])
    assert verdict.category is Category.UNATTRIBUTED
    assert verdict.reason.startswith("unclear: ")
    assert " or " in verdict.reason


def test_no_items_give_no_verdicts() -> None:
    assert load_model().classify([]) == []
    assert load_model().probabilities([]).shape == (0, len(load_model().categories))


def test_incident_and_support_are_never_guessed_without_a_correction() -> None:
    assert not {Category.INCIDENT, Category.SUPPORT} & set(load_model().categories)


def test_an_item_is_judged_alike_alone_in_company_and_across_chunk_borders() -> None:
    items = [evidence for _, evidence in obvious_work()]
    many = (items * (CHUNK // len(items) + 2))[: CHUNK + 7]
    together = load_model().classify(many)
    assert together == load_model().classify(many)
    assert [v.category for v in together[-3:]] == [load_model().classify([e])[0].category for e in many[-3:]]
    alone = np.concatenate([load_model().probabilities([item]) for item in items])
    np.testing.assert_allclose(load_model().probabilities(items), alone, rtol=1e-4, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Evidence,
            title=st.text(max_size=80),
            body=st.text(max_size=200),
            paths=st.lists(st.text(max_size=30), max_size=4).map(tuple),
            lines_added=st.none() | st.integers(-1, 2**40),
            lines_deleted=st.none() | st.integers(-1, 2**40),
        ),
        max_size=8,
    )
)
def test_any_text_gets_one_verdict_with_a_probability(items: list[Evidence]) -> None:
    verdicts = load_model().classify(items)
    assert len(verdicts) == len(items)
    assert all(0.0 <= verdict.confidence <= 1.0 and verdict.reason for verdict in verdicts)
    chances = load_model().probabilities(items)
    np.testing.assert_allclose(chances.sum(axis=1), np.ones(len(items)), rtol=1e-9)


@pytest.mark.parametrize(
    "title",
    [
        "修复登录时的崩溃",
        "Corrigé le plantage à louverture",
        "Исправлена ошибка входа",
        "🚑 \ud800 broken surrogate",
    ],
)
def test_titles_of_any_script_are_judged_without_an_error(title: str) -> None:
    (verdict,) = load_model().classify([Evidence(title, title, (title,), 1, 1)])
    assert verdict.reason


def test_a_megabyte_of_body_counts_no_more_than_its_start() -> None:
    start = "The parser crashed on empty input. " * 60
    long = Evidence("Fix crash", start + "x y z " * 170_000)
    short = Evidence("Fix crash", start)
    assert load_model().classify([long]) == load_model().classify([short])


def test_ten_thousand_paths_count_no_more_than_the_first_ones() -> None:
    paths = tuple(f"src/module_{n}.py" for n in range(10_000))
    (verdict,) = load_model().classify([Evidence("Rename the package", "", paths, 20_000, 20_000)])
    assert verdict.category is Category.DEBT


def test_the_model_file_is_small_and_read_once_a_process() -> None:
    """What loading costs beside judging is measured by benchmarks/effort_model.py."""
    path = Path(__file__).parents[2] / "src/ktlo/effort/category_model.npz"
    assert path.stat().st_size < 1_500_000
    assert load_model() is load_model()


# Corrections

HANDOVERS = [
    f"Rota handover notes for week {week} and {team}" for week, team in enumerate(["payments", "search"] * 6)
]
ROTA = tuple(Correction(Evidence(title), Category.SUPPORT) for title in HANDOVERS)


def test_a_corrected_item_gets_exactly_what_the_person_said() -> None:
    items = [evidence for _, evidence in obvious_work()]
    decisions = [list(Category)[n % len(Category)] for n in range(len(items))]
    model = fit_corrections(load_model(), [Correction(*pair) for pair in zip(items, decisions, strict=True)])
    verdicts = model.classify(items)
    assert [verdict.category for verdict in verdicts] == decisions
    assert {verdict.confidence for verdict in verdicts} == {1.0}
    assert {verdict.reason for verdict in verdicts} == {"corrected by a person"}


def test_items_like_the_corrected_ones_follow_even_into_a_category_the_model_did_not_know() -> None:
    fresh = Evidence("Rota handover notes for week 40 and billing")
    assert load_model().classify([fresh])[0].category is not Category.SUPPORT
    assert fit_corrections(load_model(), ROTA).classify([fresh])[0].category is Category.SUPPORT


def test_corrections_leave_other_work_where_it_was() -> None:
    items = [evidence for _, evidence in obvious_work()]
    before = load_model().classify(items)
    after = fit_corrections(load_model(), ROTA).classify(items)
    assert [v.category for v in after] == [v.category for v in before]


def test_a_single_correction_does_not_overturn_unrelated_obvious_work() -> None:
    odd = Correction(
        Evidence("Fix crash when the config file is empty", "", ("src/config.c",), 4, 1), Category.FEATURE
    )
    model = fit_corrections(load_model(), [odd])
    others = [(category, e) for category, e in obvious_work() if e.title != odd.evidence.title]
    verdicts = model.classify([evidence for _, evidence in others])
    assert sum(v.category is c for v, (c, _) in zip(verdicts, others, strict=True)) >= len(others) - 1


def test_of_two_corrections_of_one_item_the_later_counts() -> None:
    item = Evidence("Rotate the logs")
    model = fit_corrections(
        load_model(), [Correction(item, Category.FEATURE), Correction(item, Category.INFRASTRUCTURE)]
    )
    assert model.classify([item])[0].category is Category.INFRASTRUCTURE


def test_a_person_may_say_that_an_item_is_unattributed() -> None:
    item = Evidence("Fix crash when the config file is empty", "", ("src/config.c",), 4, 1)
    model = fit_corrections(load_model(), [Correction(item, Category.UNATTRIBUTED)])
    assert model.classify([item])[0].category is Category.UNATTRIBUTED
    np.testing.assert_array_equal(model.weights, load_model().weights)


def test_learning_is_deterministic_and_leaves_the_shipped_model_alone() -> None:
    shipped = load_model().weights.copy()
    first, second = fit_corrections(load_model(), ROTA), fit_corrections(load_model(), ROTA)
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(load_model().weights, shipped)
    assert fit_corrections(load_model(), []) is load_model()


def test_more_corrections_than_fit_one_chunk_are_all_kept_and_learned() -> None:
    many = [Correction(Evidence(f"Rota handover {n}"), Category.SUPPORT) for n in range(CHUNK + 50)]
    many += [Correction(Evidence(f"Polish lantern {n}"), Category.INCIDENT) for n in range(200)]
    model = fit_corrections(load_model(), many)
    fresh = model.classify([Evidence("Rota handover today"), Evidence("Polish lantern today")])
    assert [verdict.category for verdict in fresh] == [Category.SUPPORT, Category.INCIDENT]
    assert len(model.overrides) == len(many)


# Measured confusion


@pytest.mark.parametrize(
    "confusion", [held_out_confusion(), hand_checked_confusion()], ids=["held out", "by hand"]
)
def test_each_row_of_the_confusion_sums_to_its_sample(confusion: Confusion) -> None:
    assert confusion.counts.shape == (len(confusion.truth), len(confusion.verdict))
    assert confusion.verdict == (*load_model().categories, Category.UNATTRIBUTED)
    np.testing.assert_array_equal(confusion.counts.sum(axis=1), confusion.sizes)
    assert (confusion.counts >= 0).all()
    assert 0.5 < confusion.accuracy < 1.0
    assert 0.5 < confusion.coverage < 1.0


def test_the_hand_checked_sample_is_the_one_in_the_repository() -> None:
    lines = (Path(__file__).parents[2] / "training/hand_labels.tsv").read_text("utf-8").splitlines()
    labels = [line.split("\t")[2] for line in lines if not line.startswith(("#", "repository\t"))]
    confusion = hand_checked_confusion()
    assert dict(zip(confusion.truth, confusion.sizes.tolist(), strict=True)) == {
        category: labels.count(category.value) for category in confusion.truth
    }
