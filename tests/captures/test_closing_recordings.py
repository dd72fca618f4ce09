"""Ends of connections: who closes, with which code, what the other side makes of it, and silence."""

from __future__ import annotations

import pytest

from captures.scenarios.closing import ANSWERED, CLIENT_CODE, MAX_SIZE, PING_TIMEOUT, QUIET, SERVER_CODE
from tests.captures.recordings import CLIENT, SERVER, asked, only, opcodes, path_of, recording, texts
from wsviz import Opcode, Side
from wsviz.capture.connection import Connection


def codes(connection: Connection) -> dict[Side, list[int | None]]:
    """The codes of each side's Close frames."""
    found: dict[Side, list[int | None]] = {}
    for captured in connection.frames:
        if captured.frame.opcode is Opcode.CLOSE:
            found.setdefault(captured.sender, []).append(captured.frame.close_code)
    return found


def both(code: int) -> dict[Side, int]:
    return {CLIENT: code, SERVER: code}


# Path; who begins the end, and how; the codes on the wire; what each side's API reports.
ENDS = [
    ("/client", CLIENT, "close", {CLIENT: [1000], SERVER: [1000]}, both(1000)),
    ("/server", SERVER, "close", {SERVER: [1000], CLIENT: [1000]}, both(1000)),
    ("/no-code", CLIENT, "close", {CLIENT: [None], SERVER: [None]}, both(1005)),
    ("/page-left", CLIENT, "close", {CLIENT: [1001], SERVER: [1001]}, both(1001)),
    ("/server-shuts-down", SERVER, "close", {SERVER: [1001], CLIENT: [1001]}, both(1001)),
    ("/server-fin", SERVER, "fin", {}, both(1006)),
    ("/client-rst", CLIENT, "rst", {}, both(1006)),
    ("/text-only", SERVER, "close", {SERVER: [1003], CLIENT: [1003]}, both(1003)),
    ("/members-only", SERVER, "close", {SERVER: [1008], CLIENT: [1008]}, both(1008)),
    ("/bug", SERVER, "close", {SERVER: [1011], CLIENT: [1011]}, both(1011)),
    ("/unmasked", SERVER, "close", {SERVER: [1002], CLIENT: [1002]}, both(1002)),
    ("/not-utf8", SERVER, "close", {SERVER: [1007], CLIENT: [1007]}, both(1007)),
    ("/too-big", SERVER, "close", {SERVER: [1009], CLIENT: [1009]}, both(1009)),
    ("/braces", CLIENT, "close", {CLIENT: [0x7B7D], SERVER: [1002]}, {CLIENT: 1002, SERVER: 1006}),
    ("/after-close", CLIENT, "close", {CLIENT: [1000], SERVER: [1000]}, both(1000)),
    (
        "/both",
        SERVER,
        "close",
        {SERVER: [SERVER_CODE], CLIENT: [CLIENT_CODE]},
        {CLIENT: SERVER_CODE, SERVER: CLIENT_CODE},
    ),
]


@pytest.mark.parametrize(("path", "by", "how", "on_the_wire", "reports"), ENDS, ids=[end[0][1:] for end in ENDS])
def test_ends(
    path: str, by: Side, how: str, on_the_wire: dict[Side, list[int | None]], reports: dict[Side, int]
) -> None:
    connection = only(recording("close_matrix"), path)
    assert (connection.ending.by, connection.ending.how) == (by, how)
    assert codes(connection) == on_the_wire
    assert connection.ending.reports == reports


def test_the_ends_are_these_sixteen() -> None:
    assert [path_of(connection) for connection in recording("close_matrix").connections] == [end[0] for end in ENDS]
    assert len(ENDS) == 16


def first_end_of_tcp(connection: Connection) -> tuple[str, str]:
    packets = recording("close_matrix").packets
    own = packets[packets["connection"] == connection.index]
    ends = own[own["flags"].str.contains("FIN|RST")]
    return ends["sender"].iloc[0], ends["flags"].iloc[0]


@pytest.mark.parametrize("path", ["/client", "/server"])
def test_the_server_ends_tcp_first(path: str) -> None:
    sender, flags = first_end_of_tcp(only(recording("close_matrix"), path))
    assert sender == "server" and "FIN" in flags


def test_chromium_does_not_wait_for_the_answer() -> None:
    connection = only(recording("close_matrix"), "/page-left")
    assert "Chrome/" in (asked(connection).header("User-Agent") or "")
    sender, flags = first_end_of_tcp(connection)
    assert sender == "client" and "FIN" in flags
    assert "client sent RST" in str(connection.ending)


