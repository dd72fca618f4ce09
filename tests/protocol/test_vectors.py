"""Third-party vectors: Autobahn's cases as one fuzzer sent them, and what wsproto's tests fed its frame decoder."""

from __future__ import annotations

import hashlib
import json
import random
from functools import cache
from typing import Any, NamedTuple

import pytest
from wsproto.frame_protocol import FrameProtocol, ParseFailed

from tests.needs import SHARED, need
from tests.protocol.streams import Outcome, cut, feed, single_bytes
from wsviz import Side
from wsviz.protocol.stream import StreamDecoder

Record = dict[str, Any]


@cache
def records(name: str) -> tuple[Record, ...]:
    path = SHARED / "vectors" / f"{name}.vectors.jsonl"
    return tuple(json.loads(line) for line in path.read_text().splitlines()) if path.exists() else ()


def autobahn() -> list[Record]:
    return [*records("autobahn_c2s_give"), *records("autobahn_deflate_give")]


def case(record: Record) -> str:
    return str(record["case"])


def decode(record: Record, direction: str) -> Outcome:
    sender = Side.CLIENT if direction == "c2s" else Side.SERVER
    data = bytes.fromhex(record[f"{direction}_hex"])
    return feed([data], StreamDecoder(sender, record.get("negotiated", "")))


def test_the_vectors_are_there() -> None:
    need("shared")
    assert len(autobahn()) == 128
    assert len(records("wsproto_framedecoder")) == 448


@pytest.mark.parametrize("record", autobahn(), ids=case)
def test_autobahn_verdicts(record: Record) -> None:
    codes = [finding.close_code for finding in decode(record, "c2s").findings if finding.close_code is not None]
    verdict = record["verdict_for_fuzzer_bytes"]
    if verdict == "protocol_error":
        assert codes[0] == 1002
    elif verdict == "invalid_payload":
        assert codes[0] == 1007
    elif verdict == "ok":
        assert not codes
    else:
        # 7.1.6 sends Close and more after it, 7.13.1 close code 5000, of which the RFC leaves the outcome open.
        assert codes == ([] if record["case"] == "7.1.6" else [1002])


@pytest.mark.parametrize("record", autobahn(), ids=case)
def test_autobahn_headers_also_after_an_error(record: Record) -> None:
    for direction in ("c2s", "s2c"):
        result = decode(record, direction)
        frames = [dissection.value for dissection in result.frames]
        listed = record[f"{direction}_headers"]  # of the four long streams, only how many
        headers = [[f.fin, f.rsv1 << 2 | f.rsv2 << 1 | f.rsv3, f.opcode, f.masked, len(f.payload)] for f in frames]
        assert (len(headers) if isinstance(listed, int) else headers) == listed
        assert len(result.rest) == record[f"{direction}_trailing"]


@pytest.mark.parametrize("record", autobahn(), ids=case)
def test_the_echoing_peer_is_clean(record: Record) -> None:
    assert not decode(record, "s2c").findings


@pytest.mark.parametrize("record", records("autobahn_deflate_give"), ids=case)
def test_autobahn_messages(record: Record) -> None:
    for direction in ("c2s", "s2c"):
        messages = decode(record, direction).messages
        digests = "".join(hashlib.sha256(message.data).hexdigest() for message in messages)
        assert len(messages) == record["message_count"]
        assert hashlib.sha256(digests.encode()).hexdigest() == record["messages_sha256_of_concat"]
        assert sum(message.compressed for message in messages) == record[f"compressed_messages_{direction}"]


@pytest.mark.parametrize("record", autobahn(), ids=case)
def test_autobahn_feeding(record: Record) -> None:
    rng = random.Random(record["case"])
    for direction, sender in (("c2s", Side.CLIENT), ("s2c", Side.SERVER)):
        data = bytes.fromhex(record[f"{direction}_hex"])
        whole = decode(record, direction)
        for pieces in (
            single_bytes(data),
            cut(data, [rng.randrange(len(data) + 1) for _ in range(9)]),
        ):
            assert feed(pieces, StreamDecoder(sender, record.get("negotiated", ""))) == whole


