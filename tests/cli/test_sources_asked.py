"""``ktlo sources add`` on a terminal: it asks what it cannot find out, hides secrets, checks, and says what to paste.

Each dialogue runs in a process of its own on a pseudo terminal, against the stand-ins of the sources' own tests.
"""

from __future__ import annotations

import importlib
import os
import pty
import re
import select
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ktlo.cli.source_finding import find
from ktlo.settings import load_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))
counterparts = importlib.import_module("test_from_adding_to_a_number")
HERE = ("[Enter keeps this one]", "")
"""The address by which senders reach ktlo: none is said."""
KTLO = [sys.executable, "-c", "from ktlo.cli import main; main()"]


OF_PEOPLE = ("GIT", "CI_", "GH_", "GL_", "JIRA", "SENTRY", "PAGERDUTY", "OPSGENIE")
"""How variables begin that a person's own shell may have."""


class Terminal:
    """A program on a pseudo terminal."""

    def __init__(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._program = subprocess.Popen(
            arguments,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.seen, self._answered = "", 0

    def _read(self, until: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # the program closed its side
            return False
        self.seen += piece.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(piece)

    def answer(self, question: str, said: str) -> None:
        """Wait for a question and answer it."""
        until = time.monotonic() + 90
        while question not in self.seen[self._answered :]:
            assert self._read(until), f"not asked {question!r}: {self.seen}"
        self._answered = len(self.seen)
        os.write(self._master, f"{said}\n".encode())

    def end(self) -> int:
        """Read until it ends; its exit code."""
        until = time.monotonic() + 90
        while self._read(until):
            pass
        code = self._program.wait(60)
        os.close(self._master)
        return code


class Place:
    """A folder to stand in, a data folder, and an environment without the person's own variables."""

    def __init__(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any], engine: Path
    ) -> None:
        self.folder, self.data = root / "here", root / "data"
        self.folder.mkdir()
        self.data.mkdir(mode=0o700)
        shutil.copytree(engine, self.data / "engine", symlinks=True)
        for name in [name for name in os.environ if name.startswith(OF_PEOPLE)]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("KTLO_DATA", str(self.data))
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.chdir(self.folder)
        self.environment, self._command = dict(os.environ), command

    def terminal(self, *arguments: str, **more: str) -> Terminal:
        return Terminal([*KTLO, *arguments], self.folder, {**self.environment, **more})

    def plain(self, *words: str) -> Any:
        """A command without a terminal; in this process."""
        return self._command(*words)

    def sources(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self.plain("sources", "--json").json()
        return told


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any], migrated: Callable[[], Path]
) -> Place:
    return Place(tmp_path, monkeypatch, command, migrated())


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Any]:
    answer, _ = getattr(counterparts, request.param)()
    listening = counterparts.Listening(answer)
    yield listening
    listening.close()


def secret_files(place: Place) -> list[Path]:
    return sorted((place.data / "secrets").glob("*"))


@pytest.mark.parametrize(
    ("service", "kind", "arguments", "answers"),
    [
        ("pagerduty", "pagerduty", ["api={url}"], [("token (", "k3y"), ("webhooks, too?", "y"), HERE]),
        ("opsgenie", "opsgenie", ["api={url}"], [("token (", "k3y"), ("webhooks, too?", "y"), HERE]),
        ("opsgenie_incidents", "opsgenie", ["api={url}", "incidents=incidents"], [("token (", "k3y")]),
        (
            "jira",
            "jira",
            [],
            [
                ("url (", "{url}"),
                ("email (", "k@example.org"),
                ("token (", "t0ken"),
                ("webhooks, too?", "y"),
                HERE,
            ],
        ),
        ("servicenow", "servicenow", ["{url}"], [("user (", "k"), ("token (", "pass")]),
        ("sentry", "sentry", ["acme", "url={url}"], [("token (", "k3y"), ("webhooks, too?", "n")]),
        (
            "gitlab",
            "gitlab",
            ["url={url}"],
            [
                ("project (", "diaspora/diaspora-project-site"),
                ("token (", "glpat"),
                ("webhooks, too?", "n"),
            ],
        ),
    ],
    indirect=["service"],
)
def test_a_source_is_added_by_answering(
    place: Place, service: Any, kind: str, arguments: list[str], answers: list[tuple[str, str]]
) -> None:
    terminal = place.terminal("sources", "add", kind, *(one.format(url=service.url) for one in arguments))
    for question, said in answers:
        terminal.answer(question, said.format(url=service.url))
    assert terminal.end() == 0, terminal.seen
    (added,) = place.sources()
    assert added["kind"] == kind
    assert f"Added {added['source_id']}." in terminal.seen
    # What is typed ahead may be echoed before the last blank of the question.
    assert re.search(r"^ ?(ready|limited): ", terminal.seen, re.MULTILINE), terminal.seen
    (token,) = [said for question, said in answers if question == "token ("]
    typed = terminal.seen.replace(f"token {token}", "")
    assert not re.search(rf"\b{re.escape(token)}\b", typed), "a secret is echoed"
    kept = secret_files(place)
    assert token in [file.read_text() for file in kept]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in kept)
    assert added["options"]["token"].startswith("file:")
    with_webhooks = ("webhooks, too?", "y") in answers
    assert (f"/hooks/{added['source_id']}" in terminal.seen) is with_webhooks
    if with_webhooks:
        (made,) = [file.read_text() for file in kept if "webhook_secret" in file.name]
        assert f"secret   {made}" in terminal.seen


