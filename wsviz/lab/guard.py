"""Who may talk to a lab that runs on somebody's own machine: that person's notebook and browser tabs, nobody else.

A server on the loopback is within reach of every program of the machine and of every page in its browser. Three
checks keep them out, each against another way in:

- Host must be one of the lab's own addresses. A foreign page may have its own name resolve to 127.0.0.1 (DNS
  rebinding); it is then of the same origin as the lab, for the browser, but the Host header tells.
- Origin, where there is one, must be the lab's own. A page may open a WebSocket to any server, without CORS
  (RFC 6455 10.2); the browser says which page it was.
- The first part of the path must be a token that only the notebook knows. Programs that are no browsers can write any
  Host and Origin. In the path, rather than in a cookie, it goes along with each relative address of a page, also
  within a frame whose cookies a browser withholds, and it is not sent to the other servers of 127.0.0.1.
"""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = ("127.0.0.1", "localhost")
"""The lab's own names, and the names under which JupyterLab, which frames its pages, may run."""


class Guard:
    """ASGI middleware that lets in who comes to a known port, from a page of ours if from any, with the token.

    The application behind it sees paths without the token. Refusals are HTTP responses of one line, for handshakes
    too: 421 for a foreign Host, 403 for a foreign Origin or a wrong token.
    """

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts: set[str] = set()

    def admit(self, port: int) -> None:
        """Take this port of the loopback for an address of the lab: its own, or that of a proxy in front of it."""
        self._hosts |= {f"{name}:{port}" for name in NAMES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif refusal := self._refusal(scope):
            await refusal(scope, receive, send)
        else:
            raw = _behind_token(scope["raw_path"].decode("latin-1")).encode("latin-1")
            inner = {**scope, "path": _behind_token(scope["path"]), "raw_path": raw}
            await self._app(inner, receive, self._with_policy(send))

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") == [] or not set(headers.getlist("host")) <= self._hosts:
            return PlainTextResponse("the lab has no such host name\n", 421)
        if not set(headers.getlist("origin")) <= {f"http://{host}" for host in self._hosts}:
            return PlainTextResponse("pages of this origin may not use the lab\n", 403)
        given = scope["path"].removeprefix("/").partition("/")[0]
        if not secrets.compare_digest(given.encode(errors="replace"), self._token):
            return PlainTextResponse(
                "the address lacks the lab's token: lab.url() has it, or what the server printed\n", 403
            )
        return None

    def _with_policy(self, send: Send) -> Send:
        """Tell the browser of every page: where it may connect, who may frame it, and to tell nobody its address."""
        hosts = sorted(self._hosts)
        own = " ".join(f"{scheme}://{host}" for scheme in ("http", "ws") for host in hosts)
        framing = " ".join(f"http://{name}:*" for name in NAMES)
        policy = (
            f"default-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' {own}; "
            f"frame-ancestors 'self' {framing}; base-uri 'none'; form-action 'none'"
        )

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        return send_with_policy


def _behind_token(path: str) -> str:
    return "/" + path.removeprefix("/").partition("/")[2]
