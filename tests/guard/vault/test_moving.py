"""``ktlo secrets move`` and ``rotate`` against a real OpenBao server, and all that may go wrong on the way."""

from __future__ import annotations

import json
import multiprocessing
import signal
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretBytes, SecretStr
from vault_parts import Bao, Leak, git, killed_after_storing, planted, random_token, start_bao

from ktlo.errors import KtloError, SourceError, UserError
from ktlo.guard.secrets import default_rules, scan
from ktlo.guard.vault.journal import JOURNAL, Journal, Step
from ktlo.guard.vault.moving import carry_out, prepare, rotate
from ktlo.guard.vault.placing import plan, write
from ktlo.vault import open_session, parse_reference

RULES = default_rules()


def place(leak: Leak) -> str:
    return f"vault:secret/{leak.fingerprint}/shop#TOKEN"


def move(leak: Leak, leave: str = "reference", to: str = ""):
    session = open_session()
    prepared = prepare(
        leak.folder, leak.fingerprint, parse_reference(to or place(leak)), leave, RULES, session
    )
    return carry_out(leak.folder, prepared, session)


def steps(leak: Leak) -> list[str]:
    return [one.step.value for one in Journal(leak.folder).entries(leak.fingerprint)]


def kept(bao: Bao, leak: Leak, version: int | None = None) -> dict[str, str]:
    answer = bao.root.secrets.kv.v2.read_secret_version(
        f"{leak.fingerprint}/shop", version=version, raise_on_deleted_version=True
    )
    return answer["data"]["data"]


def test_the_value_is_in_vault_and_the_file_holds_a_reference(signed_in: Bao, leak: Leak) -> None:
    move(leak)
    assert kept(signed_in, leak) == {"TOKEN": leak.token}
    assert leak.file.read_text() == f'import os\n\nTOKEN = "{place(leak)}"\n'
    assert scan(leak.folder).findings == ()
    assert steps(leak) == ["stored", "replaced"]


def test_other_keys_at_the_path_stay(signed_in: Bao, leak: Leak) -> None:
    signed_in.root.secrets.kv.v2.create_or_update_secret(f"{leak.fingerprint}/shop", {"OTHER": "kept"})
    move(leak)
    assert kept(signed_in, leak) == {"OTHER": "kept", "TOKEN": leak.token}


def test_the_diff_shows_the_change_and_not_the_secret(signed_in: Bao, leak: Leak) -> None:
    prepared = prepare(
        leak.folder, leak.fingerprint, parse_reference(place(leak)), "reference", RULES, open_session()
    )
    assert leak.token not in prepared.diff
    assert '-TOKEN = "********"' in prepared.diff
    assert f'+TOKEN = "{place(leak)}"' in prepared.diff
    assert leak.token not in repr(prepared)


def test_neither_journal_nor_baseline_holds_the_secret(signed_in: Bao, leak: Leak) -> None:
    move(leak)
    rotate(leak.folder, leak.fingerprint, SecretStr("a-new-one"), open_session())
    text = (leak.folder / JOURNAL).read_text()
    assert leak.token not in text
    assert "a-new-one" not in text


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("a.py", 'T = "{token}"\n', 'T = os.environ["API"]\n'),
        ("a.ts", "const t = '{token}';\n", "const t = process.env.API;\n"),
        ("a.go", 'var t = "{token}"\n', 'var t = os.Getenv("API")\n'),
        ("a.rb", 'T = "{token}"\n', 'T = ENV.fetch("API")\n'),
        ("deploy.yaml", "token: {token}\n", "token: ${API}\n"),
        ("deploy.sh", 'curl -H "PRIVATE-TOKEN: {token}" x\n', 'curl -H "PRIVATE-TOKEN: ${API}" x\n'),
        (".env", "API={token}\n", "API=${API}\n"),
    ],
)
def test_a_lookup_is_written_in_the_language_of_the_file(
    signed_in: Bao, tmp_path: Path, name: str, text: str, after: str
) -> None:
    there = planted(tmp_path / "repo", text, name)
    move(there, "env:API")
    assert there.file.read_text() == after


