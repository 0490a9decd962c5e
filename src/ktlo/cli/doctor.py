"""``ktlo doctor``: is this machine ready, and is this ktlo well?"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import typer

from ktlo.cli.main import AsJson, Config, Data


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: what was looked at.
        state: ok, warning or broken.
        detail: what was found, and what to do when it is not well.
    """

    what: str
    state: str
    detail: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Examples:  ktlo doctor  ·  ktlo doctor --json")(doctor)


def doctor(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Look at Python, git, the engine, the data folder, the settings, the server and every source."""
    from ktlo.cli.output import print_json, print_table

    findings = [_python(), _git(), _engine(), _folder(data), _settings(data, config), *_running(data, config)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table(("what", "state", "detail"), [(f.what, f.state, f.detail) for f in findings])
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    import platform

    return Finding("Python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")


def _git() -> Finding:
    import shutil
    import subprocess

    if shutil.which("git") is None:
        return Finding(
            "git", "broken", "the git program is missing; install it (Debian: apt-get install git)"
        )
    answer = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False)
    return Finding("git", "ok", answer.stdout.strip())


def _engine() -> Finding:
    from ktlo.cli.client import require_server_extra
    from ktlo.errors import UserError

    try:
        require_server_extra()
    except UserError as error:
        return Finding("engine", "warning", str(error))
    from importlib.metadata import version

    return Finding("engine", "ok", f"chdb {version('chdb')}")


def _folder(data: object) -> Finding:
    import os
    import shutil
    from pathlib import Path

    from ktlo.settings import data_folder

    folder = data_folder(data if isinstance(data, Path) else None)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return Finding("data folder", "broken", f"{folder} cannot be written; choose another with --data")
    free = shutil.disk_usage(existing).free / 2**30
    state = "ok" if free > 2 else "warning"
    return Finding("data folder", state, f"{folder}, {free:.0f} GiB free")


def _settings(data: object, config: object) -> Finding:
    """The file of the running server, which need not be the one that this folder would mean."""
    from pathlib import Path

    from ktlo.errors import KtloError, UserError
    from ktlo.settings import data_folder, find_settings_file, load_settings

    given = data if isinstance(data, Path) else None
    if _engine().state == "ok":
        from ktlo.cli.client import connect
        from ktlo.server.address import find

        if find(data_folder(given)):
            try:
                with connect(given) as client:
                    said = client.get("/settings")
            except KtloError:
                pass  # the server's own line says that it does not answer
            else:
                shown = said["file"] or "no ktlo.yaml: defaults"
                return Finding(
                    "settings",
                    "broken" if said["problem"] else "ok",
                    said["problem"] or f"{shown} (server's)",
                )
    try:
        file = find_settings_file(config if isinstance(config, Path) else None)
        load_settings(file)
    except UserError as error:
        return Finding("settings", "broken", str(error))
    return Finding("settings", "ok", str(file) if file else "no ktlo.yaml: defaults")


def _running(data: object, config: object) -> list[Finding]:
    from pathlib import Path

    from ktlo.cli.client import connect
    from ktlo.errors import KtloError
    from ktlo.server.address import find
    from ktlo.settings import data_folder

    if _engine().state != "ok":
        return []
    given = data if isinstance(data, Path) else None
    address = find(data_folder(given))
    findings = [
        Finding("server", "ok", f"listens at {address.url}, process {address.process}")
        if address
        else Finding("server", "warning", "not running; start it with `ktlo up`")
    ]
    try:
        with connect(given, config if isinstance(config, Path) else None) as client:
            findings.append(Finding("store", "ok", f"opens, version {client.get('/health')['version']}"))
            names = client.get("/telemetry")["names"]
            findings.append(
                Finding(
                    "names of services",
                    "warning" if names["is_too_many"] else "ok",
                    names["said"]
                    or f"{names['names']:,} within a day (of {names['limit']:,} that are few enough)",
                )
            )
            for source in client.get("/sources"):
                if source["status"] == "removed":
                    continue
                health = client.get("/sources/check", params={"source": source["source_id"]})
                state = {"ready": "ok", "limited": "warning"}.get(health["status"], "broken")
                silence = source["message"] if source["status"] == "silent" else ""
                if silence and state == "ok":
                    state = "warning"
                missing = (f"Missing: {m['what']} ({m['cost']}). {m['fix']}" for m in health["missing"])
                parts = filter(None, (health["summary"], *missing, silence))
                detail = ". ".join(part.rstrip(".") for part in parts)
                findings.append(Finding(source["source_id"], state, detail))
    except KtloError as error:
        findings.append(Finding("store", "broken", str(error)))
    return findings
