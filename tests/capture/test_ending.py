"""Why a connection ended: one sentence with the evidence, and what each side's API reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk
from tests.capture.files import ALL, ECHO, POLL, SHARED, WEBSOCKET, capture_of, ids
from tests.capture.timed import Clock, answer
from wsviz import Frame, Side
from wsviz.capture.connections import Connections
from wsviz.capture.file_findings import what_instead
from wsviz.figures.summary import summary_lines

KEY = b"\x01\x02\x03\x04"
BOTH = {Side.CLIENT: 1000, Side.SERVER: 1000}
ABNORMAL = {Side.CLIENT: 1006, Side.SERVER: 1006}
OPEN = "TCP was not closed in this capture"


def close(code: int | None, reason: str = "", key: bytes | None = None) -> bytes:
    return Frame.close(code, reason, masking_key=key).serialize()


def ping(data: bytes, key: bytes | None = None) -> bytes:
    return Frame.ping(data, masking_key=key).serialize()


def pong(data: bytes, key: bytes | None = None) -> bytes:
    return Frame.pong(data, masking_key=key).serialize()


def upgraded() -> Clock:
    """Five packets, the last at 0.02 s."""
    return Clock().upgrade()


def refused(status: str, *headers: str) -> Clock:
    return Clock().open().client(0.01, REQUEST).server(0.02, answer(b"no", status, *headers))


# What happened, who ended it, how, the reports, the sentence.
ENDINGS: list[tuple[str, Clock, Side | None, str, dict[Side, int], str]] = [
    ("open", upgraded(), None, "open", {}, "still open where the capture ends"),
    (
        "RST",
        upgraded().server(0.03, b"", "RA"),
        Side.SERVER,
        "rst",
        ABNORMAL,
        "no Close frame, so both sides report 1006; server sent RST (packet 6)",
    ),
    (
        "a proxy's timer",
        upgraded().server(1, b"\x81\x02ok").server(61, b"", "FA").client(61.1, b"", "FA"),
        Side.SERVER,
        "fin",
        ABNORMAL,
        "no Close frame, so both sides report 1006; server sent FIN (packet 7) after 60.0 s of silence; "
        "client sent FIN (packet 8)",
    ),
    (
        "silence short of 5 s is not told",
        upgraded().server(1, b"\x81\x02ok").server(5.9, b"", "FA"),
        Side.SERVER,
        "fin",
        ABNORMAL,
        "no Close frame, so both sides report 1006; server sent FIN (packet 7)",
    ),
    (
        "ACKs and keep-alive probes do not end a silence",
        upgraded().server(1, b"\x81\x02ok").client(20, b"", "A").server(31, b"", "FA"),
        Side.SERVER,
        "fin",
        ABNORMAL,
        "no Close frame, so both sides report 1006; server sent FIN (packet 8) after 30.0 s of silence",
    ),
    (
        "a Close after silence",
        upgraded().server(60.02, close(1001)).client(60.03, close(1001, key=KEY)),
        Side.SERVER,
        "close",
        {Side.CLIENT: 1001, Side.SERVER: 1001},
        "server sent Close 1001, going away (packet 6) after 60.0 s of silence, client answered Close 1001, "
        f"going away (packet 7); {OPEN}; both sides report 1001",
    ),
    (
        "no code",
        upgraded().server(0.03, close(None)).client(0.04, close(1000, key=KEY)),
        Side.SERVER,
        "close",
        {Side.CLIENT: 1005, Side.SERVER: 1000},
        "server sent Close without a code (packet 6), client answered Close 1000, normal closure (packet 7); "
        f"{OPEN}; the client reports 1005, the server reports 1000",
    ),
    (
        "two codes, neither of which repeats the other",
        upgraded().server(0.03, close(4002)).client(0.04, close(4001, key=KEY)),
        Side.SERVER,
        "close",
        {Side.CLIENT: 4002, Side.SERVER: 4001},
        "both sides closed at once: server sent Close 4002, for private use (packet 6), client sent Close 4001, for "
        f"private use (packet 7), a code of its own; {OPEN}; the client reports 4002, the server reports 4001",
    ),
    (
        "always 1000 for an answer",
        upgraded().server(0.03, close(1001)).client(0.04, close(1000, key=KEY)),
        Side.SERVER,
        "close",
        {Side.CLIENT: 1001, Side.SERVER: 1000},
        "server sent Close 1001, going away (packet 6), client answered Close 1000, normal closure (packet 7); "
        f"{OPEN}; the client reports 1001, the server reports 1000",
    ),
    (
        "one Close, then FIN",
        upgraded().client(0.03, close(1001, key=KEY)).client(0.04, b"", "FA"),
        Side.CLIENT,
        "close",
        {Side.CLIENT: 1006, Side.SERVER: 1001},
        "client sent Close 1001, going away (packet 6), no Close came from the server; client sent FIN (packet 7); "
        "the client reports 1006, the server reports 1001",
    ),
    (
        "one Close and no end: the side that sent it waits",
        upgraded().client(0.03, close(1000, key=KEY)),
        Side.CLIENT,
        "close",
        {Side.SERVER: 1000},
        "client sent Close 1000, normal closure (packet 6), no Close came from the server; "
        f"{OPEN}; the server reports 1000",
    ),
    (
        "a Close that its receiver must not accept",
        upgraded().server(0.03, b"\x88\x02\x03\xed"),
        Side.SERVER,
        "close",
        {Side.CLIENT: 1006},
        "server sent Close 1005, no status received (packet 6), no Close came from the client; "
        f"{OPEN}; the client reports 1006",
    ),
    (
        "a second Close of the same side",
        upgraded().server(0.03, close(4000, "bye")).server(0.04, close(1000)),
        Side.SERVER,
        "close",
        {Side.CLIENT: 4000},
        'server sent Close 4000, for private use "bye" (packet 6), no Close came from the client; '
        f"{OPEN}; the client reports 4000",
    ),
    (
        "a reason that is no text to show",
        upgraded().server(0.03, close(1000, "\x1b[31m")),
        Side.SERVER,
        "close",
        {Side.CLIENT: 1000},
        "server sent Close 1000, normal closure 1b 5b 33 31 6d (packet 6), no Close came from the client; "
        f"{OPEN}; the client reports 1000",
    ),
    (
        "a ping without a pong",
        upgraded().server(1, ping(b"a")).server(21, b"", "RA"),
        Side.SERVER,
        "rst",
        ABNORMAL,
        "no Close frame, so both sides report 1006; server sent RST (packet 7) after 20.0 s of silence; "
        "the server's ping (packet 6) had no pong in 20.0 s",
    ),
    (
        "the last two of three pings",
        upgraded()
        .client(1, ping(b"a", KEY))
        .server(1.1, pong(b"a"))
        .client(11, ping(b"b", KEY))
        .client(21, ping(b"c", KEY))
        .client(31, close(1011, "ping", KEY)),
        Side.CLIENT,
        "close",
        {Side.SERVER: 1011},
        'client sent Close 1011, internal error "ping" (packet 10) after 10.0 s of silence, no Close came from the '
        f"server; {OPEN}; the client's last 2 pings (from packet 8 on) had no pong in 20.0 s; "
        "the server reports 1011",
    ),
    (
        "a pong to a newer ping stands for the older one",
        upgraded().client(1, ping(b"a", KEY)).client(2, ping(b"b", KEY)).server(2.1, pong(b"b")),
        None,
        "open",
        {},
        "still open where the capture ends",
    ),
    (
        "refused",
        refused("403 Forbidden").server(0.03, b"", "FA"),
        Side.SERVER,
        "refused",
        {Side.CLIENT: 1006},
        "the handshake was refused with 403 (packet 5): a client gives up, while a browser tells its script no "
        "more than error and close 1006; server sent FIN (packet 6)",
    ),
    (
        "redirected",
        refused("302 Found", "Location: /other"),
        Side.SERVER,
        "refused",
        {Side.CLIENT: 1006},
        "the handshake was refused with 302 (packet 5): a client may follow the redirect, or gives up, while "
        "a browser tells its script no more than error and close 1006; still open where the capture ends",
    ),
    (
        "no answer",
        Clock().open().client(0.01, REQUEST).client(30.01, b"", "FA"),
        Side.CLIENT,
        "fin",
        {Side.CLIENT: 1006},
        "the request for an upgrade (packet 4) was not answered; client sent FIN (packet 5) after 30.0 s of silence",
    ),
    (
        "a wrong accept key",
        Clock().open().client(0.01, REQUEST).server(0.02, RESPONSE.replace(b"s3p", b"xxx")).client(0.03, b"", "FA"),
        Side.CLIENT,
        "fin",
        ABNORMAL,
        "the handshake was answered with 101, but not as RFC 6455 asks (packet 5): a client fails the connection "
        "because of the response Sec-WebSocket-Accept, while a browser tells its script no more than error and close "
        "1006; client sent FIN (packet 6)",
    ),
    (
        "HTTP after silence",
        Clock().open().exchange(1, 0.01, answer(b"x")).server(76.01, b"", "FA"),
        Side.SERVER,
        "fin",
        {},
        "server sent FIN (packet 6) after 75.0 s of silence",
    ),
]


@pytest.mark.parametrize(
    ("clock", "by", "how", "reports", "sentence"), [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS]
)
def test_endings(clock: Clock, by: Side | None, how: str, reports: dict[Side, int], sentence: str) -> None:
    capture = clock.capture()
    ending = capture.connections[0].ending
    assert str(ending) == sentence
    assert (ending.by, ending.how, ending.reports) == (by, how, reports)
    assert capture.summary["ending"].to_list() == [sentence]
    assert hash(ending) == hash(ending)


@pytest.mark.parametrize("first", [-1, 2**31, 2**32 - 130])
@pytest.mark.parametrize(("read", "words"), [(0, "sent"), (4, "answered")])
def test_the_same_code_twice_is_an_answer_where_the_first_had_arrived(first: int, read: int, words: str) -> None:
    """`first`: the server's sequence numbers start here; `read`: bytes of its Close that the client acknowledges."""
    talk = Talk(server_isn=first).open().client(REQUEST, 0).server(RESPONSE, 0)
    talk.server(close(1000), len(RESPONSE)).client(close(1000, key=KEY), len(REQUEST))
    talk.packets[-1]["TCP"].ack = (first + 1 + len(RESPONSE) + read) % 2**32
    ending = str(talk.capture().connections[0].ending)
    assert f"client {words} Close 1000" in ending
    assert ending.startswith("both sides closed at once: ") == (words == "sent")
    assert ("before that one had reached it" in ending) == (words == "sent")


