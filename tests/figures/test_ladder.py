"""The ladder agrees with the connection, holds what a stranger sent, and is the same every time."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from tests.laws import assert_labels_apart
from tests.needs import SHARED, need
from wsviz import Frame, WsvizError
from wsviz.capture.capture import read_capture
from wsviz.capture.connection import Connection
from wsviz.figures.figure import CHAR, Figure, columns
from wsviz.figures.ladder import ladder
from wsviz.figures.ladder_order import Choice
from wsviz.figures.ladder_steps import frame_words
from wsviz.figures.ladder_view import view_of
from wsviz.protocol.fields import Side
from wsviz.protocol.wire import PREVIEW_BYTES, Opcode

CAPTURES = Path(__file__).parents[2] / "captures"
NAMES = ("echo", "poll", "websocket")
SVG = "{http://www.w3.org/2000/svg}"


def connection_of(name: str) -> Connection:
    return read_capture(CAPTURES / f"{name}.pcapng").connections[0]


def patched(tmp_path: Path, old: bytes, new: bytes) -> Figure:
    """The ladder of the echo recording in which other bytes of the same number were sent."""
    data = (CAPTURES / "echo.pcapng").read_bytes()
    assert data.count(old) == 1
    assert len(old) == len(new)
    path = tmp_path / "patched.pcapng"
    path.write_bytes(data.replace(old, new))
    return ladder(read_capture(path).connections[0])


def check_svg(figure: Figure) -> None:
    """Well-formed, free of scripts and links; no text leaves the picture or runs into another on its line."""
    root = ElementTree.fromstring(figure.svg)
    assert not {element.tag for element in root.iter()} & {f"{SVG}script", f"{SVG}a", f"{SVG}foreignObject"}
    lines: dict[str, list[tuple[float, float]]] = {}
    for element in root.iter(f"{SVG}text"):
        assert element.text is not None
        x, width = float(element.attrib["x"]), columns(element.text) * CHAR * float(element.attrib["font-size"])
        left = x - width * {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor", "start")]
        assert left >= 10, element.text
        assert left + width <= float(root.attrib["viewBox"].split()[2]) - 10, element.text
        lines.setdefault(element.attrib["y"], []).append((left, left + width))
    for spans in map(sorted, lines.values()):
        assert all(one[1] < other[0] for one, other in pairwise(spans)), spans


@pytest.mark.parametrize("name", NAMES)
def test_is_the_same_every_time(name: str) -> None:
    assert ladder(connection_of(name)) == ladder(connection_of(name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [1, 2, 9, 60])
def test_fits_its_frame(name: str, limit: int) -> None:
    figure = ladder(connection_of(name), limit=limit)
    check_svg(figure)
    assert max(map(columns, figure.text.split("\n"))) <= 100


def test_fits_its_frame_on_captures_of_others() -> None:
    need("shared")
    for path in sorted((SHARED / "captures").glob("*.pcap")):
        for connection in read_capture(path).connections:
            figure = ladder(connection)
            check_svg(figure)
            assert max(map(columns, figure.text.split("\n"))) <= 100, path.name


def test_every_frame_of_the_echo_is_a_line() -> None:
    connection = connection_of("echo")
    lines = {line.split()[1]: line for line in ladder(connection).text.split("\n") if "|" in line}
    for captured in connection.frames:
        line, raw = lines[str(captured.packets[0])], captured.dissection.raw
        payload = len(captured.frame.payload)
        assert f" {captured.frame.opcode.name.lower()} " in line
        assert f" {len(raw) - payload} + {payload} byte" in line
        assert ("-->|" in line) == (captured.sender is Side.CLIENT)
        assert ("|<.." in line) == (captured.sender is Side.SERVER)
        assert ("FIN=0" in line) == (not captured.frame.fin)


def test_tells_the_story_of_the_echo() -> None:
    text = ladder(connection_of("echo")).text
    story = [
        "TCP connection opened:  SYN >  < SYN-ACK  ACK >",
        "HTTP GET /echo [Upgrade: websocket]",
        "HTTP 101 Switching Protocols",
        'text "Hello"',
        "binary 00 01 7f 80 fe ff",
        'ping "and you?"',
        'close 1000 normal closure, "that is all"',
        "TCP FIN: the server will send no more",
    ]
    assert [text.find(words) for words in story] == sorted(text.find(words) for words in story)
    assert all(words in text for words in story)
    assert "15 packets with nothing but an acknowledgement" in text


def test_sizes_of_http_add_up() -> None:
    connection = connection_of("poll")
    sizes = [step.sizes for step in view_of(connection, 1000).steps if step.kind == "http"]
    expected = sum(exchange.request_length + exchange.response_length for exchange in connection.exchanges)
    assert sum(header + body for header, body in filter(None, sizes)) == expected
    assert sum(body for _, body in filter(None, sizes)) == sum(
        len(exchange.response.body) for exchange in connection.exchanges if exchange.response
    )


def test_states_change_where_the_packets_say() -> None:
    steps = view_of(connection_of("echo"), 60).steps
    first = {step.state: step.words for step in reversed(steps)}
    changes = [(words, state) for state, words in reversed(first.items())]
    assert [state for _, state in changes] == ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]
    assert [words[:4] for words, _ in changes] == ["TCP ", "101 ", "1000", "FIN:"]


def test_polling_has_no_state() -> None:
    figure = ladder(connection_of("poll"))
    assert "readyState" not in figure.svg + figure.text


def test_a_refused_upgrade_closes(tmp_path: Path) -> None:
    figure = patched(tmp_path, b"101 Switching Protocols", b"403 Not Today, Sorry!!!")
    assert re.search(r"CLOSED +\|<\.\. HTTP 403 Not Today", figure.text)
    assert "OPEN" not in figure.text


@pytest.mark.parametrize("limit", [1, 2, 7, 20, 34])
def test_elided_steps_are_counted(limit: int) -> None:
    connection = connection_of("websocket")
    whole, part = view_of(connection, 60).steps, view_of(connection, limit).steps
    assert len(whole) == 37  # set-up, two of HTTP, 32 frames, two FINs
    kept = [step for step in part if step.kind != "elided"]
    elided = [step.words for step in part if step.kind == "elided"]
    assert len(kept) == limit
    assert elided == [f"{37 - limit} more steps, not drawn"]
    assert kept == [*whole[: limit - limit // 3], *whole[37 - limit // 3 :]]


def test_nothing_is_elided_that_fits() -> None:
    connection = connection_of("websocket")
    assert "not drawn" not in ladder(connection, limit=37).text
    with pytest.raises(ValueError, match="limit is 0, expected 1 or more"):
        ladder(connection, limit=0)


@pytest.mark.parametrize("payload", [b"<b>&'", b'">]]&', b"\x1b[31m", "\u202ecd".encode(), b"\x00\xff\r\n<"])
def test_hostile_payload_is_only_text(tmp_path: Path, payload: bytes) -> None:
    figure = patched(tmp_path, b"\x81\x05Hello", b"\x81\x05" + payload)
    check_svg(figure)
    for shown in (figure.svg, figure.text):
        assert all(char.isprintable() or char == "\n" for char in shown)
    assert "<b>" not in figure.svg


def test_hostile_request_and_reason_are_only_text(tmp_path: Path) -> None:
    check_svg(patched(tmp_path, b"GET /echo", b'GET /<&">'))
    check_svg(patched(tmp_path, b"101 Switching Protocols", b"101 <script>alert(1)\x1b[m"))


def test_secrets_are_masked_until_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "secrets.pcap"
    texts = b"".join(Frame.text(text).serialize() for text in ('{"password": "bbb", "n": 1}', "x token=ccccccc"))
    asked = REQUEST.replace(b"/chat", b"/c?sid=aaa&n")
    reason = Frame.close(1000, "sid=ddd").serialize()
    talk = Talk().open().client(asked, 0).server(RESPONSE + texts + reason, 0)
    path.write_bytes(pcap(map(bytes, talk.packets)))
    masked, revealed = (ladder(read_capture(path, reveal=reveal).connections[0]) for reveal in (False, True))
    for secret in ("aaa", "bbb", "ccc", "ddd"):
        assert secret not in masked.svg + masked.text
        assert secret in revealed.text
    assert "GET /c?sid=[masked]&amp;" in masked.svg
    assert '{"password": "[masked]", "n": 1}' in masked.text


def test_a_figure_holds_no_header_values() -> None:
    connection = connection_of("websocket")
    figure = ladder(connection)
    for name in ("Sec-WebSocket-Key", "User-Agent", "Origin", "Host"):
        value = connection.exchanges[0].request.header(name)
        assert value
        assert name == "Host" or value not in figure.svg + figure.text  # the host is also the server's address


# What is chosen


def test_folded_levels_are_one_row_that_counts() -> None:
    connection = connection_of("echo")
    text = ladder(connection, folded=["tcp", "http"]).text
    assert "HTTP folded: 2 steps" in text
    assert text.count("TCP folded") == 2  # the set-up, and the two FINs at the end
    assert "GET /echo" not in text
    whole, folded = (
        view_of(connection, 60, Choice(frozenset(levels))) for levels in ([], ["tcp", "http", "websocket"])
    )
    assert (whole.total, folded.total, folded.left_out) == (len(whole.steps), 4, 0)
    with pytest.raises(ValueError, match="the level is 'udp', expected 'tcp', 'tls', 'http', 'websocket'"):
        ladder(connection, folded=["udp"])


def test_one_sender_and_one_kind_of_frames() -> None:
    connection = connection_of("echo")
    frames = [(each.sender, each.frame.is_control) for each in connection.frames]
    for sender in Side:
        steps = view_of(connection, 60, Choice(sender=sender)).steps
        assert {step.sender for step in steps} == {None, sender}
        assert sum(step.kind in ("data", "control") for step in steps) == sum(each is sender for each, _ in frames)
    view = view_of(connection, 60, Choice(frames="control"))
    assert sum(step.kind == "control" for step in view.steps) == sum(control for _, control in frames)
    assert view.left_out == sum(not control for _, control in frames)
    assert f"Left out on request: {view.left_out} steps." in ladder(connection, frames="control").text
    with pytest.raises(ValueError, match="frames is 'some'"):
        ladder(connection, frames="some")


def test_a_window_holds_the_steps_from_a_place_on() -> None:
    connection = connection_of("websocket")
    whole = view_of(connection, 60)
    for first in (0, 5, 30):
        window = view_of(connection, 10, first=first)
        assert (window.first, window.total) == (first, 37)
        assert [step.key for step in window.steps] == [step.key for step in whole.steps[first : first + 10]]
        assert [step.state for step in window.steps] == [step.state for step in whole.steps[first : first + 10]]


def test_long_pauses_are_marked_with_their_length() -> None:
    connection = connection_of("echo")
    close = next(each for each in view_of(connection, 60, Choice(frames="control")).steps if each.chip == "close")
    assert close.pause > 400_000_000, "the fragments before it are left out"
    assert f"{close.pause / 1e6:.0f} ms pass" in ladder(connection, frames="control").text
    assert " pass" not in ladder(connection).text, "all wait alike"


# Beside connections


def test_both_sides_of_a_proxy_have_a_lane_between_them() -> None:
    near, far = proxied()
    figure = ladder([near, far])
    check_svg(figure)
    assert_labels_apart(figure)
    assert max(map(columns, figure.text.split("\n"))) <= 100
    view = view_of([near, far], 60)
    assert [lane.role for lane in view.lanes] == ["client", "proxy", "server"]
    assert (view.client, view.server) == (str(near.client), str(far.server))
    assert {step.leg for step in view.steps} == {0, 1}
    times = [step.time for step in view.steps if step.time is not None]
    assert times == sorted(times)
    assert "client to proxy" in figure.svg
    assert "proxy to server" in figure.svg
    assert view.packets == len(near.packets) + len(far.packets)
    fins = {(step.leg, step.sender): step.words for step in view.steps if step.words.startswith("FIN")}
    assert fins[0, Side.SERVER] == fins[1, Side.CLIENT] == "FIN: the proxy will send no more"


def proxied() -> tuple[Connection, Connection]:
    """The client's connection to nginx, and the one that nginx opens for it."""
    connections = [
        each for each in read_capture(CAPTURES / "nginx_ok.pcapng").connections if each.protocol == "websocket"
    ]
    near = next(each for each in connections if each.server.port == 8080)
    return near, next(each for each in connections if each.server.port == 8001)


