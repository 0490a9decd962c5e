"""Who may ask: DNS rebinding, foreign origins, missing and wrong tokens, the cookie, guessing."""

from __future__ import annotations

import pytest

from ktlo.server.security import COOKIE, Access, is_loopback

TOKEN = "s3cret-token"
ADD = {"kind": "git", "options": {"path": "/"}}


@pytest.mark.parametrize("host", ["127.0.0.1:5856", "localhost", "localhost:80", "[::1]:5856"])
def test_without_a_token_the_machines_own_names_are_answered(house, host):
    assert house.get("/api/v1/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:5856", "10.0.0.7", "", "[::1", "localhost.evil.example"]
)
def test_a_name_that_was_rebound_to_this_machine_is_turned_away(house, host):
    answer = house.get("/api/v1/sources", headers={"host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:9999", "null", "http://[", "http://localhost:5856"]
)
@pytest.mark.parametrize("path", ["/item", "/collections", "/sources/remove", "/api/v1/collections"])
def test_a_page_of_another_origin_may_not_change_anything(house, path, origin):
    assert house.post(path, headers={"origin": origin}).status_code == 403


def test_a_form_of_this_site_may_change_things(house):
    answer = house.post(
        "/sources/remove", data={"source": "none"}, headers={"origin": "http://127.0.0.1:5856"}
    )
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/sources", "/effort.json", "/rows/ktlo_share", "/api/docs"])
def test_behind_a_token_nothing_is_said_without_it(guarded, path):
    answer = guarded.get(path, headers={"accept": "application/json"})
    assert answer.status_code == 401
    assert guarded.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert guarded.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize(
    "given", ["Basic s3cret-token", "Bearer", "Bearer  ", f"bearer{TOKEN}", "Bearer \xff"]
)
def test_what_is_not_the_token_as_a_bearer_is_turned_away(guarded, given):
    answer = guarded.get("/api/v1/sources", headers={"authorization": given.encode("latin-1")})
    assert answer.status_code == 401


def test_a_browser_without_the_token_is_led_to_sign_in(guarded):
    answer = guarded.get("/effort", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert 'type="password"' in guarded.page("/sign-in")
    assert guarded.get("/static/ktlo.css").status_code == 200
    assert guarded.get("/api/v1/health").status_code == 200


def test_the_right_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(guarded):
    answer = guarded.post("/sign-in", data={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert guarded.get("/definitions.json").status_code == 200


def test_over_https_the_cookie_is_secure(guarded):
    answer = guarded.post("https://ktlo.example/sign-in", data={"token": TOKEN})
    assert "secure" in answer.headers["set-cookie"].lower()


def test_signing_in_never_leads_to_another_site(guarded):
    answer = guarded.post(
        "/sign-in?next=https://evil.example", data={"token": TOKEN, "next": "//evil.example"}
    )
    assert answer.headers["location"] == "/"


def test_a_wrong_cookie_is_turned_away(guarded):
    answer = guarded.get("/api/v1/sources", headers={"cookie": f"{COOKIE}=guess"})
    assert answer.status_code == 401


def test_guesses_are_limited(guarded):
    answers = [guarded.post("/sign-in", data={"token": f"guess {n}"}).status_code for n in range(7)]
    assert answers == [403] * 5 + [429] * 2
    late = guarded.post("/sign-in", data={"token": TOKEN})
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 61


def test_a_foreign_origin_is_turned_away_even_with_the_cookie(guarded):
    guarded.post("/sign-in", data={"token": TOKEN})
    answer = guarded.post("/collections", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


def test_every_answer_carries_the_protective_headers(house, guarded):
    for answer in (
        house.get("/definitions"), house.get("/nowhere"), house.get("/api/v1/sources"),
        house.get("/static/ktlo.css"), guarded.get("/api/v1/sources"),
        house.get("/", headers={"host": "evil.example"}),
    ):  # fmt: skip
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/..%2fsite.py"]
)
def test_assets_never_lead_out_of_their_folder(guarded, path):
    assert guarded.get(path).status_code in (401, 404)


def test_the_empty_token_admits_everybody_and_another_one_nobody_else():
    assert Access("").admits("anything")
    assert not Access(TOKEN).admits("")
    assert not Access(TOKEN).admits(TOKEN + " ")
    assert Access(TOKEN).admits(TOKEN)


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("127.0.0.1.example", False)]
)
def test_only_names_that_can_mean_nothing_else_are_loopback(host, own):
    assert is_loopback(host) is own


def test_prometheus_api_is_refused_in_its_own_envelope(guarded):
    path = "/api/prometheus/api/v1/query?query=1"
    for accept in ("application/json", "text/html"):
        answer = guarded.get(path, headers={"accept": accept})
        assert answer.status_code == 401
        assert answer.json() == {
            "status": "error", "errorType": "unauthorized",
            "error": "a token is needed. Send it as `Authorization: Bearer …`",
        }  # fmt: skip
    crossing = guarded.post(path, headers={"origin": "http://elsewhere.example"})
    assert (crossing.status_code, crossing.json()["errorType"]) == (403, "forbidden")
    asked = guarded.get("/api/prometheus", headers={"authorization": "Bearer s3cret-token"})
    assert (asked.status_code, asked.json()["errorType"]) == (404, "not_found")
