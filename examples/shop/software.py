"""What the shop needs on this machine: its packages in a folder of their own, PostgreSQL and Redis from the system.

Nothing is installed into the system or into ktlo's own environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent


def program(name: str, *folders: str) -> str:
    """Where a program is.

    Raises:
        SystemExit: it is not installed; says what to do.
    """
    found = shutil.which(name) or next(
        (str(one) for folder in folders for one in sorted(Path("/").glob(f"{folder}/{name}"), reverse=True)),
        "",
    )
    if not found:
        raise SystemExit(f"{name} is needed: apt-get install postgresql redis-server nodejs npm")
    return found


def storefront(work: Path, agent: str) -> Path:
    """The folder of programs of the storefront's virtual environment, made when it is missing."""
    folder = work / f"storefront-{agent}"
    wanted = HERE / "storefront" / ("requirements.txt" if agent == "none" else f"requirements-{agent}.txt")
    done = folder / "installed.txt"
    text = wanted.read_text()
    if not done.is_file() or done.read_text() != text:
        print(f"installing {wanted.name} into {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", "-r", wanted], check=True)
        done.write_text(text)
    return folder / "bin"


def orders(work: Path) -> Path:
    """The folder of the orders service with its packages, made when it is missing."""
    folder = work / "orders"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "orders" / "server.js", folder)
    wanted = (HERE / "orders" / "package.json").read_text()
    done = folder / "installed.json"
    if not done.is_file() or done.read_text() != wanted:
        print(f"installing the packages of orders into {folder}", flush=True)
        (folder / "package.json").write_text(wanted)
        subprocess.run(
            [program("npm"), "install", "--no-audit", "--no-fund", "--loglevel=error", "--no-package-lock"],
            cwd=folder,
            check=True,
        )
        done.write_text(wanted)
    return folder


class Backends:
    """PostgreSQL and Redis, running out of a temporary folder on their own ports until they are stopped."""

    def __init__(self, folder: Path, postgres_port: int, redis_port: int) -> None:
        self._folder = folder
        self._user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        folder.chmod(0o755)
        data = folder / "postgres"
        data.mkdir()
        if self._user:
            shutil.chown(data, self._user)
        self._as(program("initdb", "usr/lib/postgresql/*/bin"), "-D", data, "-A", "trust", "-U", "shop")
        self._running = [
            self._start(
                program("postgres", "usr/lib/postgresql/*/bin"), "-D", str(data), "-p", str(postgres_port),
                "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
                user=self._user, log="postgres.log",
            ),
            self._start(
                program("redis-server"), "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "",
                "--dir", str(folder), log="redis.log",
            ),
        ]  # fmt: skip
        self.database = f"postgresql://shop@127.0.0.1:{postgres_port}/postgres"
        self.redis = f"redis://127.0.0.1:{redis_port}/0"

    def fill(self) -> None:
        """Load the tables; the database must accept connections."""
        self._as(program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-f", HERE / "shop.sql", self.database)

    def stop(self) -> None:
        """End both."""
        for one in self._running:
            one.terminate()
        for one in self._running:
            one.wait(timeout=30)

    def _as(self, *command: str | Path) -> None:
        done = subprocess.run(command, user=self._user, cwd="/", capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")

    def _start(self, *command: str, log: str, user: str | None = None) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("wb") as file:
            return subprocess.Popen(command, user=user, cwd="/", stdout=file, stderr=file)
