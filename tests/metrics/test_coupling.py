"""Files that change together, counted as one would by hand."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.metrics.coupling import coupling

API, CLIENT, README = 0, 1, 2
histories = st.lists(st.sets(st.integers(0, 7), max_size=6), max_size=40)


def rows(history):
    pairs = [(commit, file) for commit, files in enumerate(history) for file in sorted(files)]
    return np.array([pair[0] for pair in pairs], dtype=int), np.array([pair[1] for pair in pairs], dtype=int)


def test_two_files_that_always_change_together_are_coupled_fully():
    found = coupling(*rows([{API, CLIENT}] * 6 + [{README}] * 3))
    assert list(zip(found.first, found.second, found.shared, found.degree, strict=True)) == [
        (API, CLIENT, 6, 1.0)
    ]


def test_the_degree_is_shared_over_mean_revisions():
    found = coupling(*rows([{API, CLIENT}] * 6 + [{API}] * 4 + [{CLIENT}] * 4))
    assert found.degree.tolist() == [pytest.approx(0.6)]


def test_fewer_shared_commits_than_the_support_are_no_coupling():
    history = [{API, CLIENT}] * 4 + [{API}] * 10 + [{CLIENT}] * 10
    assert len(coupling(*rows(history))) == 0
    assert len(coupling(*rows(history), support=4)) == 1


def test_a_commit_that_touches_everything_is_ignored_and_counted():
    found = coupling(*rows([set(range(51))] * 9 + [{API, CLIENT}] * 5))
    assert found.ignored == 9
    assert found.commits == 5
    assert found.degree.tolist() == [1.0]


@settings(deadline=None)
@given(histories, st.integers(1, 4), st.integers(2, 6))
def test_pairs_are_those_that_counting_finds(history, support, most):
    found = coupling(*rows(history), support=support, most_files=most)
    small = [files for files in history if len(files) <= most]
    revisions = Counter(file for files in small for file in files)
    shared = Counter(pair for files in small for pair in combinations(sorted(files), 2))
    expected = {
        pair: (count, 2 * count / (revisions[pair[0]] + revisions[pair[1]]))
        for pair, count in shared.items()
        if count >= support
    }
    columns = zip(
        found.first.tolist(), found.second.tolist(), found.shared.tolist(), found.degree.tolist(), strict=True
    )
    assert {(a, b): (n, degree) for a, b, n, degree in columns} == expected
    assert np.all(np.diff(found.degree) <= 0)


@settings(deadline=None)
@given(histories)
def test_rows_that_come_twice_or_in_another_order_change_nothing(history):
    commits, files = rows(history)
    once = coupling(commits, files, support=2)
    twice = coupling(np.tile(commits, 2)[::-1], np.tile(files, 2)[::-1], support=2)
    assert once.first.tolist() == twice.first.tolist()
    assert once.shared.tolist() == twice.shared.tolist()


def test_rows_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="numbered from 0"):
        coupling([-1], [0])
    with pytest.raises(ValueError, match="2,"):
        coupling([0, 1], [0])
    with pytest.raises(ValueError, match="support"):
        coupling([0], [0], support=0)