def finding(path: str) -> list[tuple[str, Side | None, int | None]]:
    """Rule, culprit and close code of what is wrong."""
    found = only(recording("close_matrix"), path).findings
    return [(f.rule, f.culprit, f.close_code) for f in found if f.severity == "error"]


def test_the_library_answers_a_mistake_with_the_code_of_the_rfc() -> None:
    assert finding("/unmasked") == [("unmasked-client-frame", CLIENT, 1002)]
    assert finding("/not-utf8") == [("text-not-utf8", CLIENT, 1007)]
    assert finding("/braces") == [("close-code-undefined", CLIENT, 1002)]
    for path in ("/unmasked", "/not-utf8", "/braces"):
        ((_, _, code),) = finding(path)
        assert codes(only(recording("close_matrix"), path))[SERVER] == [code]


def test_too_big_is_a_limit_of_the_server_and_no_fault_of_the_bytes() -> None:
    connection = only(recording("close_matrix"), "/too-big")
    assert finding("/too-big") == []
    assert [len(message.data) for message in connection.messages] == [MAX_SIZE + 1]


def test_braces_make_a_code() -> None:
    connection = only(recording("close_matrix"), "/braces")
    (body,) = [f.frame.payload for f in connection.frames if f.sender is CLIENT]
    assert body == b"{}"


def test_what_comes_after_close_is_not_answered() -> None:
    connection = only(recording("close_matrix"), "/after-close")
    close, late = [captured for captured in connection.frames if captured.sender is CLIENT]
    assert (close.frame.opcode, late.frame.opcode) == (Opcode.CLOSE, Opcode.TEXT)
    assert close.packets == late.packets
    assert finding("/after-close") == [("data-after-close", CLIENT, None)]
    assert opcodes(connection, SERVER) == [Opcode.CLOSE]


def test_silence_without_pings_is_silence_on_the_wire() -> None:
    capture = recording("idle")
    connection = only(capture, "/unwatched")
    times = capture.packets.loc[capture.packets["connection"] == connection.index, "time"]
    gaps = sorted(times.diff().dropna().dt.total_seconds())
    assert all(gap > QUIET - 0.2 for gap in gaps[-2:]) and gaps[-3] < 1
    assert texts(connection, CLIENT) == texts(connection, SERVER)
    assert connection.ending.reports == both(1000)


def test_pings_with_pongs_and_one_without() -> None:
    connection = only(recording("idle"), "/watched")
    pings = [f.frame.payload for f in connection.frames if f.frame.opcode is Opcode.PING]
    pongs = [f.frame.payload for f in connection.frames if f.frame.opcode is Opcode.PONG]
    assert len(pings) == ANSWERED + 1
    assert pongs == pings[:ANSWERED] and {len(ping) for ping in pings} == {4}
    assert opcodes(connection, SERVER)[1:] == [Opcode.PING] * (ANSWERED + 1) + [Opcode.CLOSE]


def test_the_kernel_acknowledges_the_ping_that_the_program_does_not_answer() -> None:
    capture = recording("idle")
    connection = only(capture, "/watched")
    last = [f for f in connection.frames if f.frame.opcode is Opcode.PING][-1]
    packets = capture.packets.set_index("packet")
    after = packets.loc[last.packets[-1] + 1]
    assert after["sender"] == "client" and after["payload_length"] == 0
    ping = packets.loc[last.packets[-1]]
    assert after["ack"] == ping["seq"] + ping["payload_length"]


def test_the_server_gives_up() -> None:
    capture = recording("idle")
    connection = only(capture, "/watched")
    assert (connection.ending.by, connection.ending.how) == (SERVER, "close")
    assert codes(connection) == {SERVER: [1011]}
    last, close = [f for f in connection.frames if f.sender is SERVER][-2:]
    assert PING_TIMEOUT - 0.1 < (close.time - last.time) / 1e9 < PING_TIMEOUT + 1
    assert "had no pong" in str(connection.ending)
    packets = capture.packets[capture.packets["sender"] == "server"].set_index("packet")
    fin = packets[packets["flags"].str.contains("FIN") & (packets["connection"] == connection.index)]
    waited = fin["time"].iloc[0] - packets.loc[close.packets[0], "time"]
    assert waited.total_seconds() < PING_TIMEOUT / 2
    assert connection.ending.reports == {CLIENT: 1011, SERVER: 1006}
