"""Every operation of the API, fuzzed from its own description: no 5xx, answers of the promised shape.

Sources that are added are of this machine or of names that cannot exist, so nothing outside is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ktlo.server.app import describe_api, make_app
from ktlo.server.openapi import models, operations
from ktlo.server.security import Access

DOCUMENT = describe_api()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
KNOWN = (
    {
        "metric": "ktlo_share", "from": "2025-03-01", "to": "2025-03-31", "service": "shop", "by": "team",
        "source": "git:none", "kind": "git", "sql": "SELECT * FROM ktlo.commits",
        "item_kind": "incident", "item_id": "INC-1", "item": "INC-1",
    },
    {
        "metric": "time_to_restore", "from": "all", "to": "", "service": "search", "by": "severity",
        "source": "csv:incidents", "kind": "csv", "sql": "SELECT detected_at, responders FROM ktlo.incidents",
        "item_kind": "commit", "item_id": "", "item": "INC-1",
    },
)  # fmt: skip
"""Values that mean something, put in place of random ones half of the time."""


@pytest.fixture(scope="module")
def address(runtime: Any, serve: Any) -> Iterator[str]:
    with serve(make_app(runtime, Access())) as url:
        yield url


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_whatever_is_asked_gets_an_answer_of_the_promised_shape(address, label):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        case = data.draw(OPERATIONS[label].as_strategy())
        known = data.draw(st.sampled_from(KNOWN))
        if "name" in (case.path_parameters or {}) and data.draw(st.booleans()):
            case.path_parameters["name"] = known["metric"]
        for name, values in (case.query or {}).items():
            if name in known and data.draw(st.booleans()):
                case.query[name] = [known[name]] if isinstance(values, list) else known[name]
        if isinstance(case.body, dict):
            if case.body.get("kind") is not None:
                case.body["kind"] = known["kind"]
            elif "sql" in case.body and data.draw(st.booleans()):
                case.body["sql"] = known["sql"]
        case.call_and_validate(base_url=address, checks=CHECKS, timeout=120)

    ask()


@pytest.mark.parametrize(
    "options",
    [
        {}, {"path": ""}, {"path": "/does/not/exist"}, {"path": "/etc/passwd"}, {"path": "\0"}, {"path": 7},
        {"path": "ext::sh -c true"}, {"path": "file:///does/not/exist"}, {"path": ".", "surprise": 1},
        {"path": "--upload-pack=true"}, {"path": "https://user:secret@127.0.0.1:9/x"}, {"path": ["a"]},
    ],
    ids=repr,
)  # fmt: skip
def test_a_strange_git_source_is_refused_or_added_as_unreachable_without_an_error_of_ours(house, options):
    answer = house.post("/api/v1/sources", json={"kind": "git", "options": options})
    assert answer.status_code in (201, 400)
    assert "secret" not in answer.text
    for one in house.get("/api/v1/sources").json():
        if one["source_id"] not in ("git:acme/shop",):
            house.ask("DELETE", "/api/v1/sources", params={"source": one["source_id"]})


@pytest.mark.parametrize(
    "sql", ["", " ", ";", "SELECT", "SELECT 1; SELECT 2", "SELECT '\0'", "SELECT {x:String}", "/*"]
)
def test_sql_that_is_none_gets_a_problem_document(house, sql):
    answer = house.post("/api/v1/query", json={"sql": sql})
    assert answer.status_code in (200, 400, 422)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_operation_and_model_says_what_it_is_for():
    for operation in operations(DOCUMENT):
        assert operation.summary, operation.path
    for model in models(DOCUMENT):
        if not model.name.startswith("Body_"):
            assert model.description or model.values, model.name


def test_the_reference_page_shows_every_operation_and_model(house):
    text = house.page("/api/docs")
    for operation in operations(DOCUMENT):
        assert f"{operation.method} {operation.path}" in text
    for model in models(DOCUMENT):
        assert f'id="model-{model.name}"' in text


def test_no_model_is_named_after_a_module_of_ours():
    """FastAPI does that to two models of one name: then the published name moves with the code."""
    assert [name for name in DOCUMENT["components"]["schemas"] if "__" in name] == []
