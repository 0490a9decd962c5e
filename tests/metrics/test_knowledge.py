"""Who knows what, on histories small enough to check by eye."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.metrics.knowledge import knowledge, orphaned_share, truck_factor

ADA, GRACE, LINUS = 0, 1, 2
histories = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6), st.integers(0, 4)), max_size=80)


def known(rows):
    columns = np.array(rows, dtype=int).reshape(-1, 3)
    return knowledge(columns[:, 0], columns[:, 1], columns[:, 2])


def test_spread_and_main_author_of_a_file():
    spread = known([(0, 7, ADA), (1, 7, ADA), (2, 7, ADA), (3, 7, GRACE)])
    assert (spread.files.tolist(), spread.revisions.tolist(), spread.authors.tolist()) == ([7], [4], [2])
    assert spread.main_author.tolist() == [ADA]
    assert spread.main_share.tolist() == [0.75]


def test_the_degree_of_authorship_is_the_published_formula():
    spread = known([(0, 0, ADA), (1, 0, GRACE), (2, 0, GRACE)])
    assert spread.degree[0] == pytest.approx(3.293 + 1.098 + 0.164 * 1 - 0.321 * np.log(3))
    assert spread.degree[1] == pytest.approx(3.293 + 0.164 * 2 - 0.321 * np.log(2))


def test_of_two_with_as_many_commits_the_one_who_created_the_file_is_its_main_author():
    assert known([(0, 0, GRACE), (1, 0, ADA)]).main_author.tolist() == [GRACE]
    assert known([(0, 0, ADA), (1, 0, GRACE)]).main_author.tolist() == [ADA]


def test_code_whose_main_author_left_is_orphaned_by_its_weight():
    spread = known([(0, 0, ADA), (1, 1, GRACE), (2, 2, GRACE)])
    assert orphaned_share(spread, [GRACE]).value == pytest.approx(2 / 3)
    assert orphaned_share(spread, [GRACE], [800, 100, 100]).value == pytest.approx(0.2)
    assert orphaned_share(spread, []).value == 0
    with pytest.raises(ValueError, match="weights"):
        orphaned_share(spread, [ADA], [1.0])


def test_one_person_who_wrote_everything_is_a_truck_factor_of_one():
    assert truck_factor(known([(commit, commit, ADA) for commit in range(10)])).value == 1


def test_three_people_with_as_many_files_each_must_lose_two():
    rows = [(commit, commit, commit % 3) for commit in range(12)]
    assert truck_factor(known(rows)).value == 2


def test_no_history_is_not_estimable():
    assert truck_factor(known([])).value is None
    assert orphaned_share(known([]), []).value is None


@settings(deadline=None)
@given(histories)
def test_spread_is_what_counting_finds(rows):
    rows = sorted(rows)
    spread = known(rows)
    distinct = set(rows)
    for file, revisions, authors in zip(spread.files, spread.revisions, spread.authors, strict=True):
        mine = [row for row in distinct if row[1] == file]
        assert revisions == len(mine)
        assert authors == len({row[2] for row in mine})
    assert spread.files.tolist() == sorted({row[1] for row in rows})
    assert np.all((spread.main_share > 0) & (spread.main_share <= 1))


@settings(deadline=None)
@given(histories.filter(bool))
def test_the_truck_factor_is_the_fewest_greedy_departures_that_empty_half_of_the_files(rows):
    spread = known(sorted(rows))
    authors_of = [
        set(spread.author[(spread.file_row == row) & spread.is_author].tolist())
        for row in range(spread.files.size)
    ]
    gone = 0
    while 2 * sum(bool(authors) for authors in authors_of) >= spread.files.size and any(authors_of):
        held = [sum(person in authors for authors in authors_of) for person in range(5)]
        authors_of = [authors - {int(np.argmax(held))} for authors in authors_of]
        gone += 1
    assert truck_factor(spread).value == gone
