"""What only looks like a secret is left alone, and what is left alone on someone's word is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from ktlo.guard.secrets import default_rules, scan_tree
from ktlo.guard.secrets.engine import Engine

ENGINE = Engine(default_rules())
LINES = [
    tuple(part.strip() for part in line.split(" | ", 1))
    for line in Path(__file__).with_name("not_secrets.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("path", "template"), LINES)
def test_a_text_that_only_looks_like_a_secret_is_left_alone(drawn, path: str, template: str) -> None:
    for seed in range(4):
        reading = ENGINE.read(drawn(template, seed).encode(), path)
        assert [sighting.rule.id for sighting in reading.sightings] == []


def test_a_token_with_a_wrong_checksum_is_dismissed_and_counted(drawn) -> None:
    reading = ENGINE.read(drawn("ghp_<aA0:30>000000", 1).encode(), "a.py")
    assert reading.sightings == ()
    assert reading.dismissed == {"wrong checksum": 1}


@pytest.mark.parametrize("comment", ["ktlo:allow", "gitleaks:allow"])
def test_an_allow_comment_is_honoured_and_counted(repo, secret, comment: str) -> None:
    repo.write("a.py", f"key = '{secret()}'  # {comment}\n")
    outcome = scan_tree(repo.root)
    assert outcome.findings == ()
    assert outcome.tally.dismissed == {"allow comment": 1}


def test_an_allow_comment_counts_for_its_own_line_only(repo, secret) -> None:
    repo.write("a.py", f"# ktlo:allow\nkey = '{secret()}'\n")
    assert len(scan_tree(repo.root).findings) == 1


def test_what_a_telling_rule_found_is_not_found_again_by_a_generic_one(repo, secret) -> None:
    repo.write("settings.env", f'API_TOKEN="{secret()}"\nAPI_TOKEN={secret(1)}\n')
    assert [one.rule for one in scan_tree(repo.root).findings] == ["github-pat", "github-pat"]


def test_a_generic_finding_in_a_test_is_of_a_low_level(repo, drawn) -> None:
    line = drawn('session_secret = "<aA0:30>7"\n', 1)
    repo.write("app.py", line)
    repo.write("tests/test_app.py", line)
    levels = {one.location.path: one.level for one in scan_tree(repo.root).findings}
    assert levels == {"app.py": "medium", "tests/test_app.py": "low"}
