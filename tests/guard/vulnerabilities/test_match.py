"""Which versions an advisory applies to: the golden table, the orders' laws, and what must not be guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.guard.vulnerabilities.advisory import read_advisory
from ktlo.guard.vulnerabilities.match import Verdict, match
from ktlo.guard.vulnerabilities.versions import UnorderedVersionError, ordered_ecosystems, version_key

TABLE = Path(__file__).parents[2] / "golden" / "osv_matching.txt"
ROWS = [
    tuple(cell.strip() for cell in line.split(" | "))
    for line in TABLE.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def advisory_that_says(ecosystem: str, words: str):
    entry = {"package": {"ecosystem": ecosystem, "name": "thing"}, "versions": [], "ranges": []}
    for part in words.split(";"):
        events = []
        for word in part.split():
            key, _, value = word.partition("=")
            if key == "versions":
                entry["versions"] += value.split(",")
            elif key == "git":
                name, _, commit = value.partition(":")
                entry["ranges"].append({"type": "GIT", "events": [{name: commit}]})
            elif key != "nothing":
                events.append({key: value})
        if events:
            entry["ranges"].append({"type": "ECOSYSTEM", "events": events})
    return read_advisory({"id": "TEST-1", "affected": [entry]}, where="row")


@pytest.mark.parametrize("row", ROWS, ids=" | ".join)
def test_the_golden_table(row):
    ecosystem, words, version, expected = row
    found = match(advisory_that_says(ecosystem, words), ecosystem, "thing", version)
    assert found.verdict.value == expected, found
    assert bool(found.reason) == (expected == "undecided")


def test_every_ecosystem_with_an_order_has_rows_in_the_table():
    assert set(ordered_ecosystems()) - {row[0] for row in ROWS} == {"Hex"}


def test_the_fix_offered_is_the_end_of_the_range_the_version_is_in():
    two_branches = advisory_that_says("npm", "introduced=1.0.0 fixed=1.5.2 introduced=2.0.0 fixed=2.1.0")
    assert match(two_branches, "npm", "thing", "1.2.0").fixed == ("1.5.2",)
    assert match(two_branches, "npm", "thing", "2.0.1").fixed == ("2.1.0",)


def test_names_are_compared_as_the_ecosystem_does():
    advisory = read_advisory(
        {
            "id": "X",
            "affected": [
                {"package": {"ecosystem": "PyPI", "name": "Zope.Interface"}, "versions": ["1.0"]},
                {"package": {"ecosystem": "Go", "name": "github.com/A/b"}, "versions": ["1.0.0"]},
            ],
        },
        where="",
    )
    assert match(advisory, "PyPI", "zope-interface", "1.0").verdict is Verdict.AFFECTED
    assert match(advisory, "PyPI", "zope_interface", "1.0").verdict is Verdict.AFFECTED
    assert match(advisory, "Go", "github.com/a/b", "1.0.0").verdict is Verdict.NOT_AFFECTED


numbers = st.integers(min_value=0, max_value=30)
releases = st.tuples(numbers, numbers, numbers).map(lambda parts: ".".join(map(str, parts)))
identifiers = st.one_of(numbers.map(str), st.sampled_from(["alpha", "beta", "rc", "x-y"]))
semver = st.one_of(
    releases,
    st.builds(
        lambda release, parts: f"{release}-{'.'.join(parts)}",
        releases,
        st.lists(identifiers, min_size=1, max_size=3),
    ),
)


@given(semver, semver, semver)
def test_semantic_versions_are_totally_ordered(one, two, three):
    a, b, c = (version_key("npm", text) for text in (one, two, three))
    assert (a < b) + (b < a) + (a == b) == 1
    if a < b and b < c:
        assert a < c


@given(semver)
def test_a_pre_release_comes_before_its_release(text):
    release, dash, _ = text.partition("-")
    if dash:
        assert version_key("npm", text) < version_key("npm", release)


@given(st.sampled_from(ordered_ecosystems()), releases, releases)
def test_plain_releases_have_the_order_of_their_numbers_everywhere(ecosystem, one, two):
    expected = [tuple(map(int, text.split("."))) for text in (one, two)]
    keys = [version_key(ecosystem, text) for text in (one, two)]
    assert (keys[0] < keys[1]) == (expected[0] < expected[1])
    assert (keys[0] == keys[1]) == (expected[0] == expected[1])


@given(st.sampled_from(ordered_ecosystems()), st.text(max_size=40))
def test_any_text_is_ordered_or_refused_and_never_breaks(ecosystem, text):
    try:
        key = version_key(ecosystem, text)
    except UnorderedVersionError:
        return
    assert key == key
    assert text.strip()


@given(releases, releases, releases)
def test_events_mean_the_same_in_any_order(begin, end, version):
    if begin == end:
        return
    verdicts = [
        match(advisory_that_says("npm", words), "npm", "thing", version).verdict
        for words in (f"introduced={begin} fixed={end}", f"fixed={end} introduced={begin}")
    ]
    assert verdicts[0] is verdicts[1]
