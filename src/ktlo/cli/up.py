"""``ktlo up``: everything in one process, with the pages at one address."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ktlo.cli.main import Config, Data

_HELP = """Start ktlo: store, collection and pages in one process. Stop it with Ctrl-C.

It opens these ports of 127.0.0.1; ktlo.yaml has a setting for each, and for the address it listens on:

\b
- 5856 pages, API and webhooks: `server.host`, `server.port`, or --host and --port
- 4317 telemetry by OTLP/gRPC: `telemetry.host`, `telemetry.grpc_port`
- 4318 telemetry by HTTP (OTLP, Elastic APM, Prometheus, Zipkin): `telemetry.host`, `telemetry.http_port`
- 8200 the same, where Elastic APM agents look for it: `telemetry.host`, `telemetry.elastic_port`
- 8123 SQL, read-only, by ClickHouse's protocol: `sql.host`, `sql.port`

`telemetry.receive: false` and `sql.serve: false` leave them closed. A port that is taken is said, and the rest goes on
without it. Addresses that others reach need a token or a key.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=_HELP,
        epilog="Examples:  ktlo up  ·  ktlo up ../shop ../search  ·  ktlo up https://example.org/acme/shop.git"
        "  ·  KTLO_TOKEN=… ktlo up --host 0.0.0.0",
    )(up)


def up(
    repositories: Annotated[
        list[str] | None,
        typer.Argument(
            help="Paths or URLs of repositories to read; this folder when it is one.", show_default=False
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; others than loopback need KTLO_TOKEN.", show_default="127.0.0.1"
        ),
    ] = "",
    port: Annotated[
        int | None, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535, show_default="5856")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser, if there is one.")] = True,
    data: Data = None,
    config: Config = None,
) -> None:
    """Start ktlo: store, collection and pages in one process. Stop it with Ctrl-C."""
    from ktlo.cli.client import require_server_extra

    require_server_extra()
    from ktlo.cli.output import notes
    from ktlo.errors import StoreBusyError
    from ktlo.server.address import find
    from ktlo.server.runtime import AlreadyReadError, Runtime
    from ktlo.settings import data_folder, find_settings_file, load_settings

    file = find_settings_file(config)
    settings = load_settings(file)
    folder = data_folder(data)
    try:
        runtime = Runtime(settings, folder, file)
    except StoreBusyError:
        running = find(folder)
        if running is None:
            raise
        _hand_over(running, repositories or [], browser)
        return
    try:
        for options in first_sources(repositories or [], has_sources=bool(runtime.sources())):
            try:
                entry = runtime.add_source("git", options)
            except AlreadyReadError as error:
                notes.print(str(error), markup=False)
                continue
            notes.print(f"reading {entry.source_id}", markup=False)
        _serve(
            runtime,
            folder,
            host or settings.server.host,
            settings.server.port if port is None else port,
            browser,
        )
    finally:
        runtime.close()


def first_sources(given: list[str], *, has_sources: bool) -> list[dict[str, str]]:
    """Options of the git sources that the arguments mean.

    Args:
        given: paths and URLs; none means the repository around the current folder, unless there are
            sources already.
        has_sources: the store already reads something.

    Raises:
        UserError: a path that does not exist.
    """
    from ktlo.errors import UserError

    if not given:
        inside = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / ".git").exists()), None)
        return [] if inside is None or has_sources else [{"path": str(inside)}]
    options = []
    for place in given:
        if "://" in place or (":" in place and not Path(place).exists()):
            options.append({"path": place})
            continue
        path = Path(place).expanduser().absolute()
        if not path.exists():
            raise UserError("there is no such folder", where=str(path), fix="Give a repository's path or URL")
        top = next((p for p in (path, *path.parents) if (p / ".git").exists()), path)
        options.append({"path": str(top)})
    return options