def test_the_capture_goes_on_and_the_connection_is_silent() -> None:
    clock = upgraded().server(1, b"\x81\x02ok").client(31, b"", "A")
    assert str(clock.capture().connections[0].ending) == "still open where the capture ends, after 30.0 s of silence"


def test_a_side_that_was_not_captured_owes_no_pong() -> None:
    talk = Talk().client(b"\x81\x82\0\0\0\0ok" + ping(b"a", KEY), 0).client(ping(b"b", KEY), 15)
    connection = talk.capture().connections[0]
    assert connection.protocol == "websocket"
    assert str(connection.ending) == "still open where the capture ends"


def test_the_recordings() -> None:
    assert str(capture_of(ECHO).connections[0].ending) == (
        'client sent Close 1000, normal closure "that is all" (packet 33), '
        'server answered Close 1000, normal closure "that is all" (packet 34); '
        "server sent FIN (packet 36); client sent FIN (packet 37); both sides report 1000"
    )
    assert [capture_of(path).connections[0].ending.reports for path in (ECHO, POLL, WEBSOCKET)] == [BOTH, {}, BOTH]


def test_what_there_is_instead() -> None:
    assert list(summary_lines(capture_of(POLL)))[1] == "no WebSocket here: 1 HTTP connection with 44 exchanges"
    assert not any("no WebSocket" in line for line in summary_lines(capture_of(ECHO)))
    assert "no WebSocket here: 1 HTTP connection with 1 exchange, 1 upgrade refused" in summary_lines(
        refused("400 Bad Request").capture()
    )
    tls = capture_of(SHARED / "captures" / "illustrated_tls12.pcap").connections
    http = refused("403 Forbidden").capture().connections
    http2 = Talk().open().client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0).capture().connections
    other = Talk().open().client(b"EHLO", 0).capture().connections
    all_ = [*http, *tls, *http2, *tls, *other]
    assert what_instead(Connections(len(all_), all_.__getitem__)) == (
        "1 HTTP connection with 1 exchange, 1 upgrade refused; 1 HTTP/2 connection, not decoded; "
        "2 TLS connections, encrypted; 1 other TCP connection"
    )
    assert what_instead(Connections(0, all_.__getitem__)) == "no TCP connection"


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_every_ending_is_one_line_and_harmless(path: Path) -> None:
    for connection in capture_of(path).connections:
        ending = connection.ending
        assert str(ending).isprintable()
        assert (ending.by is None) == (ending.how == "open")
        assert set(ending.reports) <= set(Side)


