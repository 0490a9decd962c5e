"""Who reports: the first line of a stream of intake v2, and the service that an event may name instead.

Source: the JSON schemas of elastic/apm-data, docs/spec/v2 (``metadata.json``, ``service.json``).
"""

from __future__ import annotations

from typing import Any

import msgspec

Text = str | None
Tags = dict[str, Any] | None


class Named(msgspec.Struct, frozen=True, gc=False):
    """A name and a version: of an agent, a language, a runtime, a framework."""

    name: Text = None
    version: Text = None
    ephemeral_id: Text = None


class Node(msgspec.Struct, frozen=True, gc=False):
    """Which of a service's instances."""

    configured_name: Text = None


class Target(msgspec.Struct, frozen=True, gc=False):
    """What a span calls."""

    type: Text = None
    name: Text = None


class Service(msgspec.Struct, frozen=True, gc=False):
    """The service an event is of; one in an event's context overrides the one of the metadata."""

    name: Text = None
    version: Text = None
    environment: Text = None
    agent: Named | None = None
    language: Named | None = None
    runtime: Named | None = None
    framework: Named | None = None
    node: Node | None = None
    target: Target | None = None


class Process(msgspec.Struct, frozen=True, gc=False):
    """The process that reports."""

    pid: int | None = None
    ppid: int | None = None
    title: Text = None
    argv: list[str] | None = None


class System(msgspec.Struct, frozen=True, gc=False):
    """The host, container or pod that it runs in."""

    architecture: Text = None
    hostname: Text = None
    detected_hostname: Text = None
    configured_hostname: Text = None
    host_id: Text = None
    platform: Text = None
    container: dict[str, Any] | None = None
    kubernetes: dict[str, Any] | None = None


class User(msgspec.Struct, frozen=True, gc=False):
    """Who asked."""

    id: str | int | None = None
    username: Text = None
    email: Text = None
    domain: Text = None


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """The first line of a stream: what holds for all its events."""

    service: Service
    process: Process | None = None
    system: System | None = None
    user: User | None = None
    cloud: dict[str, Any] | None = None
    labels: Tags = None
