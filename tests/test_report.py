"""`wsviz report`: what the page says, what it keeps back, and that no capture makes it large."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap, read
from tests.capture.files import ECHO, OWN, capture_of, ids
from wsviz import Frame, read_capture
from wsviz.cli import main
from wsviz.protocol.wire import apply_mask
from wsviz.report.page import report_page

Out = pytest.CaptureFixture[str]
VOID = {"meta", "rect", "line", "path"}
RECORDINGS = sorted(OWN.glob("*.pcapng"))
KEY = b"\x01\x02\x03\x04"
LARGEST = 1_500_000  # bytes of a page, whatever the capture


class Page(HTMLParser):
    """A page taken apart: its tags are closed in order, and its texts by the tag that they stand in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    @property
    def text(self) -> str:
        return " ".join(text for tag, text in self.texts if tag != "style" and text.strip())


def assert_inert(page: str) -> Page:
    """Fail where the page could run or load anything, or leads anywhere but within itself."""
    parsed = Page(page)
    for tag, attributes in parsed.tags:
        assert tag not in ("script", "iframe", "object", "embed", "link", "img", "base", "form", "foreignobject"), tag
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "xlink:href")]
        assert (attributes.get("href") or "#").startswith("#")
    return parsed


def talk(*, client: bytes = b"", server: bytes = b"", request: bytes = REQUEST) -> Talk:
    """A WebSocket connection whose sides send these frames."""
    return Talk().open().client(request, 0).server(RESPONSE, 0).client(client, len(request)).server(
        server, len(RESPONSE)
    )  # fmt: skip


def masked(frame: Frame) -> bytes:
    return Frame(frame.opcode, frame.payload, masking_key=KEY).serialize()


@pytest.mark.parametrize("path", RECORDINGS, ids=ids(RECORDINGS))
def test_every_recording_gives_a_page_that_can_do_nothing(path: Path) -> None:
    capture = capture_of(path)
    for options in ({}, {"payloads": True, "pseudonymise": True}):
        page = report_page(capture, **options)
        assert page == report_page(capture, **options)
        assert len(page) < LARGEST
        ids_ = [attributes["id"] for _, attributes in assert_inert(page).tags if "id" in attributes]
        assert len(ids_) == len(set(ids_))


def test_the_page_says_what_is_in_the_capture() -> None:
    page = assert_inert(report_page(capture_of(ECHO)))
    connection = capture_of(ECHO).connections[0]
    for words in ("What is in echo.pcapng", "3,527", "Ethernet (38 packets)", str(connection.ending), "GET /echo"):
        assert words in page.text
    heads = [text for tag, text in page.texts if tag in ("h1", "h2")]
    assert heads[1:] == ["The capture", "Connections", "Findings", "WebSockets, step by step", "Overhead", "Frames"]
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert links <= {f"#{attributes.get('id')}" for _, attributes in page.tags}
    assert [tag for tag, _ in page.tags].count("svg") == 2


