"""What a person may write for a repository and a token."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ktlo.errors import UserError
from ktlo.sources.github import GitHubSource
from ktlo.sources.github.config import GitHubConfig, find_token
from ktlo.sources.registry import kinds, make_source


@pytest.mark.parametrize(
    "said",
    [
        "octocat/Hello-World",
        "https://github.com/octocat/Hello-World",
        "https://github.com/octocat/Hello-World.git",
        "https://github.com/octocat/Hello-World/issues?q=is%3Aopen",
        "git@github.com:octocat/Hello-World.git",
        "ssh://git@github.com/octocat/Hello-World.git",
        "github.com/octocat/Hello-World/",
    ],
)
def test_every_usual_way_to_name_a_repository_is_understood(said: str) -> None:
    assert GitHubSource(GitHubConfig(repository=said)).source_id == "github:octocat/Hello-World"


@pytest.mark.parametrize("said", ["", "octocat", "octo cat/x", "https://github.com/", "../..", "a/b\nc"])
def test_what_names_no_repository_is_refused(said: str) -> None:
    with pytest.raises(ValidationError, match="expected owner/name"):
        GitHubConfig(repository=said)


def test_another_github_has_sources_of_its_own() -> None:
    config = GitHubConfig(repository="octocat/Hello-World", api="https://git.example.org/api/v3/")
    assert GitHubSource(config).source_id == "github:git.example.org/octocat/Hello-World"


def test_a_token_is_refused_as_a_value_and_not_repeated() -> None:
    with pytest.raises(UserError, match="secrets are given by reference") as caught:
        make_source("github", {"repository": "a/b", "token": "ghp_secret"})
    assert "ghp_secret" not in str(caught.value)
    with pytest.raises(UserError, match="no secrets in the address"):
        make_source("github", {"repository": "a/b", "api": "https://me:pw@git.example.org"})


def test_the_token_is_found_where_githubs_own_tools_keep_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = GitHubConfig(repository="a/b")
    assert find_token(config) is None
    monkeypatch.setenv("GH_TOKEN", "second")
    assert find_token(config).get_secret_value() == "second"  # type: ignore[union-attr]
    monkeypatch.setenv("GITHUB_TOKEN", "first")
    assert find_token(config).get_secret_value() == "first"  # type: ignore[union-attr]
    (tmp_path / "t").write_text("two\nlines")
    with pytest.raises(UserError, match="not a GitHub token") as caught:
        find_token(GitHubConfig(repository="a/b", token=f"file:{tmp_path / 't'}"))
    assert "two" not in str(caught.value)


def test_the_source_is_installed_under_its_name() -> None:
    assert kinds()["github"] is GitHubSource


@pytest.mark.parametrize(
    ("said", "api"),
    [
        ("acme/shop", "https://api.github.com"),
        ("https://github.com/acme/shop/issues", "https://api.github.com"),
        ("github.com/acme/shop", "https://api.github.com"),
        ("git@github.com:acme/shop.git", "https://api.github.com"),
        ("ssh://git@ssh.github.com:443/acme/shop.git", "https://api.github.com"),
        ("git@github-work:acme/shop.git", "https://api.github.com"),
        ("https://ghe.acme.internal/acme/shop", "https://ghe.acme.internal/api/v3"),
        ("git@ghe.acme.internal:acme/shop.git", "https://ghe.acme.internal/api/v3"),
        ("https://acme.ghe.com/acme/shop", "https://api.acme.ghe.com"),
    ],
)
def test_a_repositorys_address_says_where_its_github_is(said: str, api: str) -> None:
    """The token used to go to api.github.com, whatever the address said."""
    assert GitHubConfig(repository=said).api == api
    assert GitHubConfig(repository=said, api="https://other.example").api == "https://other.example"
