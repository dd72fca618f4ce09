"""Other names in a report: no address and no host of the capture is left anywhere in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap, read
from tests.capture.files import OWN, capture_of, ids
from tests.test_report import assert_inert, masked, talk
from wsviz import Frame, read_capture
from wsviz.cli import main
from wsviz.report.page import report_page
from wsviz.report.pseudonyms import MOST_NAMES, Pseudonyms

RECORDINGS = sorted(OWN.glob("*.pcapng"))
HOST, PORTAL = "shop.internal.example", "portal.example"
NAMED = (
    b"GET /chat?next=https%3A%2F%2Fportal.example%2Fhome&from=192.0.2.1&to=[2001:DB8::7] HTTP/1.1\r\n"
    b"Host: Shop.Internal.Example:8080\r\nOrigin: https://portal.example\r\nX-Forwarded-Host: edge, inner-proxy-7\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
SECRET = (HOST, PORTAL, "192.0.2.1", "192.0.2.2", "198.51.100.9", "2001:db8", "inner-proxy-7", "elsewhere.example")


def said() -> Talk:
    """A connection in which addresses and hosts stand wherever they can."""
    words = json.dumps({"a": "192.0.2.1", "b": "198.51.100.9:80", "c": "2001:0db8:0:0::7", "d": f"x\n{HOST}"})
    client = (
        masked(Frame.text(words)) + masked(Frame.text("wss://elsewhere.example/x")) + masked(Frame.ping(b"192.0.2.1"))
    )
    client += b"\x01\x04shop" + b"\x80\x11.internal.example"  # not masked, and in two frames
    server = Frame.binary(b"192.0.2.2 portal.example").serialize()
    server += Frame.close(1000, f"gone to {PORTAL}, not 192.0.2.2").serialize()
    return talk(request=NAMED, client=client, server=server)


def test_no_name_is_left_anywhere(tmp_path: Path) -> None:
    path, target = tmp_path / f"{HOST}.pcap", tmp_path / "report.html"
    path.write_bytes(pcap(map(bytes, said().packets)))
    for words in ([], ["--payloads"], ["--payloads", "--reveal"]):
        assert main(["report", str(path), "--pseudonymise", "-o", str(target), *words]) == 0
        page = target.read_text(encoding="utf-8").lower()
        assert not [name for name in SECRET if name in page]
        assert not [name for name in SECRET if name.encode().hex(" ") in page]
        assert path.stem not in page
        assert tmp_path.name not in page
        for name in ("client-1:40000", "server-1:80", "host-1:8080", "https://host-4", "unmasked-client-frame"):
            assert name in page
    assert "those of text messages only" in page
    assert '"b": "address-' in report_page(read_capture(path), payloads=True, pseudonymise=True).replace(
        "&quot;", '"'
    )


def test_without_the_option_they_are_there() -> None:
    page = report_page(said().capture(), payloads=True)
    assert all(name in page for name in ("192.0.2.1", "https://portal.example", "Shop.Internal.Example:8080"))


@pytest.mark.parametrize("path", RECORDINGS, ids=ids(RECORDINGS))
def test_no_address_of_a_recording_is_left(path: Path) -> None:
    capture = capture_of(path)
    page = report_page(capture, payloads=True, pseudonymise=True)
    text = assert_inert(page).text
    for connection in capture.connections:
        assert connection.client.address not in page
        assert connection.server.address not in page
    assert "client-1" in text
    assert not re.search(r"\b192\.0\.2\.", page)


def test_a_name_is_the_same_wherever_it_stands() -> None:
    first, second = Talk(client_port=40001).open(), Talk(client_port=40002).open()
    packets = [
        bytes(packet) for one in (first, second) for packet in one.client(REQUEST, 0).server(RESPONSE, 0).packets
    ]
    text = assert_inert(report_page(read(pcap(packets)), pseudonymise=True)).text
    assert "client-1:40001" in text
    assert "client-1:40002" in text
    assert "client-2" not in text


CONNECTIONS = said().capture().connections
# What is said, and what is read.
TEXTS = [
    ("192.0.2.1", "client-1"),
    ("192.0.2.10 is another one", "address-1 is another one"),
    ("192.0.2.1, 192.0.2.2 and 192.0.2.1.", "client-1, server-1 and client-1."),
    ("[2001:db8::7]:443", "address-1:443"),
    ("2001:0DB8:0:0:0:0:0:7 is 2001:db8::7", "address-1 is address-1"),
    ("at 12:30:59, std::vector, ::, 1.2.3, v1.2.3", "at 12:30:59, std::vector, ::, 1.2.3, v1.2.3"),
    ("WSS://Shop.Internal.Example/a", "WSS://host-1/a"),
    ("www.shop.internal.example", "www.host-1"),
    ("%2F192.0.2.1%2F %20192.0.2.2", "%2Fclient-1%2F %20server-1"),
    ("%5B2001:db8::7%5D %2Fedge", "%5Baddress-1%5D %2Fhost-2"),
    ("0192.0.2.1 and 192.0.2.1234", "address-1 and address-2"),
    (r"x\nshop.internal.example", r"x\nhost-1"),
    ("https://user:pass@new.example:8/ and new.example", "https://host-5:8/ and new.example"),
    ("inner-proxy-7 edge edges", "host-3 host-2 edges"),
    ("to shop.inter…", "to …"),
    ('got "GET portal.exa" ... 12 more bytes', 'got "GET " ... 12 more bytes'),
    ("from 198.51.10…", "from …"),
    ("a server …", "a server …"),
    ("the server sent FIN", "the server sent FIN"),
]


@pytest.mark.parametrize(("words", "renamed"), TEXTS)
def test_texts(words: str, renamed: str) -> None:
    assert Pseudonyms(CONNECTIONS)(words) == renamed


def test_where_there_are_too_many_names_each_one_with_a_dot_is_taken_for_one() -> None:
    packets = []
    for number in range(MOST_NAMES + 1):
        request = REQUEST.replace(b"example.org", b"h%d.example" % number)
        packets += map(bytes, Talk(client_port=1024 + number).open().client(request, 0).packets)
    request = REQUEST.replace(b"example.org", b"single")
    packets += map(bytes, Talk(client_port=1023).open().client(request, 0).packets)
    names = Pseudonyms(read(pcap(packets)).connections)
    assert names("single") == "host-502"
    assert names("h500.example and never.seen.example at 192.0.2.1") == "host-501 and host-503 at client-1"


def test_renaming_takes_linear_time() -> None:
    names = Pseudonyms(CONNECTIONS)
    for words in (
        "1." * 20_000,
        ":" * 40_000,
        "a:" * 20_000,
        "://" + "a@" * 20_000,
        "shop.inter" * 4_000,
        "… " * 20_000,
    ):
        names(words)
