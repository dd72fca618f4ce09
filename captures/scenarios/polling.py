"""The updates by HTTP polling: a page asks again and again whether there is something new."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from .browser import open_page
from .scenario import PORT, SERVER, Scenario, ready
from .updates import COUNT, Feed, expect_all

PERIOD = 150
"""Milliseconds from one poll to the next."""


class Poll(BaseHTTPRequestHandler):
    """`GET /updates?after=ID` is answered by the update that follows ID, or by 204 if there is none yet."""

    protocol_version = "HTTP/1.1"  # the class default is 1.0, which closes after each answer
    wbufsize = -1  # header and body in one write, hence in one segment, as servers in production do
    feed: ClassVar[Feed | None] = None

    def do_GET(self) -> None:
        if Poll.feed is None:
            Poll.feed = Feed()
        after = int(parse_qs(urlsplit(self.path).query)["after"][0])
        update = Poll.feed.next_after(after)
        if update is None:
            self.answer_nothing()
        else:
            self.answer(update.text.encode())

    def answer(self, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def answer_nothing(self) -> None:
        self.send_response(HTTPStatus.NO_CONTENT)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: record.py reports."""


def server() -> None:
    with ThreadingHTTPServer((SERVER, PORT), Poll) as listening:
        ready()
        listening.serve_forever()


def client() -> None:
    with open_page("poll.html") as page:
        expect_all(page.evaluate("([period, count]) => poll(period, count)", [PERIOD, COUNT]))


POLL = Scenario(
    name="poll",
    title="The 30 updates by HTTP polling",
    what=(
        f"A page in Chromium sends a GET request every {PERIOD} ms on one keep-alive connection. The server "
        "answers with the next update, or with 204 if it has none. The page itself was not downloaded over "
        "this wire: the capture holds the polls alone. `websocket.pcapng` has the same updates at the same "
        "times."
    ),
    look_at=(
        "One TCP connection serves all requests: there is one SYN from the client.",
        "Some answers are empty (204), and yet cost a request and an answer with all their header fields.",
        "An update of about 25 bytes travels with several hundred bytes of header fields.",
        "An update waits at the server for the next poll, on average for about half a period.",
    ),
    software=("chromium", "http.server"),
    server=server,
    client=client,
    tools=("chromium",),
)