def test_exchanges_alone_have_a_ladder() -> None:
    exchanges = connection_of("poll").exchanges[:3]
    figure = ladder(exchanges)
    check_svg(figure)
    assert figure.text.startswith("3 HTTP exchanges\n")
    assert figure.text.count(" HTTP GET ") == 3
    assert "packets" not in figure.text.split("\n")[1]


def test_what_is_no_ladder_is_refused() -> None:
    echo, other = connection_of("echo"), connection_of("echo")
    for wrong in (b"bytes", [], [echo, echo.exchanges[0]], [echo] * 3, "x"):
        with pytest.raises(WsvizError, match="a ladder shows a Connection"):
            ladder(wrong)  # type: ignore[arg-type]
    with pytest.raises(WsvizError, match="must come from one capture"):
        ladder([echo, other])


# TLS


def in_tls(name: str, *, keys: bool) -> Connection:
    """Chromium's connection."""
    keylog = CAPTURES / f"{name}.keys" if keys else None
    return read_capture(CAPTURES / f"{name}.pcapng", keylog=keylog).connections[1]


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("name", ["wss12", "wss13"])
def test_a_ladder_with_tls_fits_its_frame(name: str, *, keys: bool) -> None:
    figure = ladder(in_tls(name, keys=keys))
    check_svg(figure)
    assert_labels_apart(figure)
    assert max(map(columns, figure.text.split("\n"))) <= 100


