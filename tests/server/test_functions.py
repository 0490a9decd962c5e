"""The pages of functions over what the real ktlo-instrument sent to a real ``ktlo up`` (see ``function_world``)."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from urllib.parse import quote

import pytest
from function_world import World, world

PRICE = "service=shop&name=shop.cart.price"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    yield from world(tmp_path_factory.mktemp("functions"))


def row_of(page: str, name: str) -> list[str]:
    """Cells of the table's row that begins with a name, as people read them."""
    page = page.replace("<wbr>", "")
    (row,) = [each for each in re.findall(r"<tr>.*?</tr>", page, re.S) if f">{html.escape(name)}</a>" in each]
    row = re.sub(r"<svg.*?</svg>", "", row, flags=re.S)
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
    return [html.unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in cells]


def listing(page: str, anchor: str) -> str:
    """A part of a page, as people read it."""
    page = page.replace("<wbr>", "")
    part = re.split(f'aria-labelledby="{anchor}(?:-title)?"', page)[1].split("</section>", maxsplit=1)[0]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part.replace("<wbr>", ""))))


def links(page: str, start: str) -> list[str]:
    return list(
        dict.fromkeys(
            html.unescape(one) for one in re.findall(r'href="([^"]+)"', page) if one.startswith(start)
        )
    )


def test_the_list_has_calls_errors_quantiles_self_time_and_trend(shop: World):
    page = shop.page("/functions?service=shop")
    cells = row_of(page, "shop.cart.price")
    # 240 calls of 2 ms before, 301 of 12 ms since: the middles of the buckets (1.05, 2.10] and (8.39, 16.8] ms.
    assert cells[2:4] == ["shop", "541"]
    assert cells[4].startswith("11")
    assert cells[5] == "KeyError 60"
    assert cells[6:9] == ["11.9 ms"] * 3
    assert cells[9] == "4.1 s"
    assert cells[10] == "93%"
    assert page.count('class="sparkline') >= 2
    assert "Quantiles are up to 41% off either way" in page


def test_the_list_says_what_got_worse_since_the_deployment(shop: World):
    page = shop.page("/functions?service=shop")
    said = row_of(page, "shop.cart.price")[-1]
    assert "errors" in said
    assert "p95" in said or "95th" in said
    assert "worse since the last deployment: shop.cart" in page
    (price,) = [one for one in shop.asked("/functions.json?service=shop") if one["name"] == "shop.cart.price"]
    changed = {one["measure"]: one for one in price["changed"]}
    assert changed["errors"]["before"]["value"] == 0
    assert changed["errors"]["after"]["value"] == pytest.approx(60 / 301)
    assert all(one["is_worse"] for one in changed.values())


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ("", {"shop.cart.price": 541, "shop.cart.total": 301}),
        ("&route=/cart", {"shop.cart.price": 540, "shop.cart.total": 300}),
        ("&route=/export%20%3Call%3E", {"shop.cart.price": 1, "shop.cart.total": 1}),
        ("&text=PRICE", {"shop.cart.price": 541}),
        ("&text=src/shop/cart.py&failing=true", {"shop.cart.price": 541, "shop.cart.total": 301}),
        ("&text=nothing", {}),
        ("&since=2020-01-01&until=2020-01-02", {}),
    ],
)
def test_words_routes_and_times_narrow_the_list(shop: World, asked, calls):
    found = shop.asked(f"/functions.json?service=shop{asked}")
    assert {one["name"]: one["calls"] for one in found} == calls
    page = shop.page(f"/functions?service=shop{asked}")
    assert all(row_of(page, name)[3] == str(number) for name, number in calls.items())
    assert ("No function like that" in page) == (not calls)


def test_the_list_is_in_the_order_that_is_asked_for(shop: World):
    names = [one["name"] for one in shop.asked("/functions.json?service=shop&sort=p95")]
    assert names == ["shop.cart.total", "shop.cart.price"], "25 ms is more than 12"


def test_a_version_has_its_own_figures(shop: World):
    for commit, calls, mean in zip(shop.commits, (240, 301), (2, 12), strict=True):
        found = {one["name"]: one for one in shop.asked(f"/functions.json?service=shop&version={commit}")}
        price = found["shop.cart.price"]
        assert (price["calls"], price["total_ns"]) == (calls, calls * mean * 10**6)
        assert price["versions"] == [commit]


def test_two_versions_at_once_add_up_and_stay_apart(shop: World):
    (price,) = [
        one for one in shop.asked("/functions.json?service=depot") if one["name"] == "shop.cart.price"
    ]
    assert (price["calls"], price["total_ns"]) == (12, 6 * 14 * 10**6)
    assert sorted(price["versions"]) == sorted(shop.commits)
    page = shop.page("/functions?service=depot")
    assert all(f'value="{commit}"' in page for commit in shop.commits), "to choose from"
    assert (
        row_of(shop.page(f"/functions?service=depot&version={shop.commits[0]}"), "shop.cart.price")[3] == "6"
    )


