"""Sentry's published description of its API: the types of the npm package @sentry/api, made from its OpenAPI.

ts-json-schema-generator writes them as JSON Schema once; that is kept in the cache folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import npm_packages
from npm_packages import SCHEMAS_OF_TYPES, schemas_of_types

PACKAGES = {"@sentry/api": "0.1.0", **SCHEMAS_OF_TYPES}
ORGANIZATION = "/api/0/organizations/[^/]+"
PATHS = {
    f"{ORGANIZATION}/issues/": "list",
    f"{ORGANIZATION}/issues/[^/]+/": "issue",
    f"{ORGANIZATION}/shortids/[^/]+/": "resolved",
}
WANTED = """
import type * as sentry from '@sentry/api';
export interface Published {
  list: sentry.ListAnOrganizationSissuesResponse;
  query: NonNullable<sentry.ListAnOrganizationSissuesData['query']>;
  issue: sentry.RetrieveAnIssueResponse;
  resolved: sentry.ResolveAShortIdResponse;
}
"""
EXPANDED = {
    *("inbox", "integrationIssues", "latestEventHasAttachments", "owners"),
    *("pluginActions", "pluginIssues", "sentryAppIssues", "sessionCount"),
}
"""What the list tells only when the parameter ``expand`` asks for it, and yet is described as always there."""
NOT_DESCRIBED = {"group"}
"""Parameters that Sentry's own program takes (``OrganizationGroupIndexEndpoint``), and its description leaves out."""


class Published:
    """What Sentry publishes of the requests that ktlo makes.

    Args:
        modules: folder of the installed packages.
    """

    def __init__(self, modules: Path) -> None:
        said = npm_packages.described(modules, WANTED, lambda folder: schemas_of_types(folder, WANTED))
        listed = said["definitions"]["ListAnOrganizationSissuesResponse"]["items"]
        listed["required"] = [name for name in listed["required"] if name not in EXPANDED]
        # Nobody is assigned: null, as "Retrieve an Issue" says; the other two forget it.
        for issue in (listed, said["definitions"]["ResolveAShortIdResponse"]["properties"]["group"]):
            assigned = issue["properties"]["assignedTo"]
            issue["properties"]["assignedTo"] = {"anyOf": [{"type": "null"}, assigned]}
        self._schemas = {
            name: jsonschema_rs.Draft7Validator({**one, "definitions": said["definitions"]})
            for name, one in said["definitions"]["Published"]["properties"].items()
        }

    def violations(self, path: str, query: Mapping[str, Sequence[str]], answer: Any) -> Iterator[str]:
        """How a request and its answer break the description.

        Args:
            path: of the request.
            query: values of its parameters by name.
            answer: what is answered.
        """
        kind = next((kind for described, kind in PATHS.items() if re.fullmatch(described, path)), None)
        if kind is None:
            yield f"there is no {path}"
            return
        said = {name: value[-1] for name, value in query.items() if name not in NOT_DESCRIBED}
        if kind == "list":
            typed = {name: int(value) if value.isdecimal() else value for name, value in said.items()}
            yield from self._told("query", typed)
        else:
            yield from (f"no parameter {name}" for name in said)
        yield from self._told(kind, answer)

    def _told(self, kind: str, value: Any) -> Iterator[str]:
        for error in self._schemas[kind].iter_errors(value):
            yield f"{kind} {'/'.join(map(str, error.instance_path))}: {error.message}"


@npm_packages.where_had
def published() -> Published:
    """The description."""
    return Published(npm_packages.install("sentry-description", PACKAGES))
