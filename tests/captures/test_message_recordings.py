"""What messages mean, who gets them, and what happens where they cannot go on."""

from __future__ import annotations

import json
from itertools import groupby, pairwise

from captures.scenarios.browser_client import BYTES, CODE, PING, REASON, SUBPROTOCOLS, TEXT
from captures.scenarios.flow import CLIENTS, DIES_AFTER, FLOOD, NEWS, SLEEP, SPOKEN
from captures.scenarios.messages import CHANGES, PRICES, QUIET, SUBPROTOCOL, TOPIC
from tests.captures.recordings import (
    CLIENT,
    SERVER,
    answered,
    asked,
    only,
    only_connection,
    opcodes,
    recording,
    texts,
)
from wsviz import Message, Opcode, Side
from wsviz.protocol.subprotocols import parse_stomp, read_payload

# ---- subscribe ----


def parsed(message: Message) -> dict[str, object]:
    """A message as JSON; {} for the one that is none."""
    if read_payload(message.data).error is not None:
        return {}
    value = json.loads(message.data)
    assert isinstance(value, dict)
    return value


def test_subscribe_notify_unsubscribe() -> None:
    connection = only_connection("subscribe")
    said = [(message.sender, parsed(message).get("op")) for message in connection.messages]
    assert said == [
        (CLIENT, None),
        (SERVER, "error"),
        (CLIENT, "subscribe"),
        (SERVER, "subscribed"),
        *[(SERVER, "notify")] * len(CHANGES),
        (CLIENT, "unsubscribe"),
        (SERVER, "unsubscribed"),
    ]
    told = [parsed(message) for message in connection.messages[4 : 4 + len(CHANGES)]]
    assert told == [{"op": "notify", "topic": TOPIC, "change": change} for change in CHANGES]
    assert answered(connection).header("Sec-WebSocket-Protocol") is None


def test_one_message_is_not_json_and_the_connection_goes_on() -> None:
    connection = only_connection("subscribe")
    faults = [number for number, message in enumerate(connection.messages) if read_payload(message.data).error]
    assert faults == [0]
    assert connection.messages[0].sender is CLIENT
    assert connection.findings == ()
    assert connection.ending.reports == {CLIENT: 1000, SERVER: 1000}


def test_silence_after_the_unsubscription() -> None:
    connection = only_connection("subscribe")
    *_, last, close, _ = connection.frames
    assert (last.sender, close.sender) == (SERVER, CLIENT)
    assert (close.time - last.time) / 1e9 > QUIET


# ---- stomp ----


def test_the_commands_of_stomp() -> None:
    connection = only_connection("stomp")
    frames = [(message.sender, frame) for message in connection.messages for frame in parse_stomp(message.data)]
    assert [(sender, frame.command) for sender, frame in frames] == [
        (CLIENT, "CONNECT"),
        (SERVER, "CONNECTED"),
        (CLIENT, "SUBSCRIBE"),
        *[(SERVER, "MESSAGE")] * len(PRICES),
        (CLIENT, "UNSUBSCRIBE"),
        (SERVER, "RECEIPT"),
        (CLIENT, "DISCONNECT"),
        (SERVER, "RECEIPT"),
    ]
    (subscription,) = [dict(frame.headers)["id"] for _, frame in frames if frame.command == "SUBSCRIBE"]
    messages = [frame for _, frame in frames if frame.command == "MESSAGE"]
    assert [frame.body.decode() for frame in messages] == list(PRICES)
    assert {dict(frame.headers)["subscription"] for frame in messages} == {subscription}
    wanted = [dict(frame.headers)["receipt"] for _, frame in frames if "receipt" in dict(frame.headers)]
    assert wanted == [dict(frame.headers)["receipt-id"] for _, frame in frames if frame.command == "RECEIPT"]


def test_stomp_was_negotiated() -> None:
    connection = only_connection("stomp")
    assert connection.handshake is not None and connection.handshake.subprotocol == SUBPROTOCOL
    assert asked(connection).header("Sec-WebSocket-Protocol") == f"{SUBPROTOCOL}, v11.stomp"
    assert opcodes(connection, CLIENT)[-1] == Opcode.CLOSE


def test_the_passcode_is_masked() -> None:
    capture, connection = recording("stomp"), only_connection("stomp")
    assert "passcode:not-a-secret" in (connection.messages[0].text or "")
    assert not capture.messages["text"].str.contains("not-a-secret").any()


# ---- broadcast ----


