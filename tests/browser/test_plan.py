"""The sliders of the plan in a real browser: the answer and the address follow, and the page fits a phone."""

from __future__ import annotations

TO = "to=2025-04-30"
MOVE = (
    "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_a_slider_moves_the_number_the_answer_and_the_address(browse):
    watched = browse(width=390)
    page = watched.go(f"/plan?{TO}")
    page.wait_for_selector("#plan-curve")
    assert page.evaluate(OVERFLOW) <= 0
    slider = page.locator("input[type=range][data-for=if-demand]")
    slider.evaluate(MOVE, 200)
    page.wait_for_selector(".notice:has-text('Demand 200')")
    assert page.input_value("#if-demand") == "200"
    assert "demand=200" in page.url
    slider.evaluate(MOVE, 100)
    page.wait_for_selector(".notice:has-text('Demand 200')", state="detached")
    assert "demand" not in page.url
    # The left end of a price's slider is "unknown", which is not nothing.
    price = page.locator("input[type=range][data-for=if-downtime_hour]")
    price.evaluate(MOVE, 50)
    page.wait_for_selector(".notice:has-text('An hour of downtime')")
    price.evaluate(MOVE, 0)
    page.wait_for_selector(".notice:has-text('An hour of downtime')", state="detached")
    assert page.input_value("#if-downtime_hour") == ""
    assert page.evaluate(OVERFLOW) <= 0
    assert watched.errors == []
    assert watched.outside == []
