"""What explicit rules say, by a golden table that a reader can extend, and the team's own rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.effort.items import WorkItem
from ktlo.effort.rules import PATHS_KEPT, built_in_finding
from ktlo.effort.team_rules import TeamRules
from ktlo.effort.vocabulary import label_phrase
from ktlo.errors import UserError
from ktlo.records.effort import Category, ItemKind
from ktlo.settings import RuleSettings

TABLE = Path(__file__).parents[1] / "golden" / "effort_rules.txt"
LINES = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#"]


def item_of(kind: str, title: str, *more: str) -> WorkItem:
    said = dict(field.split(": ", 1) for field in more)
    listed = {
        name: tuple(part.strip() for part in said.get(name, "").split(",") if part.strip()) for name in said
    }
    return WorkItem(
        item_kind=ItemKind(kind),
        title=title,
        labels=listed.get("labels", ()),
        paths=listed.get("paths", ()),
        issue_type=said.get("type", ""),
        branch=said.get("branch", ""),
        is_by_bot="bot" in said,
    )


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:90])
def test_the_rule_in_the_golden_table_speaks(line: str) -> None:
    category, rule, kind, title, *more = (part.strip() for part in line.split(" | "))
    found = built_in_finding(item_of(kind, title, *more))
    if category == "-":
        assert found is None
    else:
        assert found is not None
        assert (found.category, found.rule) == (Category(category), rule)
        assert 0.5 < found.confidence <= 1
        assert found.reason[0].isupper()


def test_the_golden_table_has_every_rule_and_every_category() -> None:
    assert len(LINES) >= 150
    assert {line.split(" | ")[0] for line in LINES} - {"-"} == set(Category) - {"unattributed"}


@given(
    st.text(max_size=80),
    st.lists(st.text(max_size=20), max_size=4),
    st.text(max_size=30),
    st.text(max_size=30),
)
def test_no_text_makes_the_rules_fail(title: str, labels: list[str], branch: str, path: str) -> None:
    for kind in ItemKind:
        item = WorkItem(
            item_kind=kind, title=title, body=title, labels=tuple(labels), branch=branch, paths=(path,)
        )
        found = built_in_finding(item)
        assert found is None or 0 < found.confidence <= 1


@pytest.mark.parametrize(
    "label", ["bug", "Bug", "kind/bug", "type: bug", "T-bug", "[bug]", "bug :bug:", "🐞 Bug"]
)
def test_a_label_is_read_whatever_its_decoration(label: str) -> None:
    assert label_phrase(label) == "bug"


def test_only_cannot_be_claimed_of_a_commit_with_more_paths_than_are_kept() -> None:
    paths = tuple(f"docs/{number}.md" for number in range(PATHS_KEPT))
    assert built_in_finding(WorkItem(item_kind=ItemKind.COMMIT, title="x", paths=paths)) is None
    assert built_in_finding(WorkItem(item_kind=ItemKind.COMMIT, title="x", paths=paths[1:])) is not None


def test_a_bug_label_is_trusted_less_on_an_issue_than_on_a_change() -> None:
    issue = built_in_finding(item_of("issue", "Total is wrong", "labels: bug"))
    change = built_in_finding(item_of("change", "Right total", "labels: bug"))
    assert issue is not None
    assert change is not None
    assert issue.confidence < change.confidence


COMMIT = WorkItem(
    item_kind=ItemKind.COMMIT,
    repository="acme/billing",
    title="SRE: rotate certificates",
    paths=("ops/certs.yaml", "ops/run.sh"),
)


@pytest.mark.parametrize(
    "condition",
    [
        {"title": "^SRE:"},
        {"path": "ops/*"},
        {"repository": "ACME/*"},
        {"title": "certificates", "path": "ops/*"},
    ],
)
def test_a_team_rule_holds_when_all_its_conditions_hold(condition: dict[str, str]) -> None:
    found = TeamRules([RuleSettings(category="infrastructure", **condition)]).finding(COMMIT)
    assert found is not None
    assert found.category is Category.INFRASTRUCTURE
    assert "Rule 1 of ktlo.yaml" in found.reason


@pytest.mark.parametrize(
    "condition",
    [{"title": "^sre"}, {"path": "*.yaml"}, {"label": "*"}, {"title": "^SRE:", "repository": "acme/shop"}],
)
def test_a_team_rule_is_silent_when_one_condition_fails(condition: dict[str, str]) -> None:
    assert TeamRules([RuleSettings(category="infrastructure", **condition)]).finding(COMMIT) is None


def test_the_first_team_rule_that_holds_decides() -> None:
    rules = TeamRules([
        RuleSettings(category="support", title="certificates"),
        RuleSettings(category="infrastructure", path="ops/*"),
    ])  # fmt: skip
    found = rules.finding(COMMIT)
    assert found is not None
    assert found.category is Category.SUPPORT


def test_a_team_rule_reads_labels_types_and_branches_with_wildcards() -> None:
    change = WorkItem(
        item_kind=ItemKind.CHANGE,
        labels=("Area/Payments",),
        issue_type="Toil",
        request_type="Get IT help",
        branch="ops/x",
    )
    assert not TeamRules([RuleSettings(category="support", request_type="new *")]).finding(change)
    for condition in (
        {"label": "area/*"},
        {"issue_type": "toil"},
        {"request_type": "get it *"},
        {"branch": "OPS/*"},
    ):
        assert TeamRules([RuleSettings(category="support", **condition)]).finding(change)


def test_a_rule_without_a_condition_is_refused() -> None:
    with pytest.raises(UserError, match=r"rule 2.*no condition.*Give at least one"):
        TeamRules([RuleSettings(category="support", title="x"), RuleSettings(category="debt")])


def test_a_rule_with_a_broken_expression_is_refused_with_its_place() -> None:
    with pytest.raises(UserError, match=r"rule 1, title.*not a regular expression"):
        TeamRules([RuleSettings(category="support", title="(")])
