"""Pages in a real browser: quiet console, nothing from outside, keys, filters, themes, phone, exports, a correction."""

from __future__ import annotations

import itertools
import re

import pytest

from ktlo.report.pieces import Progress
from ktlo.server.web.progress import Unmeasured
from ktlo.server.web.rendering import environment

MARCH = "from=2025-03-01&to=2025-03-31"
PAGES = (
    f"/?{MARCH}", f"/effort?{MARCH}", f"/reliability?{MARCH}", f"/bugs?{MARCH}", f"/hotspots?{MARCH}", "/sources",
    "/sources/add?kind=github", "/sources/source?source=git:acme/shop", "/definitions",
    "/definitions/time_to_restore", "/records/commits", f"/rows/person_days?{MARCH}", "/items", "/search?q=totals",
    "/api/docs", "/item?item_kind=incident&source=csv:incidents&item_id=INC-1", "/effort?from=2020-01-01&to=2020-02-01",
)  # fmt: skip
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_every_page_is_quiet_asks_nobody_else_and_fits_a_phone(browse):
    watched = browse(width=390)
    for path in PAGES:
        page = watched.go(path)
        assert page.evaluate(OVERFLOW) <= 0, f"{path} scrolls sideways"
        assert page.locator("h1").count() == 1, path
    assert watched.errors == []
    assert watched.outside == []


