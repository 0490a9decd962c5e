"""A shop that was watched for a month, in two versions; what never ran is worked out by hand in ``test_unused``."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "receivers"))

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otlp_requests import TEN, put, segment

from ktlo.records import table_of
from ktlo.records.arrow import to_arrow
from ktlo.records.code import Commit, File
from ktlo.records.services import ServiceMember
from ktlo.store.streams import LOGS, METRICS

DAY = 86_400 * 10**9
FIRST = dt.datetime.fromtimestamp(TEN / 1e9, dt.UTC)
END = FIRST + dt.timedelta(days=30, hours=1)
CART, CLI = "/srv/{}/shop/cart.py", "/srv/{}/shop/cli.py"


def resource(made, service, version, instance):
    put(made.resource.attributes,
        {"service.name": service, "service.version": version, "service.instance.id": instance})  # fmt: skip


def called(day, function, calls, service="shop", version="2"):
    made = ExportMetricsServiceRequest()
    of = made.resource_metrics.add()
    resource(of, service, version, "a")
    metric = of.scope_metrics.add().metrics.add(name="ktlo.function.calls")
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = 1, True
    point = metric.sum.data_points.add(time_unix_nano=TEN + day * DAY, as_int=calls)
    put(point.attributes, {"code.function.name": function, "code.file.path": CART.format(2)})
    return made


def covered(day, functions, *, since, version, instance, service="shop", module="shop.cart", path=CART):
    made = ExportLogsServiceRequest()
    of = made.resource_logs.add()
    resource(of, service, version, instance)
    record = of.scope_logs.add().log_records.add(
        time_unix_nano=TEN + day * DAY, event_name="ktlo.function.coverage"
    )
    put(record.attributes, {
        "code.file.path": path.format(version), "ktlo.module": module,
        "ktlo.coverage.functions": json.dumps(functions),
        "ktlo.coverage.since": f"{FIRST + dt.timedelta(days=since):%Y-%m-%dT%H:%M:%SZ}",
    })  # fmt: skip
    return made


def fill(store, folder, versions=("1", "2"), catalogue=True):
    """Load what was told into a store; versions that are commits are in the repository."""
    first, second = versions
    before = [["total", 7, 1], ["gone", 20, 0], ["dropped", 30, 0], ["handle_error", 40, 0], ["told", 50, 0]]
    after = [["total", 7, 0], ["gone", 22, 0], ["gone.<locals>.inner", 23, 0], ["fresh", 60, 0],
             ["handle_error", 42, 0], ["told", 52, 0]]  # fmt: skip
    logs = [
        covered(20, before, since=0, version=first, instance="a"),
        covered(20, before, since=1, version=first, instance="b"),
        covered(30, after, since=21, version=second, instance="c"),
        covered(30, [["tool", 1, 0]], since=21, version=second, instance="c", module="shop.cli", path=CLI),
        covered(30, [["idle", 1, 0]], since=0, version="2", instance="d", service="lonely"),
    ]  # fmt: skip
    metrics = [called(day, "shop.cart.total", 100, version=second) for day in range(31)]
    metrics.append(called(3, "shop.cart.told", 1, version=second))
    for stream, made in ((LOGS, logs), (METRICS, metrics)):
        (folder / stream.table).write_bytes(segment(*made))
        store.load(stream, folder / stream.table, stream.table)
    members = [
        ServiceMember(kind=kind, member=member, service="shop", team="Tills", found_in="ktlo.yaml")
        for kind, member in (("repository", "acme/shop"), ("telemetry", "shop"))
    ]
    files = [
        File(source="git", repository="acme/shop", path=path, language="Python", lines=90, complexity=9.0,
             longest_indent=2, role="source", sha="a" * 40)
        for path in ("src/shop/cart.py", "src/shop/cli.py")
    ]  # fmt: skip
    commits = [
        Commit(source="git", repository="acme/shop", sha=sha, parents=(), authored_at=FIRST, committed_at=FIRST,
               authored_offset=0, author_name="Ada", author_email="ada@acme.org", committer_name="Ada",
               committer_email="ada@acme.org", co_authors=(), subject="feat: carts", body="", is_merge=False,
               files_changed=1, lines_added=1, lines_deleted=0, paths=(), dated_by="author")
        for sha in versions if len(sha) == 40
    ]  # fmt: skip
    if catalogue:
        store.replace(table_of(ServiceMember), [to_arrow(members, ServiceMember)])
    if commits:
        store.insert(table_of(Commit), to_arrow(commits, Commit))
    store.insert(table_of(File), to_arrow(files, File))
