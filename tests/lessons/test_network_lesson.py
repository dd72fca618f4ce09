"""Lesson 11's exercises: right answers, each misconception, nothing; and what the recordings say to them."""

from __future__ import annotations

from tests.lessons.feed import feed
from wsviz import Connection, Opcode, Side
from wsviz.lab.bank import CUSTOMER, TIMEOUT, Bank
from wsviz.lab.nginx import FOLDER
from wsviz.lessons import lesson, recording
from wsviz.lessons.network_lesson import PING_INTERVAL, _wss

BROKEN = (FOLDER / "no-upgrade.conf").read_text()
VERSION = "proxy_http_version 1.1;"
UPGRADE, CONNECTION = "proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Connection upgrade;"


def repaired(*lines: str) -> str:
    """The broken configuration with these lines in the place of its version."""
    return BROKEN.replace(VERSION, "\n        ".join(lines))


def packets(connection: int, sender: Side, opcode: Opcode) -> list[int]:
    """The packets of wss13.pcapng that carry such frames."""
    frames = _wss().connections[connection].frames
    return [each.packets[0] for each in frames if each.sender == sender and each.frame.opcode == opcode]


def fins(connection: Connection) -> list[int]:
    """The packets of nginx_idle.pcapng with a FIN of this connection, in order."""
    table = recording("nginx_idle").packets
    chosen = (table["connection"] == connection.index) & table["flags"].str.contains("FIN")
    return [int(packet) for packet in table.loc[chosen, "packet"]]


def test_exercises() -> None:
    front, back = recording("nginx_idle").connections
    table = recording("nginx_idle").packets
    data = table.loc[table["payload_length"] > 0, "time"].max()
    first = table.loc[table["flags"].str.contains("FIN"), "time"].min()
    waited = (first - data).total_seconds()
    handshakes = _wss().exchanges
    [text] = packets(1, Side.CLIENT, Opcode.TEXT)
    feed(
        "11",
        right={
            "repair": [
                repaired(VERSION, UPGRADE, CONNECTION, "proxy_read_timeout 91s;"),
                (FOLDER / "right.conf").read_text(),
            ],
            "first_fin": [front.server.address, f" {back.client} ", "proxy", "The proxy", front.server],
            "ping_interval": [round(waited - 0.5, 1), waited - 0.45],
            "decrypted_frame": [float(text)],
        },
        wrong={
            "status": [(426, "none of the answers"), ("1006", "none of the answers")],
            "repair": [
                (BROKEN, "proxy_set_header Upgrade $http_upgrade is missing"),
                (
                    repaired(VERSION, UPGRADE, "proxy_read_timeout 2m;"),
                    "Connection upgrade is missing",
                ),
                (repaired(VERSION, UPGRADE, CONNECTION), "the default of proxy_read_timeout is 60 s"),
                (
                    repaired(VERSION, UPGRADE, CONNECTION, "proxy_read_timeout 90s;"),
                    "every 90 s: too late",
                ),
                (repaired(UPGRADE, CONNECTION, "proxy_read_timeout 2m;"), "proxy_http_version 1.1 is missing"),
                (repaired(VERSION, UPGRADE, "proxy_set_header Connection close;"), "says 'close' to the server"),
                ((FOLDER / "short-timeout.conf").read_text(), "proxy_read_timeout is 2 s"),
                (BROKEN.rstrip("}\n"), "the text is cut"),
                ("server { listen 80; }", "its proxy_pass is missing"),
                (FOLDER, "The answer is the text of a configuration"),
                (
                    repaired(VERSION, VERSION, UPGRADE, CONNECTION, "proxy_read_timeout 2m;"),
                    "Line 10: this block has proxy_http_version already",
                ),
                (
                    repaired(VERSION, UPGRADE, CONNECTION, "proxy_read_timeout 2m; proxy_read_timeout 3m;"),
                    "this block has proxy_read_timeout already",
                ),
            ],
            "first_fin": [
                (front.client.address, "The client sends a FIN, but only after"),
                (str(back.server), "The server sends a FIN, but only after"),
                ("server", "The server sends a FIN, but only after"),
                (back.server, "The server sends a FIN, but only after"),
                ("127.0.0.1", "None of the three machines"),
                (fins(back)[0], "The answer is an address"),
            ],
            "ping_interval": [
                (waited, "would find nobody"),
                (waited + 0.5, "take the half second away"),
                (60, "how long nginx waits by default"),
                (3, "the page wanted to be silent"),
                (round(1000 * (waited - 0.5), 3), "In milliseconds, perhaps"),
                (1000 * round(waited - 0.5, 1), "In milliseconds, perhaps"),
                (1, "With that it lives"),
                (waited / 4, "too small"),
                (20, "too large"),
            ],
            "decrypted_frame": [
                (packets(0, Side.CLIENT, Opcode.TEXT)[0], "of the first connection"),
                (packets(1, Side.SERVER, Opcode.TEXT)[0], "That is an echo"),
                (packets(0, Side.SERVER, Opcode.TEXT)[0], "That is an echo"),
                (packets(1, Side.CLIENT, Opcode.CLOSE)[0], "That is a Close"),
                (int(handshakes["packet"].iloc[1]), "the request of a handshake"),
                (int(handshakes["response_packet"].iloc[1]), "the answer of a handshake"),
                (1, "No frame is in that packet"),
                (int(_wss().frames.index[_wss().frames["packet"] == text][0]), "the number of a row"),
                (10**6, "too large"),
            ],
            "foreign_origin": [("http://evil.example", "none of the answers")],
        },
    )


