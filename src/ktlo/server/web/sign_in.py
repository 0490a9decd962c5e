"""Signing in where ktlo listens to others: the token is given once and kept as a cookie that scripts cannot read.

Compared in constant time; guesses are limited, for everybody and for one address; afterwards always the
Overview, so that nobody can be led elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from ktlo.server.security import COOKIE, Access
from ktlo.server.web.rendering import render

router = APIRouter()

WINDOW = 60.0
"""Seconds over which wrong tokens are counted."""
PER_ADDRESS, OVERALL = 5, 60
"""Wrong tokens in a window after which further attempts wait."""
_MONTH = 30 * 24 * 3600


class Attempts:
    """Wrong tokens of the last minute, by address."""

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque()
        self._lock = threading.Lock()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        now = time.monotonic()
        with self._lock:
            while self._wrong and self._wrong[0][0] <= now - WINDOW:
                self._wrong.popleft()
            own = [at for at, who in self._wrong if who == address]
            if len(own) >= PER_ADDRESS:
                return own[-PER_ADDRESS] + WINDOW - now
            if len(self._wrong) >= OVERALL:
                return self._wrong[-OVERALL][0] + WINDOW - now
        return 0.0

    def failed(self, address: str) -> None:
        """Count a wrong token."""
        with self._lock:
            self._wrong.append((time.monotonic(), address))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


@router.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    """The form."""
    return render(request, "sign_in.html", "", has_twin=False, problem="")


@router.post("/sign-in")
def sign_in(request: Request, token: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Take the token and set the cookie."""
    access: Access = request.app.state.access
    attempts: Attempts = request.app.state.attempts
    wait = attempts.wait(_address(request))
    if wait > 0:
        problem = f"Too many wrong tokens. Try again in {wait:.0f} s."
        answer = render(request, "sign_in.html", "", status=429, has_twin=False, problem=problem)
        answer.headers["retry-after"] = str(int(wait) + 1)
        return answer
    if not access.admits(token.strip()):
        attempts.failed(_address(request))
        problem = "This is not the token. `ktlo up` printed it, or it is in KTLO_TOKEN."
        return render(request, "sign_in.html", "", status=403, has_twin=False, problem=problem)
    redirect = RedirectResponse("/", 303)
    redirect.set_cookie(
        COOKIE,
        token.strip(),
        max_age=_MONTH,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return redirect
