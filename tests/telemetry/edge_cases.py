"""Reads ``golden/edges.txt``: what services report, and the edges that follow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from otlp_requests import Said, request

FILE = Path(__file__).parent / "golden" / "edges.txt"
_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


@dataclass
class Case:
    title: str
    spans: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)


def cases() -> list[Case]:
    found: list[Case] = []
    into: list[str] = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            found.append(Case(line[3:]))
            into = found[-1].spans
        elif line == "--":
            into = found[-1].edges
        elif line and not line.startswith("#"):
            into.append(line)
    return found


def reported(line: str, example: int):
    """One span as its service reports it: in the environment and the traces of an example."""
    service, kind, span, *rest = line.split()
    trace, took, start, error, parent, links, attributes = "1", 10.0, 0.0, False, "", [], {}
    for word in rest:
        if word.startswith("<"):
            parent = word[1:]
        elif word.startswith("~"):
            links.append(word[1:])
        elif re.fullmatch(r"\+\d+", word):
            start = float(word) * 60_000
        elif word == "!error":
            error = True
        else:
            key, _, value = word.partition("=")
            if key == "ms":
                took = float(value)
            elif key == "trace":
                trace = value
            else:
                attributes[key] = value
    said = Said(
        _id(span), f"{service} {span}", start, took, _id(parent) if parent else "", _trace(trace, example),
        _KINDS[kind], error, attributes, links=[(_trace("1", example), _id(link)) for link in links],
    )  # fmt: skip
    return request(service, said, resource={"deployment.environment.name": f"example-{example}"})


def _id(name: str) -> str:
    return f"{ord(name):016x}"


def _trace(name: str, example: int) -> str:
    return f"{example:016x}{int(name):016x}"
