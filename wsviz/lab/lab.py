"""`Lab`: the lab's servers within this process, started and stopped in one line, for this machine's user only."""

from __future__ import annotations

import atexit
import html
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

from starlette.applications import Starlette
from starlette.routing import Mount

from wsviz.lab.application import PERIOD, ROOM, application
from wsviz.lab.background import Background, LabError, Stoppable, cause, check_count
from wsviz.lab.email_change import email_app
from wsviz.lab.guard import Guard
from wsviz.lab.mechanisms import MECHANISMS, mechanisms_app
from wsviz.lab.nginx import Nginx
from wsviz.lab.relay import Relay
from wsviz.lab.serving import MAX_SIZE, Server, listen, make_server
from wsviz.protocol.wire import count

HOST = "127.0.0.1"
STOPPED = "this lab has been stopped; Lab.start() starts a new one"
PAGES = {"client": "/client.html"} | {name: f"/mechanisms/{name}.html" for name in MECHANISMS}
"""The pages by name."""

Front = TypeVar("Front", Relay, Nginx)


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """A page of the lab, shown in a frame where HTML can be shown; `url` opens it in a tab of its own."""

    name: str
    url: str
    height: int

    def __repr__(self) -> str:
        return f"<Page {self.name!r} of the lab, its address is in .url>"

    def _repr_html_(self) -> str:
        style = f"width: 100%; height: {self.height}px; border: 0"
        title = f"The lab's page: {self.name}"
        return f'<iframe src="{html.escape(self.url)}" title="{html.escape(title)}" style="{style}"></iframe>'


class Lab(Stoppable):
    """Servers on a free port of the loopback, in a thread of this process, until `stop()` or the process's end.

    Addresses come from `url()` and hold a token that is drawn anew for each lab: who has it may use the lab. Beside
    the places of `wsviz.lab.application` there are `/mechanisms/...` (`wsviz.lab.mechanisms`) and `/email/...`
    (`wsviz.lab.email_change`).
    """

    def __init__(self, app: Starlette, guard: Guard, server: Server, token: str) -> None:
        """Start serving; `Lab.start()` is the way in."""
        self._app, self._guard, self._server, self._token = app, guard, server, token
        self._fronts: list[Relay | Nginx] = []
        self._background = Background()
        try:
            with ExitStack() as failure:
                failure.callback(self._background.stop)
                listening = failure.enter_context(listen(HOST))
                self.port: int = listening.getsockname()[1]
                guard.admit(self.port)
                self._background.run(server.begin(listening))
                failure.pop_all()  # it has begun, and has the socket
        except OSError as error:
            raise LabError(f"the lab cannot start: {cause(error)}") from None
        atexit.register(self.stop)

    @classmethod
    def start(
        cls,
        *,
        period: float = PERIOD,
        room: int = ROOM,
        deflate: bool = True,
        ping_interval: float | None = 20.0,
        max_size: int = MAX_SIZE,
    ) -> Self:
        """Start a lab.

        `period` counts seconds between the periodic messages, `room` the messages that may wait for one client.
        `deflate` accepts permessage-deflate. `ping_interval` counts seconds between pings, None sends none.
        `max_size` is that of the longest message taken, in bytes.
        """
        mounted = (Mount("/mechanisms", mechanisms_app()), Mount("/email", email_app()))
        app = application(period=period, room=room, routes=mounted)
        token = secrets.token_hex(16)
        guard = Guard(app, token=token)
        server = make_server(guard, deflate=deflate, ping_interval=ping_interval, max_size=max_size)
        return cls(app, guard, server, token)

    def __repr__(self) -> str:
        if not self.running:
            return "<Lab, stopped>"
        there = count(len(self._app.state.hub.clients), "client")
        fronts = "".join(f", {front!r}" for front in self._fronts)
        return f"<Lab on http://{HOST}:{self.port}: {there} of /application{fronts}>"

    @property
    def running(self) -> bool:
        return self._background.running

    def url(
        self,
        path: str = "/application",
        *,
        scheme: Literal["ws", "http"] = "ws",
        via: Relay | Nginx | None = None,
    ) -> str:
        """Give the address of a place in the lab, token included; `via` leads there through what stands in front."""
        if not self.running:
            raise LabError(STOPPED)
        port = self.port if via is None else via.port
        return f"{scheme}://{HOST}:{port}/{self._token}/{path.removeprefix('/')}"

    def page(self, name: str = "client", *, via: Relay | Nginx | None = None, height: int = 640) -> Page:
        """Give a page to show in the notebook: the browser's client, or one of the five mechanisms'.

        What the page fetches and connects to goes the way that it came itself: directly, or `via` a relay or proxy.
        """
        if name not in PAGES:
            raise LabError(f"the lab has no page {name!r}, expected one of: {', '.join(PAGES)}")
        check_count("height", height)
        return Page(name, self.url(PAGES[name], scheme="http", via=via), height)

    def relay(self, **settings: Any) -> Relay:
        """Put a recording relay in front of the lab. Settings are those of `Relay`: `delay`, `cut`, `merge`, ..."""
        return self._admit(lambda: Relay(HOST, self.port, **settings))

    def nginx(self, configuration: str = "right") -> Nginx:
        """Put nginx in front of the lab, configured as one of `wsviz.lab.nginx.CONFIGURATIONS`."""
        return self._admit(lambda: Nginx.start(configuration, self.port))

    def _admit(self, start: Callable[[], Front]) -> Front:
        if not self.running:
            raise LabError(STOPPED)
        front = start()
        self._guard.admit(front.port)
        self._fronts.append(front)
        return front

    def broadcast(self, message: str | bytes) -> int:
        """Send a message to all clients of /application; their number."""
        if not isinstance(message, (str, bytes)):
            raise LabError(f"the message is {message!r}, expected str or bytes")
        clients = len(self._app.state.hub.clients)
        self._background.run(self._app.state.hub.broadcast(message))
        return clients

    def stop(self) -> None:
        """End all connections (close code 1012) and the thread, and free the ports. May be called again.

        In a process that was forked from the one with the lab, there is nothing to stop.
        """
        atexit.unregister(self.stop)
        if not self.running:
            return
        with ExitStack() as steps:  # last one first; what fails, or is interrupted, does not keep the others from it
            steps.callback(self._background.stop)
            steps.callback(lambda: self._background.run(self._server.finish()))
            for front in self._fronts:
                steps.callback(front.stop)
