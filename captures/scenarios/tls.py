"""WebSocket in TLS, with the keys that open it: one connection from Python, one from Chromium."""

import multiprocessing
import os
import ssl
import subprocess
from functools import partial
from pathlib import Path

from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from .browser import open_page
from .scenario import SERVER, Scenario, ready, results

PORT = 8443
URL = f"wss://{SERVER}:{PORT}/echo"
VERSIONS = {"wss12": ssl.TLSVersion.TLSv1_2, "wss13": ssl.TLSVersion.TLSv1_3}
# Chromium and OpenSSL agree on AES-GCM if left alone. The Python client wants the other kind of cipher.
CHACHA20 = {"wss12": "ECDHE-ECDSA-CHACHA20-POLY1305", "wss13": "TLS_CHACHA20_POLY1305_SHA256"}

CONVERSATION = """
([url, text]) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send(text);
  socket.onmessage = ({ data }) => {
    socket.onclose = ({ code }) => resolve([data, code]);
    socket.close(1000, "that is all");
  };
  socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
})
"""


def text(client: str, name: str) -> str:
    """What a client says in the recording `name`."""
    return f"Hello from {client}, in {name}"


def certificate() -> Path:
    return results() / "certificate.pem"


def server(name: str) -> None:
    """An echo server with a certificate and a key that it makes now, and that go with the folder."""
    key = results() / "key.pem"
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    subject = ("-subj", "/CN=wsviz recording", "-addext", f"subjectAltName=IP:{SERVER}")
    openssl = ("openssl", "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(certificate()))
    subprocess.run(openssl, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = VERSIONS[name]
    context.load_cert_chain(certificate(), key)
    with serve(echo, SERVER, PORT, ssl=context, compression=None, ping_interval=None) as listening:
        ready()
        listening.serve_forever()


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def client(name: str) -> None:
    """Let both clients say their text; each appends its keys to the same file."""
    keys = results() / f"{name}.keys"
    talk_from_python(name, keys)
    # Chromium does not know who signed this certificate, and need not.
    env = os.environ | {"SSLKEYLOGFILE": str(keys)}
    with open_page("blank.html", flags=("--ignore-certificate-errors",), env=env) as page:
        answer = page.evaluate(CONVERSATION, [URL, text("Chromium", name)])
    if answer != [text("Chromium", name), 1000]:
        raise ValueError(f"the page received {answer}")


def talk_from_python(name: str, keys: Path) -> None:
    """Run the Python client in a process whose OpenSSL is told the cipher: `ssl` cannot choose one for TLS 1.3."""
    settings = results() / "openssl.cnf"
    lines = ["openssl_conf = all", "[all]", "ssl_conf = ssl", "[ssl]", "system_default = contexts", "[contexts]"]
    settings.write_text("\n".join([*lines, f"Ciphersuites = {CHACHA20['wss13']}", ""]))
    os.environ["OPENSSL_CONF"] = str(settings)
    process = multiprocessing.get_context("spawn").Process(target=python_client, args=(name, keys))
    process.start()
    process.join()
    del os.environ["OPENSSL_CONF"]
    if process.exitcode != 0:
        raise ValueError(f"the Python client ended with {process.exitcode}")


def python_client(name: str, keys: Path) -> None:
    context = ssl.create_default_context(cafile=certificate())
    if name == "wss12":
        context.set_ciphers(CHACHA20[name])
    context.keylog_filename = str(keys)
    said = text("Python", name)
    with connect(URL, ssl=context, compression=None, ping_interval=None, proxy=None) as connection:
        connection.send(said)
        heard = connection.recv(timeout=10)
        cipher = connection.socket.cipher()  # type: ignore[attr-defined]
        connection.close(1000, "that is all")
    if heard != said or "CHACHA20" not in cipher[0]:
        raise ValueError(f"heard {heard!r}, expected {said!r}; cipher {cipher}")


def scenario(name: str, version: str, look_at: tuple[str, ...]) -> Scenario:
    return Scenario(
        name=name,
        title=f"WebSocket in TLS {version}",
        what=(
            f"Two clients talk to an echo server on port {PORT}, one after the other: first websockets in Python, "
            f"then a page in Chromium. Each sends a text, hears it again, and closes. `{name}.keys` holds the "
            "secrets of both connections, in the format of SSLKEYLOGFILE; certificate and private key were made for "
            "this recording and thrown away."
        ),
        look_at=(
            "Without the key log, all there is to see are records of application data and their sizes: neither the "
            "upgrade nor a frame.",
            f"With it there are frames: `tshark -r {name}.pcapng -o tls.keylog_file:{name}.keys -Y websocket`.",
            *look_at,
            "Python's connection is encrypted with ChaCha20-Poly1305, that of Chromium with AES-GCM.",
        ),
        software=("websockets", "openssl", "chromium"),
        server=partial(server, name),
        client=partial(client, name),
        tools=("chromium", "openssl"),
        ports=(PORT,),
        extra=(f"{name}.keys",),
    )


WSS12 = scenario(
    "wss12",
    "1.2",
    (
        "The TLS handshake takes two round trips before the first byte of HTTP. The server's certificate can be read "
        "by everyone.",
        "A record of application data begins with an explicit nonce of 8 bytes under AES-GCM, and has none under "
        "ChaCha20-Poly1305.",
    ),
)
WSS13 = scenario(
    "wss13",
    "1.3",
    (
        "The TLS handshake takes one round trip. After the ServerHello, all is encrypted, the certificate too, and "
        "looks like application data from outside.",
        "The server sends session tickets after the handshake: they look like application data, and are none.",
    ),
)
ALL = (WSS12, WSS13)