def test_the_proxy_answers_as_the_right_choice_says() -> None:
    """426, made by the server and passed on by nginx; the server was asked for no upgrade."""
    front, back = recording("nginx_bad").connections
    [right] = [each for each in lesson("11").status.choices if not each.wrong]
    status = back.exchanges[0].response_head
    assert status is not None and front.exchanges[0].response_head is not None
    assert str(status.status) in right.text and "from the server" in right.text
    assert front.exchanges[0].response_head.status == status.status
    assert back.exchanges[0].request_head.header("Upgrade") is None
    assert front.ending.reports[Side.CLIENT] == 1006


def test_the_proxy_hangs_up_on_both_sides_without_a_close() -> None:
    front, back = recording("nginx_idle").connections
    assert front.ending.reports[Side.CLIENT] == back.ending.reports[Side.SERVER] == 1006
    table = recording("nginx_idle").packets.set_index("packet")
    assert table.loc[fins(front)[0], "sender"] == Side.SERVER
    assert table.loc[fins(back)[0], "sender"] == Side.CLIENT
    opcodes = {each.frame.opcode for connection in (front, back) for each in connection.frames}
    assert opcodes == {Opcode.TEXT}


def test_frames_pass_the_proxy_as_they_are() -> None:
    front, back = recording("nginx_ok").connections
    assert [each.dissection.raw for each in front.frames] == [each.dissection.raw for each in back.frames]
    assert len(front.frames) > 2


def test_the_key_log_opens_what_was_closed() -> None:
    assert not any(connection.messages for connection in recording("wss13").connections)
    assert all(connection.messages for connection in _wss().connections)


def test_a_foreign_page_is_served_as_the_right_choice_says() -> None:
    from websockets.sync.client import connect
    from websockets.typing import Origin

    with Bank(check_origin=False) as bank:
        cookie = {"Cookie": bank.log_in()}
        origin = Origin("http://evil.example")
        with connect(
            bank.url, origin=origin, additional_headers=cookie, proxy=None, open_timeout=TIMEOUT
        ) as connection:
            assert connection.recv(timeout=TIMEOUT) == CUSTOMER


def test_the_question_names_the_interval_that_is_judged() -> None:
    assert f"every {PING_INTERVAL:.0f} seconds" in lesson("11").repair.question.replace("\n", " ")
