"""The metrics explorer and the form of a dashboard in a real browser."""

from __future__ import annotations

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_an_expression_is_completed_by_keyboard_and_asked(browse):
    watched = browse(width=390)
    page = watched.go("/metrics")
    field = page.locator("input[name=q]").first
    field.press_sequentially("histogram_q")
    page.locator(".completions li").first.wait_for()
    field.press("ArrowDown")
    field.press("Enter")
    assert field.input_value() == "histogram_quantile("
    field.press_sequentially("0.9, rate(traces_spanmetrics_latency_b")
    page.locator(".completions li").first.wait_for()
    field.press("Tab")
    field.press_sequentially("[5m]))")
    field.press("Escape")
    field.press("Enter")
    page.wait_for_url("**q=histogram_quantile*")
    assert "Nothing has this value in this stretch" in page.locator("main").inner_text()
    assert watched.errors == []
    assert watched.outside == []


def test_pages_of_metrics_and_dashboards_are_quiet_and_fit_a_phone(browse):
    watched = browse(width=390)
    for path in ("/metrics?q=1", "/metrics/all", "/dashboards", "/dashboards/ktlo", "/dashboards/ktlo/edit"):
        page = watched.go(path)
        assert page.evaluate(OVERFLOW) <= 0, f"{path} scrolls sideways"
        assert page.locator("h1").count() == 1, path
    assert watched.errors == []
    assert watched.outside == []
