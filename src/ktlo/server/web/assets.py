"""Style sheet, scripts and logo, served from the wheel: cached for good by the digest of their content.

Pages ask ``/static/ktlo.css?v=DIGEST``. What is asked without the digest (modules that import each other)
is kept by the browser too, but asked for again with its ETag.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"


@functools.cache
def digest() -> str:
    """Twelve hexadecimal digits that change when any asset changes."""
    seen = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            seen.update(path.relative_to(FOLDER).as_posix().encode())
            seen.update(path.read_bytes())
    return seen.hexdigest()[:12]


class Assets(StaticFiles):
    """Static files with the caching described above."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer one file."""
        response = await super().get_response(path, scope)
        named = f"v={digest()}".encode() in scope.get("query_string", b"").split(b"&")
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if named else "public, no-cache"
        )
        return response
