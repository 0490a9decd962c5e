"""What a repository is called, and which addresses are refused."""

from __future__ import annotations

import pytest

from ktlo.errors import UserError
from ktlo.sources.git import GitConfig, GitSource
from ktlo.sources.git.place import is_url, owner_and_name, shown
from ktlo.sources.registry import make_source


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("https://github.com/acme/shop/", "acme/shop"),
        ("https://user:secret@github.com/acme/shop", "acme/shop"),
        ("git@github.com:acme/shop.git", "acme/shop"),
        ("ssh://git@host.example:2222/acme/shop.git", "acme/shop"),
        ("https://gitlab.example/group/sub/shop.git", "group/sub/shop"),
        ("file:///srv/git/shop.git", ""),
        ("/srv/git/shop.git", ""),
        ("../shop.git", ""),
    ],
)
def test_owner_and_name_come_from_the_remotes_address(url, name):
    assert owner_and_name(url) == name


def test_the_source_is_named_by_its_remote(repo):
    repo.git("remote", "add", "origin", "https://ada:secret@github.com/acme/shop.git")
    source = GitSource(GitConfig(path=str(repo.path)))
    assert source.source_id == "git:acme/shop"
    assert source.name.repository == "acme/shop"


def test_two_folders_of_one_name_do_not_collide(make_repo):
    one, two = make_repo("one/shop"), make_repo("two/shop")
    ids = {GitSource(GitConfig(path=str(each.path))).source_id for each in (one, two)}
    assert len(ids) == 2
    assert all(each.startswith("git:shop@") for each in ids)


def test_the_same_folder_has_the_same_identifier_however_it_is_written(repo):
    plain = GitSource(GitConfig(path=str(repo.path))).source_id
    assert GitSource(GitConfig(path=f"{repo.path}/")).source_id == plain
    assert GitSource(GitConfig(path=f"{repo.path}/../shop")).source_id == plain
    assert GitSource(GitConfig(path=str(repo.path / ".git"))).name.repository == "shop"


def test_a_name_of_ones_own_wins(repo):
    assert GitSource(GitConfig(path=str(repo.path), name="acme/web")).source_id == "git:acme/web"


def test_the_identifier_is_known_even_where_nothing_can_be_read(tmp_path):
    assert GitSource(GitConfig(path=str(tmp_path / "nowhere"))).name.repository == "nowhere"


@pytest.mark.parametrize("url", ["https://ada:hunter2@example.org/a/b", "https://hunter2@example.org/a/b"])
def test_a_url_with_credentials_is_refused_without_repeating_them(url):
    with pytest.raises(UserError) as refused:
        make_source("git", {"path": url})
    assert "token" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["ext::sh -c touch% /tmp/x", "ext://x", "fd://3"])
def test_an_address_that_would_run_a_program_is_refused(url):
    if "://" in url:
        with pytest.raises(UserError):
            make_source("git", {"path": url})
    assert shown(url) == url
    assert is_url(url) == ("://" in url or "::" in url)