def test_one_function_has_its_source_at_the_deployed_commit(shop: World):
    page = shop.page(f"/functions/function?{PRICE}")
    commit = shop.commits[1]
    # Line 9 is where it stands now; before the deployment it stood in line 12.
    assert f'href="https://github.com/acme/shop/blob/{commit}/src/shop/cart.py#L9"' in page
    assert "spend(12)  # &lt;asks&gt; the depot" in page
    source = listing(page, "source")
    assert f"acme/shop/src/shop/cart.py:9 at {commit[:12]}, as deployed" in source
    assert "return PRICES[item]" in source
    assert "def total" not in source
    before = shop.page(f"/functions/function?{PRICE}&version={shop.commits[0]}")
    assert f"/blob/{shop.commits[0]}/src/shop/cart.py#L12" in before
    assert "spend(2)" in listing(before, "source")


def test_the_repository_of_a_service_that_the_catalogue_does_not_know_is_inferred_from_its_commit(
    shop: World,
):
    page = shop.page("/functions/function?service=stranger&name=shop.cart.price")
    source = listing(page, "source")
    assert "Inferred: no other repository has this commit" in source
    assert "spend(12)" in source
    assert "Inferred" not in listing(shop.page(f"/functions/function?{PRICE}"), "source")
    twin = shop.asked("/functions/function.json?service=stranger&name=shop.cart.price")
    assert twin["source"]["is_inferred"] is True


def test_one_function_has_callers_callees_and_its_distribution(shop: World):
    page = shop.page(f"/functions/function?{PRICE}")
    assert "shop.cart.total 541 100%" in listing(page, "callers")
    assert "Nothing that is counted" in listing(page, "callees")
    total = shop.page("/functions/function?service=shop&name=shop.cart.total")
    assert "shop.cart.price 541 100%" in listing(total, "callees")
    assert "(code that is not counted) 301 100%" in listing(total, "callers")
    assert "How long calls took" in page
    twin = shop.asked(f"/functions/function.json?{PRICE}")
    assert [one["count"] for one in twin["distribution"] if one["count"]] == [240, 301]
    assert "Called 541 times, 60 of them raised" in page
    assert "KeyError 60 11%" in listing(page, "errors")


def test_one_function_has_slow_and_failed_calls_with_arguments_and_results(shop: World):
    page = shop.page(f"/functions/function?{PRICE}")
    slow, failed = listing(page, "slowest"), listing(page, "failed")
    assert 'item = "a", card_token = "[redacted]"' in slow
    assert re.search(r"12 ms first .*\] ?\" 7 /cart", slow), slow
    assert 'item = "gone"' in failed
    assert "KeyError: 'gone'" in failed, "as Python says it"
    assert "12 ms error" in failed


def test_one_function_tells_who_changed_its_lines_and_what_touched_it(shop: World):
    page = shop.page(f"/functions/function?{PRICE}")
    changes, items = listing(page, "changes"), listing(page, "items")
    assert "Commits that touched the function's lines" in changes
    assert changes.index("fix: ask the depot, #12 Grace") < changes.index("feat: carts Ada")
    assert "Tills <stand> incident" in items
    assert "a commit to its file is named as the cause" in items
    assert "Slow incident" in items
    assert "Prices are stale bug or issue" in items
    assert "Something else" not in items
    assert "Grace" not in listing(
        shop.page("/functions/function?service=shop&name=shop.cart.total"), "changes"
    )


def test_links_of_the_pages_lead_somewhere(shop: World):
    pages = [
        "/functions?service=shop", f"/functions/function?{PRICE}", "/functions/flame?service=shop",
        "/functions/never?service=shop",
    ]  # fmt: skip
    found = {link for page in pages for link in links(shop.page(page), "/functions")}
    assert len(found) > 15
    for link in sorted(found):
        assert shop.get(link).status_code == 200, link


def test_the_flame_graph_divides_self_time_and_opens_at_a_box(shop: World):
    root = shop.asked("/functions/flame.json?service=shop")
    assert root["total_ns"] == 4_393_000_000
    (total,) = root["children"]
    assert (total["name"], total["self_ns"], total["total_ns"]) == (
        "shop.cart.total",
        301_000_000,
        4_393_000_000,
    )
    assert total["children"][0]["total_ns"] == 4_092_000_000
    page = shop.page("/functions/flame?service=shop")
    assert "4.4 s of self time in shop, 100% of it in shop.cart.total" in page
    at = quote(json.dumps(["shop.cart.total", "shop.cart.price"]))
    opened = shop.page(f"/functions/flame?service=shop&at={at}")
    assert "4.1 s of self time in shop.cart.price" in opened
    assert "Opened at" in opened
    one = shop.asked(f"/functions/flame.json?service=shop&route={quote('/export <all>')}")
    assert one["total_ns"] == 13_000_000


