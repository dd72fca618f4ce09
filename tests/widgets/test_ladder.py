"""Ladder on the Python side: wishes in, steps and pictures out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from tests.capture.tls_talk import SAID, Made13, Reader, packets
from wsviz import Frame, Side, WsvizError, read_capture
from wsviz.capture.capture import Capture
from wsviz.figures.ladder import ladder
from wsviz.widgets import Ladder
from wsviz.widgets.ladder import ROWS

CAPTURES = Path(__file__).parents[2] / "captures"


def capture_of(name: str) -> Capture:
    return read_capture(CAPTURES / f"{name}.pcapng")


def talk_of(tmp_path: Path, sent: bytes, *, request: bytes = REQUEST, reveal: bool = False) -> Capture:
    """A capture in which the server sends these bytes behind its 101."""
    talk = Talk().open().client(request, 0)
    data = RESPONSE + sent
    for at in range(0, len(data), 1400):
        talk.server(data[at : at + 1400], at)
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(map(bytes, talk.packets)))
    return read_capture(path, reveal=reveal)


def wish(widget: Ladder, do: str, value: Any = None) -> dict[str, Any]:
    """What the page does: a wish with a number, answered by the next picture."""
    number = widget.picture["answered"] + 1
    widget._wish(widget, {"do": do, "value": value, "number": number}, [])
    picture: dict[str, Any] = widget.picture
    assert picture["answered"] == number
    return picture


@pytest.fixture
def echo() -> Ladder:
    return Ladder(capture_of("echo").connections[0])


def place_of(widget: Ladder, words: str) -> int:
    return next(row["place"] for row in widget.picture["rows"] if words in row["words"])


def test_the_rows_are_the_steps_of_the_figure(echo: Ladder) -> None:
    assert [row["words"] for row in echo.picture["rows"]] == [step.words for step in echo.view.steps]
    assert echo.figure == ladder(echo.connection)  # type: ignore[arg-type]
    states = list(dict.fromkeys(row["state"] for row in echo.picture["rows"]))
    assert states == ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]


def test_a_frame_shows_its_fields(echo: Ladder) -> None:
    assert echo.connection is not None
    captured = echo.connection.frames[0]
    picture = wish(echo, "step", place_of(echo, '"Hello"'))
    assert bytes(picture["detail"]["bytes"]) == captured.dissection.raw
    shown = {part["name"]: part["size"] for part in picture["detail"]["parts"] if part["size"]}
    assert shown == {field.name: field.size for field in captured.dissection.fields}
    assert picture["detail"]["way"] == [
        "client to server",
        f"packet {captured.packets[0]}",
        picture["detail"]["way"][2],
    ]
    assert picture["detail"]["filter"] == captured.display_filter
    assert echo.step is not None
    assert echo.step.words == '"Hello"'
    assert wish(echo, "step")["detail"] is None
    assert echo.step is None


def test_a_request_shows_its_lines_byte_by_byte(echo: Ladder) -> None:
    assert echo.connection is not None
    detail = wish(echo, "step", place_of(echo, "GET /echo"))["detail"]
    lines = bytes(detail["bytes"]).split(b"\r\n")
    assert lines[0].startswith(b"GET /echo")
    assert lines[-2:] == [b"", b""]
    head = echo.connection.exchanges[0].request_head
    parts = detail["parts"]
    assert [(part["name"], part["value"]) for part in parts[1:-1]] == list(head.headers)
    ends = [part["start"] + part["size"] for part in parts]
    assert [part["start"] for part in parts] == [0, *ends[:-1]]
    assert ends[-1] == 8 * len(detail["bytes"]) == 8 * echo.connection.exchanges[0].request_length


def test_tcp_shows_its_packets(echo: Ladder) -> None:
    facts = wish(echo, "step", 0)["detail"]["facts"]
    assert [words.partition(",")[0] for words in facts] == ["packet 1: SYN", "packet 2: SYN", "packet 3: ACK"]
    assert "server to client" in facts[1]


def test_levels_fold_and_what_is_chosen_is_shown_from_its_start(echo: Ladder) -> None:
    rows = wish(echo, "fold", "http")["rows"]
    assert [row["words"] for row in rows if row["kind"] == "folded"] == ["HTTP folded: 2 steps"]
    assert echo.choice.folded == {"http"}
    wish(echo, "fold", "http")
    picture = wish(echo, "sender", "server")
    assert {row["sender"] for row in picture["rows"]} == {"", "server"}
    picture = wish(echo, "frames", "control")
    assert {row["kind"] for row in picture["rows"]} == {"tcp", "http", "control"}
    assert (echo.choice.sender, echo.choice.frames) == (Side.SERVER, "control")
    assert echo.figure == ladder(echo.connection, sender="server", frames="control")  # type: ignore[arg-type]


def test_a_step_stays_selected_while_it_is_shown(echo: Ladder) -> None:
    wish(echo, "step", place_of(echo, "1000 normal"))
    place = wish(echo, "fold", "http")["selected"]
    assert echo.picture["rows"][place]["words"].startswith("1000 normal")
    assert wish(echo, "frames", "data")["selected"] == -1
    assert wish(echo, "frames", "all")["detail"] is not None


def test_a_selection_belongs_to_its_step(echo: Ladder) -> None:
    wish(echo, "step", 3)
    echo.selection = [0, 1, -1]
    wish(echo, "step", 4)
    assert echo.selection == []
    assert wish(echo, "step", 99)["notice"] == f"step 99, expected 0 to {len(echo.view.steps) - 1}"


def test_thousands_of_steps_come_in_windows(tmp_path: Path) -> None:
    frames = b"".join(Frame.text(f"{number}").serialize() for number in range(3000))
    widget = Ladder(talk_of(tmp_path, frames))
    picture = widget.picture
    assert (len(picture["rows"]), picture["before"]) == (ROWS, "")
    assert picture["after"] == f"{3000 + 4 - ROWS:,} later steps"  # set-up, two of HTTP, the capture's end
    picture = wish(widget, "from", ROWS)
    assert (picture["rows"][0]["place"], picture["before"]) == (ROWS, "200 earlier steps")
    assert picture["rows"][0]["words"] == '"197"'
    wish(widget, "step", ROWS + 1)
    assert widget.step is not None
    assert widget.step.words == '"198"'
    assert len(json.dumps(picture)) < 120_000
    assert wish(widget, "from", 10**9)["after"] == ""


def test_a_capture_offers_its_connections() -> None:
    capture = capture_of("nginx_ok")
    widget = Ladder(capture)
    assert len(widget.picture["connections"]) == len(capture.connections)
    assert widget.connection is capture.connections[0]
    wish(widget, "connection", 1)
    assert widget.connection is capture.connections[1]
    assert Ladder(capture, connection=1).connection is capture.connections[1]
    with pytest.raises(WsvizError, match="connection is 7, expected 0 to 1"):
        Ladder(capture, connection=7)
    with pytest.raises(WsvizError, match="connection= chooses"):
        Ladder(capture.connections[0], connection=0)


def test_an_empty_capture_says_that_there_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap([]))
    with pytest.raises(WsvizError, match="holds no TCP connection"):
        Ladder(read_capture(path))


def test_a_proxy_has_two_legs_and_each_step_its_own_bytes() -> None:
    near, far = capture_of("nginx_ok").connections[:2]
    widget = Ladder([near, far])
    assert [lane["role"] for lane in widget.picture["lanes"]] == ["client", "proxy", "server"]
    requests = [row["place"] for row in widget.picture["rows"] if row["words"].startswith("GET ")]
    heads = [bytes(wish(widget, "step", place)["detail"]["bytes"]) for place in requests[:2]]
    assert heads[0] != heads[1], "nginx writes the request anew"
    assert widget.picture["detail"]["way"][0] == "proxy to server"


def test_exchanges_alone_are_taken() -> None:
    widget = Ladder(capture_of("poll").connections[0].exchanges[:2])
    assert widget.connection is None
    detail = wish(widget, "step", 0)["detail"]
    assert bytes(detail["bytes"]).startswith(b"GET ")
    assert "the connection has its bytes" in detail["facts"][1]
    with pytest.raises(WsvizError, match="a ladder shows a Connection"):
        Ladder(b"\x81\x00")  # type: ignore[arg-type]


def test_secrets_are_masked_in_words_and_bytes(tmp_path: Path) -> None:
    request = REQUEST.replace(b"/chat", b"/chat?token=sesame").replace(b"\r\n\r\n", b"\r\nCookie: a=sesame\r\n\r\n")
    frames = Frame.text('{"password": "sesame"}').serialize()
    for reveal in (False, True):
        widget = Ladder(talk_of(tmp_path, frames, request=request, reveal=reveal))
        shown = []
        for place in range(len(widget.view.steps)):
            detail = wish(widget, "step", place)["detail"]
            shown += [json.dumps(widget.picture), bytes(detail["bytes"]).decode("latin-1")]
        assert any("sesame" in words for words in shown) is reveal


@pytest.mark.parametrize("text", ['</script><img src=x onerror="x">', "\u202ecd\x1b[31m\x00", "x" * 1_000_000])
def test_hostile_bytes_reach_the_page_as_harmless_text(tmp_path: Path, text: str) -> None:
    request = REQUEST.replace(b"\r\n\r\n", b"\r\nX-\x1b[31m<b>: " + text[:2000].encode() + b"\r\n\r\n")
    widget = Ladder(talk_of(tmp_path, Frame.text(text).serialize(), request=request))
    for place in range(len(widget.view.steps)):
        words = json.dumps(wish(widget, "step", place), ensure_ascii=False)
        assert words.isprintable()
        assert len(words) < 80_000


def levels(widget: Ladder) -> list[str]:
    return [each["level"] for each in widget.picture["levels"]]


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("name", ["wss12", "wss13"])
def test_what_tls_says_shows_its_records(name: str, *, keys: bool) -> None:
    capture = read_capture(CAPTURES / f"{name}.pcapng", keylog=CAPTURES / f"{name}.keys" if keys else None)
    widget = Ladder(capture.connections[1])
    assert levels(widget) == ["tcp", "tls", "http", "websocket"]
    steps = [row["place"] for row in widget.picture["rows"] if row["kind"] == "tls"]
    for place, flight in zip(steps, capture.connections[1].tls_flights, strict=True):
        detail = wish(widget, "step", place)["detail"]
        assert bytes(detail["bytes"]) == flight.direction.read(flight.start, flight.end)
        assert sum(part["size"] for part in detail["parts"]) == 8 * len(detail["bytes"])
        names = [part["name"] for part in detail["parts"]]
        assert names.count("Record header") == sum(1 for _ in flight.records())
        for message in flight.names:
            assert any(message in name for name in names)
        assert detail["facts"][-1] == f"{flight.end - flight.start:,} bytes of records"


def test_encrypted_records_are_named_as_such() -> None:
    capture = read_capture(CAPTURES / "wss13.pcapng", keylog=CAPTURES / "wss13.keys")
    widget = Ladder(capture.connections[1])
    parts = wish(widget, "step", 2)["detail"]["parts"]
    values = {part["name"]: part["value"] for part in parts if part["name"] != "Record header"}
    assert values["ServerHello"] == "122 bytes"
    assert values["Certificate"] == "encrypted, 443 bytes"
    assert parts[0]["value"] == "handshake, version 0x0303, 122 bytes follow"
    unread = Ladder(capture_of("wss13").connections[1])
    place = place_of(unread, "not read")
    assert {part["name"] for part in wish(unread, "step", place)["detail"]["parts"]} == {"Record header", "Encrypted"}


def test_records_beyond_the_room_are_cut_and_counted(tmp_path: Path) -> None:
    made = Made13().open().finish().say(SAID)
    widget = Ladder(Reader(tmp_path).read(packets(made.flights), None).connections[0])
    detail = wish(widget, "step", place_of(widget, "not read"))["detail"]
    assert len(detail["bytes"]) == 2048
    assert detail["more_hex"].endswith("more bytes")
    assert len(json.dumps(widget.picture)) < 120_000


def test_without_tls_its_level_is_not_offered(echo: Ladder) -> None:
    assert levels(echo) == ["tcp", "http", "websocket"]


def test_the_bundle_holds_the_widget_and_the_picture(echo: Ladder) -> None:
    bundle, _ = echo._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    assert bundle["text/plain"] == echo.figure.text
