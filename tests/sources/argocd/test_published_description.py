"""The applications of the tests are as Argo CD describes them, and the shipped template asks for what they have."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from argocd_published import Published, published
from test_argocd import TEN, application, config_map

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def description() -> Published:
    found = published()
    if found is None:
        pytest.skip("npm cannot have @kubernetes-models/argo-cd: applications are not held against it")
    return found


@pytest.mark.parametrize("number", range(len(TEN)))
def test_the_ten_applications_are_as_argo_describes_them(description: Published, number: int) -> None:
    assert list(description.violations(TEN[number][0])) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("status__operationState__phase", 1, "phase"),
        ("status__operationState__startedAt", None, "startedAt"),
        ("status__operationState__operation__sync", {"autoHealAttemptCount": 1}, "autoHealAttemptCount"),
        ("status__summary", {"images": "velero:1"}, "images"),
        ("status__healthy", True, "healthy"),
    ],
)
def test_an_application_of_another_form_is_told(
    description: Published, path: str, value: Any, told: str
) -> None:
    assert told in " ".join(description.violations(application(**{path: value})))


def test_the_shipped_template_asks_for_what_an_application_has(description: Published) -> None:
    body = yaml.safe_load(config_map()["template.ktlo"])["webhook"]["ktlo"]["body"]
    asked, within = set(), ""
    for said in re.findall(r"\{\{-?(.*?)-?\}\}", body):
        if match := re.search(r"with \.app\.([\w.]+)", said):
            within = match[1]
            asked.add(within)
        elif said.strip() == "end":
            within = ""
        elif match := re.search(r"toJson \.app\.([\w.]+)", said):
            asked.add(match[1])
        elif match := re.search(r"toJson \.(\w+)", said):
            asked.add(f"{within}.{match[1]}")
    assert len(asked) > 15
    # Of Kubernetes, which describes it.
    own = {one for one in asked if not one.startswith("metadata.")}
    assert not [one for one in sorted(own) if not description.has(one)]
    assert not description.has("status.operationState.operation.sync.autoHealAttemptCount")
