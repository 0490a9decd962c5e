"""Every kind of secret that formats.txt describes is found, in the tree and in history."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ktlo.guard.secrets import default_rules, scan_history, scan_tree
from ktlo.guard.secrets.engine import Engine
from ktlo.guard.secrets.rulefile import default_rules as rules

_spec = importlib.util.spec_from_file_location("planting", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
planting = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(planting)
KINDS = planting.formats()
ENGINE = Engine(rules())


@pytest.mark.parametrize(("rule", "template"), KINDS, ids=[rule for rule, _ in KINDS])
def test_a_secret_of_each_kind_is_found_whatever_its_random_part(rule: str, template: str) -> None:
    for seed in range(8):
        text = f"first line\n{planting.draw(template, seed)}\nlast line\n"
        found = {sighting.rule.id for sighting in ENGINE.read(text.encode(), "deploy/settings.env").sightings}
        assert rule in found, seed


def test_every_rule_of_ours_has_a_kind_that_is_planted() -> None:
    assert {rule.id for rule in default_rules().rules} - {rule for rule, _ in KINDS} == {"key-store-file"}


def test_planted_secrets_are_found_in_the_tree_and_after_their_removal_in_history(repo) -> None:
    repo.write("README", "books\n")
    repo.commit()
    for rule, template in KINDS:
        repo.write(f"deploy/{rule}.env", planting.draw(template, 99) + "\n")
    here = scan_tree(repo.root)  # not even committed
    planted = repo.commit("plant")
    for rule, _ in KINDS:
        (repo.root / f"deploy/{rule}.env").unlink()
    repo.commit("remove")
    before = scan_history(repo.root)

    expected = {(rule, f"deploy/{rule}.env") for rule, _ in KINDS}
    assert expected <= {(one.rule, one.location.path) for one in here.findings}
    assert expected <= {(one.rule, one.location.path) for one in before.findings}
    assert {one.location.commit for one in before.findings} == {planted}
    assert not here.unchecked
    assert not before.unchecked
    assert scan_tree(repo.root).findings == ()
    same = {one.fingerprint for one in here.findings} & {one.fingerprint for one in before.findings}
    assert len(same) == len(here.findings)
