"""The metadata of a stream as an OTLP resource and scope; a service in an event's context takes its place."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from ktlo.receivers.elastic.attributes import put, put_all, put_user
from ktlo.receivers.elastic.reporter import Metadata, Process, Service, System

_SYSTEMS = {"win32": "windows", "sunos": "solaris"}
_ARCHITECTURES = {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64", "ia32": "x86"}
_CLOUD = {
    ("provider",): "cloud.provider",
    ("region",): "cloud.region",
    ("availability_zone",): "cloud.availability_zone",
    ("account", "id"): "cloud.account.id",
    ("account", "name"): "cloud.account.name",
    ("project", "id"): "cloud.project.id",
    ("project", "name"): "cloud.project.name",
    ("instance", "id"): "cloud.instance.id",
    ("instance", "name"): "cloud.instance.name",
    ("machine", "type"): "host.type",
    ("service", "name"): "cloud.service.name",
}
_IMAGE = (
    "container.image.name", "container.image.tags", "container.image.tag", "oci.manifest.digest",
    "container.image.repo_digests",
)  # fmt: skip
"""Elastic's agents put an underscore for each dot in the name of a label (apm-agent-python, enforce_label_format)."""
_KUBERNETES = {
    ("namespace",): "k8s.namespace.name",
    ("node", "name"): "k8s.node.name",
    ("pod", "name"): "k8s.pod.name",
    ("pod", "uid"): "k8s.pod.uid",
}


def problem_of(metadata: Metadata) -> str:
    """What a stream's first line lacks; empty when nothing."""
    service = metadata.service
    if not service.name:
        return "'metadata.service.name' required"
    if service.agent is None or not service.agent.name or not service.agent.version:
        return "'metadata.service.agent' with its name and version required"
    return ""


def resource_of(metadata: Metadata, instead: Service | None = None) -> Resource:
    """What reported an event.

    Args:
        metadata: the stream's first line.
        instead: the service of the event's context; its fields go before the metadata's.
    """
    made = Resource()
    into = made.attributes
    service = metadata.service
    other = instead or Service()
    put(into, "service.name", other.name or service.name)
    # Another service's version is its own, or unknown.
    put(into, "service.version", other.version or ("" if other.name else service.version))
    put(into, "deployment.environment.name", other.environment or service.environment)
    node = other.node or service.node
    put(into, "service.instance.id", node and node.configured_name)
    framework = other.framework or service.framework
    if framework is not None:
        put(into, "elastic.framework.name", framework.name)
        put(into, "elastic.framework.version", framework.version)
    put(into, "telemetry.sdk.name", "elastic-apm")
    put(into, "telemetry.sdk.language", service.agent and service.agent.name)
    put(into, "telemetry.sdk.version", service.agent and service.agent.version)
    runtime = other.runtime or service.runtime
    if runtime is not None:
        put(into, "process.runtime.name", runtime.name)
        put(into, "process.runtime.version", runtime.version)
    if metadata.process is not None:
        _process(into, metadata.process)
    if metadata.system is not None:
        _system(into, metadata.system)
    _paths(into, metadata.cloud, _CLOUD)
    if metadata.user is not None:
        put_user(into, metadata.user)
    put_all(into, metadata.labels)
    _image(into, metadata.labels or {})
    return made


def _image(into: Any, labels: dict[str, Any]) -> None:
    """The image, which intake v2 has no field for: from global labels of its attribute's name."""
    for name in _IMAGE:
        put(into, name, labels.get(name.replace(".", "_")))


def scope_of(metadata: Metadata) -> InstrumentationScope:
    """The agent, as the instrumentation that made the events."""
    agent = metadata.service.agent
    return InstrumentationScope(
        name=f"elastic-apm-{(agent and agent.name) or 'agent'}", version=(agent and agent.version) or ""
    )


def _process(into: Any, process: Process) -> None:
    put(into, "process.pid", process.pid)
    put(into, "process.parent_pid", process.ppid)
    put(into, "process.title", process.title)
    put(into, "process.command_args", process.argv)


def _system(into: Any, system: System) -> None:
    put(into, "host.name", system.configured_hostname or system.detected_hostname or system.hostname)
    put(into, "host.id", system.host_id)
    put(
        into,
        "host.arch",
        system.architecture and _ARCHITECTURES.get(system.architecture, system.architecture),
    )
    put(into, "os.type", system.platform and _SYSTEMS.get(system.platform.lower(), system.platform.lower()))
    _paths(into, system.container, {("id",): "container.id"})
    _paths(into, system.kubernetes, _KUBERNETES)


def _paths(into: Any, said: dict[str, Any] | None, names: dict[tuple[str, ...], str]) -> None:
    for path, name in names.items():
        found: Any = said
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, str | int):
            put(into, name, found)
