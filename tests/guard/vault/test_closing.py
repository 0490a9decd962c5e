"""``ktlo secrets revoke``: issuers that answer as their documentation says, and Vault itself for real.

Shapes: docs.github.com/rest/credentials/revoke (202, or 422) and "Bad credentials" (401); GitLab's DELETE
/personal_access_tokens/self (204) and 401; Slack's auth.revoke and auth.test (HTTP 200, ``ok``); npm's
tokens and whoami.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from pydantic import SecretBytes
from vault_parts import Answering, Bao, Leak, git, planted, random_token

from ktlo.errors import SourceError, UserError
from ktlo.guard.secrets import default_rules
from ktlo.guard.vault import issuers
from ktlo.guard.vault.closing import close, close_lease, issuer_for, old_value
from ktlo.guard.vault.issuers import Life
from ktlo.guard.vault.journal import Journal
from ktlo.guard.vault.moving import carry_out, prepare, rotate
from ktlo.vault import open_session, parse_reference

RULES = default_rules()
Headers = dict[str, str]


def bearer(headers: Headers) -> str:
    return headers.get("authorization", "").removeprefix("Bearer ")


def github(told: Answering, method: str, path: str, headers: Headers, body: bytes) -> tuple[int, Any]:
    if (method, path) == ("POST", "/credentials/revoke"):
        if "authorization" in headers:
            return 403, {"message": "Authenticated requests are not allowed"}
        told.alive -= set(json.loads(body)["credentials"])
        return 202, {}
    assert (method, path) == ("GET", "/user")
    if bearer(headers) in told.alive:
        return 200, {"login": "ada"}
    return 401, {
        "message": "Bad credentials",
        "documentation_url": "https://docs.github.com/rest",
        "status": "401",
    }


def gitlab(told: Answering, method: str, path: str, headers: Headers, _: bytes) -> tuple[int, Any]:
    assert path == "/api/v4/personal_access_tokens/self"
    token = headers.get("private-token", "")
    if token not in told.alive:
        return 401, {"message": "401 Unauthorized"}
    if method == "DELETE":
        told.alive.discard(token)
        return 204, None
    return 200, {"id": 4, "name": "deploy", "revoked": False, "active": True, "scopes": ["api"]}


def slack(told: Answering, method: str, path: str, headers: Headers, _: bytes) -> tuple[int, Any]:
    assert method == "POST"
    token = bearer(headers)
    if token not in told.alive:
        return 200, {"ok": False, "error": "token_revoked" if path == "/api/auth.test" else "invalid_auth"}
    if path == "/api/auth.revoke":
        told.alive.discard(token)
        return 200, {"ok": True, "revoked": True}
    assert path == "/api/auth.test"
    return 200, {"ok": True, "url": "https://acme.slack.com/", "team": "Acme", "user": "bot"}


def npm(told: Answering, method: str, path: str, headers: Headers, _: bytes) -> tuple[int, Any]:
    token = bearer(headers)
    if token not in told.alive:
        return 401, {"message": "Unauthorized"}
    if method == "DELETE":
        assert path == f"/-/npm/v1/tokens/token/{token}"
        told.alive.discard(token)
        return 204, None
    assert path == "/-/whoami"
    return 200, {"username": "ada"}


def npm_token() -> str:
    from ktlo.guard.secrets.checksums import base62_crc32

    body = random_token("", 30)
    return f"npm_{body}{base62_crc32(body.encode()).decode()}"


def github_token() -> str:
    from ktlo.guard.secrets.checksums import base62_crc32

    body = random_token("", 30)
    return f"ghp_{body}{base62_crc32(body.encode()).decode()}"


KINDS = [
    (github, "KTLO_GITHUB_URL", github_token),
    (gitlab, "KTLO_GITLAB_URL", random_token),
    (slack, "KTLO_SLACK_URL", lambda: f"xoxb-104829375612-830174629385-{random_token('', 24)}"),
    (npm, "KTLO_NPM_URL", npm_token),
]


@pytest.mark.parametrize(("answer", "variable", "make"), KINDS, ids=["github", "gitlab", "slack", "npm"])
def test_a_token_is_revoked_proven_dead_and_closed(
    tmp_path, issuer: Answering, monkeypatch, answer, variable: str, make
) -> None:
    there = planted(tmp_path / "repo", 'T = "{token}"\n', token=make())
    issuer.answer, issuer.alive = answer, {there.token}
    monkeypatch.setenv(variable, issuer.address)
    old = old_value(there.folder, there.fingerprint, RULES, None)
    result = close(there.folder, old, issuer_for(old, "", ""), revokes=True, wait=5)
    assert result.is_closed
    assert result.life is Life.DEAD
    assert there.token not in issuer.alive
    entries = [one.step.value for one in Journal(there.folder).entries(there.fingerprint)]
    assert entries == ["revoked", "dead", "closed"]
    assert there.token not in Journal(there.folder).file.read_text()


@pytest.mark.parametrize(("answer", "variable", "make"), KINDS, ids=["github", "gitlab", "slack", "npm"])
def test_a_token_that_stays_alive_is_never_closed(
    tmp_path, issuer: Answering, monkeypatch, answer, variable: str, make
) -> None:
    there = planted(tmp_path / "repo", 'T = "{token}"\n', token=make())

    def stubborn(told: Answering, method: str, path: str, headers: Headers, body: bytes) -> tuple[int, Any]:
        said = answer(told, method, path, headers, body)
        told.alive = {there.token}  # it says yes and does nothing
        return said

    issuer.answer, issuer.alive = stubborn, {there.token}
    monkeypatch.setenv(variable, issuer.address)
    old = old_value(there.folder, there.fingerprint, RULES, None)
    result = close(there.folder, old, issuer_for(old, "", ""), revokes=True, wait=0)
    assert not result.is_closed
    assert result.life is Life.ALIVE
    assert "alive" in result.sentence
    assert Journal(there.folder).entries(there.fingerprint)[-1].step.value == "alive"


def test_only_proving_asks_for_no_end(leak: Leak, issuer: Answering, monkeypatch) -> None:
    issuer.answer, issuer.alive = gitlab, {leak.token}
    monkeypatch.setenv("KTLO_GITLAB_URL", issuer.address)
    old = old_value(leak.folder, leak.fingerprint, RULES, None)
    assert not close(leak.folder, old, issuer_for(old, "", ""), revokes=False, wait=0).is_closed
    assert {method for method, *_ in issuer.asked} == {"GET"}


def test_a_token_that_is_dead_already_is_closed_without_asking_for_its_end(
    leak: Leak, issuer: Answering, monkeypatch
) -> None:
    issuer.answer = gitlab
    monkeypatch.setenv("KTLO_GITLAB_URL", issuer.address)
    old = old_value(leak.folder, leak.fingerprint, RULES, None)
    assert close(leak.folder, old, issuer_for(old, "", ""), revokes=True, wait=0).is_closed
    assert {method for method, *_ in issuer.asked} == {"GET"}


def test_a_secret_in_history_only_is_revoked_all_the_same(leak: Leak, issuer: Answering, monkeypatch) -> None:
    git(leak.folder, "rm", "-q", "app.py")
    git(leak.folder, "commit", "-qm", "gone, as if that helped")
    issuer.answer, issuer.alive = gitlab, {leak.token}
    monkeypatch.setenv("KTLO_GITLAB_URL", issuer.address)
    old = old_value(leak.folder, leak.fingerprint, RULES, None)
    assert close(leak.folder, old, issuer_for(old, "", ""), revokes=True, wait=0).is_closed


@pytest.mark.parametrize("status", [302, 404, 429, 500, 503])
def test_an_answer_that_decides_nothing_closes_nothing(
    leak: Leak, issuer: Answering, monkeypatch, status: int
) -> None:
    issuer.answer = lambda *_: (status, {"message": "whatever"})
    monkeypatch.setenv("KTLO_GITLAB_URL", issuer.address)
    old = old_value(leak.folder, leak.fingerprint, RULES, None)
    result = close(leak.folder, old, issuer_for(old, "", ""), revokes=True, wait=0)
    assert result.life is Life.UNKNOWN
    assert not result.is_closed


def test_the_value_does_not_follow_a_redirect(leak: Leak, issuer: Answering, monkeypatch) -> None:
    issuer.answer = lambda *_: (302, f"{issuer.address}/elsewhere")
    monkeypatch.setenv("KTLO_GITLAB_URL", issuer.address)
    old = old_value(leak.folder, leak.fingerprint, RULES, None)
    close(leak.folder, old, issuer_for(old, "", ""), revokes=False, wait=0)
    assert [path for _, path, *_ in issuer.asked] == ["/api/v4/personal_access_tokens/self"]


def test_an_issuer_that_is_away_closes_nothing(leak: Leak, monkeypatch) -> None:
    monkeypatch.setenv("KTLO_GITLAB_URL", "http://127.0.0.1:1")
    old = old_value(leak.folder, leak.fingerprint, RULES, None)
    with pytest.raises(SourceError, match="cannot be reached") as told:
        close(leak.folder, old, issuer_for(old, "", ""), revokes=True, wait=0)
    assert leak.token not in str(told.value)
    assert Journal(leak.folder).entries() == []


@pytest.mark.parametrize("address", ["http://gitlab.example.org", "ftp://x", "https://u:p@x", "nonsense"])
def test_the_value_goes_nowhere_without_encryption(leak: Leak, monkeypatch, address: str) -> None:
    monkeypatch.setenv("KTLO_GITLAB_URL", address)
    old = old_value(leak.folder, leak.fingerprint, RULES, None)
    with pytest.raises(UserError, match="not one that a secret may be sent to"):
        close(leak.folder, old, issuer_for(old, "", ""), revokes=True, wait=0)


def test_an_unknown_issuer_is_told_with_what_to_do(tmp_path) -> None:
    there = planted(tmp_path / "repo", "password = '{token}'\n", token="xK9zvR2q" + "Lm8TnB4wYp7H")
    old = old_value(there.folder, there.fingerprint, RULES, None)
    with pytest.raises(UserError, match="knows no issuer") as told:
        issuer_for(old, "", "")
    assert "--probe" in told.value.fix


def test_an_address_of_your_own_proves_it(tmp_path, issuer: Answering) -> None:
    there = planted(tmp_path / "repo", "password = '{token}'\n", token="xK9zvR2q" + "Lm8TnB4wYp7H")
    old = old_value(there.folder, there.fingerprint, RULES, None)
    issuer.answer = lambda told, method, path, headers, body: (
        (200 if headers.get("x-api-key") in told.alive else 401),
        {},
    )
    issuer.alive = {there.token}
    probe = issuer_for(old, f"{issuer.address}/me?full=1", "X-Api-Key: {secret}")
    assert not close(there.folder, old, probe, revokes=True, wait=0).is_closed
    issuer.alive = set()
    assert close(there.folder, old, probe, revokes=True, wait=0).is_closed
    assert issuer.asked[-1][1] == "/me?full=1"


@pytest.mark.parametrize("header", ["no colon", ": {secret}", "X-Api-Key: without"])
def test_a_header_that_carries_nothing_is_refused(header: str) -> None:
    with pytest.raises(UserError, match="not understood"):
        issuers.probe_at("https://example.org", header)


def test_a_secret_with_line_breaks_is_not_sent(issuer: Answering) -> None:
    issuer.answer = lambda *_: (200, {})
    probe = issuers.probe_at(issuer.address, "")
    with pytest.raises(UserError, match="blanks or line breaks"):
        issuers.life_of(probe, SecretBytes(b"a\r\nHost: elsewhere"))
    assert issuer.asked == []


def test_nothing_is_logged_however_loud_the_log_is(tmp_path, issuer: Answering, monkeypatch, caplog) -> None:
    there = planted(tmp_path / "repo", 'T = "{token}"\n', token=npm_token())
    issuer.answer, issuer.alive = npm, {there.token}
    monkeypatch.setenv("KTLO_NPM_URL", issuer.address)
    old = old_value(there.folder, there.fingerprint, RULES, None)
    with caplog.at_level(logging.DEBUG):
        assert close(there.folder, old, issuer_for(old, "", ""), revokes=True, wait=0).is_closed
    assert there.token not in caplog.text
    assert there.token not in repr(old)


def planted_vault_token(tmp_path, bao: Bao, **options: Any) -> Leak:
    token = bao.root.auth.token.create(ttl="10m", **options)["auth"]["client_token"]
    return planted(tmp_path / "repo", 'VAULT_TOKEN = "{token}"\n', token=token)


def test_a_token_of_vault_is_revoked_and_proven_dead(signed_in: Bao, tmp_path) -> None:
    there = planted_vault_token(tmp_path, signed_in, policies=["default"])
    old = old_value(there.folder, there.fingerprint, RULES, open_session())
    vault = next(one for one in issuers.ISSUERS if one.name == "Vault")
    assert issuers.life_of(vault, old.value) is Life.ALIVE
    assert close(there.folder, old, vault, revokes=True, wait=0).is_closed
    assert issuers.life_of(vault, old.value) is Life.DEAD


def test_a_token_of_vault_that_may_not_look_at_itself_is_not_taken_for_dead(signed_in: Bao, tmp_path) -> None:
    signed_in.root.sys.create_or_update_policy("little", 'path "secret/data/x" { capabilities = ["read"] }')
    there = planted_vault_token(tmp_path, signed_in, policies=["little"], no_default_policy=True)
    old = old_value(there.folder, there.fingerprint, RULES, open_session())
    vault = next(one for one in issuers.ISSUERS if one.name == "Vault")
    assert issuers.life_of(vault, old.value) is Life.UNKNOWN


def test_from_leak_to_rotation_to_the_revoked_lease(signed_in: Bao, leak: Leak) -> None:
    """The whole way, with a lease as a database engine gives one; here it is that of a token under a lease."""
    session = open_session()
    reference = parse_reference(f"vault:secret/{leak.fingerprint}/db#PASSWORD")
    carry_out(
        leak.folder, prepare(leak.folder, leak.fingerprint, reference, "reference", RULES, session), session
    )
    from pydantic import SecretStr

    rotate(leak.folder, leak.fingerprint, SecretStr("the new password"), session)
    role = signed_in.root.auth.approle
    role.create_or_update_approle("db", token_policies=["default"], token_ttl="10m")
    role_id, secret_id = (
        role.read_role_id("db")["data"]["role_id"],
        role.generate_secret_id("db")["data"]["secret_id"],
    )
    assert role.login(role_id, secret_id, use_token=False)["auth"]["client_token"]
    leases = signed_in.root.sys.list_leases("auth/approle/login")["data"]["keys"]
    lease = f"auth/approle/login/{leases[0]}"
    assert session.is_lease_alive(lease)
    old = old_value(leak.folder, leak.fingerprint, RULES, session)
    assert old.value.get_secret_value().decode() == leak.token, "the old value comes from the earlier version"
    result = close_lease(leak.folder, old, lease, session)
    assert result.is_closed
    assert not session.is_lease_alive(lease)
    steps = [one.step.value for one in Journal(leak.folder).entries(leak.fingerprint)]
    assert steps == ["stored", "replaced", "rotated", "revoked", "dead", "closed"]
