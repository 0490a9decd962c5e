"""Reads OpenVEX: what somebody states about a vulnerability in a product, and whether it answers for a finding.

Only statements whose product (or subcomponent) is the dependency itself count; the newest one about it wins.
Source of the format: OpenVEX 0.2.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ktlo.errors import UserError
from ktlo.guard.finding import Finding
from ktlo.guard.package_url import same_package
from ktlo.guard.vulnerabilities.aliases import is_named

_LARGEST = 64 * 1024 * 1024
JUSTIFICATIONS = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)
"""OpenVEX's words for why something is not affected."""
_STATUSES = ("not_affected", "affected", "fixed", "under_investigation")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        names: the vulnerability's identifiers.
        products: purls the statement is about; subcomponents where given.
        status: ``not_affected``, ``affected``, ``fixed``, ``under_investigation``.
        why: justification or impact statement; ``not_affected`` needs one.
        time: RFC 3339 moment, the document's when the statement has none.
        document: file it is from.
    """

    names: frozenset[str]
    products: tuple[str, ...]
    status: str
    why: str
    time: str
    document: str


class _Thing(msgspec.Struct):
    id: str = msgspec.field(default="", name="@id")
    identifiers: dict[str, str] = msgspec.field(default_factory=dict)
    subcomponents: tuple[_Thing, ...] = ()


class _Vulnerability(msgspec.Struct):
    id: str = msgspec.field(default="", name="@id")
    name: str = ""
    aliases: tuple[str, ...] = ()


class _Statement(msgspec.Struct):
    vulnerability: _Vulnerability
    status: str
    products: tuple[_Thing, ...] = ()
    justification: str = ""
    impact_statement: str = ""
    timestamp: str = ""


class _Document(msgspec.Struct):
    statements: tuple[_Statement, ...]
    context: str = msgspec.field(default="", name="@context")
    timestamp: str = ""


def read_openvex(file: Path) -> tuple[Statement, ...]:
    """Read an OpenVEX document.

    Raises:
        UserError: it cannot be read, is not OpenVEX, or states something the format does not allow.
    """
    where = str(file)
    try:
        if file.stat().st_size > _LARGEST:
            raise UserError("the VEX file is larger than 64 MiB", where=where)
        document = msgspec.json.decode(file.read_bytes(), type=_Document)
    except OSError as error:
        raise UserError(
            f"the VEX file cannot be read: {error.strerror}", where=where, fix="Check guard.vex in ktlo.yaml"
        ) from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UserError(f"this is not an OpenVEX document: {error}", where=where) from error
    if "openvex" not in document.context:
        raise UserError("this is not an OpenVEX document: its @context says otherwise", where=where)
    return tuple(
        _statement(given, document, f"{where}: statement {number}")
        for number, given in enumerate(document.statements, 1)
    )


def _statement(given: _Statement, document: _Document, where: str) -> Statement:
    said = given.vulnerability
    names = frozenset(filter(None, (said.name, said.id.rstrip("/").rsplit("/", 1)[-1], *said.aliases)))
    why = given.justification or given.impact_statement
    if not names or given.status not in _STATUSES:
        raise UserError("a VEX statement needs a vulnerability and a known status", where=where)
    if given.status == "not_affected" and not why:
        raise UserError(
            "not_affected needs a justification or an impact statement, as OpenVEX asks", where=where
        )
    return Statement(
        names=names,
        products=tuple(purl for thing in given.products for purl in _purls(thing)),
        status=given.status,
        why=why,
        time=given.timestamp or document.timestamp,
        document=where,
    )


def _purls(thing: _Thing) -> list[str]:
    """Purls a product stands for: its subcomponents', which the statement is limited to, else its own."""
    about = thing.subcomponents or (thing,)
    given = [text for one in about for text in (one.id, one.identifiers.get("purl", ""))]
    return [text for text in given if text.startswith("pkg:")]


def answer(finding: Finding, statements: Sequence[Statement]) -> Statement | None:
    """The statement that answers for a finding: the newest about it, if it says not affected or fixed."""
    facts: dict[str, Any] = finding.properties
    if "package" not in facts:
        return None
    identity = frozenset((finding.rule, *finding.aliases))
    about = [
        one
        for one in statements
        if is_named(identity, finding.rule, one.names)
        and any(
            same_package(purl, facts["ecosystem"], facts["package"], facts["version"])
            for purl in one.products
        )
    ]
    newest = max(about, key=lambda one: one.time, default=None)
    return newest if newest is not None and newest.status in ("not_affected", "fixed") else None