def test_what_the_lookup_needs_is_said(signed_in: Bao, tmp_path: Path) -> None:
    there = planted(tmp_path / "repo", 'T = "{token}"\n')
    done = move(there, "env:API")
    assert done.planned is not None
    assert done.planned.needs == "import os"


@pytest.mark.parametrize(
    ("name", "text", "leave", "sentence"),
    [
        ("a.py", 'T = "Bearer {token}"\n', "env:API", "part of a longer text"),
        ("a.json", '{"t": "{token}"}\n', "env:API", "is not known"),
        ("a.py", 'T = "{token}"\n', "env:A-B", "is no name"),
    ],
)
def test_a_change_that_a_program_cannot_make_is_refused(
    signed_in: Bao, tmp_path: Path, name: str, text: str, leave: str, sentence: str
) -> None:
    there = planted(tmp_path / "repo", text, name)
    before = there.file.read_bytes()
    with pytest.raises(UserError, match=sentence):
        move(there, leave)
    assert there.file.read_bytes() == before
    assert steps(there) == []


def test_permissions_stay(signed_in: Bao, leak: Leak) -> None:
    leak.file.chmod(0o750)
    move(leak)
    assert leak.file.stat().st_mode & 0o777 == 0o750


def test_another_value_at_the_key_is_not_overwritten(signed_in: Bao, leak: Leak) -> None:
    signed_in.root.secrets.kv.v2.create_or_update_secret(
        f"{leak.fingerprint}/shop", {"TOKEN": "of somebody else"}
    )
    with pytest.raises(UserError, match="another value"):
        move(leak)
    assert kept(signed_in, leak) == {"TOKEN": "of somebody else"}
    assert leak.token in leak.file.read_text()


def test_a_write_that_somebody_else_got_in_before_is_refused(signed_in: Bao, leak: Leak) -> None:
    session = open_session()
    reference = parse_reference(place(leak))
    held = session.held(reference)
    signed_in.root.secrets.kv.v2.create_or_update_secret(f"{leak.fingerprint}/shop", {"A": "first"})
    with pytest.raises(UserError, match="somebody wrote"):
        session.write(reference, SecretStr("second"), held)
    assert kept(signed_in, leak) == {"A": "first"}


def test_a_deleted_version_can_be_written_over(signed_in: Bao, leak: Leak) -> None:
    signed_in.root.secrets.kv.v2.create_or_update_secret(f"{leak.fingerprint}/shop", {"TOKEN": "old"})
    signed_in.root.secrets.kv.v2.delete_latest_version_of_secret(f"{leak.fingerprint}/shop")
    assert move(leak).version == 2


def test_a_secret_that_vanished_from_its_file_is_told(signed_in: Bao, leak: Leak) -> None:
    leak.file.write_text("nothing here\n")
    with pytest.raises(UserError, match="in history only"):
        move(leak)
    git(leak.folder, "rm", "-qf", "app.py")
    with pytest.raises(UserError, match="in history only"):
        move(leak)
    assert not Path(leak.folder / JOURNAL).exists()


def test_an_unknown_fingerprint_is_told(signed_in: Bao, leak: Leak) -> None:
    with pytest.raises(UserError, match="no file and no version"):
        prepare(leak.folder, "0" * 32, parse_reference(place(leak)), "reference", RULES, open_session())


def test_a_file_that_changes_between_reading_and_writing_is_not_touched(signed_in: Bao, leak: Leak) -> None:
    session = open_session()
    prepared = prepare(
        leak.folder, leak.fingerprint, parse_reference(place(leak)), "reference", RULES, session
    )
    changed = leak.file.read_text() + "# a colleague's line\n"
    leak.file.write_text(changed)
    with pytest.raises(UserError, match="changed while") as told:
        carry_out(leak.folder, prepared, session)
    assert leak.file.read_text() == changed
    assert "safe in Vault" in told.value.fix
    assert steps(leak) == ["stored"]
    move(leak)
    assert "a colleague's line" in leak.file.read_text()
    assert leak.token not in leak.file.read_text()
    assert [one.name for one in leak.folder.iterdir() if "ktlo-" in one.name] == []


