"""The requests that ServiceNow's own client for Python makes of the Table API (``pysnc``), read out of its text.

ServiceNow publishes no description of the Table API; what its client asks for is at least what it takes. Of answers the
client says no more than that a field is a value and what people see of it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from npm_packages import where_had
from pypi_wheels import wheel

PACKAGE = "pysnc==1.2.1"


@dataclass(frozen=True)
class Published:
    """What the client asks for.

    Attributes:
        path: pattern of the path of a table.
        parameters: names of parameters.
    """

    path: str
    parameters: frozenset[str]

    def violations(self, path: str, query: Iterable[str]) -> Iterator[str]:
        """How a request differs from the client's.

        Args:
            path: of the request.
            query: names of its parameters.
        """
        if not re.fullmatch(self.path, path):
            yield f"there is no {path}"
        yield from (f"no parameter {one}" for one in query if one not in self.parameters)


@where_had
def published() -> Published:
    """The client's requests."""
    with zipfile.ZipFile(wheel(PACKAGE)) as packed:
        text = "".join(packed.read(f"pysnc/{name}.py").decode() for name in ("client", "record"))
    (path,) = set(re.findall(r'"\{url\}(/api/now/table)/\{table\}"', text))
    return Published(rf"{path}/\w+", frozenset(re.findall(r"\bsysparm_\w+", text)))
