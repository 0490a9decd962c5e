"""Atlassian's published description of Jira Data Center, as types that a program carries which is made from it.

The npm package @atlassian-dc-mcp/jira holds what openapi-typescript-codegen made of Atlassian's description of Data
Center (its folder ``jira-client``). What else it is, and what it depends on, is not needed and not installed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import npm_packages
from jira_published import Published
from npm_packages import SCHEMAS_OF_TYPES

CLIENT = "@atlassian-dc-mcp/jira"
PACKAGES = {CLIENT: "0.34.0", **SCHEMAS_OF_TYPES}
NEEDED_BY_IT = ("@atlassian-dc-mcp/common", "@modelcontextprotocol/sdk", "dotenv", "zod")
INSTEAD = {CLIENT: dict.fromkeys(NEEDED_BY_IT, "npm:tslib@2.8.1")}
ANSWERS = {
    "/serverInfo": "ServerInfoBean",
    "/myself": "UserBean",
    "/status": "StatusJsonBean[]",
    "/field": "FieldBean[]",
    "/search": "SearchResultsBean",
    "/issue/{issueIdOrKey}": "IssueBean",
    "/issue/{issueIdOrKey}/comment": "CommentsWithPaginationJsonBean",
    "/issue/{issueIdOrKey}/worklog": "WorklogWithPaginationBean",
    "/project/{projectIdOrKey}": "ProjectBean",
}
"""The answers to what ktlo asks; of lists the package has kept the type of the item only."""
FIELDS = {
    "issuetype": "IssueTypeJsonBean",
    "priority": "PriorityJsonBean",
    "status": "StatusJsonBean",
    "resolution": "ResolutionJsonBean",
    "assignee": "UserJsonBean",
    "reporter": "UserJsonBean",
    "project": "ProjectJsonBean",
    "components": "ComponentBean",
    "comment": "CommentsWithPaginationJsonBean",
    "worklog": "WorklogWithPaginationBean",
}
"""What a field of an issue holds."""
NAMES = sorted({name.removesuffix("[]") for name in (*ANSWERS.values(), *FIELDS.values())})


def _described(folder: Path) -> str:
    client = f"./node_modules/{CLIENT}/src/jira-client"
    imports = [f"import type {{ {name} }} from '{client}/models/{name}';" for name in NAMES]
    wanted = "".join(f"{name}: {name};" for name in NAMES)
    text = "\n".join([*imports, f"export interface Published {{ {wanted} }}"])
    definitions = json.loads(npm_packages.schemas_of_types(folder, text))["definitions"]
    # Fields hold anything: the package has each as an object, which a summary is not.
    definitions["IssueBean"]["properties"]["fields"] = {"type": "object"}
    for name in ("from", "fromString", "to", "toString"):  # of nothing, or to nothing: as Cloud describes it
        definitions["ChangeItemBean"]["properties"][name] = {"type": ["string", "null"]}
    values = {name: {"$ref": f"#/definitions/{name}", "definitions": definitions} for name in NAMES}
    requests = {}
    services = "".join(one.read_text() for one in sorted((folder / client / "services").glob("*.ts")))
    for path, answer in ANSWERS.items():
        found = re.search(
            rf"method: 'GET',\s+url: '/api/2{re.escape(path)}',(.*?)\}}\);", services, re.DOTALL
        )
        assert found, f"the package knows no {path}"
        query = re.search(r"query: \{(.*?)\}", found[1], re.DOTALL)
        schema = values[answer.removesuffix("[]")]
        requests[f"GET /rest/api/2{path}"] = {
            "query": re.findall(r"'(\w+)':", query[1]) if query else [],
            "body": [],
            "answer": {"type": "array", "items": {"$ref": schema["$ref"]}, "definitions": definitions}
            if answer.endswith("[]")
            else schema,
        }
    return json.dumps({"requests": requests, "values": values})


@npm_packages.where_had
def data_center() -> Published:
    """Of Data Center."""
    modules = npm_packages.install("jira-data-center-description", PACKAGES, INSTEAD)
    return Published(npm_packages.described(modules, Path(__file__).read_text(), _described), FIELDS)
