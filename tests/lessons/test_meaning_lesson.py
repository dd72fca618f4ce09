"""Lesson 08's exercises: right answers, each misconception, nothing; and the recordings that its text relies on."""

from __future__ import annotations

import pytest

from tests.lessons.feed import feed
from wsviz import Frame, Opcode, ProtocolError, dissect_frame
from wsviz.figures.deflate_talk import memory, talk_of
from wsviz.figures.deflate_view import view_of
from wsviz.lessons import recording
from wsviz.lessons.meaning_lesson import by_path
from wsviz.protocol.deflate import Deflater, Inflater, negotiated
from wsviz.protocol.secrets import MARK

SUBSCRIBE = "SUBSCRIBE\nid:7\ndestination:/topic/weather\n\n\0"
KEY = bytes.fromhex("37fa213d")


def sums(column: str = "wire_length", senders: tuple[str, ...] = ("client",)) -> tuple[int, int]:
    kept, forgotten = (by_path(path) for path in ("/kept", "/forgotten"))
    return tuple(int(each.loc[each["sender"].isin(senders), column].sum()) for each in (kept, forgotten))  # type: ignore[return-value]


def test_exercises() -> None:
    kept, forgotten = sums()
    both = sums(senders=("client", "server"))
    packet = recording("subscribe").messages["packet"].iloc[-1]
    feed(
        "08",
        right={
            "whose_words": ["C)"],
            "stomp_subscribe": [
                SUBSCRIBE.encode(),
                SUBSCRIBE.replace("\n", "\r\n"),
                "SUBSCRIBE\ndestination:/topic/weather\nack:auto\nid:7\n\n\0\n",
                Frame.text(SUBSCRIBE, masking_key=KEY),
                Frame.text(SUBSCRIBE, masking_key=KEY).serialize(),
            ],
            "takeover": [(kept, forgotten), [float(kept), forgotten]],
        },
        wrong={
            "whose_words": [("STOMP", "none of the answers")],
            "not_json": [
                (1, "the server's complaint"),
                (2, "from the client, is JSON"),
                (4, "from the server, is JSON"),
                (packet, "counts messages"),
                (1000, "too large"),
            ],
            "stomp_subscribe": [
                ('{"op": "subscribe", "topic": "/topic/weather"}', "no empty line ends the headers"),
                (SUBSCRIBE.lower(), "'subscribe' at byte 0 is no STOMP command"),
                (SUBSCRIBE.replace("\0", ""), "no NUL ends the STOMP frame"),
                (SUBSCRIBE.replace("\n\n", "\n"), "no empty line ends the headers"),
                (SUBSCRIBE.replace("id:7\n", ""), "The header id is missing"),
                (SUBSCRIBE.replace("id:7", "id: 7"), "a blank after the colon"),
                (SUBSCRIBE.replace("weather", "prices"), "The destination is '/topic/prices'"),
                (SUBSCRIBE.replace("id:7", "id 7"), "is no STOMP header, expected name:value"),
                (SUBSCRIBE.replace("\0", "please\0"), "It has a body of 6 bytes"),
                (SUBSCRIBE.replace("SUBSCRIBE", "SEND"), "The command is SEND"),
                (2 * SUBSCRIBE, "It holds 2 frames of STOMP"),
                (b"\n", "It holds 0 frames of STOMP"),
                (Frame.text(SUBSCRIBE), "MASK"),
                (Frame.text(SUBSCRIBE).serialize(), "MASK"),
                (Frame.binary(SUBSCRIBE.encode(), masking_key=KEY), "Opcode 2 is binary"),
            ],
            "takeover": [
                (both, "That counts both directions"),
                (sums("length"), "before they are compressed"),
                ((kept + 3 * 6, forgotten + 3 * 6), "headers and masking keys"),
                ((forgotten, kept), "belongs to the other connection"),
                (kept, "the answer is a tuple of 2"),
                ((kept, forgotten + 1), "/forgotten:"),
            ],
            "from_the_middle": [("yes", "none of the answers")],
        },
    )


