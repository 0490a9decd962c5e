"""Files that tools name as bills of materials: CycloneDX and SPDX share names, their content tells them apart."""

from __future__ import annotations

from ktlo.guard.lockfiles import cyclonedx, spdx
from ktlo.guard.lockfiles.documents import read_json
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError


def read(file: LockFile) -> Reading:
    """Reads a bill of materials in JSON."""
    content = read_json(file)
    if content.get("bomFormat") == "CycloneDX":
        return cyclonedx.read(file, content)
    if "spdxVersion" in content:
        return spdx.read(file, content)
    raise UnreadableError(
        "It is neither CycloneDX nor SPDX 2", fix="Write it as CycloneDX or SPDX 2.3 in JSON."
    )


def _refuse(file: LockFile) -> Reading:
    raise UnreadableError(
        f"Bills of materials are read in JSON, and {file.path.suffix} is not", fix="Write it in JSON."
    )


FORMAT = Format(
    "bill of materials", "any", ("bom.json", "sbom.json", "*.bom.json", "*.cdx.json", "*.spdx.json"), read
)  # fmt: skip
OTHER = Format(
    "bill of materials",
    "any",
    ("bom.xml", "*.cdx.xml", "*.spdx", "*.spdx.rdf", "*.spdx.yaml", "*.spdx.yml"),
    _refuse,
)