def until(page, expression: str) -> None:
    """Wait until it is true; Playwright's own waiting needs an eval that the page forbids."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(expression)


def test_a_table_that_is_wider_than_the_screen_says_so_as_long_as_it_is(browse):
    page = browse(width=390).go("/items")
    said = "getComputedStyle(document.querySelector('.scroll'), '::before').content"
    assert page.evaluate("(b => b.scrollWidth > b.clientWidth)(document.querySelector('.scroll'))")
    until(page, f"{said}.includes('to the right')")
    page.set_viewport_size({"width": 1900, "height": 900})
    until(page, f"{said} === 'none'")


OUT_OF_REACH = """[...document.querySelectorAll("main *")].filter(one =>
  one.scrollWidth > one.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(one).overflowX)
  && one.checkVisibility() && one.tabIndex < 0 && !one.matches("input, select, textarea")
  && !one.querySelector("a[href], button, input, select, textarea, [tabindex='0']")).map(one => one.outerHTML)"""


@pytest.mark.parametrize("path", [*PAGES, "/rota", "/records/phases"])
def test_what_scrolls_sideways_on_a_phone_can_be_reached_by_keyboard(browse, path):
    assert browse(width=390).go(path).evaluate(OUT_OF_REACH) == []


def test_a_sentence_in_a_table_that_goes_on_to_the_right_is_given_room(browse):
    page = browse(width=390).go("/records/phases")
    widths = page.evaluate("[...document.querySelectorAll('td.wide')].map(one => one.offsetWidth)")
    assert widths
    assert min(widths) >= 200


def test_headings_leave_no_level_out(browse):
    watched = browse()
    for path in PAGES[:6]:
        levels = watched.go(path).evaluate(
            "[...document.querySelectorAll('main :is(h1, h2, h3, h4)')].map(one => Number(one.tagName[1]))"
        )
        assert levels[0] == 1, path
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), (path, levels)


def test_every_page_works_without_scripts(browse, site):
    watched = browse(java_script_enabled=False)
    for path in PAGES[:6]:
        assert watched.page.goto(site + path).status == 200
        assert watched.page.locator("h1").is_visible()
    watched.page.goto(f"{site}/reliability?{MARCH}")
    watched.page.locator("select[name=service]").select_option("shop")
    watched.page.get_by_role("button", name="Apply").click()
    assert "service=shop" in watched.page.url
    assert "from=2025-03-01" in watched.page.url


def test_keys_lead_to_pages_search_and_their_list(browse):
    page = browse().go(f"/?{MARCH}")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url(re.compile(r"/reliability\?.*from=2025-03-01"))
    page.wait_for_selector("html[data-ready]")
    page.keyboard.press("/")
    page.keyboard.type("gift cards")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/search\?.*q=gift"))
    page.wait_for_selector("html[data-ready]")
    assert page.get_by_role("link", name="feat: gift cards").is_visible()
    page.keyboard.press("?")
    assert page.locator("dialog[data-shortcuts]").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("dialog[data-shortcuts]").is_hidden()


@pytest.mark.parametrize("height", [900, 600])
def test_the_list_of_keys_and_the_theme_stay_in_sight_on_a_low_screen(browse, height):
    page = browse().go(f"/?{MARCH}")
    page.set_viewport_size({"width": 1280, "height": height})
    for name in ("[data-open-shortcuts]", "[data-theme-switch]"):
        box = page.locator(name).bounding_box()
        assert box["y"] + box["height"] <= height, name
        page.locator(name).click(trial=True)


@pytest.mark.parametrize(("width", "height"), [(1280, 600), (390, 800)])
def test_the_page_that_is_shown_is_in_sight_in_the_navigation(browse, width, height):
    watched = browse(width=width)
    watched.page.set_viewport_size({"width": width, "height": height})
    page = watched.go("/definitions")
    box = page.locator('.pages [aria-current="page"]').bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= height
    assert page.evaluate("scrollY") == 0


def test_the_list_of_keys_opens_at_its_top(browse):
    watched = browse(width=390)
    watched.page.set_viewport_size({"width": 390, "height": 500})
    page = watched.go(f"/?{MARCH}")
    page.keyboard.press("?")
    dialog = page.locator("dialog[data-shortcuts]")
    assert dialog.evaluate("one => one.scrollHeight > one.clientHeight && one.scrollTop === 0")


def test_a_filter_changes_the_url_and_the_numbers(browse):
    page = browse().go(f"/reliability?{MARCH}")
    page.locator("select[name=service]").select_option("search")
    page.wait_for_url(re.compile("service=search"))
    page.wait_for_selector("html[data-ready]")
    assert "severity=" not in page.url
    assert page.locator("select[name=service]").input_value() == "search"
    page.get_by_role("link", name="1 year").click()
    page.wait_for_url(re.compile("from=1y.*service=search|service=search.*from=1y"))
    page.go_back()
    assert "from=2025-03-01" in page.url


UNDER_WAY = """import("/static/js/fragment.js").then(({ start }) => {
  const place = document.createElement("div");
  place.innerHTML = `<div data-refresh="/done" data-every="0.5" data-then="reload"></div><p data-announce></p>`;
  document.querySelector("main").prepend(place);
  start(place);
})"""


@pytest.mark.parametrize("width", [1280, 390])
def test_what_a_source_says_while_it_is_read_does_not_widen_the_page(browse, width):
    said = (
        f"https://jira.example/{'x' * 200}: Jira does not accept the token. Put it where `token` points. " * 3
    )
    items = [
        Unmeasured(f"jira:{'long-' * 30}", 0, None, note=said, said="failed"),
        Progress("git:b", 2, 4, "files"),
    ]
    macro = '{% from "_progress.html" import progress_list %}{{ progress_list(items) }}'
    body = environment.from_string(macro).render(items=items)
    page = browse(width=width).go("/definitions")
    page.route("**/done", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.evaluate(UNDER_WAY)
    page.get_by_text("Jira does not accept the token").wait_for()
    assert page.evaluate(OVERFLOW) <= 0
    assert page.get_by_text("failed", exact=True).is_visible()
    assert (
        page.get_by_text("failed", exact=True).evaluate("one => one.getBoundingClientRect().right") <= width
    )


@pytest.mark.parametrize("typed", [True, False])
def test_what_is_typed_is_not_lost_when_something_under_way_ends(browse, typed):
    page = browse().go("/sources/webhook")
    field = page.locator("main form input[type=text], main form textarea").first
    if typed:
        field.fill("half of it")
    page.route(
        "**/done", lambda route: route.fulfill(body="<span data-done></span>", content_type="text/html")
    )
    if typed:
        page.evaluate(UNDER_WAY)
        page.get_by_role("link", name="Load the page anew").wait_for()
        assert field.input_value() == "half of it"
    else:
        with page.expect_navigation():
            page.evaluate(UNDER_WAY)


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_follows_the_system_until_a_person_chooses(browse, system):
    page = browse(color_scheme=system).go("/definitions")

    def ground() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = "rgb(255, 255, 255)", "rgb(23, 23, 26)"
    assert ground() == (light if system == "light" else dark)
    switch = page.locator("[data-theme-switch]")
    switch.click()
    assert ground() == light
    switch.click()
    assert ground() == dark
    page.reload()
    assert ground() == dark


def test_a_mark_of_a_chart_leads_to_the_rows_behind_it(browse):
    page = browse().go(f"/effort?{MARCH}")
    mark = page.locator("#effort-over-time .wide a.mark").first
    mark.focus()
    assert page.locator(".tip").is_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/rows/person_days"))
    assert "behind it" in page.locator("h1").inner_text()
    assert page.locator("tbody tr").count() >= 1


def test_arrows_move_from_mark_to_mark(browse):
    page = browse().go(f"/effort?{MARCH}")
    page.locator("#effort-over-time .wide .mark").first.focus()
    page.keyboard.press("ArrowRight")
    marks = "[...document.activeElement.closest('svg').querySelectorAll('.mark')]"
    assert page.evaluate(f"{marks}.indexOf(document.activeElement)") == 1


def test_a_chart_is_exported_as_png_and_svg(browse, tmp_path):
    watched = browse(accept_downloads=True)
    page = watched.go(f"/effort?{MARCH}")
    figure = page.locator("figure").first
    for form, begins in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as waiting:
            figure.get_by_role("button", name=form).click()
        file = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(file)
        assert file.read_bytes().startswith(begins)
        assert b"var(--" not in file.read_bytes()
    assert watched.errors == []


def test_a_charts_table_has_the_same_marks(browse):
    page = browse().go(f"/effort?{MARCH}")
    figure = page.locator("#effort-by-category")
    figure.locator("summary").first.click()
    assert figure.get_by_role("row").count() == figure.locator(".wide .mark").count() + 1


def test_a_category_is_corrected_through_the_form(browse):
    page = browse().go("/search?q=perf")
    page.get_by_role("link", name="perf: read the index once").click()
    page.get_by_label("It was for").select_option("debt")
    page.get_by_role("button", name="Correct it").click()
    page.wait_for_url(re.compile("done=corrected"))
    assert page.get_by_role("status").first.inner_text().startswith("Noted.")
    page.get_by_role("button", name="Read the sources now").click()
    page.wait_for_url(re.compile("/sources"))


def test_a_source_is_removed_only_after_a_second_look(browse):
    page = browse().go("/sources/source?source=git:acme/shop")
    assert page.get_by_role("button", name="Remove it").is_hidden()
    page.get_by_text("Remove…").click()
    assert page.get_by_role("button", name="Remove it").is_visible()


def test_the_page_can_be_used_by_keyboard_alone(browse):
    page = browse().go(f"/?{MARCH}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_every_field_has_a_name_and_every_page_one_main_region(browse):
    page = browse().go(f"/reliability?{MARCH}")
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea, button')]"
        ".filter(f => !(f.labels?.length || f.textContent.trim() || f.getAttribute('aria-label'))).length"
    )
    assert unnamed == 0
    assert page.get_by_role("main").count() == 1


def test_an_entry_of_debt_is_written_down_in_the_browser_and_decided(browse):
    watched = browse(width=390)
    page = watched.go("/debt")
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_label("What it is, in a line").fill("Nobody dares to touch <the> totals")
    page.get_by_label("Hours to pay it back").fill("12")
    page.get_by_label("Hours a month that it costs").fill("3.5")
    form = page.locator("#add form")
    form.get_by_label("Repository").select_option("acme/shop")
    form.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url(re.compile(r"/debt/entry\?key=hand-"))
    assert "Nobody dares to touch <the> totals" in page.locator("h1").inner_text()
    assert page.evaluate(OVERFLOW) <= 0
    page.locator("#decide select[name=status]").select_option("accepted")
    page.get_by_label("Reason (needed to accept it)").fill("replaced in May")
    page.get_by_label("Accepted until").fill("2999-01-01")
    page.locator("#decide").get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Note it").click()
    page.wait_for_url(re.compile("done=debt-decided"))
    assert "accepted until 1 Jan 2999: replaced in May" in page.locator("p.change").inner_text()
    assert watched.errors == []
    assert watched.outside == []


def test_all_pages_of_the_navigation_are_in_sight_on_a_screen_of_900_pixels(browse):
    page = browse(width=1280).go("/sources")
    page.set_viewport_size({"width": 1280, "height": 900})
    hidden = page.evaluate(
        "(box => box.scrollHeight - box.clientHeight)(document.querySelector('.top .wrap'))"
    )
    assert hidden <= 0
