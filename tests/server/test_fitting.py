"""Texts in the columns of pages: commits are short, with the whole one on hover, and names break at their dots."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.report.charts import Heading, Row, Table
from ktlo.report.pieces import Known
from ktlo.server.web.rendering import environment
from ktlo.telemetry.deployments import Mark, _named

SHA = "cabae5b38b92" + "0f" * 14


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (SHA, f'<span title="{SHA}">cabae5b38b92</span>'),
        (f"1.3 {SHA}", f'1.3 <span title="{SHA}">cabae5b38b92</span>'),
        ("<b>", "&lt;b&gt;"),
        (SHA[:12], SHA[:12]),
        (f"{SHA}00", f"{SHA}00"),
        ("shop.cart.total", "shop.cart.total"),
        (
            "3 calls of bakery.prices.discount_of_week",
            "3 calls of bakery<wbr>.prices<wbr>.discount_of_week",
        ),
        ("src/bakery/prices/weekly.py", "src/<wbr>bakery/<wbr>prices/<wbr>weekly.py"),
        (
            f"at <https://shop.org/a/bc/def> {SHA}",
            f'at &lt;https://shop.org/<wbr>a/<wbr>bc/<wbr>def&gt; <span title="{SHA}">cabae5b38b92</span>',
        ),
    ],
)
def test_a_commit_is_short_and_what_is_long_may_break(told, shown):
    assert environment.from_string("{{ told | fitted }}").render(told=told) == shown


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("bakery.prices.discount", "bakery<wbr>.prices<wbr>.discount"),
        ("shop.<locals>.<lambda>", "shop<wbr>.&lt;locals&gt;<wbr>.&lt;lambda&gt;"),
        ("GET /v1.2", "GET /v1.2"),
        ("shop.reconcile_every_open_position", "shop<wbr>.reconcile<wbr>_every<wbr>_open<wbr>_position"),
        ("src/shop/cart.py", "src/<wbr>shop/<wbr>cart.py"),
    ],
)
def test_a_name_breaks_before_its_dots(told, shown):
    assert environment.from_string("{{ told | breaking }}").render(told=told) == shown


def test_tables_are_fitted_in_every_cell():
    table = Table((Heading("Function"), Heading("Version")), (Row(("shop.cart.total", SHA)),))
    page = environment.from_string('{% from "_table.html" import table %}{{ table(t) }}').render(t=table)
    assert f'<span title="{SHA}">cabae5b38b92</span>' in page


@pytest.mark.parametrize(
    ("version", "sha", "named", "label"),
    [
        ("1.3", SHA, f"1.3 {SHA}", "deployed 1.3 cabae5b38b92"),
        (SHA[:7], SHA, SHA, "deployed cabae5b38b92"),
        (SHA, SHA, SHA, "deployed cabae5b38b92"),
        ("", SHA, SHA, "deployed cabae5b38b92"),
        ("1.3", "", "1.3", "deployed 1.3"),
        ("", "", "", "deployed"),
    ],
)
def test_a_deployment_names_its_commit_once_and_shortly(version, sha, named, label):
    assert _named(version, sha) == named
    at = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
    assert Mark(at, None, named, "", "", "complete", False, "argocd").label == label


def test_what_is_missing_leads_to_sources_where_it_names_them_and_stays_words_elsewhere() -> None:
    known = Known("d", missing=("2 rows of csv:<b> were turned away; see Sources.", "Set `x`."))
    page = environment.from_string(
        '{% from "_how_we_know.html" import known_list %}{{ known_list(known) }}'
    ).render(known=known)
    assert 'csv:&lt;b&gt; were turned away; see <a href="/sources">Sources</a>.' in page
    assert "Set <code>x</code>." in page
