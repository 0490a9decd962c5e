"""Secrets drawn when a test runs, and repositories to plant them in."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import string
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ktlo.guard.secrets.checksums import base62_crc32

ALPHABETS = {
    "a0": string.ascii_lowercase + string.digits,
    "aA0": string.ascii_letters + string.digits,
    "aA": string.ascii_letters,
    "A0": string.ascii_uppercase + string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "0": string.digits,
    "b32": string.ascii_uppercase + "234567",
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "bech": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
_DRAWN = re.compile(r"<(\w+):(\d+)>")


def draw(template: str, seed: int) -> str:
    """A text of the template, the same for the same seed."""
    dice = random.Random(f"{template}{seed}")

    def pick(match: re.Match[str]) -> str:
        alphabet = ALPHABETS[match[1]]
        inner = [c for c in alphabet if c.isalnum()]  # tokens neither start nor end with a sign
        middle = "".join(dice.choice(alphabet) for _ in range(int(match[2]) - 2))
        return (dice.choice(inner) + middle + dice.choice(inner))[: int(match[2])]

    text = _DRAWN.sub(pick, template)
    if "{crc}" in text:
        body = text.partition("{crc}")[0].rpartition("_")[2]
        text = text.replace("{crc}", base62_crc32(body.encode()).decode())

    def part(fields: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    signature = "".join(dice.choice(ALPHABETS["aA0"]) for _ in range(43))
    token = (
        f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': 'a reader of books', 'iat': '1'})}.{signature}"
    )
    return text.replace("{jwt}", token).replace("{nl}", "\n")


def formats() -> list[tuple[str, str]]:
    """Rules and templates of formats.txt."""
    lines = Path(__file__).with_name("formats.txt").read_text("utf-8").splitlines()
    split = (line.partition(" | ") for line in lines if line and not line.startswith("#"))
    return [(rule.strip(), template) for rule, _, template in split]


class Repo:
    """A git repository in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        identity = {
            f"GIT_{who}_{what}": "a@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        plain = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            env=plain | identity,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(self, path: str, text: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def commit(self, message: str = "work") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def secret() -> Callable[..., str]:
    """Draws a GitHub token; another one for another number."""
    return lambda number=0: draw("ghp_<aA0:30>{crc}", number)


@pytest.fixture(name="drawn")
def _drawn() -> Callable[[str, int], str]:
    return draw