@pytest.mark.parametrize("kind", ["argocd", "flux"])
def test_a_source_that_only_listens_asks_for_the_environment_and_says_what_to_paste(
    place: Place, kind: str
) -> None:
    terminal = place.terminal("sources", "add", kind)
    terminal.answer("environment (", "staging")
    terminal.answer("Make the secret by which its webhooks prove themselves? [Y/n]", "")
    terminal.answer(*HERE)
    assert terminal.end() == 0, terminal.seen
    assert "a cluster or a service elsewhere cannot reach it" in terminal.seen
    assert f"http://127.0.0.1:5856/hooks/{kind}:events" in terminal.seen
    assert "address of this machine only: set server.public_url" in terminal.seen
    assert "Paste into the sender" in terminal.seen
    (file,) = secret_files(place)
    assert file.read_text() in terminal.seen


def test_where_nothing_can_be_asked_for_what_to_paste_is_said_without_a_dialogue_too(place: Place) -> None:
    done = place.plain("sources", "add", "argocd", "name=prod")
    assert done.code == 0, done.err
    assert "/hooks/argocd:prod" in done.out
    assert "missing: webhook_secret: events are only taken from this machine. Set webhook_secret" in done.out
    assert "Added argocd:prod. It takes what is sent to it while `ktlo up` runs." in done.out
    assert "/hooks/grafana:prod" in place.plain("sources", "add", "grafana", "name=prod").out
    assert "address of this machine only: set server.public_url" in done.out
    assert "Paste into the sender" in done.out


def test_a_pager_without_an_address_is_known_to_listen_only(place: Place) -> None:
    terminal = place.terminal("sources", "add", "grafana", "name=prod")
    terminal.answer("url (", "")
    terminal.answer("token (", "")
    terminal.answer("Make the secret by which its webhooks prove themselves? [Y/n]", "")
    terminal.answer(*HERE)
    assert terminal.end() == 0, terminal.seen
    assert "/hooks/grafana:prod" in terminal.seen


@pytest.mark.parametrize("settings", ["effort:\n  hours_per_day: 7\n", "server:\n  port: 5857\n", ""])
def test_the_address_that_is_said_is_in_what_is_pasted_and_in_the_settings_where_they_can_take_it(
    place: Place, settings: str
) -> None:
    file = place.folder / "ktlo.yaml"
    if settings:
        file.write_text(settings, encoding="utf-8")
    terminal = place.terminal("sources", "add", "flux", "environment=production")
    terminal.answer("prove themselves? [Y/n]", "")
    terminal.answer("[Enter keeps this one]", "ktlo.example.org")
    terminal.answer("is no address", "https://ktlo.example.org/")
    assert terminal.end() == 0, terminal.seen
    assert "https://ktlo.example.org/hooks/flux:events" in terminal.seen
    pasted = terminal.seen.partition("Paste into the sender")[2]
    assert "https://ktlo.example.org/hooks/flux:events" in pasted
    assert "127.0.0.1" not in pasted
    if settings.startswith("effort"):
        assert load_settings(file).server.public_url == "https://ktlo.example.org"
        assert file.read_text(encoding="utf-8").startswith(settings)
    else:
        assert "Write `public_url: https://ktlo.example.org` under `server:`" in terminal.seen
        assert (file.read_text(encoding="utf-8") if settings else "") == settings


