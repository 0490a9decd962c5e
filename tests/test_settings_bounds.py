"""A settings file of a stranger costs bounded time and memory; one of a team may use anchors."""

from __future__ import annotations

import os

import pytest

from ktlo.errors import UserError
from ktlo.settings import load_settings


def test_anchors_and_merges_of_a_sensible_size_are_read(tmp_path):
    file = tmp_path / "ktlo.yaml"
    file.write_text(
        "guard:\n  ignores:\n  - &one {id: A, owner: ann, reason: r, expires: 2999-01-01}\n  - {<<: *one, id: B}\n"
    )
    assert [one.id for one in load_settings(file).guard.ignores] == ["A", "B"]


@pytest.mark.parametrize(
    "text",
    [
        "x: &a0 {k: v}\n"
        + "".join(f"y{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 6)}]}}\n" for n in range(1, 14)),
        "x: &a0 [v, v]\n" + "".join(f"y{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 14)),
        "[" * 200_000,
        "{a: " * 100 + "1" + "}" * 100,
        "x: [" + "1, " * 100_001 + "]",
        "#" * (2 << 20),
        "a: [",
        "\x00",
    ],
    ids=["merges", "aliases", "brackets", "depth", "values", "size", "not YAML", "zero"],
)
def test_what_would_not_end_is_refused_with_a_sentence(tmp_path, text):
    file = tmp_path / "ktlo.yaml"
    file.write_text(text)
    with pytest.raises(UserError):
        load_settings(file)


def test_a_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "ktlo.yaml")
    with pytest.raises(UserError, match="no regular file"):
        load_settings(tmp_path / "ktlo.yaml")