def _hand_over(running: Any, repositories: list[str], browser: bool) -> None:
    """A ktlo already runs on this data folder: give it the new sources instead of starting a second."""
    import httpx

    from ktlo.cli.client import Client
    from ktlo.cli.output import notes
    from ktlo.errors import UserError

    headers = {"authorization": f"Bearer {running.token}"} if running.token else {}
    with httpx.Client(base_url=running.url, headers=headers, timeout=60) as http:
        client = Client(http)
        for options in first_sources(
            repositories, has_sources=any(s["status"] != "removed" for s in client.get("/sources"))
        ):
            try:
                client.post("/sources", {"kind": "git", "options": options, "unreachable": "add"})
            except UserError as error:  # it is read already; the others are still handed over
                notes.print(str(error), markup=False)
                continue
            notes.print(f"added {options['path']}", markup=False)
        client.post("/collections")
    notes.print(f"ktlo already runs at {running.url} (process {running.process})", markup=False)
    if browser:
        _open_browser(running.url)


def _serve(runtime: Any, folder: Path, host: str, port: int, browser: bool) -> None:
    import os
    import secrets
    import signal
    import threading

    import uvicorn

    from ktlo.cli.output import notes
    from ktlo.errors import UserError
    from ktlo.server.address import Address, announce, listen, url_of, withdraw
    from ktlo.server.app import make_app
    from ktlo.server.observing import Observing
    from ktlo.server.receiving import Receiving
    from ktlo.server.security import Access, is_loopback
    from ktlo.server.sql.serving import SqlServing
    from ktlo.settings.secret_reference import variable_or_reference

    token = variable_or_reference("KTLO_TOKEN")
    if not is_loopback(host) and not token:
        token = secrets.token_urlsafe(24)
        notes.print(
            f"others may reach {host}: sign in with this token (or set KTLO_TOKEN): {token}", markup=False
        )
    try:
        listener = listen(host, port)
    except OSError as error:
        raise UserError(
            f"port {port} of {host} cannot be used: {error.strerror}",
            fix="Stop what uses it, or choose another with --port (0 takes a free one)",
        ) from error
    port = listener.getsockname()[1]
    url = url_of(host, port)
    if threading.current_thread() is threading.main_thread():
        # The server stops in order and then raises the signal again, which would end all before the rest is closed.
        signal.signal(signal.SIGTERM, _end)
    receiving = Receiving(runtime) if runtime.settings.telemetry.receive else None
    serving = observing = None
    try:
        if receiving is not None and runtime.settings.telemetry.self:
            observing = Observing(runtime, receiving)
        serving = SqlServing(runtime) if runtime.settings.sql.serve else None
        app = make_app(
            runtime, Access(token), sync_minutes=runtime.settings.server.sync_minutes, receiving=receiving
        )
        served = observing.watch(app) if observing is not None else app
        server = uvicorn.Server(uvicorn.Config(served, log_level="warning", timeout_graceful_shutdown=5))
        announce(folder, Address(url, token, os.getpid()))
        notes.print(f"ktlo is at [bold]{url}[/bold]  ·  data in {folder}  ·  Ctrl-C stops it")
        for door in (*(receiving.doors if receiving else ()), *([serving.door] if serving else [])):
            told = f"at {door.address}" if door.address else f"not open: {door.problem}"
            notes.print(f"{door.protocol} {told}", markup=False)
        if browser:
            threading.Timer(0.8, _open_browser, [url]).start()
        threading.Thread(target=_show_progress, args=(app.state.collecting,), daemon=True).start()
        server.run(sockets=[listener])
    finally:
        withdraw(folder)
        if serving is not None:
            serving.close()
        if observing is not None:
            observing.close()
        if receiving is not None:
            receiving.close()


def _end(number: int, frame: object) -> None:
    del number, frame
    raise SystemExit(0)


def _show_progress(collecting: Any) -> None:
    """Progress of the first collection, in the terminal that started it."""
    import time

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ktlo.cli.output import notes

    while collecting.run is None:
        time.sleep(0.05)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=notes) as progress:
        tasks: dict[str, Any] = {}
        while True:
            run = collecting.wait(0.3)
            for step in run.steps:
                if step.status == "waiting":
                    continue
                if step.name not in tasks:
                    tasks[step.name] = progress.add_task(step.name, total=None, unit="")
                done = max(step.done, 1) if step.status == "complete" else step.done
                total = done if step.status == "complete" else step.total
                progress.update(tasks[step.name], completed=done, total=total, unit=step.unit)
            if not run.is_running:
                break
    for step in run.failures:
        notes.print(f"{step.name}: {step.status}: {step.message}", markup=False)


def _open_browser(url: str) -> None:
    import os
    import sys
    import webbrowser

    has_display = sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if has_display:
        webbrowser.open(url)
