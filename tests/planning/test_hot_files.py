"""Hotspots with production, worked out by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.planning.hot_files import joined
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.production import FileRan, NotMatched, Production, Ran

AT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
OF = Interval(AT - dt.timedelta(days=7), AT)


def row(path, revisions, complexity, repository="shop"):
    return {
        "repository": repository, "path": path, "service": "shop", "team": None, "revisions": revisions,
        "bug_fixes": 0, "complexity": complexity, "lines": 10,
    }  # fmt: skip


def ran(calls, errors, seconds, measured=True):
    return FileRan((Ran("shop", "f", calls, errors, int(seconds * 1e9), measured),))


def told(files, *not_matched):
    return Production(OF, AT, AT, files, not_matched)


def test_the_product_is_commits_complexity_seconds_and_errors_and_a_half():
    found = joined(
        [row("busy.py", 10, 50.0), row("failing.py", 2, 30.0), row("idle.py", 100, 100.0)],
        told({("shop", "busy.py"): ran(1000, 0, 4.0), ("shop", "failing.py"): ran(100, 20, 2.0)}),
    )
    # 2 x 30 x 2 x 20.5 = 2460 before 10 x 50 x 4 x 0.5 = 1000; what was not observed comes after both.
    assert [(one.path, one.product) for one in found.files] == [
        ("failing.py", 2460.0), ("busy.py", 1000.0), ("idle.py", None),
    ]  # fmt: skip
    assert [one.share for one in found.files] == [
        pytest.approx(2460 / 3460),
        pytest.approx(1000 / 3460),
        None,
    ]
    assert len(found.observed) == 2


def test_what_was_not_observed_has_its_reason_and_is_not_zero():
    several = NotMatched(
        "shop", "several files fit", 1, 5, 1.0, ("/srv/a.py",), (("shop", "a.py"), ("tills", "a.py"))
    )
    found = joined(
        [row("cold.py", 1, 1.0), row("a.py", 2, 1.0), row("b.py", 3, 1.0, "other"), row("seen.py", 1, 1.0)],
        told({("shop", "seen.py"): ran(3, 0, 0.0)}, several),
    )
    assert [one.path for one in found.files] == ["seen.py", "b.py", "a.py", "cold.py"]
    reasons = {one.path: (one.product, one.share, one.reason) for one in found.files}
    assert reasons["seen.py"] == (0.0, None, ""), "observed, and it took no time"
    assert reasons["cold.py"][::2] == (
        None,
        "none of its functions was counted: not called, or not among what is counted",
    )
    assert reasons["a.py"][2] == "a path of shop fits it and other files"
    assert reasons["b.py"][2] == "no function that ran could be matched to its repository"
