"""A baseline makes known secrets pass, and only those."""

from __future__ import annotations

import pytest

from ktlo.errors import UserError
from ktlo.guard.secrets import BASELINE, fresh_baseline, read_baseline, scan_tree, write_baseline


def _adopt(repo) -> None:
    baseline = fresh_baseline()
    write_baseline(repo.root / BASELINE, baseline.salt, scan_tree(repo.root, baseline=baseline).findings)


def test_known_secrets_pass_and_a_new_one_does_not(repo, secret) -> None:
    repo.write("a.py", f"key = '{secret(1)}'\n")
    _adopt(repo)
    repo.write("a.py", f"# moved\nkey = '{secret(1)}'\nother = '{secret(2)}'\n")
    outcome = scan_tree(repo.root, baseline=read_baseline(repo.root / BASELINE))
    assert [one.location.line for one in outcome.findings] == [3]
    assert outcome.tally.known == 1


def test_a_known_secret_in_another_file_is_new(repo, secret) -> None:
    repo.write("a.py", f"key = '{secret(1)}'\n")
    _adopt(repo)
    repo.write("b.py", f"key = '{secret(1)}'\n")
    outcome = scan_tree(repo.root, baseline=read_baseline(repo.root / BASELINE))
    assert [one.location.path for one in outcome.findings] == ["b.py"]


def test_no_baseline_knows_nothing(tmp_path) -> None:
    assert read_baseline(tmp_path / "none.json").fingerprints == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 2, "salt": "00", "known": []}',
        '{"version": 1, "salt": "xy", "known": []}',
        "[" * 99999,
    ],
)
def test_a_damaged_baseline_is_refused_rather_than_taken_for_an_empty_one(tmp_path, text: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"baseline"):
        read_baseline(file)
