"""When GitHub says no, later, elsewhere, or nothing sensible: a sentence each, nothing lost, no hammering."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from github_forge import BASE, Answer, Forge
from github_published import Published
from github_runs import Collected, run_once, source_of

from ktlo.errors import SourceError, UserError
from ktlo.sources.github import GitHubSource
from ktlo.sources.github.config import GitHubConfig
from ktlo.sources.protocol import Status
from ktlo.sources.rest import connection

pytestmark = pytest.mark.node
Collect = Callable[..., Collected]
REPOSITORY = "/repos/octocat/Hello-World"


def always(
    status: int, message: str = "", headers: dict[str, str] | None = None, on: str = ""
) -> Callable[..., Answer | None]:
    """A fault at every path that ends so."""

    def fault(path: str, _query: dict[str, str]) -> Answer | None:
        return Answer(status, {"message": message}, dict(headers or {})) if path.endswith(on) else None

    return fault


def failure_of(forge: Forge, **options: object) -> str:
    failure = run_once(forge, Collected(), **options)
    assert failure is not None
    return str(failure)


def test_without_quota_the_run_ends_with_what_is_missing_when_it_goes_on_and_what_a_token_gives(
    forge: Forge,
) -> None:
    forge.open_issue()
    forge.limit = 60
    forge.used = 57
    failure = run_once(forge, Collected())
    assert isinstance(failure, SourceError)
    assert failure.retry_after == pytest.approx(3601)
    assert str(failure) == (
        "octocat/Hello-World: the 60 requests an hour that GitHub allows are used up; the next run continues from"
        " here after 13:00 UTC; not complete yet: pull requests, releases, issue histories, comments,"
        " workflow runs, deployments, reviews and sizes of pull requests. A token raises 60 requests an hour to"
        " 5,000: set GITHUB_TOKEN, or `token` of the source."
    )
    assert all(status == 200 for _, _, status in forge.requests), "it stops before GitHub has to refuse"
    assert forge.clock.waits == []


def test_a_token_shared_with_others_keeps_a_reserve_for_them(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "ghp_secret")
    forge.limit, forge.used = 5000, 4898
    assert "not complete yet" in failure_of(forge)
    assert forge.limit - forge.used >= 99


def test_a_short_wait_for_the_quota_is_waited_out(forge: Forge, collect: Collect) -> None:
    forge.open_issue()
    forge.limit, forge.used, forge.resets_at = 60, 58, forge.clock.at + 40
    collect()
    assert forge.clock.waits == [41.0]


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_is_obeyed_as_long_as_it_says(forge: Forge, collect: Collect, status: int) -> None:
    refusals = iter(
        [Answer(status, {"message": "You have exceeded a secondary rate limit"}, {"retry-after": "30"})]
    )
    forge.fault = lambda path, query: next(refusals, None) if path.endswith("/pulls") else None
    collect()
    assert forge.clock.waits == [30.0]


def test_a_secondary_limit_without_a_time_waits_a_minute_and_then_gives_up_for_longer(forge: Forge) -> None:
    forge.fault = always(403, "You have exceeded a secondary rate limit", on="/pulls")
    failure = run_once(forge, Collected())
    assert isinstance(failure, SourceError)
    assert forge.clock.waits == [60.0]
    assert failure.retry_after == 150.0
    assert "asks for a pause (its limit on frequent requests)" in str(failure)


def test_an_hour_of_server_errors_is_tried_a_few_times_with_growing_pauses_and_goes_on_later(
    forge: Forge, collect: Collect
) -> None:
    forge.open_issue()
    forge.fault = always(502, on="/pulls")
    got = Collected()
    failure = run_once(forge, got)
    assert isinstance(failure, SourceError)
    assert "GitHub failed 5 times in a row: it answered 502" in str(failure)
    assert failure.retry_after == 300
    assert forge.clock.waits == [2.0, 4.0, 8.0, 16.0]
    assert len(got.rows("issues")) == 1
    forge.fault = None
    collect(got)
    assert len(got.rows("issues")) == 1


def test_one_server_error_is_forgotten(forge: Forge, collect: Collect) -> None:
    wrong = iter([Answer(500, {"message": "oops"})])
    forge.fault = lambda path, query: next(wrong, None)
    assert collect().warnings == []


def test_an_answer_cut_off_is_asked_for_again(forge: Forge, collect: Collect) -> None:
    forge.open_issue()
    cut = iter([Answer(200, raw=b'[{"number": 1, "title": "It br')])
    forge.fault = lambda path, query: next(cut, None) if path.endswith("/issues") else None
    assert len(collect().rows("issues")) == 1


def test_a_web_page_instead_of_json_says_to_check_the_address(forge: Forge) -> None:
    page = Answer(200, raw=b"<html>Sign in</html>", headers={"content-type": "text/html"})
    forge.fault = lambda path, query: page
    said = failure_of(forge)
    assert "not JSON but text/html" in said
    assert "/api/v3" in said


def test_an_object_where_a_list_belongs_is_no_traceback(forge: Forge) -> None:
    forge.fault = lambda path, query: Answer(200, {"items": []}) if path.endswith("/issues") else None
    assert "an answer of an unexpected form" in failure_of(forge)


def test_a_repository_that_is_not_there_may_be_private(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    forge.fault = always(404, "Not Found")
    assert "it is private" in failure_of(forge)
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    assert "the token may not see it" in failure_of(forge)


def test_a_token_that_is_refused_says_where_to_get_one(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    forge.fault = always(401, "Bad credentials")
    failure = run_once(forge, Collected())
    assert isinstance(failure, UserError)
    assert "settings/tokens" in str(failure)


def test_single_sign_on_is_named_with_its_address(forge: Forge) -> None:
    url = "https://github.com/orgs/octo/sso?authorization_request=A1"
    forge.fault = always(
        403, "Resource protected by organization SAML", {"X-GitHub-SSO": f"required; url={url}"}
    )
    assert f"Open {url} and authorise it" in failure_of(forge)


def test_a_blocked_repository_is_said_to_be_blocked(forge: Forge) -> None:
    forge.fault = always(451, "Repository access blocked")
    assert "blocked for legal reasons (451)" in failure_of(forge)


def test_a_missing_permission_costs_its_list_and_not_the_others(
    forge: Forge, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    forge.open_issue()
    forge.publish("v1")
    forge.fault = always(403, "Resource not accessible by personal access token", on="/actions/runs")
    got = collect()
    assert len(got.rows("issues")) == len(got.rows("releases")) == 1
    (warning,) = got.warnings
    assert "Resource not accessible" in warning
    assert "no workflow runs: failures of CI" in warning
    assert "`Actions: read`" in warning


def test_where_graphql_fails_reviews_are_read_one_by_one(
    forge: Forge, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    forge.review(forge.open_pull(), "mona")
    for fault in (always(502, on="/graphql"), always(404, on="/graphql"), always(403, "no", on="/graphql")):
        forge.fault = fault
        got = collect()
        assert [row["reviewer"] for row in got.rows("reviews")] == ["mona"]
        assert got.rows("changes")[0]["lines_added"] == 7


def test_issues_switched_off_cost_the_issues_only(forge: Forge, collect: Collect) -> None:
    forge.publish("v1")
    forge.fault = always(410, "Issues are disabled for this repo", on="/issues")
    got = collect()
    assert len(got.rows("releases")) == 1
    assert "Issues are disabled for this repo" in got.warnings[0]


def test_a_renamed_repository_is_followed_and_keeps_its_name_in_the_records(
    forge: Forge, collect: Collect
) -> None:
    forge.open_issue()
    got = collect()
    forge.full_name = "octocat/Hello-Earth"
    forge.open_issue()
    collect(got)
    assert {row["repository"] for row in got.rows("issues")} == {"octocat/Hello-World"}
    assert len(got.rows("issues")) == 2
    assert "called octocat/Hello-Earth now" in got.warnings[0]


def test_a_redirect_to_another_host_is_not_given_the_token(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    forge.fault = lambda path, query: Answer(301, {}, {"location": "https://evil.test/steal"})
    assert "the token is not sent there" in failure_of(forge)
    assert len(forge.requests) == 1


def test_a_row_of_an_unexpected_form_is_turned_away_and_the_others_come_in(
    forge: Forge, collect: Collect
) -> None:
    good, bad = forge.open_issue(), forge.open_issue()
    listed = [forge.issues[good], forge.issues[bad] | {"created_at": "yesterday"}]
    forge.fault = lambda path, query: Answer(200, listed) if path.endswith("/issues") else None
    got = collect()
    assert [row["external_id"] for row in got.rows("issues")] == [str(good)]
    assert "one of the issues has an unexpected form" in got.rejected[0]


def test_history_that_github_does_not_show_is_named(forge: Forge, collect: Collect) -> None:
    number = forge.open_issue()
    for _ in range(150):
        forge.label(number, "bug")
    forge.pass_time(600)

    def limited(path: str, query: dict[str, str]) -> Answer | None:
        is_far = path.endswith("/events") and query["page"] == "2"
        return Answer(422, {"message": "pagination is limited for this resource"}) if is_far else None

    forge.fault = limited
    got = collect()
    [said] = got.warnings
    assert "no issue histories further back than about the newest 99" in said
    assert len([e for e in got.rows("issue_events") if e["kind"] == "labeled"]) == 100


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_network_that_fails_is_tried_again_and_then_said(
    published: Published, forge: Forge, error: type[httpx.TransportError]
) -> None:
    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise error("Bearer ghp_secret", request=request)

    source = GitHubSource(
        GitHubConfig(repository="octocat/Hello-World", api=BASE), forge.clock.world(), Broken()
    )

    async def go() -> None:
        async for _ in source.collect({}):
            pass

    with pytest.raises(SourceError, match="5 times in a row") as caught:
        asyncio.run(go())
    assert "ghp_secret" not in str(caught.value)
    assert len(forge.clock.waits) == 4


def test_the_token_goes_to_github_and_nowhere_else(
    forge: Forge, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "token"
    file.write_text("ghp_veryveryhidden\n")
    forge.open_issue()
    got = Collected()
    for fault in (None, always(401, "Bad credentials"), always(500)):
        forge.fault = fault
        failure = run_once(forge, got, token=f"file:{file}")
        assert "veryhidden" not in str(failure)
    assert forge.headers[0]["authorization"] == "Bearer ghp_veryveryhidden"
    assert "veryhidden" not in caplog.text
    assert "veryhidden" not in str(got.cursor)


def test_the_check_names_each_missing_permission_and_its_cost(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    forge.limit = 5000
    for _ in range(3):
        forge.open_pull()
    forge.fault = always(403, "Resource not accessible by personal access token", on="/deployments")
    health = asyncio.run(source_of(forge).check())
    assert health.status is Status.LIMITED
    (missing,) = health.missing
    assert missing.fix == "Grant `Deployments: read`"
    assert "failed ones and the way from change to production are not in the numbers" in missing.cost
    assert health.summary == (
        "octocat/Hello-World can be read; a first collection takes at most 8 requests, about 1 min;"
        " 5,000 of 5,000 requests are left this hour"
    )


def test_the_check_of_something_unreachable_is_a_sentence(forge: Forge) -> None:
    forge.fault = always(404, "Not Found")
    health = asyncio.run(source_of(forge).check())
    assert health.status is Status.UNREACHABLE
    assert "without a token: the name is wrong, or it is private" in health.summary
    assert asyncio.run(source_of(forge, token="env:NOWHERE").check()).status is Status.UNREACHABLE


def test_ten_megabytes_of_text_are_cut_and_lose_nothing_else(forge: Forge, collect: Collect) -> None:
    long = "The disk is <b>full</b> again & again 🔥 " * 260_000
    number, pull, title = forge.open_issue(), forge.open_pull(), long[:100_000]
    forge.event(number, "renamed", rename={"from": title, "to": title})
    forge.events[0]["issue"] = {**forge.issues[number]}
    forge.publish("v1")
    forge.run_workflow()
    forge.issues[number] |= {"title": title, "body": long}
    forge.pulls[pull] |= {"title": title, "body": title}
    forge.releases[0] |= {"name": title, "body": title}
    forge.runs[0] |= {"name": title}
    rows = collect().everything()
    assert [len(rows[table]) for table in ("issues", "changes", "releases")] == [1, 1, 1]
    assert sorted(row["kind"] for row in rows["issue_events"]) == ["opened", "renamed"]
    texts = [
        text for found in rows.values() for row in found for text in row.values() if isinstance(text, str)
    ]
    assert max(map(len, texts)) == 4_000
    assert rows["issues"][0]["title"].startswith("The disk is <b>full</b> again & again 🔥")


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones_and_one_item_that_is_so_is_left_out(
    forge: Forge, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        forge.open_issue()
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 40_000)
    forge.issues[3]["body"] = "x" * 50_000
    got = collect()
    assert [row["external_id"] for row in got.rows("issues")] == ["1", "2", "4", "5", "6"]
    assert len(got.rejected) == 2, "of the list of issues, and of the open ones"
    assert "one of the issues alone. It is left out" in got.rejected[0]
    forge.issues[3]["body"] = "x"
    forge.pass_time(90_000)
    assert len(collect(got).rows("issues")) == 6