def test_tells_the_story_of_tls_that_was_read() -> None:
    connection = in_tls("wss13", keys=True)
    assert ladder(connection).text.startswith("WebSocket connection in TLS: ")
    steps = view_of(connection, 60).steps
    story = [(step.chip, step.words) for step in steps[1:7]]
    assert story == [
        ("TLS", "ClientHello"),
        ("TLS", "ServerHello … Finished"),
        ("TLS", "ChangeCipherSpec, Finished"),
        ("TLS", "NewSessionTicket, NewSessionTicket"),
        ("HTTP", "GET /echo"),
        ("HTTP", "101 Switching Protocols"),
    ]
    assert steps[2].marks == ("TLS 1.3, AES-256-GCM",)
    assert {step.state for step in steps[:6]} == {"CONNECTING"}
    flights = [flight.end - flight.start for flight in connection.tls_flights]
    assert [sum(step.sizes or ()) for step in steps if step.kind == "tls"] == flights
    assert [step.sizes[0] for step in steps if step.kind == "tls" and step.sizes] == [5, 30, 10, 10]


def test_tells_of_tls_that_was_not_read() -> None:
    for name, hidden in (("wss12", "data"), ("wss13", "handshake and data")):
        connection = in_tls(name, keys=False)
        figure = ladder(connection)
        assert figure.text.startswith("TLS connection: ")
        unread = [flight for flight in connection.tls_flights if not flight.said]
        assert {flight.sender for flight in unread} == {*Side}
        for flight in unread:
            assert f"encrypted {hidden}, not read: {flight.end - flight.start:,} bytes" in figure.text


def test_tls_is_a_level_that_folds() -> None:
    connection = in_tls("wss13", keys=True)
    text = ladder(connection, folded=["tls"]).text
    assert "TLS folded: 4 steps" in text
    assert "ClientHello" not in text
    with_tls, without = (view_of(connection, 60, Choice(frozenset(levels))) for levels in ([], ["tls"]))
    assert with_tls.total == without.total + 3


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"and you?", '"and you?"'),
        ("gr\u00fc\u00df".encode(), '"gr\u00fc\u00df"'),
        (b"\xdaLR\x00", "da 4c 52 00"),
        (b"B\x00C%", "42 00 43 25"),
        (bytes(40), f"{bytes(PREVIEW_BYTES).hex(' ')} …"),
    ],
)
@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
def test_a_ping_of_any_bytes_is_shown_in_hex(opcode: Opcode, payload: bytes, words: str) -> None:
    assert frame_words(Frame(opcode, payload), payload, True, reveal=False) == words


def test_a_text_that_is_cut_within_a_character_stays_text() -> None:
    assert frame_words(Frame(Opcode.TEXT, b"caf\xc3", fin=False), b"caf\xc3", True, reveal=False) == '"caf\ufffd"'
