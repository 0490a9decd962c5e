"""What an item says it belongs to, and which layer decides."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.effort.classify import Layers, NoClassifier
from ktlo.effort.features import Evidence
from ktlo.effort.items import WorkItem
from ktlo.effort.links import LinkTargets, references
from ktlo.effort.model import Verdict as Opinion
from ktlo.effort.team_rules import TeamRules
from ktlo.records.effort import Category, ItemKind, Layer, Verdict
from ktlo.settings import RuleSettings


def commit(title: str, body: str = "", **said: object) -> WorkItem:
    return WorkItem(
        item_kind=ItemKind.COMMIT, item_id="c1", repository="acme/shop", title=title, body=body, **said
    )  # type: ignore[arg-type]


def change(number: str = "12", **said: object) -> WorkItem:
    return WorkItem(item_kind=ItemKind.CHANGE, item_id=number, repository="acme/shop", **said)  # type: ignore[arg-type]


def issue(number: str = "7", **said: object) -> WorkItem:
    return WorkItem(item_kind=ItemKind.ISSUE, item_id=number, repository="acme/shop", **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("title", "body", "named"),
    [
        ("Total", "Fixes #7", ["7"]),
        ("Total", "fixes: #7", ["7"]),
        ("Fixed #7 -- Total", "", ["7"]),
        ("Total", "Closes #7, #8 and #9", ["7", "8", "9"]),
        ("Total", "resolves acme/api#7", ["7"]),
        ("Total", "Closes https://github.com/acme/shop/issues/7", ["7"]),
        ("Total", "Fixes PAY-12", ["PAY-12"]),
        ("PAY-12 Total", "", ["PAY-12"]),
        ("Total (#12)", "", ["12"]),
        ("Merge pull request #12 from ada/total", "", ["12"]),
        ("Total", "See merge request acme/shop!12", ["12"]),
        ("Fix total", "See #7 for why", []),
        ("Prefixes #7", "", []),
        ("Total", "", []),
    ],
)
def test_references_are_read_as_people_write_them(title: str, body: str, named: list[str]) -> None:
    assert [reference.name for reference in references(commit(title, body))] == named


@given(st.text(alphabet="fixescloses #!-,/:.PAY0123456789\n", max_size=200))
def test_no_text_makes_the_reading_of_references_fail(text: str) -> None:
    list(references(commit(text, text)))


class Guess:
    """A model that says performance to everything, with 60%."""

    def classify(self, items: Sequence[Evidence]) -> list[Opinion]:
        return [Opinion(Category.PERFORMANCE, 0.6, "looks like performance")] * len(items)


def judge(
    item: WorkItem, *targets: WorkItem, rules: tuple[RuleSettings, ...] = (), corrected: str = ""
) -> Verdict:
    said = {corrected.partition("=")[0]: (Category(corrected.partition("=")[2]), "ada")} if corrected else {}
    layers = Layers(TeamRules(rules), said, Guess())
    known = LinkTargets()
    for target in targets:
        known.add([target], layers.classify([target], known))
    [verdict] = layers.classify([item], known)
    return verdict


def test_a_commit_that_closes_a_bug_is_a_bug_fix_and_says_why() -> None:
    verdict = judge(commit("Total", "Fixes #7"), issue(labels=("bug",)))
    assert (verdict.category, verdict.layer) == (Category.BUG_FIX, Layer.LINKED)
    assert verdict.reason == "It closes #7 (issue): Label “bug”"
    assert verdict.confidence == pytest.approx(0.68 * 0.95)


def test_a_commit_takes_the_category_of_the_change_that_carried_it() -> None:
    verdict = judge(commit("Total"), change(labels=("security",), shas=("c1",)))
    assert (verdict.category, verdict.layer) == (Category.SECURITY, Layer.LINKED)


def test_a_category_passes_from_issue_to_change_to_commit() -> None:
    verdict = judge(commit("Total (#12)"), issue(labels=("incident",)), change(body="Closes #7"))
    assert (verdict.category, verdict.layer) == (Category.INCIDENT, Layer.LINKED)


def test_what_is_said_of_the_commit_itself_goes_before_what_is_said_of_its_change() -> None:
    verdict = judge(commit("fix: total (#12)"), change(labels=("feature",)))
    assert (verdict.category, verdict.layer) == (Category.BUG_FIX, Layer.BUILT_IN_RULE)


def test_what_is_said_of_the_change_goes_before_what_the_paths_suggest() -> None:
    item = commit("Total (#12)", paths=("tests/test_total.py",))
    assert judge(item, change(labels=("bug",))).category is Category.BUG_FIX
    assert judge(item).category is Category.DEBT


def test_a_team_rule_on_the_change_goes_before_a_built_in_rule_on_the_commit() -> None:
    rules = (RuleSettings(category="support", label="customer-*"),)
    verdict = judge(commit("fix: total (#12)"), change(labels=("customer-acme",)), rules=rules)
    assert (verdict.category, verdict.layer) == (Category.SUPPORT, Layer.LINKED)


def test_a_correction_goes_before_everything() -> None:
    rules = (RuleSettings(category="support", title="total"),)
    verdict = judge(commit("fix: total"), rules=rules, corrected="commit||c1=debt")
    assert (verdict.category, verdict.layer, verdict.confidence) == (Category.DEBT, Layer.CORRECTION, 1.0)
    assert verdict.reason == "Corrected by ada"


def test_a_corrected_change_takes_its_commits_along() -> None:
    verdict = judge(commit("fix: total (#12)"), change(), corrected="change||12=debt")
    assert (verdict.category, verdict.layer) == (Category.DEBT, Layer.LINKED)


def test_what_the_model_guessed_of_a_change_is_not_passed_on() -> None:
    verdict = judge(commit("Total (#12)"), change(title="Total"))
    assert (verdict.category, verdict.layer) == (Category.PERFORMANCE, Layer.MODEL)


def test_an_incident_is_an_incident_unless_the_team_says_otherwise() -> None:
    outage = WorkItem(item_kind=ItemKind.INCIDENT, item_id="7", title="fix: disk full", labels=("3 - Low",))
    assert judge(outage, issue(labels=("feature",))).category is Category.INCIDENT
    rules = (RuleSettings(category="support", label="3 - *"),)
    assert judge(outage, rules=rules).category is Category.SUPPORT


def test_a_merge_that_says_nothing_is_unattributed_and_no_matter_for_the_model() -> None:
    verdict = judge(commit("Merge branch 'main' into total", is_merge=True))
    assert (verdict.category, verdict.layer) == (Category.UNATTRIBUTED, Layer.NONE)


def test_an_item_does_not_close_itself() -> None:
    assert judge(issue(title="Fixes #7")).layer is Layer.MODEL


def test_without_a_model_what_no_rule_knows_is_unattributed() -> None:
    layers = Layers(TeamRules([]), {}, NoClassifier())
    [verdict] = layers.classify([commit("Total")], LinkTargets())
    assert (verdict.category, verdict.layer, verdict.confidence) == (Category.UNATTRIBUTED, Layer.NONE, 0.0)