def test_a_link_out_of_the_tree_is_not_followed(signed_in: Bao, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    token = random_token()
    outside.write_text(f'T = "{token}"\n')
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "a.py").symlink_to(outside)
    (folder / "sub").symlink_to(tmp_path)
    for path in ("a.py", "sub/outside.py", "../outside.py", "/etc/passwd"):
        with pytest.raises(UserError, match=r"link|outside"):
            plan(folder, path, SecretBytes(token.encode()), "vault:secret/a#B")
    assert token in outside.read_text()


def test_a_file_that_became_a_link_is_not_written_through(signed_in: Bao, leak: Leak, tmp_path: Path) -> None:
    planned = plan(leak.folder, "app.py", SecretBytes(leak.token.encode()), "vault:secret/a#B")
    outside = tmp_path / "outside.py"
    leak.file.rename(outside)
    leak.file.symlink_to(outside)
    with pytest.raises(UserError, match="link"):
        write(leak.folder, planned)
    assert leak.token in outside.read_text()


def test_a_binary_file_is_not_edited(signed_in: Bao, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0" + b"x" * 20)
    with pytest.raises(UserError, match="binary"):
        plan(tmp_path, "a.bin", SecretBytes(b"x" * 20), "vault:secret/a#B")


def test_a_journal_behind_a_link_is_refused(signed_in: Bao, leak: Leak, tmp_path: Path) -> None:
    (leak.folder / ".ktlo").symlink_to(tmp_path)
    with pytest.raises(UserError, match="link"):
        move(leak)
    assert leak.token in leak.file.read_text()


def test_a_move_killed_between_vault_and_file_is_taken_up_again(signed_in: Bao, leak: Leak) -> None:
    child = multiprocessing.get_context("spawn").Process(
        target=killed_after_storing, args=(leak.folder, leak.fingerprint, place(leak))
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert kept(signed_in, leak) == {"TOKEN": leak.token}
    assert leak.token in leak.file.read_text()
    done = move(leak)
    assert done.version == 1, "nothing is written to Vault twice"
    assert leak.token not in leak.file.read_text()
    assert steps(leak) == ["stored", "replaced"]


def test_a_torn_line_at_the_end_of_the_journal_is_written_over(signed_in: Bao, leak: Leak) -> None:
    move(leak)
    file = leak.folder / JOURNAL
    with file.open("a") as torn:
        torn.write('{"at": "2026-')
    assert steps(leak) == ["stored", "replaced"]
    rotate(leak.folder, leak.fingerprint, SecretStr("new"), open_session())
    assert steps(leak) == ["stored", "replaced", "rotated"]
    assert all(json.loads(line) for line in file.read_text().splitlines())


def test_a_damaged_journal_is_told(leak: Leak) -> None:
    file = leak.folder / JOURNAL
    file.parent.mkdir()
    file.write_text("nonsense\n{}\n")
    with pytest.raises(UserError, match="line 1 is not a step"):
        Journal(leak.folder).entries()


def test_two_moves_at_once_do_not_meet(leak: Leak) -> None:
    with (
        Journal(leak.folder).held(),
        pytest.raises(UserError, match="another `ktlo secrets`"),
        Journal(leak.folder).held(),
    ):
        pass
    with Journal(leak.folder).held():
        pass


def test_moving_again_says_what_was_done(signed_in: Bao, leak: Leak) -> None:
    move(leak)
    with pytest.raises(UserError, match="moved already"):
        move(leak)


def test_rotating_keeps_the_old_value_in_an_earlier_version(signed_in: Bao, leak: Leak) -> None:
    move(leak)
    new = random_token()
    step = rotate(leak.folder, leak.fingerprint, SecretStr(new), open_session())
    assert kept(signed_in, leak) == {"TOKEN": new}
    assert kept(signed_in, leak, step.version) == {"TOKEN": leak.token}
    assert step.step is Step.ROTATED
    again = rotate(leak.folder, leak.fingerprint, SecretStr(new), open_session())
    assert "version 2" in again.note, "a rotation that was interrupted does not write a third version"


def test_rotating_to_the_same_value_is_refused(signed_in: Bao, leak: Leak) -> None:
    move(leak)
    with pytest.raises(UserError, match="the old one"):
        rotate(leak.folder, leak.fingerprint, SecretStr(leak.token), open_session())


def test_rotating_what_was_never_moved_is_refused(signed_in: Bao, leak: Leak) -> None:
    with pytest.raises(UserError, match="was not moved"):
        rotate(leak.folder, leak.fingerprint, SecretStr("x"), open_session())


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("vault:nope/shop#TOKEN", "no KV engine|does not allow"),
        ("vault:sys/shop#TOKEN", "not KV version 2|refuses|no KV engine|does not allow"),
    ],
)
def test_a_wrong_mount_is_told_and_nothing_changes(
    signed_in: Bao, leak: Leak, to: str, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        move(leak, to=to)
    assert leak.token in leak.file.read_text()


def test_a_kv_engine_of_version_1_is_refused(signed_in: Bao, leak: Leak) -> None:
    signed_in.root.sys.enable_secrets_engine("kv", path="old", options={"version": "1"})
    try:
        with pytest.raises(UserError, match="not KV version 2"):
            move(leak, to="vault:old/shop#TOKEN")
    finally:
        signed_in.root.sys.disable_secrets_engine("old")


def test_a_mount_with_slashes_is_found(signed_in: Bao, leak: Leak) -> None:
    signed_in.root.sys.enable_secrets_engine("kv", path="teams/shop", options={"version": "2"})
    try:
        move(leak, to="vault:teams/shop/payments#TOKEN")
        held = signed_in.root.secrets.kv.v2.read_secret_version(
            "payments", mount_point="teams/shop", raise_on_deleted_version=True
        )
        assert held["data"]["data"] == {"TOKEN": leak.token}
    finally:
        signed_in.root.sys.disable_secrets_engine("teams/shop")


def test_a_token_without_the_right_is_told(
    signed_in: Bao, leak: Leak, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed_in.root.auth.token.create(policies=["default"], ttl="5m")["auth"]["client_token"]
    monkeypatch.setenv("VAULT_TOKEN", token)
    with pytest.raises(UserError, match="does not allow"):
        move(leak)
    assert leak.token in leak.file.read_text()


def test_a_wrong_token_is_told(signed_in: Bao, leak: Leak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hvs.nobody-gave-this-out")
    with pytest.raises(UserError, match="does not accept the token") as told:
        move(leak)
    assert "nobody-gave-this-out" not in str(told.value)


def test_a_server_that_is_away_changes_nothing(
    signed_in: Bao, leak: Leak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(SourceError, match="cannot be reached"):
        move(leak)
    assert leak.token in leak.file.read_text()
    assert steps(leak) == []


def test_a_sealed_server_is_told(signed_in: Bao, leak: Leak, monkeypatch: pytest.MonkeyPatch) -> None:
    process, sealed = start_bao()
    try:
        monkeypatch.setenv("VAULT_ADDR", sealed.address)
        sealed.root.sys.seal()
        with pytest.raises(SourceError, match="sealed"):
            move(leak)
        assert leak.token in leak.file.read_text()
    finally:
        sealed.root.adapter.close()
        process.terminate()
        process.wait()


def test_nothing_to_sign_in_with_is_told(leak: Leak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("VAULT_TOKEN", "VAULT_ROLE_ID", "BAO_ADDR", "VAULT_ADDR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(KtloError, match="where Vault is"):
        open_session()
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(KtloError, match="nothing to sign in"):
        open_session()


def test_a_move_asks_vault_a_handful_of_times(
    signed_in: Bao, leak: Leak, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its seconds are those of its requests."""
    asked: list[str] = []
    send = requests.Session.send

    def counted(self: requests.Session, request: requests.PreparedRequest, **given: Any) -> Any:
        asked.append(f"{request.method} {request.path_url}")
        return send(self, request, **given)

    monkeypatch.setattr(requests.Session, "send", counted)
    move(leak)
    assert 0 < len(asked) < 10, asked