def test_the_policy_names_the_style_sheet_by_its_hash() -> None:
    page = report_page(capture_of(ECHO))
    style = re.search("<style>(.*)</style>", page, re.DOTALL)
    policy = next(a["content"] for _, a in Page(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert style and policy
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    parts = policy.split("; ")
    assert parts == ["default-src 'none'", f"style-src 'sha256-{digest}'", "base-uri 'none'", "form-action 'none'"]


def test_payloads_come_when_they_are_asked_for() -> None:
    capture = capture_of(ECHO)
    plain, full = report_page(capture), report_page(capture, payloads=True)
    for words in ("Hello", "are you there?", "This message is longer", "00 01 7f 80"):
        assert words not in plain
        assert words in full
    assert "that is all" in plain  # the reason of a Close says why the connection ended


def test_secrets_are_masked_until_they_are_revealed(tmp_path: Path) -> None:
    request = REQUEST.replace(b"/chat", b"/chat?access_token=s3cr3t-one")
    frames = Frame.text('{"password": "s3cr3t-two"}').serialize() + Frame.close(1000, "token=s3cr3t-3").serialize()
    path = tmp_path / "secrets.pcap"
    path.write_bytes(pcap(map(bytes, talk(request=request, server=frames).packets)))
    assert "s3cr3t" not in report_page(read_capture(path), payloads=True)
    revealed = report_page(read_capture(path, reveal=True), payloads=True)
    assert all(secret in revealed for secret in ("s3cr3t-one", "s3cr3t-two", "s3cr3t-3"))


HOSTILE = "</title></style></svg><script>alert(1)</script><img src=x onerror=alert(1)>\"'><a href=javascript:x>&lt;"


def test_what_a_capture_says_is_text() -> None:
    target = HOSTILE.replace(" ", "%20").encode()
    request = REQUEST.replace(b"/chat", b"/" + target).replace(b"example.org", b"<b>.example")
    request = request.replace(b"\r\n\r\n", b"\r\nOrigin: " + HOSTILE.encode() + b"\r\n\r\n")
    client = masked(Frame.text(HOSTILE)) + masked(Frame.ping(HOSTILE.encode()[:120]))
    server = Frame.text("\u202e\x1b[31m\x00" + HOSTILE).serialize() + Frame.close(1000, HOSTILE).serialize()
    capture = talk(request=request, client=client, server=server).capture()
    capture.name = f"/home/user/{HOSTILE.replace('/', '')}.pcap"
    for pseudonymise in (False, True):
        page = assert_inert(report_page(capture, payloads=True, pseudonymise=pseudonymise))
        assert "alert(1)" in page.text
        assert not [char for char in page.text if not char.isprintable() and char != "\n"]


def test_the_worst_findings_come_first_and_name_rule_section_and_packet() -> None:
    capture = talk(client=Frame.text("x").serialize(), server=Frame.pong(b"").serialize()).capture()
    page = assert_inert(report_page(capture))
    assert page.text.index("1 error") < page.text.index("unmasked-client-frame") < page.text.index("RFC 6455 5.1")
    assert next(attributes for tag, attributes in page.tags if tag == "details") == {"open": ""}


def test_a_report_on_one_connection() -> None:
    capture = capture_of(OWN / "mystery.pcapng")
    page = assert_inert(report_page(capture, connection=3))
    assert str(capture.connections[3].client) in page.text
    assert str(capture.connections[4].client) not in page.text
    total = int(capture.summary["bytes"][3])
    assert f"All {total:,} bytes on the wire" in page.text


def test_many_frames_make_no_large_page() -> None:
    number = 50_000
    data, talked = Frame.text("abcde").serialize() * number, talk()
    for at in range(0, len(data), 60_000):
        talked.server(data[at : at + 60_000], len(RESPONSE) + at)
    page = report_page(talked.capture(), payloads=True)
    assert len(page) < LARGEST
    assert f"The first 200 of {number:,} frames" in page
    assert f"The first 200 of {number:,} messages" in page
    assert f"{number - 36:,} more steps, not drawn" in page


def test_many_findings_make_no_large_page() -> None:
    frames = Frame.text("a" * 5).serialize() * 3000
    page = report_page(talk(client=frames).capture())
    assert len(page) < LARGEST
    assert "And 2,980 more; `wsviz lint FILE` lists all." in page


def test_many_connections_make_no_large_page() -> None:
    packets, number = [], 230
    for port in range(number):
        connection = Talk(client_port=1024 + port).open()
        asked = connection.client(REQUEST if port >= 210 else b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0)
        packets += map(bytes, asked.packets)
    page = report_page(read(pcap(packets)))
    assert len(page) < LARGEST
    assert f"Only 200 of {number} connections" in page
    assert "Only 12 of 20 WebSocket connections" in page
    assert f"192.0.2.1:{1024 + number - 1}<" in page  # which is late, but asks for WebSocket
    assert f"192.0.2.1:{1024 + 205}<" not in page


def test_a_long_text_is_cut() -> None:
    request = REQUEST.replace(b"/chat", b"/" + b"x" * 50_000)
    assert len(report_page(talk(request=request).capture())) < 30_000


def test_a_capture_without_connections_and_without_packets() -> None:
    for capture in (read(pcap([])), read(pcap([bytes(60)]))):
        page = assert_inert(report_page(capture))
        assert "0 connections" in page.text


def test_masking_is_undone_before_a_payload_is_shown() -> None:
    data = b"\x81\x85" + KEY + apply_mask(b"Hello", KEY)
    assert "Hello" in report_page(talk(client=data).capture(), payloads=True)


# The command


def test_the_command_writes_a_file_and_writes_over_it(tmp_path: Path, capsys: Out) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    assert main(["report", str(ECHO), "-o", str(target)]) == 0
    assert capsys.readouterr() == ("", "")
    assert target.read_text(encoding="utf-8") == report_page(read_capture(ECHO))


@pytest.mark.parametrize("words", [[], ["-o", "-"]])
def test_the_command_writes_to_standard_output(words: list[str], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", str(ECHO), "--payloads", "--pseudonymise", "--connection", "0", *words]) == 0
    expected = report_page(read_capture(ECHO), payloads=True, pseudonymise=True, connection=0)
    assert capsysbinary.readouterr().out.decode() == expected


def test_the_command_never_writes_over_the_capture(tmp_path: Path, capsys: Out) -> None:
    path, other = tmp_path / "mine.pcapng", tmp_path / "link"
    path.write_bytes(ECHO.read_bytes())
    other.symlink_to(path)
    for output in (path, other):
        assert main(["report", str(path), "-o", str(output)]) == 2
        assert capsys.readouterr().err == f"wsviz: {output}: this is the capture itself; name another file with -o\n"
    assert path.read_bytes() == ECHO.read_bytes()


def test_what_goes_wrong_is_one_line(tmp_path: Path, capsys: Out) -> None:
    for words, said in (
        ([str(tmp_path / "none.pcap"), "-o", str(tmp_path / "r.html")], "none.pcap: no such file"),
        ([str(ECHO), "-o", str(tmp_path)], "Is a directory"),
        ([str(ECHO), "-o", str(tmp_path / "no" / "r.html")], "No such file or directory"),
        ([str(ECHO), "-o", str(tmp_path / "r.html"), "--connection", "7"], "no such connection"),
    ):
        assert main(["report", *words]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert said in printed.err
        assert printed.err.count("\n") == 1
    assert not (tmp_path / "r.html").exists()


def test_a_cut_file_gives_a_report_that_says_so(tmp_path: Path, capsys: Out) -> None:
    path, target = tmp_path / "cut.pcapng", tmp_path / "report.html"
    path.write_bytes(ECHO.read_bytes()[:-200])
    assert main(["report", str(path), "-o", str(target)]) == 0
    assert "file-cut" in capsys.readouterr().err
    assert "file-cut" in target.read_text(encoding="utf-8")
