"""Ten GET requests, each on a connection of its own or all on one: what HTTP's connections cost."""

import json
import subprocess
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .scenario import PORT, SERVER, Scenario, ready

COUNT = 10


class Members(BaseHTTPRequestHandler):
    """`GET /members/N` is answered by a member in JSON. A request with "Connection: close" ends the connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body in one segment

    def do_GET(self) -> None:
        number = int(self.path.rpartition("/")[2])
        body = json.dumps({"id": number, "name": f"member {number}"}).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: record.py reports."""


def server() -> None:
    with ThreadingHTTPServer((SERVER, PORT), Members) as listening:
        ready()
        listening.serve_forever()


def client_that_closes() -> None:
    get_all("--header", "Connection: close")


def client_that_keeps() -> None:
    get_all()


def get_all(*options: str) -> None:
    """Let one curl ask for all ten, one after the other."""
    curl = ["curl", "--silent", "--fail", "--noproxy", "*", "--write-out", "\n", *options]
    run = subprocess.run([*curl, f"http://{SERVER}:{PORT}/members/[1-{COUNT}]"], check=True, capture_output=True)
    ids = [json.loads(line)["id"] for line in run.stdout.splitlines() if line]
    if ids != list(range(1, COUNT + 1)):
        raise ValueError(f"curl received {ids}")


HTTP_CLOSE = Scenario(
    name="http_close",
    title="Ten GETs on ten connections",
    what=(
        f'curl asks for {COUNT} resources, one after the other, and says "Connection: close" each time: a '
        "connection for each request was the way of HTTP/1.0. `http_keepalive.pcapng` has the same requests on one "
        "connection."
    ),
    look_at=(
        f"{COUNT} SYNs: each request waits for a handshake of TCP before it can be sent.",
        f"{COUNT} ports of the client, all different: a port that was just used is not used again at once.",
        'Each response says "Connection: close" too, and then both sides send FIN. Who is first is a race: both '
        "programs know that no more will come.",
    ),
    software=("curl", "http.server"),
    server=server,
    client=client_that_closes,
    tools=("curl",),
)

HTTP_KEEPALIVE = Scenario(
    name="http_keepalive",
    title="Ten GETs on one connection",
    what=(
        f"curl asks for the same {COUNT} resources as in `http_close.pcapng`. It does not ask to close, so "
        "HTTP/1.1 keeps the connection, and curl sends the next request on it."
    ),
    look_at=(
        f"One SYN from the client, and {COUNT} requests.",
        "Neither requests nor responses have a Connection header: HTTP/1.1 keeps connections by itself.",
        "Far fewer packets for the same answers. curl, which has no more to ask, sends the first FIN.",
    ),
    software=("curl", "http.server"),
    server=server,
    client=client_that_keeps,
    tools=("curl",),
)

ALL = (HTTP_CLOSE, HTTP_KEEPALIVE)
