"""What an Application of Argo CD is: the types of the npm package @kubernetes-models/argo-cd, made from Argo CD's own.

ts-json-schema-generator writes them as JSON Schema once; that is kept in the cache folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import npm_packages
from npm_packages import SCHEMAS_OF_TYPES, schemas_of_types

PACKAGES = {"@kubernetes-models/argo-cd": "4.0.0", **SCHEMAS_OF_TYPES}
WANTED = """
import type { IApplication } from '@kubernetes-models/argo-cd/argoproj.io/v1alpha1/Application';
export interface Published { application: IApplication; }
"""


class Published:
    """What Argo CD publishes of its applications.

    Args:
        modules: folder of the installed packages.
    """

    def __init__(self, modules: Path) -> None:
        said = npm_packages.described(modules, WANTED, lambda folder: schemas_of_types(folder, WANTED))
        self._definitions: dict[str, Any] = said["definitions"]
        self._application = jsonschema_rs.Draft7Validator(
            {"$ref": "#/definitions/IApplication", "definitions": self._definitions}
        )

    def violations(self, application: Any) -> Iterator[str]:
        """How an application breaks the description; what is not described is refused."""
        for error in self._application.iter_errors(application):
            yield f"{'/'.join(map(str, error.instance_path))}: {error.message}"

    def has(self, path: str) -> bool:
        """Whether there may be something at a path below an application: ``status.health``."""
        part: Any = {"$ref": "#/definitions/IApplication"}
        for name in path.split("."):
            while "$ref" in part:
                part = self._definitions[
                    part["$ref"].rpartition("/")[2].replace("%3C", "<").replace("%3E", ">")
                ]
            if name not in part.get("properties", {}):
                return False
            part = part["properties"][name]
        return True


@npm_packages.where_had
def published() -> Published:
    """The description."""
    return Published(npm_packages.install("argocd-description", PACKAGES))
