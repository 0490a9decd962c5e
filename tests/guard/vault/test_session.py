"""Signing in to a real OpenBao server, renewing, and references in ktlo's own settings."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import hvac
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from vault_parts import Bao, Leak

from ktlo.errors import UserError
from ktlo.settings.secret_reference import secret, variable_or_reference
from ktlo.vault import Reference, Session, open_session, parse_reference
from ktlo.vault.credentials import Credentials

POLICY = 'path "secret/data/ktlo/*" { capabilities = ["read", "create", "update"] }'


@pytest.fixture
def role(bao: Bao, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """An AppRole whose tokens live 2 s and may be renewed to 4 s; the environment signs in with it."""
    bao.root.sys.create_or_update_policy("ktlo", POLICY)
    approle = bao.root.auth.approle
    approle.create_or_update_approle("ktlo", token_policies=["ktlo"], token_ttl="2s", token_max_ttl="4s")
    pair = (
        approle.read_role_id("ktlo")["data"]["role_id"],
        approle.generate_secret_id("ktlo")["data"]["secret_id"],
    )
    for name in ("VAULT_TOKEN", "BAO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAULT_ADDR", bao.address)
    monkeypatch.setenv("VAULT_ROLE_ID", pair[0])
    monkeypatch.setenv("VAULT_SECRET_ID", pair[1])
    bao.root.secrets.kv.v2.create_or_update_secret("ktlo/github", {"token": "ghp_of_the_server"})
    return pair


def test_an_approle_signs_in_and_reads(role: tuple[str, str]) -> None:
    value = secret("vault:secret/ktlo/github#token")
    assert value.get_secret_value() == "ghp_of_the_server"
    assert "ghp_of_the_server" not in repr(value)


def test_a_token_that_ran_out_is_replaced_by_signing_in_anew(role: tuple[str, str]) -> None:
    session = open_session()
    reference = parse_reference("vault:secret/ktlo/github#token")
    session.read(reference)
    time.sleep(4.5)
    assert session.read(reference).get_secret_value() == "ghp_of_the_server"


def test_a_token_that_was_revoked_meanwhile_is_replaced(bao: Bao, role: tuple[str, str]) -> None:
    session = open_session()
    reference = parse_reference("vault:secret/ktlo/github#token")
    session.read(reference)
    hvac.Client(bao.address, token=session._client.token).auth.token.revoke_self()
    assert session.read(reference).get_secret_value() == "ghp_of_the_server"


def test_a_token_is_renewed_at_half_of_its_life(bao: Bao) -> None:
    token = bao.root.auth.token.create(policies=["default"], ttl="100s", renewable=True)["auth"][
        "client_token"
    ]
    clock = [1000.0]
    session = Session(Credentials(bao.address, token), clock=lambda: clock[0])
    session.renew()
    assert session.seconds_until_renewal == pytest.approx(50, abs=1)
    clock[0] += 60
    session.renew()
    assert session.seconds_until_renewal == pytest.approx(50, abs=1)


def test_the_background_keeps_a_shared_token_alive(bao: Bao, monkeypatch: pytest.MonkeyPatch) -> None:
    token = bao.root.auth.token.create(policies=["root"], ttl="10s", renewable=True)["auth"]["client_token"]
    for name in ("VAULT_ROLE_ID", "VAULT_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAULT_ADDR", bao.address)
    monkeypatch.setenv("VAULT_TOKEN", token)
    bao.root.secrets.kv.v2.create_or_update_secret("ktlo/kept", {"token": "alive"})
    assert secret("vault:secret/ktlo/kept#token").get_secret_value() == "alive"
    deadline = time.monotonic() + 60
    while not (told := bao.root.auth.token.lookup(token)["data"]).get(
        "last_renewal"
    ):  # refused when it has run out
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert told["ttl"] > 0


def test_a_policy_that_forbids_the_path_is_told(bao: Bao, role: tuple[str, str]) -> None:
    with pytest.raises(UserError, match="does not allow") as told:
        secret("vault:secret/elsewhere/github#token")
    assert "ghp_" not in str(told.value)


def test_a_missing_key_or_path_is_told(role: tuple[str, str]) -> None:
    with pytest.raises(UserError, match="no key other"):
        secret("vault:secret/ktlo/github#other")
    with pytest.raises(UserError, match="nothing at this path"):
        secret("vault:secret/ktlo/none#token")


def test_a_wrong_secret_id_is_told_without_it(role: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_SECRET_ID", "not-the-one")
    with pytest.raises(UserError, match="does not accept the AppRole") as told:
        open_session().read(parse_reference("vault:secret/ktlo/github#token"))
    assert "not-the-one" not in str(told.value)


def test_nothing_of_vault_is_logged_however_loud_the_log_is(
    bao: Bao, role: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        session = open_session()
        reference = parse_reference("vault:secret/ktlo/logged#token")
        session.write(reference, SecretStr("the-value-itself"), session.held(reference))
        session.read(reference)
        token = session._client.token
    for never in ("the-value-itself", token, *role):
        assert never not in caplog.text


def test_settings_of_environment_variables_may_be_references(
    role: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KTLO_STORE_PASSWORD", "vault:secret/ktlo/github#token")
    assert variable_or_reference("KTLO_STORE_PASSWORD") == "ghp_of_the_server"
    monkeypatch.setenv("KTLO_STORE_PASSWORD", "a plain one: with a colon")
    assert variable_or_reference("KTLO_STORE_PASSWORD") == "a plain one: with a colon"
    monkeypatch.delenv("KTLO_STORE_PASSWORD")
    assert variable_or_reference("KTLO_STORE_PASSWORD") == ""


def test_a_move_shows_no_value_in_the_list_of_processes_and_none_in_its_output(
    signed_in: Bao, leak: Leak
) -> None:
    command = [
        sys.executable, "-c", "from ktlo.cli import main; main()",
        "secrets", "move", leak.fingerprint, str(leak.folder),
        "--to", f"vault:secret/{leak.fingerprint}/x#T", "--yes",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ)
    )
    seen = b""
    while process.poll() is None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen += entry.read_bytes()
            except OSError:
                continue
        time.sleep(0.02)
    assert process.stdout is not None
    said = process.stdout.read().decode()
    process.stdout.close()
    assert process.returncode == 0, said
    assert leak.token not in said
    assert leak.token.encode() not in seen
    assert leak.token not in leak.file.read_text()


@given(st.text(max_size=60))
def test_a_text_is_a_reference_or_refused_and_never_quoted(text: str) -> None:
    try:
        read = parse_reference(f"vault:{text}")
    except UserError as refused:
        said = str(refused)
        read = None
    if read is None:
        assert len(text) < 5 or text not in said
    else:
        assert parse_reference(str(read)) == read
        assert ".." not in read.path.split("/")


def test_a_reference_as_the_http_api_writes_it_means_the_same() -> None:
    assert parse_reference("vault:secret/data/shop#KEY") == Reference("secret/shop", "KEY")


def test_a_bare_value_is_refused_and_not_quoted() -> None:
    with pytest.raises(UserError, match="by reference") as told:
        secret("ghp_1234567890")
    assert "ghp_1234567890" not in str(told.value)
