"""GitHub's own published description of its API, and what the tests take from it.

Nothing of it is kept in this repository: the npm packages are installed once into a cache folder. The
description is cut down to the requests ktlo makes, so that Prism starts in two seconds instead of thirty.
"""

import copy
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs
import npm_packages
from graphql import GraphQLSchema, build_schema

PACKAGES = {
    "@octokit/openapi": "23.0.2",
    "@octokit/graphql-schema": "15.26.1",
    "@octokit/webhooks-examples": "7.6.1",
    "@stoplight/prism-cli": "5.16.0",
}
ROOT = "/repos/{owner}/{repo}"
PATHS = (
    "/rate_limit",
    ROOT,
    *(
        ROOT + path
        for path in (
            "/issues",
            "/issues/events",
            "/issues/comments",
            "/issues/{issue_number}",
            "/pulls",
            "/pulls/{pull_number}",
            "/pulls/{pull_number}/reviews",
            "/releases",
            "/deployments",
            "/deployments/{deployment_id}/statuses",
            "/actions/runs",
        )
    ),
)


def install() -> Path:
    """See :func:`npm_packages.install`."""
    return npm_packages.install("github-description", PACKAGES)


def _cut(description: dict[str, Any]) -> dict[str, Any]:
    """The description of PATHS and of what they refer to."""
    paths = {path: {"get": description["paths"][path]["get"]} for path in PATHS}
    components: dict[str, dict[str, Any]] = {}

    def gather(part: Any) -> None:
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/components/"):
                _, _, kind, name = reference.split("/", 3)
                if name not in components.setdefault(kind, {}):
                    components[kind][name] = description["components"][kind][name]
                    gather(components[kind][name])
            for value in part.values():
                gather(value)
        elif isinstance(part, list):
            for value in part:
                gather(value)

    gather(paths)
    kept = {key: description[key] for key in ("openapi", "info", "servers")}
    return {**kept, "paths": paths, "components": components}


def _as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0 writes null as ``nullable``, which JSON Schema does not know."""
    if isinstance(part, list):
        return [_as_json_schema(value) for value in part]
    if not isinstance(part, dict):
        return part
    said = {key: _as_json_schema(value) for key, value in part.items() if key not in ("example", "examples")}
    if said.pop("nullable", False) is True:
        return {"anyOf": [{"type": "null"}, said]}
    return said


@dataclass
class Published:
    """What GitHub publishes, read once."""

    modules: Path
    _validators: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def description(self) -> dict[str, Any]:
        cut = self.modules.parent / "cut.json"
        mark = json.dumps([PATHS, PACKAGES])
        if cut.is_file():
            said = json.loads(cut.read_text())
            if said.get("x-cut") == mark:
                return said
        whole = json.loads((self.modules / "@octokit/openapi/generated/api.github.com.json").read_text())
        said = {**_cut(whole), "x-cut": mark}
        cut.write_text(json.dumps(said))
        return said

    @property
    def file(self) -> Path:
        assert self.description
        return self.modules.parent / "cut.json"

    @cached_property
    def webhooks(self) -> dict[str, list[dict[str, Any]]]:
        said = json.loads((self.modules / "@octokit/webhooks-examples/api.github.com/index.json").read_text())
        return {event["name"]: event["examples"] for event in said}

    @cached_property
    def graphql(self) -> GraphQLSchema:
        text = (self.modules / "@octokit/graphql-schema/schema.graphql").read_text()
        return build_schema(text, assume_valid=True)

    def operation(self, path: str) -> dict[str, Any]:
        return self.description["paths"][path]["get"]

    def parameters(self, path: str) -> set[str]:
        known = self.description["components"]["parameters"]
        said = [
            known[p["$ref"].rpartition("/")[2]] if "$ref" in p else p
            for p in self.operation(path)["parameters"]
        ]
        return {parameter["name"] for parameter in said if parameter["in"] == "query"}

    def example(self, path: str) -> Any:
        """The published example answer; three of them break GitHub's own schema, which is mended here."""
        examples = self.operation(path)["responses"]["200"]["content"]["application/json"]["examples"]
        first = next(iter(examples.values()))
        if "$ref" in first:
            first = self.description["components"]["examples"][first["$ref"].rpartition("/")[2]]
        value = first["value"]
        if "$ref" in value:
            value = self.description["components"]["examples"][value["$ref"].rpartition("/")[2]]["value"]
        value = copy.deepcopy(value)
        for item in value if isinstance(value, list) else [value]:
            for repository in (item, item.get("source") or {}, item.get("parent") or {}):
                if "full_name" in repository:
                    repository.setdefault("language", None)
            if "requested_teams" in item:
                item["requested_teams"] = []
        return value

    def violations(self, path: str, answer: Any) -> list[str]:
        """How an answer breaks the published schema of its path."""
        if path not in self._validators:
            schema = self.operation(path)["responses"]["200"]["content"]["application/json"]["schema"]
            whole = {**schema, "components": {"schemas": self.description["components"]["schemas"]}}
            self._validators[path] = jsonschema_rs.Draft4Validator(_as_json_schema(whole))
        return [
            f"{'/'.join(map(str, e.instance_path))}: {e.message}"
            for e in self._validators[path].iter_errors(answer)
        ]
