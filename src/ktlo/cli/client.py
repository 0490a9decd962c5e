"""One way for every command to ask: over HTTP when a server has the store open, else in this process.

Both speak to the same application, so a command behaves the same with and without a server.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from ktlo.errors import KtloError, NotFoundError, StoreError, UserError
from ktlo.settings import PORT, data_folder, find_settings_file, load_settings

API = "/api/v1"

Parameters = Mapping[str, str | int | float | Sequence[str] | None]


class Client:
    """Asks a ktlo.

    Args:
        http: a client whose base URL is the server's.
        portal: runs the in-process application; ``None`` over the network.
    """

    def __init__(self, http: httpx.Client | Any) -> None:
        self._http = http

    def get(self, path: str, params: Parameters | None = None) -> Any:
        """Answer of a GET as JSON."""
        return self._json(self._http.get(API + path, params=_clean(params)))

    def post(self, path: str, body: Any = None, params: Parameters | None = None) -> Any:
        """Answer of a POST as JSON."""
        return self._json(self._http.post(API + path, json=body, params=_clean(params)))

    def delete(self, path: str, params: Parameters | None = None) -> None:
        """A DELETE."""
        self._json(self._http.delete(API + path, params=_clean(params)))

    def raw(self, path: str, body: Any = None, params: Parameters | None = None) -> bytes:
        """Body of an answer of the API as it is (files); a POST when there is a body to send."""
        if body is None:
            answer = self._http.get(API + path, params=_clean(params))
        else:
            answer = self._http.post(API + path, json=body, params=_clean(params))
        self._raise(answer)
        return bytes(answer.content)

    def text(self, path: str, params: Parameters | None = None) -> bytes:
        """Raw body of a GET outside the API (reports)."""
        answer = self._http.get(path, params=_clean(params))
        self._raise(answer)
        return bytes(answer.content)

    def _json(self, answer: httpx.Response) -> Any:
        self._raise(answer)
        return answer.json() if answer.content else None

    def _raise(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        try:
            problem = answer.json()
        except ValueError:
            problem = {"title": answer.text[:200] or answer.reason_phrase}
        kind: type[KtloError] = UserError
        if answer.status_code == 404:
            kind = NotFoundError
        elif answer.status_code >= 500:
            kind = StoreError
        raise kind(
            problem.get("title", "the server refused"),
            where=problem.get("where", ""),
            fix=problem.get("fix", ""),
        )


def _clean(params: Parameters | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value not in (None, "", (), [])}


class _InProcess:
    """The application without a network: each request runs on one event loop of its own thread."""

    def __init__(self, app: Any, portal: Any) -> None:
        self._portal = portal
        # Where `ktlo up` will be reached, for the addresses that answers name.
        base_url = f"http://127.0.0.1:{PORT}"
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url)

    def get(self, path: str, params: Any = None) -> httpx.Response:
        return self._send("GET", path, params, None)

    def post(self, path: str, json: Any = None, params: Any = None) -> httpx.Response:
        return self._send("POST", path, params, json)

    def delete(self, path: str, params: Any = None) -> httpx.Response:
        return self._send("DELETE", path, params, None)

    def _send(self, method: str, path: str, params: Any, json: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            return await self._client.request(method, path, params=params, json=json)

        answer: httpx.Response = self._portal.call(send)
        return answer


@contextlib.contextmanager
def connect(data: Path | None = None, config: Path | None = None) -> Iterator[Client]:
    """Reach the ktlo of a data folder; opens it here when no server runs.

    Raises:
        UserError: the settings are wrong, the server extra is missing, or another process has the store.
    """
    require_server_extra()
    from ktlo.server.address import find

    folder = data_folder(data)
    address = find(folder)
    if address is not None:
        headers = {"authorization": f"Bearer {address.token}"} if address.token else {}
        with httpx.Client(base_url=address.url, headers=headers, timeout=120) as http:
            try:
                yield Client(http)
            except httpx.TransportError as error:
                raise StoreError(
                    f"the server does not answer: {error}",
                    where=address.url,
                    fix="Stop it (it may hang) and start `ktlo up` again",
                ) from error
        return
    from anyio.from_thread import start_blocking_portal

    from ktlo.server.app import make_app
    from ktlo.server.runtime import Runtime
    from ktlo.server.security import Access

    file = find_settings_file(config)
    runtime = Runtime(load_settings(file), folder, file)
    try:
        with start_blocking_portal() as portal:
            yield Client(_InProcess(make_app(runtime, Access()), portal))
    finally:
        runtime.close()


def require_server_extra() -> None:
    """Say what to install when this is the light base install.

    Raises:
        UserError: the engine is not installed.
    """
    import importlib.util

    if importlib.util.find_spec("chdb") is None or importlib.util.find_spec("fastapi") is None:
        raise UserError(
            "this command needs the server part of ktlo, which is not installed",
            fix="Install it: pip install 'ktlo[server]' (or: uv tool install 'ktlo[server]')",
        )
