"""Dashboards as files: read with errors by line, written without losing anybody's change, taken from Grafana."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ktlo.errors import NotFoundError, UserError
from ktlo.telemetry.dashboards.files import (
    SHIPPED,
    DashboardChangedError,
    Folder,
    checked,
    read,
    with_windows,
    written,
)
from ktlo.telemetry.dashboards.grafana import imported
from ktlo.telemetry.dashboards.model import Dashboard, filled, json_schema

GOOD = """title: Checkout
variables:
  - name: job
    from_label: job
rows:
  - panels:
      - title: Rate
        queries:
          - expr: sum(rate(http_requests_total{job="$job"}[$__rate_interval]))
"""


def test_every_shipped_dashboard_is_without_a_remark() -> None:
    found = [read(file, is_shipped=True) for file in sorted(SHIPPED.glob("*.yaml"))]
    assert {each.name for each in found} == {"host-runtime", "ktlo", "ktlo-itself", "service-overview"}
    assert [each.remarks for each in found] == [(), (), (), ()]


def test_every_metric_on_a_shipped_dashboard_exists() -> None:
    from ktlo.metrics.registry import definitions

    for file in SHIPPED.glob("*.yaml"):
        board = read(file, is_shipped=True).dashboard
        named = {panel.metric for row in board.rows for panel in row.panels if panel.metric}
        assert named <= set(definitions())


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("title: A\nrows: [", 2, "not YAML"),
        ("- a", 1, "mapping"),
        ("rows: []", 1, "title: Field required"),
        ("title: A\nrows:\n  - panels:\n      - titel: B\n", 4, "rows.0.panels.0.titel: there is no such key"),
        ("title: A\nrows:\n  - panels:\n      - kind: pie\n", 4, "rows.0.panels.0.kind"),
        ("title: A\nrows:\n  - panels:\n      - title: B\n      - kind: metric\n", 4, "a promql panel needs queries"),
        ("title: A\nvariables:\n  - name: 1x\n    default: y\n", 3, "variables.0.name"),
        ("title: A\nvariables:\n  - {name: a, default: b}\n  - {name: a, default: b}\n", 1, "same name"),
        (GOOD.replace("sum(rate(", "summ(rate("), 9, "unknown function with name 'summ' (line 1, column 1"),
        (GOOD.replace("job=\"$job\"}", 'job="$job"'), 9, "Rate:"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_by_its_line(text: str, line: int, said: str) -> None:
    remarks = checked(text)[1]
    assert said in remarks[0].what
    assert remarks[0].line == line


def test_a_dashboard_is_saved_read_and_listed(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "boards")
    saved = folder.save("checkout", GOOD, "")
    assert folder.one("checkout") == saved
    assert [each.name for each in folder.all()] == [
        "checkout",
        "host-runtime",
        "ktlo",
        "ktlo-itself",
        "service-overview",
    ]
    assert folder.text("checkout") == GOOD
    assert [path.name for path in folder.path.iterdir()] == ["checkout.yaml"], "nothing half-written is left"


def test_nobody_s_change_is_lost(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    first = folder.save("checkout", GOOD, "")
    second = folder.save("checkout", GOOD.replace("Checkout", "Cart"), first.digest)
    with pytest.raises(DashboardChangedError, match="changed since you opened it"):
        folder.save("checkout", GOOD.replace("Checkout", "Mine"), first.digest)
    with pytest.raises(DashboardChangedError, match="already"):
        folder.save("checkout", GOOD, "")
    assert folder.one("checkout").digest == second.digest


def test_a_shipped_dashboard_is_replaced_by_a_file_of_its_name(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    shipped = folder.one("ktlo")
    assert shipped.is_shipped
    folder.save("ktlo", GOOD, shipped.digest)
    assert not folder.one("ktlo").is_shipped
    assert (SHIPPED / "ktlo.yaml").read_text(encoding="utf-8") != GOOD


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "a.yaml", ".hidden", "x" * 99])
def test_a_name_that_is_no_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="no name"):
        Folder(tmp_path).save(name, GOOD, "")
    with pytest.raises(NotFoundError):
        Folder(tmp_path).one(name)


def test_a_file_that_cannot_be_used_is_listed_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("title: A\nrow: []\n", encoding="utf-8")
    (tmp_path / "huge.yaml").write_text("a: &a [x]\nb: " + "[" * 60 + "]" * 60, encoding="utf-8")
    found = {each.name: each for each in Folder(tmp_path).all()}
    assert found["broken"].dashboard is None
    assert (found["broken"].remarks[0].line, found["broken"].remarks[0].what) == (
        2,
        "row: there is no such key",
    )
    assert "deeper" in found["huge"].remarks[0].what


def test_what_is_written_is_read_as_the_same(tmp_path: Path) -> None:
    for file in SHIPPED.glob("*.yaml"):
        board = read(file, is_shipped=True).dashboard
        assert checked(written(board)) == (board, ())


def test_a_value_of_a_variable_cannot_leave_its_quotes() -> None:
    assert filled('up{job="$job"} + ${job:raw} + $other', {"job": 'a"} or {x="'}) == (
        'up{job="a\\"} or {x=\\""} + a\\"} or {x=\\" + $other'
    )


def test_windows_of_grafana_are_filled_in() -> None:
    assert with_windows("rate(a[$__rate_interval]) + b[${__interval}] + c[$__range]", 30, 3600) == (
        "rate(a[60s]) + b[30s] + c[3600s]"
    )


def test_the_json_schema_describes_what_is_read() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(Dashboard.model_fields)
    assert schema["additionalProperties"] is False


GRAFANA = {
    "dashboard": {
        "title": "Node",
        "time": {"from": "now-30m", "to": "now"},
        "annotations": {"list": [{"builtIn": 1}, {"name": "deploys"}]},
        "templating": {
            "list": [
                {"name": "ds", "type": "datasource"},
                {
                    "name": "job", "type": "query", "includeAll": True,
                    "query": {"query": 'label_values(up{a="b"}, job)'},
                },
                {"name": "w", "type": "custom", "query": "1m, 5m"},
                {"name": "odd", "type": "query", "query": "query_result(up)"},
            ]
        },
        "panels": [
            {"type": "row", "title": "CPU", "panels": []},
            {
                "type": "timeseries", "title": "Load", "gridPos": {"w": 12},
                "fieldConfig": {"defaults": {"unit": "percentunit"}},
                "targets": [
                    {"expr": "node_load1{job=\"$job\"}", "legendFormat": "{{instance}}"},
                    {"expr": "x", "hide": True},
                ],
            },
            {"type": "stat", "title": "Up", "gridPos": {"w": 4}, "targets": [{"expr": "sum(up)"}]},
            {"type": "text", "options": {"content": "<b>Hello</b> you"}},
            {"type": "nodeGraph", "title": "Graph"},
            {"type": "heatmap", "title": "Heat"},
            {"type": "text", "title": "Nothing"},
            {"type": "table", "title": "Loki", "targets": [{"query": "{a=1}"}]},
        ],
    }
}  # fmt: skip


def test_what_maps_of_a_grafana_dashboard_is_taken_and_the_rest_told() -> None:
    found = imported(json.dumps(GRAFANA))
    board = found.dashboard
    assert (board.title, board.since) == ("Node", "30min")
    assert [(each.name, each.from_label, each.of, each.values, each.all) for each in board.variables] == [
        ("job", "job", 'up{a="b"}', [], True), ("w", "", "", ["1m", "5m"], False), ("odd", "", "", [], True),
    ]  # fmt: skip
    (row,) = board.rows
    assert row.title == "CPU"
    load, up, text = row.panels
    assert (load.width, load.unit, load.queries[0].legend, len(load.queries)) == (
        6,
        "share",
        "{{instance}}",
        1,
    )
    assert (up.show, up.width) == ("number", 2)
    assert text.text == "Hello you"
    told = "\n".join(found.left_out)
    assert "The variable odd (query: query_result(up))" in told
    assert "'Graph' is of type nodeGraph" in told
    assert "The panel 'Heat' asks nothing that is shown; it is left out." in told
    assert "The panel 'Nothing' has no text; it is left out." in told
    assert "another datasource than Prometheus" in told
    assert "Annotations are not taken (1)" in told
    assert checked(written(board))[1] == ()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"panels": 3}', '{"panels": []}', "{" * 5000, '{"panels": [{"type": "news"}]}']
)
def test_what_is_no_dashboard_of_grafana_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        imported(text)


def test_files_are_yaml_that_people_can_read(tmp_path: Path) -> None:
    board = checked(GOOD)[0]
    assert yaml.safe_load(written(board)) == yaml.safe_load(GOOD)