def test_nobody_asked_for_the_second_notification() -> None:
    change = recording("email_ws")
    texts = [message.text or "" for message in change.connections[0].messages]
    assert [text.count('"data"') > 0 for text in texts] == [False, False, True, True, False, False]
    assert "ada.old@" in texts[2] and "ada.new@" in texts[3]
    assert [exchange.request_head.method for exchange in change.connections[1].exchanges] == ["PUT"]


def test_three_messages_of_the_other_application_are_shown() -> None:
    texts = recording("subscribe").messages["text"]
    assert [text.split('"')[3] for text in texts.iloc[2:5]] == ["subscribe", "subscribed", "notify"]
    assert not recording("subscribe").connections[0].findings
    assert recording("subscribe").connections[0].handshake.subprotocol is None  # type: ignore[union-attr]


def test_stomp_was_negotiated_and_its_secrets_are_hidden() -> None:
    stomp = recording("stomp")
    assert stomp.connections[0].handshake.subprotocol == "v12.stomp"  # type: ignore[union-attr]
    texts = "".join(stomp.messages["text"])
    assert texts.count(MARK) == 2
    for words in ("ack:auto", "heart-beat:0,0", "content-length:", "RECEIPT"):
        assert words in texts


def test_hello_takes_thirteen_bits_for_four_letters() -> None:
    deflater = Deflater()
    assert [deflater.compress(b"Hello").hex(" ") for _ in range(2)] == ["f2 48 cd c9 c9 07 00", "f2 00 11 00 00"]
    assert "13 bits instead of 32" in "".join(cell.label for cell in view_of(talk_of(["Hello", "Hello"])).cells)


def test_rsv1_without_an_agreement_is_an_error() -> None:
    hello = Frame(Opcode.TEXT, bytes.fromhex("f248cdc9c90700"), rsv1=True).serialize()
    assert [each.rule for each in dissect_frame(hello, sender="server").findings] == ["reserved-bit-set"]
    assert not dissect_frame(hello, sender="server", extensions="permessage-deflate").findings


def test_the_terms_and_the_first_frames_of_the_recording() -> None:
    deflate = recording("deflate")
    ways = dict(zip(deflate.exchanges["target"], deflate.connections, strict=True))
    for path in ("/kept", "/forgotten"):
        terms = negotiated(ways[path].handshake.extensions)  # type: ignore[union-attr]
        assert terms is not None
        assert terms.client_max_window_bits == terms.server_max_window_bits == 12
        assert terms.client_no_context_takeover == (path == "/forgotten")
        assert [each.sender for each in ways[path].frames[:3]] == ["client", "server", "client"]
    assert Inflater().inflate(ways["/forgotten"].frames[2].frame.payload).startswith(b'{"type"')
    with pytest.raises(ProtocolError, match="too far back"):
        Inflater().inflate(ways["/kept"].frames[2].frame.payload)
    random = by_path("/incompressible")
    assert (random["wire_length"] > random["length"]).all()


def test_the_memory_of_the_text() -> None:
    assert 280 < sum(memory(15)) / 1024 < 310, "about 300 KiB at each end"
    assert 2.8e9 < 10_000 * sum(memory(15)) < 3.2e9


def test_the_two_dangers() -> None:
    bomb = Deflater().compress(bytes(10_000_000))
    assert len(bomb) < 10_000
    with pytest.raises(ProtocolError) as error:
        Inflater().inflate(bomb, max_size=1_000_000)
    assert error.value.close_code == 1009
    sizes = {}
    for guess in ("pin=1111", "pin=2222", "pin=4711"):
        sizes[guess] = len(Deflater().compress(f"user=ada pin=4711; you searched for {guess}".encode()))
    assert min(sizes, key=sizes.__getitem__) == "pin=4711"
    assert len(set(sizes.values())) == 2
