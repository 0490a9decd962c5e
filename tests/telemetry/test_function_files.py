"""Which file of a repository a service means: worked out by hand, ambiguity and libraries included."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.records import table_of
from ktlo.records.arrow import to_arrow
from ktlo.records.code import Commit, File
from ktlo.records.services import ServiceMember
from ktlo.store.embedded import EmbeddedStore
from ktlo.telemetry.function_files import Match, Sent, matched, meant

SHOP = [("acme/shop", "src/shop/cart.py"), ("acme/shop", "server.js"), ("acme/shop", "utils.py"),
        ("acme/shop", "shop/utils.py"), ("acme/shop", "web/src/api.js")]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("/srv/app/src/shop/cart.py", "src/shop/cart.py"),
        ("/srv/app/shop/cart.py", "src/shop/cart.py"),
        ("shop/cart.py", "src/shop/cart.py"),
        ("/usr/lib/python3.12/site-packages/shop/cart.py", "src/shop/cart.py"),
        ("C:\\app\\shop\\cart.py", "src/shop/cart.py"),
        ("file:///app/server.js", "server.js"),
        ("/app/shop/utils.py", "shop/utils.py"),
        ("/app/other/utils.py", "utils.py"),
        ("webpack:///./web/src/api.js?1f", "web/src/api.js"),
        # Of libraries everything after their folder has to fit.
        ("/app/node_modules/express/server.js", ""),
        ("/usr/lib/python3.12/site-packages/django/utils.py", ""),
        # A folder that the repository does not have in front of it.
        ("/srv/app/django/cart.py", ""),
        ("/srv/app/cart.py", ""),
    ],
)
def test_the_longest_common_end_is_meant(sent, path):
    named = sent.replace("\\", "/").partition("?")[0].rpartition("/")[2]
    files = [one for one in SHOP if one[1].rpartition("/")[2] == named]
    assert meant(sent, files) == ([("acme/shop", path)] if path else [])


def test_several_files_that_fit_alike_are_all_told():
    files = [("a/one", "app.py"), ("a/two", "app.py"), ("a/two", "src/app.py")]
    assert meant("/srv/app.py", files) == [("a/one", "app.py"), ("a/two", "app.py")]


COMMITTED = (("git:acme/other", "acme/other", "a" * 40), ("mirror", "acme/other", "a" * 40),
             ("git:acme/shop", "acme/shop", "b" * 40), ("git:acme/tills", "acme/tills", "b" * 40),
             ("git:acme/other", "acme/other", "d" * 40), ("git:acme/other", "acme/other", "e" * 40),
             ("git:acme/fork", "acme/fork", "e" * 40))  # fmt: skip


def committed(source, repository, sha):
    at = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
    return Commit(
        source=source, repository=repository, sha=sha, parents=(), authored_at=at, committed_at=at,
        authored_offset=0, author_name="Ada", author_email="ada@acme.org", committer_name="Ada",
        committer_email="ada@acme.org", co_authors=(), subject="feat: carts", body="", is_merge=False,
        files_changed=1, lines_added=1, lines_deleted=0, paths=(), dated_by="author",
    )  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    opened = EmbeddedStore(tmp_path_factory.mktemp("files") / "store")
    opened.migrate()

    members = [
        ServiceMember(kind=kind, member=member, service=service, team="", found_in="ktlo.yaml")
        for kind, member, service in (
            ("repository", "acme/shop", "shop"),
            ("repository", "acme/tills", "shop"),
            ("telemetry", "shop-prod", "shop"),
            ("telemetry", "lonely-prod", "lonely"),
            ("repository", "acme/other", "other"),
        )
    ]
    files = [
        File(
            source=source, repository=repository, path=path, language="Python", lines=1, complexity=1.0,
            longest_indent=1, role="source", sha="a" * 40,
        )
        for source, repository, path in (
            ("git:acme/shop", "acme/shop", "src/shop/cart.py"),
            ("mirror", "acme/shop", "src/shop/cart.py"),
            ("git:acme/shop", "acme/shop", "app.py"),
            ("git:acme/tills", "acme/tills", "app.py"),
            ("git:acme/other", "acme/other", "src/other/cart.py"),
        )
    ]  # fmt: skip
    opened.replace(table_of(ServiceMember), [to_arrow(members, ServiceMember)])
    opened.insert(table_of(File), to_arrow(files, File))
    opened.insert(table_of(Commit), to_arrow([committed(*one) for one in COMMITTED], Commit))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("service", "path", "match"),
    [
        ("shop-prod", "/srv/shop/cart.py", Match("acme/shop", "src/shop/cart.py")),
        ("shop", "/srv/shop/cart.py", Match("acme/shop", "src/shop/cart.py")),
        (
            "shop-prod",
            "/srv/other/cart.py",
            Match(reason="no such file, as far as acme/shop, acme/tills tells"),
        ),
        (
            "shop-prod",
            "/srv/app.py",
            Match(
                reason="several files fit: acme/shop/app.py, acme/tills/app.py",
                could_be=(("acme/shop", "app.py"), ("acme/tills", "app.py")),
            ),
        ),
        ("shop-prod", "", Match(reason="no file was told")),
        ("lonely-prod", "/srv/app.py", Match(reason="the catalogue names no repository of lonely-prod")),
        (
            "shop-prod",
            "/x/site-packages/flask/app.py",
            Match(reason="a library's file, as far as acme/shop, acme/tills tells"),
        ),
    ],
)
def test_what_is_not_matched_has_its_reason(catalogue, service, path, match):
    assert matched(catalogue, [Sent(service, path)], {}) == {Sent(service, path): match}


def test_a_service_is_not_matched_to_anothers_repository(catalogue):
    found = matched(catalogue, [Sent("shop", "/srv/other/cart.py"), Sent("other", "/srv/other/cart.py")], {})
    assert found[Sent("other", "/srv/other/cart.py")] == Match("acme/other", "src/other/cart.py")
    assert not found[Sent("shop", "/srv/other/cart.py")].is_matched


def test_many_are_matched_at_once(catalogue):
    asked = [Sent("shop", f"/srv/{n}/shop/cart.py") for n in range(2000)]
    assert all(one.is_matched for one in matched(catalogue, asked, {}).values())
    assert matched(catalogue, [], {}) == {}


@pytest.mark.parametrize(
    ("service", "versions", "repository"),
    [
        ("lonely-prod", ["a" * 40], "acme/other"),
        ("lonely-prod", ["a" * 7, "1.3"], "acme/other"),
        # Too short for a commit, in two repositories, unknown, no commit, none.
        ("lonely-prod", ["a" * 6], ""),
        ("lonely-prod", ["b" * 40], ""),
        ("lonely-prod", ["c" * 40], ""),
        ("lonely-prod", ["1.3"], ""),
        ("lonely-prod", [], ""),
        # One that is not known yet says nothing; one that a fork has too leaves what the others say.
        ("lonely-prod", ["a" * 40, "c" * 40], "acme/other"),
        ("lonely-prod", ["d" * 40, "e" * 40], "acme/other"),
        # Moved to another repository.
        ("lonely-prod", ["a" * 40, "b" * 40], ""),
    ],
)
def test_the_repository_is_inferred_where_it_alone_has_the_commits_that_ran(
    catalogue, service, versions, repository
):
    sent = Sent(service, "/srv/other/cart.py")
    plain = Match(reason=f"the catalogue names no repository of {service}")
    found = matched(catalogue, [sent], {service: versions})[sent]
    assert found == (Match(repository, "src/other/cart.py", is_inferred=True) if repository else plain)


def test_the_catalogues_word_comes_first_and_each_service_has_its_own(catalogue):
    sent = [Sent(name, "/srv/other/cart.py") for name in ("shop-prod", "lonely-prod", "nomad")]
    found = matched(catalogue, sent, {name: ["a" * 40] for name in ("shop-prod", "lonely-prod")})
    assert [one.is_inferred for one in found.values()] == [True, False, False]
    assert found[sent[0]].reason == "no such file, as far as acme/shop, acme/tills tells"
    assert found[sent[2]].reason == "the catalogue names no repository of nomad"
    other = Sent("lonely-prod", "/srv/none/of/it.py")
    reason = matched(catalogue, [other], {"lonely-prod": ["a" * 40]})[other].reason
    assert reason == "no such file, as far as acme/other tells"
