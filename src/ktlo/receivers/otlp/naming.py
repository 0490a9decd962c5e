"""How long a name may be: of services, operations, metrics, attributes, and of what else becomes a place or a choice.

A name stands in every roll-up, on pages, in URLs and in lists of choices, so that one of 64 KiB costs more than all it
tells. A longer one is cut and keeps a digest, so that two that begin alike stay two. Elastic's agents and keywords,
Mimir's and Loki's label names end at the same 1,024 characters; OpenTelemetry's SDKs have no limit of their own
("Attribute Limits": none by default).
"""

from __future__ import annotations

import hashlib

MOST_NAME = 1_024
"""Characters of a name that are kept, its digest included."""
MOST_STATE = 32 * 513
"""Characters of a span's tracestate that are kept: 32 members of a key and a value of 256 each (W3C Trace Context)."""
_DIGEST_BYTES = 8
_MARK = "…#"

NAMING_KEYS = frozenset(
    (
        "service.name", "service.namespace", "service.version", "service.instance.id", "host.name",
        "deployment.environment.name", "deployment.environment", "peer.service", "rpc.service", "db.system.name",
        "db.system", "db.namespace", "db.name", "server.address", "server.port", "net.peer.name", "net.peer.port",
        "http.host", "network.peer.address", "net.peer.ip", "net.sock.peer.addr", "messaging.system",
        "messaging.destination.template", "messaging.destination.name", "messaging.destination", "exception.type",
        "http.route", "code.function.name", "code.function", "code.namespace", "code.file.path", "code.filepath",
        "error.type", "ktlo.caller.function", "ktlo.module",
        "telemetry.sdk.name", "telemetry.sdk.language", "telemetry.distro.name",
        "container.image.name", "container.image.tag", "oci.manifest.digest",
    )
)  # fmt: skip
"""Attributes whose values name something: a service, an instance, a place on the map, a kind of error, a function."""


def named(name: str) -> str:
    """A name as it is kept: itself up to :data:`MOST_NAME` characters, else cut, with a digest of the whole."""
    if len(name) <= MOST_NAME:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{name[: MOST_NAME - len(_MARK) - len(digest)]}{_MARK}{digest}"


URL_KEYS = frozenset(("url.full", "http.url"))
"""Attributes whose host becomes a place on the map where nothing else names one."""


def url_named(url: str) -> str:
    """A URL whose host is no longer than a name may be: cut, with a digest in letters that a host may have."""
    begin = url.find("//") + 2 if "//" in url[:MOST_NAME] else 0
    end = next((at for at in range(begin, len(url)) if url[at] in "/?#"), len(url))
    if end - begin <= MOST_NAME:
        return url
    authority = url[begin:end]
    digest = hashlib.blake2b(authority.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    host = authority.rpartition("@")[2][: MOST_NAME - len(digest) - 1]
    return f"{url[:begin]}{host}-{digest}{url[end:]}"


def state_kept(state: str) -> str:
    """The members of a tracestate that are kept: whole ones from the left, which is where the newest are."""
    return state if len(state) <= MOST_STATE else state[: state.rfind(",", 0, MOST_STATE + 1) + 1].rstrip(",")


def cut_words(what: str) -> str:
    """What is said of names that were cut: ``what`` is one of them."""
    return f"{what} is longer than {MOST_NAME:,} characters; cut, with a digest of the whole"
