"""Starts the shop under an agent, puts load on it, plays a release and an incident, and stops it again.

The same code runs under OpenTelemetry's agents, under Elastic's, or under none. Times of the story are minutes from
the beginning of the load.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import software
from load import Load, calls

ENVIRONMENT = "shop"


def main() -> None:
    """Run it."""
    said = arguments()
    software.program("node")
    work = said.work.resolve()
    bin_folder, orders_folder = software.storefront(work, said.agent), software.orders(work)
    folder = Path(tempfile.mkdtemp(prefix="ktlo-shop-"))
    ports = free_ports(4)
    backends = software.Backends(folder, ports[0], ports[1])
    shop = Shop(said, folder, bin_folder, orders_folder, backends, ports[2], ports[3])
    try:
        await_port(ports[0])
        await_port(ports[1])
        time.sleep(1)
        backends.fill()
        shop.start_orders()
        shop.start_storefront("1.0")
        play(said, shop, folder / "payment-provider-is-down", ports[2])
        print("waiting until the agents have sent what they have", flush=True)
        time.sleep(said.linger)
    except KeyboardInterrupt:
        print("stopping", flush=True)
    finally:
        shop.stop()
        backends.stop()
        if said.keep:
            print(f"the logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    asked = argparse.ArgumentParser(
        prog="run",
        description="A small shop (Flask, Express, PostgreSQL, Redis) under load, reporting to ktlo.",
        epilog="example: ./run --agent elastic --minutes 5 --rate 10 --ktlo http://127.0.0.1:4318",
    )
    asked.add_argument(
        "--agent", choices=("otel", "elastic", "none"), default="otel", help="whose agents report"
    )
    asked.add_argument("--minutes", type=float, default=5, help="how long the load lasts")
    asked.add_argument("--rate", type=float, default=10, help="requests a second")
    asked.add_argument("--ktlo", default="http://127.0.0.1:4318", help="where telemetry goes")
    asked.add_argument(
        "--release", type=float, metavar="MINUTE", help="storefront 1.1 goes out (half-time; -1: never)"
    )
    asked.add_argument("--incident", type=float, metavar="MINUTE", help="payments fail (at 3/4; -1: never)")
    asked.add_argument("--incident-minutes", type=float, default=1, help="how long they do")
    asked.add_argument("--seed", type=int, default=4, help="of the requests")
    asked.add_argument("--linger", type=float, default=12, help="seconds to wait at the end for the agents")
    asked.add_argument(
        "--work", type=Path, default=Path.home() / ".cache" / "ktlo-shop", help="where packages go"
    )
    asked.add_argument("--keep", action="store_true", help="keep the temporary folder with the logs")
    said = asked.parse_args()
    if said.minutes <= 0 or said.rate <= 0:
        asked.error("--minutes and --rate must be above 0")
    if urlsplit(said.ktlo).scheme not in ("http", "https"):
        asked.error("--ktlo must be a URL, http://127.0.0.1:4318")
    said.release = said.minutes / 2 if said.release is None else said.release
    said.incident = said.minutes * 3 / 4 if said.incident is None else said.incident
    return said


def play(said: argparse.Namespace, shop: Shop, fault: Path, port: int) -> None:
    """Send the load in parts, with what happens between them."""
    count = round(said.minutes * 60 * said.rate)
    wanted = list(calls(count, said.seed))
    events = [
        (said.release, "storefront 1.1 goes out", lambda: shop.start_storefront("1.1")),
        (said.incident, "the payment provider is down", fault.touch),
        (
            said.incident + said.incident_minutes if said.incident >= 0 else -1,
            "the payment provider is back",
            lambda: fault.unlink(missing_ok=True),
        ),
    ]
    load = Load(port, said.rate)
    done = 0
    for minute, what, act in sorted(events, key=lambda one: one[0]):
        if not 0 <= minute < said.minutes:
            continue
        until = round(minute * 60 * said.rate)
        load.send(wanted[done:until])
        done = until
        print(f"{time.strftime('%H:%M:%S')} minute {minute:g}: {what}", flush=True)
        act()
    load.send(wanted[done:])
    load.close()
    answers = ", ".join(f"{n} times {status}" for status, n in sorted(load.answers.items()))
    print(f"{count} requests to the storefront; answers: {answers}", flush=True)


class Shop:
    """The two services."""

    def __init__(
        self,
        said: argparse.Namespace,
        folder: Path,
        programs: Path,
        orders: Path,
        backends: software.Backends,
        storefront_port: int,
        orders_port: int,
    ) -> None:
        self._said, self._folder, self._programs, self._orders_folder = said, folder, programs, orders
        self._ports = {"storefront": storefront_port, "orders": orders_port}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._common = {
            **os.environ,
            "SHOP_DATABASE_URL": backends.database,
            "SHOP_REDIS_URL": backends.redis,
            "SHOP_ORDERS_URL": f"http://127.0.0.1:{orders_port}",
            "SHOP_STOREFRONT_URL": f"http://127.0.0.1:{storefront_port}",
            "SHOP_FAULTS_FILE": str(folder / "payment-provider-is-down"),
        }

    def start_orders(self) -> None:
        """Start the orders service."""
        preload = {
            "otel": ("--require", "@opentelemetry/auto-instrumentations-node/register"),
            "elastic": ("--require", "elastic-apm-node/start.js"),
            "none": (),
        }[self._said.agent]
        self._start("orders", "1.0", [software.program("node"), *preload, "server.js"], self._orders_folder)

    def start_storefront(self, version: str) -> None:
        """Start the storefront in a version, in place of the one that runs."""
        wrapper = {"otel": ["opentelemetry-instrument"], "elastic": ["elasticapm-run"], "none": []}[
            self._said.agent
        ]
        served = [
            "waitress-serve",
            f"--listen=127.0.0.1:{self._ports['storefront']}",
            "--threads=16",
            "app:app",
        ]
        self._end("storefront", signal.SIGINT)
        self._start(
            "storefront",
            version,
            [*(str(self._programs / name) for name in (*wrapper, served[0])), *served[1:]],
            software.HERE / "storefront",
        )

    def stop(self) -> None:
        """End both."""
        self._end("storefront", signal.SIGINT)
        self._end("orders", signal.SIGTERM)

    def _start(self, service: str, version: str, command: list[str], folder: Path) -> None:
        environment = {
            **self._common,
            "SHOP_VERSION": version,
            "SHOP_PORT": str(self._ports[service]),
            **agent_environment(self._said, service, version),
        }
        with (self._folder / f"{service}-{version}.log").open("ab") as file:
            self._running[service] = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=file, stderr=file, start_new_session=True
            )
        await_port(self._ports[service], self._running[service], self._folder / f"{service}-{version}.log")

    def _end(self, service: str, how: signal.Signals) -> None:
        running = self._running.pop(service, None)
        if running is None:
            return
        running.send_signal(how)
        try:
            running.wait(timeout=20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def agent_environment(said: argparse.Namespace, service: str, version: str) -> Mapping[str, str]:
    """The variables by which an agent learns what it reports, and where to; nothing else differs between agents."""
    key = os.environ.get("KTLO_INGEST_KEY", "")
    if said.agent == "otel":
        made = {
            "OTEL_SERVICE_NAME": service,
            "OTEL_RESOURCE_ATTRIBUTES": f"service.version={version},deployment.environment.name={ENVIRONMENT}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": said.ktlo,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": "10000",
            "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true",
            "OTEL_NODE_RESOURCE_DETECTORS": "env,host,os,process,serviceinstance",
        }
        return {**made, "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {key}"} if key else made
    if said.agent == "elastic":
        made = {
            "ELASTIC_APM_SERVICE_NAME": service,
            "ELASTIC_APM_SERVICE_VERSION": version,
            "ELASTIC_APM_ENVIRONMENT": ENVIRONMENT,
            "ELASTIC_APM_SERVER_URL": said.ktlo,
            "ELASTIC_APM_METRICS_INTERVAL": "10s",
            "ELASTIC_APM_API_REQUEST_TIME": "5s",
            "ELASTIC_APM_CLOUD_PROVIDER": "none",
        }
        return {**made, "ELASTIC_APM_SECRET_TOKEN": key} if key else made
    return {}


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in listeners:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in listeners]


def await_port(port: int, process: subprocess.Popen[bytes] | None = None, log: Path | None = None) -> None:
    """Wait until somebody listens.

    Raises:
        SystemExit: the process ended, or a minute has passed.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}: {log.read_text()[-3000:] if log else ''}")


if __name__ == "__main__":
    main()
