"""A user's e-mail address changes, and others want to know: by asking over HTTP, or by subscribing over WebSocket.

`email_app()` is a Starlette application for any ASGI server:

- `GET /users` gives the list of users, `PUT /users/ID` replaces one of them.
- `/notifications` is a WebSocket: after `{"type": "subscribe", "event": "user"}` it sends the whole list, now and
  after each change, until `{"type": "unsubscribe", "event": "user"}`.

It checks neither Host nor Origin: on a machine with a browser it belongs behind `wsviz.lab.guard`.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

User = dict[str, Any]

USERS: tuple[User, ...] = (
    {"id": 0, "name": "admin", "email": "admin@example.org"},
    {"id": 1, "name": "ada", "email": "ada.old@example.org"},
)
CHANGED: User = {"id": 1, "name": "ada", "email": "ada.new@example.org"}
"""What the recordings put in the place of the second user."""

LONGEST = 1000
"""Bytes of a request's body, and characters of a WebSocket message, that are read at all."""


def email_app() -> Starlette:
    """The application, with its own copy of USERS."""
    users = Users()
    return Starlette(
        routes=[
            Route("/users", users.get),
            Route("/users/{id}", users.put, methods=["PUT"]),
            WebSocketRoute("/notifications", users.notifications),
        ]
    )


class Users:
    """The list of users, and who waits for it to change."""

    def __init__(self) -> None:
        self.users = [dict(user) for user in USERS]
        self.changed = asyncio.Event()
        """Set by the next change, and then replaced."""

    async def get(self, request: Request) -> Response:
        """`GET /users`: a client that wants to know of changes has to ask again."""
        return JSONResponse(self.users, headers={"Cache-Control": "no-store"})

    async def put(self, request: Request) -> Response:
        """`PUT /users/ID`: the body takes the user's place. Sent again it changes nothing: PUT is idempotent."""
        known = [str(user["id"]) for user in self.users]
        if request.path_params["id"] not in known:
            raise HTTPException(404, f"there are the users {' and '.join(known)}")
        number = known.index(request.path_params["id"])
        user = parse(await body_of(request))
        if not is_user(user, number):
            raise HTTPException(400, 'a user is {"id": as in the address, "name": text, "email": text with an @}')
        if user != self.users[number]:
            self.users[number] = user
            self.changed.set()
            self.changed = asyncio.Event()
        return JSONResponse(user)

    async def notifications(self, websocket: WebSocket) -> None:
        """One client's connection, until the client closes it."""
        await websocket.accept()
        notifier: asyncio.Task[None] | None = None
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                answer = answer_to(parse(message.get("text") or ""))
                accepted = answer.get("status") == "accepted"
                if accepted:
                    await stop(notifier)  # before the answer: nothing follows an accepted unsubscribe
                await websocket.send_json(answer)
                if accepted and answer["type"] == "subscribe":
                    notifier = asyncio.create_task(self.notify(websocket))
        except WebSocketDisconnect:
            pass  # it left before the answer
        finally:
            await stop(notifier)

    async def notify(self, websocket: WebSocket) -> None:
        """Send the whole list, now and after each change.

        No change waits in a queue: a client that reads slowly gets the latest list when it is ready for one.
        """
        while True:
            changed = self.changed
            await websocket.send_json({"type": "data", "event": "user", "data": self.users})
            await changed.wait()


def answer_to(request: User) -> dict[str, str]:
    """What the server says to a message: that it does as asked, or what it understands."""
    kind, event = request.get("type"), request.get("event")
    if kind in ("subscribe", "unsubscribe") and event == "user":
        return {"type": kind, "event": event, "status": "accepted"}
    return {"type": "error", "reason": 'not {"type": "subscribe" or "unsubscribe", "event": "user"}'}


async def stop(task: asyncio.Task[None] | None) -> None:
    """End a task, which may have ended already."""
    if task:
        task.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect):
            await task


async def body_of(request: Request) -> str:
    """A request's body; 413 as soon as it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST:
            raise HTTPException(413, f"no user takes more than {LONGEST} bytes")
    return body.decode(errors="replace")


def parse(text: str) -> User:
    """A JSON object; an empty one where the text is none."""
    try:
        value = json.loads(text[:LONGEST])
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def is_user(user: User, number: int) -> bool:
    """Whether this can take the place of user `number`."""
    texts = [user.get("name"), user.get("email")]
    if user.keys() != USERS[0].keys() or type(user["id"]) is not int or user["id"] != number:
        return False
    return all(isinstance(text, str) and text.isprintable() for text in texts) and "@" in user["email"]