def test_one_broadcast_is_a_frame_on_each_connection() -> None:
    capture = recording("broadcast")
    assert len(capture.connections) == CLIENTS
    assert texts(only(capture, "/first"), SERVER) == texts(only(capture, "/third"), SERVER) == list(NEWS)
    assert texts(only(capture, "/second"), SERVER) == list(NEWS[:DIES_AFTER])
    copies = capture.messages.groupby("text")["connection"].count()
    assert [int(copies[news]) for news in NEWS] == [CLIENTS] * DIES_AFTER + [CLIENTS - 1] * (len(NEWS) - DIES_AFTER)
    raw = {f.dissection.raw for c in capture.connections for f in c.frames if f.frame.payload == NEWS[0].encode()}
    assert len(raw) == 1


def test_a_client_that_dies_does_not_hold_up_the_rest() -> None:
    capture = recording("broadcast")
    dead = only(capture, "/second")
    assert (dead.ending.by, dead.ending.how) == (CLIENT, "rst")
    for path in ("/first", "/third"):
        ending = only(capture, path).ending
        assert (ending.by, ending.reports) == (SERVER, {CLIENT: 1000, SERVER: 1000})


# ---- slow_consumer ----


def test_zero_window_and_then_the_rest() -> None:
    packets = recording("slow_consumer").packets
    client = packets[packets["sender"] == "client"]
    shut = client[(client["window"] == 0) & ~client["flags"].str.contains("RST")]
    assert len(shut) >= 1
    again = client[(client["time"] > shut["time"].max()) & (client["window"] > 0)].iloc[0]
    assert SLEEP / 3 < (again["time"] - shut["time"].min()).total_seconds() < SLEEP + 1
    between = packets[(packets["time"] > shut["time"].min()) & (packets["time"] < again["time"])]
    assert len(between[between["sender"] == "server"]) >= 1  # the probes
    assert between["new_bytes"].sum() == 0


def test_nothing_is_lost_by_waiting() -> None:
    connection = only_connection("slow_consumer")
    assert texts(connection, SERVER) == list(FLOOD)
    assert connection.ending.reports == {CLIENT: 1000, SERVER: 1000}


# ---- duplex ----


def test_both_sides_write_without_taking_turns() -> None:
    connection = only_connection("duplex")
    for side in Side:
        assert texts(connection, side) == [f"{number} of {SPOKEN}" for number in range(1, SPOKEN + 1)]
    order = [captured.sender for captured in connection.frames if captured.frame.opcode is Opcode.TEXT]
    runs = [(sender, len(list(run))) for sender, run in groupby(order)]
    assert len(runs) > SPOKEN  # they alternate most of the time
    assert max(length for _, length in runs[:-1]) > 1  # and not always


def test_few_bare_acks() -> None:
    packets = recording("duplex").packets
    bare = packets[(packets["payload_length"] == 0) & (packets["flags"] == "ACK")]
    assert len(bare) < (packets["payload_length"] > 0).sum() / 2


# ---- browser ----


def test_all_that_a_script_says() -> None:
    connection = only_connection("browser")
    sent = [(f.frame.opcode, f.frame.payload) for f in connection.frames if f.sender is CLIENT]
    assert sent == [
        (Opcode.TEXT, TEXT.encode()),
        (Opcode.PONG, PING),
        (Opcode.BINARY, BYTES),
        (Opcode.BINARY, BYTES),
        (Opcode.CLOSE, CODE.to_bytes(2) + REASON.encode()),
    ]
    assert connection.ending.by is CLIENT
    assert connection.ending.reports == {CLIENT: CODE, SERVER: CODE}


def test_chromium_answers_the_ping_by_itself() -> None:
    connection = only_connection("browser")
    ping, pong = [f for f in connection.frames if f.frame.opcode in (Opcode.PING, Opcode.PONG)]
    assert (ping.sender, pong.sender) == (SERVER, CLIENT)
    assert opcodes(connection, SERVER) == [Opcode.PING, Opcode.TEXT, Opcode.BINARY, Opcode.BINARY, Opcode.CLOSE]


def test_each_frame_has_a_key_of_its_own() -> None:
    keys = [f.frame.masking_key for f in only_connection("browser").frames if f.sender is CLIENT]
    assert all(key is not None and key != other for key, other in pairwise(keys))


def test_what_the_browser_adds_to_the_request() -> None:
    connection = only_connection("browser")
    request = asked(connection)
    assert request.header("Sec-WebSocket-Protocol") == ", ".join(SUBPROTOCOLS)
    assert (request.header("Origin") or "").startswith("http://")
    assert "Chrome/" in (request.header("User-Agent") or "")
    assert (request.header("Sec-WebSocket-Extensions") or "").startswith("permessage-deflate")
    assert answered(connection).header("Sec-WebSocket-Protocol") == SUBPROTOCOLS[1]
    assert answered(connection).header("Sec-WebSocket-Extensions") is None
