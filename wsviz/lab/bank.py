"""A bank that knows its customers by a cookie: what a cross-site hijacking of WebSocket needs, on the loopback.

A browser sends a cookie to the server that set it, also where a page of another origin opens the WebSocket. Only
Origin tells the two apart, and a server that does not look at it serves both.
"""

from __future__ import annotations

import http.client
import secrets
import socket
import threading
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Origin

from wsviz.lab.background import Stoppable

LOOPBACK = "127.0.0.1"
TIMEOUT = 30.0
"""Seconds that a step may take; milliseconds where nothing else keeps the machine busy."""
CUSTOMER = "Ada has 1,000 in her account"
STRANGER = "nobody is logged in"


class Bank(Stoppable):
    """A running server with one customer. Ended by `stop()` or by leaving a `with` block.

    `GET /` logs Ada in, by a cookie; the WebSocket at `url` tells who asks with that cookie what Ada has.
    `check_origin`: whether a WebSocket is refused, by 403, to pages that are not the bank's own.
    """

    def __init__(self, *, check_origin: bool) -> None:
        listening = socket.create_server((LOOPBACK, 0))
        address = f"{LOOPBACK}:{listening.getsockname()[1]}"
        self.origin, self.url = f"http://{address}", f"ws://{address}/account"
        self._cookie = f"session={secrets.token_hex(16)}"
        own = [Origin(self.origin)] if check_origin else None
        self._server = serve(self._account, sock=listening, origins=own, process_request=self._page, compression=None)
        self._thread = threading.Thread(target=self._server.serve_forever, name="wsviz-bank", daemon=True)
        self._thread.start()

    def log_in(self) -> str:
        """Log in as Ada's browser does, and give the cookie that it keeps."""
        client = http.client.HTTPConnection(self.origin.removeprefix("http://"), timeout=TIMEOUT)
        try:
            client.request("GET", "/")
            return str(client.getresponse().getheader("Set-Cookie")).partition(";")[0]
        finally:
            client.close()

    def stop(self) -> None:
        """End it. May be called again."""
        self._server.shutdown()
        self._thread.join(TIMEOUT)

    def _page(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/account":
            return None
        response = connection.respond(200, "welcome, Ada\n")
        response.headers["Set-Cookie"] = f"{self._cookie}; HttpOnly"
        return response

    def _account(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        given = connection.request.headers.get("Cookie", "")
        known = self._cookie in [each.strip() for each in given.split(";")]
        with suppress(ConnectionClosed):
            connection.send(CUSTOMER if known else STRANGER)

    def __repr__(self) -> str:
        return f"<Bank {'running' if self._thread.is_alive() else 'stopped'}>"
