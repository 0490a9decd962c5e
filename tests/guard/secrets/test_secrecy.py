"""No secret leaves the scanner: not in outcomes, reports of objects, errors, baselines, paths or logs."""

from __future__ import annotations

import base64
import pickle

import pytest

from ktlo.errors import UserError
from ktlo.guard.secrets import (
    default_rules,
    fresh_baseline,
    load_rules,
    scan_history,
    scan_staged,
    scan_tree,
    write_baseline,
)
from ktlo.guard.secrets.engine import Engine


def _forms(secret: str) -> list[bytes]:
    """The secret and its halves, plain and encoded: none may appear anywhere."""
    half = len(secret) // 2
    parts = [secret, secret[4:half], secret[half:]]
    return [part.encode() for part in parts] + [
        base64.b64encode(secret.encode())[:24],
        secret.encode().hex()[:32].encode(),
    ]


def test_nothing_a_scan_gives_or_says_or_writes_holds_a_secret(repo, secret, capfd, tmp_path) -> None:
    token = secret()
    repo.write("a.py", f"key = '{token}'\n")
    repo.write(f"notes-{token}.txt", f"see {token}\n")
    repo.commit(f"use {token}")
    repo.write("b.py", f"other = '{token}'\n")
    repo.git("add", "-A")
    baseline = fresh_baseline()
    outcomes = [scan(repo.root, baseline=baseline) for scan in (scan_tree, scan_staged, scan_history)]
    assert all(outcome.findings for outcome in outcomes)
    file = tmp_path / "baseline.json"
    write_baseline(file, baseline.salt, outcomes[0].findings)
    sighting = Engine(default_rules()).read(token.encode(), "a").sightings[0]
    printed = capfd.readouterr()

    everything = b"".join(
        [
            *(pickle.dumps(outcome) for outcome in outcomes),
            *(repr(outcome).encode() for outcome in outcomes),
            file.read_bytes(),
            repr(sighting).encode(),
            str(sighting).encode(),
            printed.out.encode(),
            printed.err.encode(),
        ]
    )
    for form in _forms(token):
        assert form not in everything
    assert b"[secret]" in everything  # the file that was named for it


def test_an_error_in_the_middle_of_a_scan_does_not_carry_the_secret(repo, secret, monkeypatch) -> None:
    token = secret()
    repo.write("a.py", f"key = '{token}'\n")
    monkeypatch.setattr("ktlo.guard.secrets.engine.dismissal", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        scan_tree(repo.root)
    assert token not in str(caught.value) + repr(caught.value)


def test_rules_that_do_not_compile_are_refused_without_a_word_of_the_texts(tmp_path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("[[rules]]\nid = 'a'\nregex = '(?=look)'\n")
    with pytest.raises(UserError, match="rule a: the regular expression"):
        load_rules(file)


def test_a_fingerprint_depends_on_the_salt_and_on_nothing_that_moves(repo, secret) -> None:
    repo.write("a.py", f"key = '{secret()}'\n")
    first = scan_tree(repo.root).findings[0]
    repo.write("a.py", f"\n\n\nkey = '{secret()}'\n")
    moved = scan_tree(repo.root).findings[0]
    salted = scan_tree(repo.root, baseline=fresh_baseline()).findings[0]
    assert (first.fingerprint, first.location.line, moved.location.line) == (moved.fingerprint, 1, 4)
    assert salted.fingerprint != first.fingerprint
