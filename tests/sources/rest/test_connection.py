"""An address at which nobody ever answered is said soon and in words; one that answered before gets patience."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from ktlo.errors import KtloError, SourceError
from ktlo.sources.rest.connection import Connection, Manners
from ktlo.sources.rest.quota import World

MANNERS = Manners(service="Forge", renewal="", base_help="Check `url` and proxies")


def world(waits: list[float]) -> World:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return World(now=lambda: 1_800_000_000.0, sleep=sleep, chance=lambda: 0.5)


def asked(base: str, transport: httpx.AsyncBaseTransport | None = None, before: int = 0) -> tuple[str, int]:
    """What is said, and after how many pauses."""
    waits: list[float] = []

    async def ask() -> None:
        async with Connection(base, MANNERS, {}, world(waits), transport) as connection:
            for _ in range(before + 1):
                await connection.get("/projects")

    with pytest.raises(SourceError) as caught:
        asyncio.run(ask())
    assert caught.value.fix in (MANNERS.base_help, "The next run continues from here")
    return caught.value.what, len(waits)


def test_a_port_where_nobody_listens_is_said_after_two_tries():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    said, pauses = asked(f"http://127.0.0.1:{port}")
    assert said == "Forge cannot be reached: nobody listens at that address (connection refused)"
    assert pauses == 1


def test_a_name_that_is_not_known_is_said_so():
    assert asked("http://no-such-host.invalid")[0] == "Forge cannot be reached: its name is not known"


def test_a_service_that_answered_before_is_tried_again_as_often_as_ever():
    class Gone(httpx.AsyncBaseTransport):
        asked = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.asked += 1
            if self.asked == 1:
                return httpx.Response(200, json=[], request=request)
            raise httpx.ConnectError("Bearer secret", request=request)

    said, pauses = asked("http://forge.example", Gone(), before=1)
    assert "5 times in a row" in said
    assert "secret" not in said
    assert pauses == 4


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (
            401,
            {"Authorization": "Bearer x"},
            "Forge does not accept the token (401): it is mistyped, expired or revoked",
        ),
        (401, {}, "Forge wants a token (401), and none is given"),
        (403, {}, "Forge refuses (403): no reason given"),
        (404, {}, "Forge says 404: not found"),
    ],
)
def test_a_refusal_says_at_which_address_and_what_to_do(status, headers, said):
    manners = Manners(service="Forge", renewal="Make another token", base_help="Check `url` and proxies")
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json={}, request=request))

    async def ask() -> None:
        async with Connection(
            "http://forge.example/api", manners, headers, world([]), transport
        ) as connection:
            await connection.get("/projects", {"secret": "no"})

    with pytest.raises(KtloError) as caught:
        asyncio.run(ask())
    advice = "Check `url` and proxies" if status == 404 else "Make another token"
    assert (caught.value.what, caught.value.where, caught.value.fix) == (
        said,
        "http://forge.example/api/projects",
        advice,
    )
