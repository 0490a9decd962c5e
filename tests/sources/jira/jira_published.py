"""Atlassian's published description of Jira Cloud and Service Management, as the npm package jira.js carries it.

jira.js is generated from Atlassian's OpenAPI description, and its authors hold it against a real site with
``AUDIT_SCHEMAS``, which refuses fields that are not described. One run of node asks its functions for which request
they would make, and writes the schemas of their answers as JSON Schema; these are kept in the cache folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import jsonschema_rs
import npm_packages

PACKAGES = {"jira.js": "6.2.0"}
FUNCTIONS = (
    "getServerInfo",
    "getCurrentUser",
    "getStatuses",
    "getFields",
    "searchAndReconsileIssuesUsingJql",
    "bulkFetchIssues",
    "getIssue",
    "getChangeLogs",
    "getComments",
    "getIssueWorklog",
    "getProject",
)
"""The functions of jira.js whose requests ktlo makes."""
FIELDS = {
    "summary": "Fields.summary",
    "issuetype": "Fields.issuetype",
    "priority": "Fields.priority",
    "status": "Fields.status",
    "assignee": "Fields.assignee",
    "reporter": "UserDetails",
    "description": "Document",
    "resolution": "Resolution",
    "project": "ProjectDetails",
    "components": "ProjectComponent",
    "comment": "PageOfComments",
    "worklog": "PageOfWorklogs",
    "sd-servicelevelagreement": "SlaInformation",
    "sd-customerrequesttype": "CustomerRequest",
}
"""What a field of an issue holds, by its name or its type; that of an issue's own description is ``Fields``."""

DESCRIBE = """
import { z } from 'zod';
const [functions, objects] = JSON.parse(process.argv[1]);
const cloud = await import('jira.js/cloud'), desk = await import('jira.js/serviceDesk');
const override = ({ zodSchema, jsonSchema }) => {
  if (zodSchema._zod.def.type === 'date') jsonSchema.type = 'string';
};
const written = (schema) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override });
const parameters = new Proxy({}, { get: (_, name) => `{${String(name)}}` });
const requests = {};
for (const name of functions) {
  const asked = await cloud[name]({ sendRequest: (request) => request }, parameters);
  requests[`${asked.method} ${asked.url}`] = {
    query: Object.keys(asked.searchParams ?? {}), body: Object.keys(asked.body ?? {}), answer: written(asked.schema),
  };
}
const values = {};
for (const name of objects) {
  const [object, field] = name.split('.');
  const schema = cloud[`${object}Schema`] ?? desk[`${object}Schema`];
  values[name] = written(field ? schema.shape[field] : schema);
}
process.stdout.write(JSON.stringify({ requests, values }));
"""


class Published:
    """What Atlassian publishes of the requests that ktlo makes.

    Args:
        said: ``requests``: names of parameters, names of the body, schema of the answer; ``values``: schemas.
        fields: which of the values a field of an issue holds.
    """

    def __init__(self, said: Mapping[str, Any], fields: Mapping[str, str]) -> None:
        self._fields = fields
        self._requests: Mapping[str, Any] = said["requests"]
        self._answers = {name: _validator(one["answer"]) for name, one in self._requests.items()}
        self._values = {name: _validator(one) for name, one in said["values"].items()}

    def violations(
        self,
        method: str,
        path: str,
        query: Collection[str],
        body: Collection[str],
        answer: Any,
        types: dict[str, str],
    ) -> Iterator[str]:
        """How a request and its answer break the description.

        Args:
            method: of the request.
            path: of the request.
            query: names of its parameters.
            body: names of what its body says.
            answer: what is answered.
            types: types of the fields that are the installation's own, by identifier.
        """
        name = next((one for one in self._requests if _fits(one, f"{method} {path}")), None)
        if name is None:
            yield f"there is no {method} {path}"
            return
        described = self._requests[name]
        yield from (f"no parameter {one}" for one in query if one not in described["query"])
        yield from (f"the body has no {one}" for one in body if one not in described["body"])
        yield from _told(self._answers[name], answer, "")
        issues = answer.get("issues") or [answer] if isinstance(answer, dict) else []
        for issue in issues:
            for field, value in issue.get("fields", {}).items():
                kind = self._fields.get(types.get(field, field))
                if kind is not None and value is not None:
                    for one in value if field == "components" else [value]:
                        yield from _told(self._values[kind], one, f"{issue.get('key')} {field} ")


def _fits(described: str, asked: str) -> bool:
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(described)), asked) is not None


def _told(validator: Any, value: Any, where: str) -> Iterator[str]:
    for error in validator.iter_errors(value):
        yield f"{where}{'/'.join(map(str, error.instance_path))}: {error.message}"


def _validator(schema: Any) -> Any:
    return jsonschema_rs.validator_for(schema)


@npm_packages.where_had
def cloud() -> Published:
    """Of Cloud."""
    modules = npm_packages.install("jira-description", PACKAGES)
    wanted = json.dumps([FUNCTIONS, sorted(set(FIELDS.values()))])
    command = ("--input-type=module", "--eval", DESCRIBE, wanted)
    return Published(
        npm_packages.described(
            modules,
            DESCRIBE + wanted,
            lambda folder: npm_packages.node(folder, *command, AUDIT_SCHEMAS="true"),
        ),
        FIELDS,
    )