def test_what_the_folder_and_the_environment_tell_is_not_asked(place: Place) -> None:
    for words in (["init", "-q"], ["remote", "add", "origin", "git@gitlab.example.org:team/sub/shop.git"]):
        subprocess.run(["git", *words], cwd=place.folder, check=True, env=place.environment)
    terminal = place.terminal("sources", "add", "gitlab", "--anyway", GITLAB_TOKEN="glpat")
    terminal.answer("webhooks, too?", "n")
    assert terminal.end() == 0, terminal.seen
    assert "project: team/sub/shop, from the remote `origin` of this folder" in terminal.seen
    assert "token: env:GITLAB_TOKEN" in terminal.seen
    assert "glpat" not in terminal.seen
    (added,) = place.sources()
    assert added["options"] == {
        "project": "team/sub/shop",
        "url": "https://gitlab.example.org",
        "token": "env:GITLAB_TOKEN",
    }


@pytest.mark.parametrize("service", ["pagerduty"], indirect=True)
def test_a_wrong_token_is_told_and_nothing_is_left_of_it(place: Place, service: Any) -> None:
    terminal = place.terminal("sources", "add", "pagerduty", f"api={service.url}")
    terminal.answer("token (", "wrong-token")
    terminal.answer("webhooks, too?", "n")
    terminal.answer("Add it all the same?", "n")
    assert terminal.end() == 2
    assert "wrong-token" not in terminal.seen
    assert secret_files(place) == []
    assert place.sources() == []


def test_an_answer_that_makes_no_sense_is_asked_again(place: Place) -> None:
    terminal = place.terminal("sources", "add", "redmine", "--anyway")
    terminal.answer("url (", "not an address")
    terminal.answer("token (", "")
    terminal.answer("expected an address", "https://redmine.invalid")
    assert terminal.end() == 0, terminal.seen
    assert place.sources()[0]["options"] == {"url": "https://redmine.invalid"}


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["gitlab"], "project is missing"),
        (["jira", "token=env:X"], "url is missing"),
        (["sentry"], "organization is missing"),
        (["alertmanager"], "url is missing"),
        (["servicenow", "user=k"], "url is missing"),
    ],
)
def test_without_a_terminal_the_missing_option_is_named(
    place: Place, arguments: list[str], missing: str
) -> None:
    done = place.plain("sources", "add", *arguments, "--json")
    assert done.code == 2
    assert missing in done.err
    assert f"ktlo sources add {arguments[0]}" in done.err


def test_a_mapping_is_not_asked_on_a_terminal_so_the_page_is_named(place: Place) -> None:
    done = place.plain("sources", "add", "webhook", "name=prod")
    assert "on the page: Sources, Add a source" in done.err
    assert "on a terminal it asks" not in done.err


def test_a_variable_that_is_only_set_elsewhere_is_said_to_be_missing_where_ktlo_runs(place: Place) -> None:
    done = place.plain("sources", "add", "jira", "https://jira.invalid", "token=env:KTLO_NO_SUCH")
    assert "KTLO_NO_SUCH is not set where ktlo runs" in done.err
    assert "or write file:PATH" in done.err


@pytest.mark.parametrize(
    ("remote", "kind", "found"),
    [
        ("https://github.com/acme/shop.git", "github", {"repository": "acme/shop"}),
        (
            "git@github.acme.test:acme/shop.git",
            "github",
            {"repository": "acme/shop", "api": "https://github.acme.test/api/v3"},
        ),
        ("https://user:pw@gitlab.com/acme/shop", "gitlab", {"project": "acme/shop"}),
        ("https://github.com/acme/shop.git", "gitlab", {}),
        ("https://git.acme.test/acme/shop.git", "github", {}),
        ("/srv/git/shop.git", "gitlab", {}),
        ("https://github.com/acme/shop.git", "jira", {}),
    ],
)
def test_the_forge_is_found_from_the_remote(
    tmp_path: Path, remote: str, kind: str, found: dict[str, str]
) -> None:
    for words in (["init", "-q"], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    told = find(kind, ["repository", "project", "url", "api"], tmp_path)
    assert {name: one.value for name, one in told.items()} == found


def test_outside_of_a_repository_nothing_is_found(tmp_path: Path) -> None:
    assert find("gitlab", ["project", "url"], tmp_path) == {}