class Difference(NamedTuple):
    """Where wsviz says something else than wsproto's frame decoder, and why that is right."""

    rules: list[str]
    code: int | None  # wsproto's
    why: str


FAKE = "wsproto's tests negotiate an extension of their own; wsviz says that it does not know it, and shows the bytes"
LAYER = "wsproto judges Close bodies one layer above the decoder that was recorded, and there it agrees"
DIFFERENCES = {
    "TestFrameDecoderExtensions::test_rsv_bit": Difference(["extensions-unknown"], None, FAKE),
    "TestFrameDecoderExtensions::test_wrong_rsv_bit": Difference(["extensions-unknown"] * 2, 1002, FAKE),
    "TestFrameDecoderExtensions::test_header_error_handling": Difference(["extensions-unknown"] * 2, 1010, FAKE),
    "TestFrameDecoderExtensions::test_payload_processing": Difference(["extensions-unknown"], None, FAKE),
    "TestFrameDecoderExtensions::test_payload_error_handling": Difference(["extensions-unknown"] * 2, 1008, FAKE),
    "TestFrameDecoderExtensions::test_frame_completion": Difference(["extensions-unknown"], None, FAKE),
    "TestFrameDecoderExtensions::test_completion_error_handling": Difference(["extensions-unknown"] * 2, 1006, FAKE),
    "TestFrameProtocolReceive::test_close_one_byte_code": Difference(["close-body-one-byte"], None, LAYER),
    "TestFrameProtocolReceive::test_close_bad_code": Difference(["close-code-undefined"], None, LAYER),
    "TestFrameProtocolReceive::test_close_unknown_code": Difference(["close-code-undefined"], None, LAYER),
    "TestFrameProtocolReceive::test_close_local_only_code": Difference(["close-code-not-for-the-wire"], None, LAYER),
    "TestFrameProtocolReceive::test_close_bad_utf8_payload": Difference(["close-reason-not-utf8"], None, LAYER),
    "TestFrameProtocolReceive::test_close_incomplete_utf8_payload": Difference(
        ["close-reason-not-utf8"], None, LAYER
    ),
}


def decoders() -> list[tuple[str, list[Record]]]:
    """The records of each of wsproto's decoders that was fed a byte."""
    groups: dict[tuple[str, int], list[Record]] = {}
    for record in records("wsproto_framedecoder"):
        groups.setdefault((record["test"].rpartition("test_frame_protocol.py::")[2], record["dec"]), []).append(
            record
        )
    return [(test, group) for (test, _), group in groups.items() if any(record.get("hex") for record in group)]


@pytest.mark.parametrize(("test", "group"), decoders(), ids=[test for test, _ in decoders()])
def test_wsproto(test: str, group: list[Record]) -> None:
    first = next(record for record in group if record["op"] == "feed")
    sender = Side.SERVER if first["client_side_receiver"] else Side.CLIENT
    pieces = [bytes.fromhex(record["hex"]) for record in group if record["op"] == "feed"]
    result = feed(pieces, StreamDecoder(sender, ", ".join(first["ext"])))
    theirs = next((record["code"] for record in group if record["op"] == "error"), None)
    # Decoding on past an error, and ends within a frame, are not wsproto's affair.
    ours = [finding for finding in result.findings if finding.rule not in ("frame-cut", "message-unfinished")]
    if test in DIFFERENCES:
        assert DIFFERENCES[test][:2] == ([finding.rule for finding in ours], theirs), DIFFERENCES[test].why
        if DIFFERENCES[test].why == LAYER:
            with pytest.raises(ParseFailed) as caught:
                protocol = FrameProtocol(client=True, extensions=[])
                protocol.receive_bytes(b"".join(pieces))
                list(protocol.received_frames())
            assert caught.value.code == ours[0].close_code
        return
    assert next((finding.close_code for finding in ours if finding.close_code), None) == theirs
    if theirs is None:
        assert b"".join(
            bytes.fromhex(record["payload_hex"]) for record in group if record["op"] == "frame"
        ) == b"".join(dissection.value.payload for dissection in result.frames)


def test_every_difference_is_one() -> None:
    need("shared")
    assert set(DIFFERENCES) <= {test for test, _ in decoders()}
