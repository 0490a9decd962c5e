"""The partials with every chart on one page: as text, and in Chromium under a strict policy."""

import functools
import http.server
import pathlib
import re
import threading

import gallery
import pytest

CHROMIUM = pathlib.Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def page() -> str:
    return gallery.html()


def test_a_page_needs_no_inline_style_script_or_foreign_host(page):
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.replace("http://www.w3.org/2000/svg", ""))


def test_style_sheet_and_scripts_name_no_foreign_host():
    for file in (gallery.WEB / "static").rglob("*.*"):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|url\(", text), file.name


def test_a_page_has_one_answer_a_skip_link_and_no_id_twice(page):
    assert len(re.findall(r"<h1", page)) == 1
    assert '<a class="skip" href="#main">' in page
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_every_template_says_what_it_takes():
    for file in (gallery.WEB / "templates").glob("*.html"):
        if file.name in {"base.html"} or file.name.startswith("_"):
            assert file.read_text(encoding="utf-8").startswith("{#-"), file.name


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    gallery.write(folder)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            self.send_header("Content-Security-Policy", "default-src 'self'; img-src 'self' data:")
            super().end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/gallery.html"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def tab(browser, site):
    opened = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
    opened.problems = []
    opened.on("console", lambda m: opened.problems.append(m.text) if m.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda e: opened.problems.append(str(e)))
    opened.goto(site)
    opened.wait_for_selector("html[data-ready]")
    yield opened
    assert not [p for p in opened.problems if "404" not in p]
    opened.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 390, 768, 1200])
def test_no_page_scrolls_sideways(tab, width):
    tab.set_viewport_size({"width": width, "height": 900})
    for details in tab.query_selector_all("details"):
        details.evaluate("d => d.open = true")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_a_mark_is_read_on_focus_and_arrows_lead_on(tab):
    tab.focus("#effort-wide .mark[tabindex='0']")
    assert "Incident, week from 4 May 2026" in tab.inner_text(".tip")
    tab.keyboard.press("ArrowRight")
    assert "Bug fix, week from 4 May 2026" in tab.inner_text(".tip")
    tab.keyboard.press("Escape")
    assert not tab.is_visible(".tip")
    assert len(tab.query_selector_all("#effort-wide [tabindex='0']")) == 1


@pytest.mark.browser
def test_keys_search_list_and_go(tab):
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.name") == "q"
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("?")
    assert tab.is_visible("dialog[open]")
    tab.keyboard.press("Escape")
    tab.keyboard.press("g")
    with tab.expect_navigation(url="**/effort"):
        tab.keyboard.press("e")


@pytest.mark.browser
def test_the_chosen_theme_is_kept_and_changes_the_charts(tab):
    paper = "getComputedStyle(document.querySelector('#effort-wide .mark rect')).stroke"
    before = tab.evaluate(paper)
    tab.click("[data-theme-switch]")
    tab.click("[data-theme-switch]")
    assert tab.get_attribute("html", "data-theme") == "dark"
    tab.reload()
    assert tab.get_attribute("html", "data-theme") == "dark"
    assert tab.evaluate(paper) != before


@pytest.mark.browser
def test_a_chart_can_be_saved_as_png_and_svg(tab):
    with tab.expect_download() as png:
        tab.click("#effort [data-export='png']")
    content = pathlib.Path(png.value.path()).read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 20_000
    with tab.expect_download() as svg:
        tab.click("#effort [data-export='svg']")
    assert "var(" not in pathlib.Path(svg.value.path()).read_text(encoding="utf-8")


@pytest.mark.browser
def test_progress_is_refreshed_in_place_and_said_aloud(tab, site):
    done = '<p>ready</p><span hidden data-said="All done"></span><span data-done hidden></span>'
    tab.route("**/progress", lambda route: route.fulfill(body=done, content_type="text/html"))
    tab.get_by_text("ready", exact=True).wait_for()
    assert tab.text_content("[data-announce]") == "All done"