def test_never_executed_names_what_no_process_of_a_version_ran(shop: World):
    page = shop.page("/functions/never?service=shop")
    assert f"1 of 3 functions of shop {shop.commits[1][:12]} never ran (33%)" in page
    assert "refund" in listing(page, "never")
    assert all(commit[:12] in listing(page, "versions") for commit in shop.commits)
    assert "watched from" in page
    assert "not for long enough to call anything unused: 1 day with calls, 1 process and" in page, (
        "as debt asks for"
    )
    assert "14 days, 2 processes and 1,000 calls are asked for" in page
    assert "Modules that no process loaded" not in page, "files of loaded packages are looked through"
    assert "Every function ran" in shop.page("/functions/never?service=shop&text=price")
    before = shop.page(f"/functions/never?service=shop&version={shop.commits[0]}")
    assert f"functions of shop {shop.commits[0][:12]}" in before


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/functions?service=nobody", "No function like that"),
        ("/functions/flame?service=nobody", "No self time in this stretch"),
        ("/functions/never?service=nobody", "No coverage was reported"),
        ("/functions?since=2020-01-01&until=2020-01-02", "No function was reported in this stretch"),
    ],
)
def test_nothing_to_show_is_said(shop: World, path, said):
    assert said in shop.page(path)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/functions?since=nonsense", 400, "is no time"),
        ("/functions?since=1h&until=2020-01-01T00:00:00Z&sort=fastest", 422, "sort"),
        ("/functions?service=" + "x" * 2100, 422, "service"),
        ("/functions/function", 400, "of which function?"),
        ("/functions/function?service=shop&name=shop.cart.refund", 404, "did not run in this stretch"),
        ("/functions/function?service=<b>&name=<script>", 404, "&lt;script&gt;"),
        ("/functions/flame?service=shop&at=[1]", 400, "no list of functions"),
        ("/functions/flame?service=shop&at=" + "[" * 3000, 400, "no list of functions"),
        ("/functions/flame.json?service=shop&since=never", 400, "is no time"),
        ("/api/v1/functions?limit=0", 422, "limit"),
        ("/functions/never?service=shop&version=v9", 404, "was not watched"),
    ],
)
def test_bad_input_is_told_what_and_what_to_do(shop: World, path, status, said):
    answer = shop.get(path)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text[:1500]


def test_markup_of_what_was_sent_is_shown_as_text(shop: World):
    for path in ("/functions", f"/functions/function?{PRICE}", "/functions/flame?service=shop"):
        page = shop.page(path)
        assert "<all>" not in page
        assert "<asks>" not in page


def test_hotspots_gain_what_production_says(shop: World):
    told = shop.asked("/api/v1/hotspots")
    (cart,) = [one for one in told["files"] if one["path"] == "src/shop/cart.py"]
    seen = cart["production"]
    # The shop's 4.393 s, the depot's 0.096 s and the stranger's 0.065 s; an error passes through price and total.
    assert (seen["calls"], seen["errors"], seen["is_measured"]) == (876, 120, True)
    assert seen["seconds"] == pytest.approx(4.554)
    assert cart["commits"] == 2
    assert seen["product"] == pytest.approx(2 * cart["complexity"] * 4.554 * 120.5)
    assert seen["share"] == 1
    assert [one["name"] for one in seen["functions"]][:2] == ["shop.cart.price", "shop.cart.total"]
    assert told["inferred"] == [{"service": "stranger", "repository": "acme/shop"}], (
        "as on the function's page"
    )
    (nomad,) = told["not_matched"]
    assert nomad["reason"] == "the catalogue names no repository of nomad"
    assert (nomad["functions"], nomad["calls"]) == (2, 4)


def test_the_page_of_hotspots_says_so_too(shop: World):
    page = shop.page("/hotspots")
    hot = listing(page, "in-production")
    assert "src/shop/cart.py 100% 2" in hot
    assert "876 120 4.6 s shop.cart.price every call" in hot
    assert "That stranger is acme/shop is inferred: it alone has the commits that ran" in hot
    assert "Observed: 1 of 2 changed files," in hot
    assert "876 calls, 120 raised, 4.6 s" in listing(page, "files")
    assert "nomad the catalogue names no repository of nomad 2 4" in listing(page, "not-matched")
    (link,) = [one for one in links(page, "/functions/function?") if "shop.cart.price" in one]
    assert "Called 541 times" in shop.page(link)
    # In a period before anything was told of, nothing is said, and nothing is zero.
    assert "in-production" not in shop.page("/hotspots?from=2020-01-01&to=2020-02-01")


def test_the_command_line_asks_the_same(shop: World):
    def said(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from ktlo.cli import main; main()", *words, "--data", str(shop.folder / "data")],
            capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "300"}, cwd=shop.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(said("hotspots", "--json"))["observed"] == 1
    text = said("hotspots")
    assert "876" in text
    assert "Inferred: stranger is acme/shop, which alone has the commits that ran." in text
    assert "Not matched: 2 functions of nomad, 4 calls" in text


def test_what_was_not_watched_for_long_enough_is_a_note_of_the_register_and_no_entry(shop: World):
    # The register of before anything was watched was kept; a version that is watched for the first time ends that.
    told = shop.asked("/api/v1/debt?kind=unused")
    assert told["entries"] == []
    (note,) = [one for one in told["notes"] if "never ran" in one and "watched" in one]
    assert "1 function never ran but was not watched for long enough" in note
    assert "1 day with calls" in note
    assert 'href="/debt?kind=unused"' in shop.page("/functions/never?service=shop")
    shop.page("/debt?kind=unused")
