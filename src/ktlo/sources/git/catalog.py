"""Reads the components that a Backstage ``catalog-info.yaml`` declares. Pure: bytes in, records out.

Format: "Descriptor Format of Catalog Entities", backstage.io. Only names, kinds, owners and annotations are
taken; nothing is followed or fetched.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from ktlo.records.services import CatalogEntry
from ktlo.sources.git.manifests import ManifestError
from ktlo.sources.git.place import Name

LARGEST = 256 * 1024
"""Bytes of a catalogue file that is read."""
_FILE = re.compile(r"(?:^|/)catalog-info\.ya?ml$")


def is_catalog(path: str) -> bool:
    """True when a path names a catalogue file."""
    return _FILE.search(path) is not None


def entries(name: Name, path: str, content: bytes) -> list[CatalogEntry]:
    """Components that the file declares, each name once.

    Raises:
        ManifestError: it is not YAML, or larger than is read.
    """
    if len(content) > LARGEST:
        raise ManifestError("it is larger than 256 KiB")
    try:
        documents = list(yaml.safe_load_all(content))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestError(f"it is not YAML ({str(error).splitlines()[0][:120]})") from error
    found: dict[str, CatalogEntry] = {}
    for document in documents:
        if not isinstance(document, dict):
            continue
        metadata = _mapping(document.get("metadata"))
        called = metadata.get("name")
        if not isinstance(called, str) or not called:
            continue
        owner = _mapping(document.get("spec")).get("owner")
        found.setdefault(
            called,
            CatalogEntry(
                source=name.source_id,
                repository=name.repository,
                path=path,
                name=called,
                kind=_scalar(document.get("kind")),
                owner=_scalar(owner),
                annotations={
                    str(key)[:200]: _scalar(value)
                    for key, value in list(_mapping(metadata.get("annotations")).items())[:200]
                },
            ),
        )
    return list(found.values())


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _scalar(value: Any) -> str:
    return str(value)[:500] if isinstance(value, str | int | float | bool) else ""