def test_display_filters() -> None:
    capture = capture_of(ECHO)
    (connection,) = capture.connections
    assert connection.display_filter == "tcp.stream eq 0"
    assert capture.summary["filter"].to_list() == ["tcp.stream eq 0"]
    assert [frame.display_filter for frame in connection.frames[:2]] == [
        "frame.number == 8 && websocket",
        "frame.number == 9 && websocket",
    ]
    # A frame in two packets stands at the second one.
    talk = Talk().open().client(REQUEST, 0).server(RESPONSE, 0).server(b"\x81\x05He", len(RESPONSE))
    talk.server(b"llo", len(RESPONSE) + 4).server(b"\x81\x02", len(RESPONSE) + 7)
    talk.server(b"\xff\xff", len(RESPONSE) + 9)
    capture = talk.capture()
    frames = capture.connections[0].frames
    assert (frames[0].packets, frames[0].display_filter) == ((6, 7), "frame.number == 7 && websocket")
    (row,) = capture.findings.to_dict("records")
    assert (row["rule"], row["filter"]) == ("text-not-utf8", f"frame.number == {row['packet']}")
    late = Talk().client(b"abc", 0).capture()
    assert late.findings["filter"].to_list()[1:] == ["tcp.stream eq 0"]  # the first finding is the file's
