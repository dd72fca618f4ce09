"""Law 5 at volume: one pass over a file tells of every frame and every message what decoding all of it tells."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.capture.build import REQUEST, RESPONSE, pcap, read
from tests.capture.files import ALL, capture_of, ids
from tests.capture.test_ip_fragments import in_fragments
from wsviz import Frame
from wsviz.capture.capture import Capture
from wsviz.capture.captured_frames import FRAME
from wsviz.capture.packets import PacketReader
from wsviz.capture.stores import InMemory
from wsviz.capture.volume_tables import MESSAGE, ROW, Volume
from wsviz.protocol.deflate import Deflater

NAMES = ("time", "sender", "index", "opcode", "fin", "rsv1", "masked", "header_length", "payload_length")
CHUNKS = (200, 4096, 1 << 24)


def volume_of(file: bytes, chunk: int) -> Volume:
    return Volume(lambda: PacketReader(io.BytesIO(file), "made.pcap", chunk=chunk))


def assert_as_decoded(volume: Volume, capture: Capture) -> None:
    """The frames and messages at volume are those of the connections."""
    rows = np.concatenate([np.zeros(0, FRAME), *(one.frame_table for one in capture.connections)])
    expected = rows[np.lexsort((rows["offset"], rows["packet"]))]
    found = np.concatenate([np.zeros(0, ROW), *volume.frame_rows()])
    assert found["packet"].tolist() == (expected["packet"] - 1).tolist()
    assert (found["direction"] >> 1).tolist() == expected["connection"].tolist()
    for name in NAMES:
        assert found[name].tolist() == expected[name].tolist(), name
    store = InMemory()
    messages = np.concatenate([np.zeros(0, MESSAGE), *volume.messages(store)])
    places = [(one, number) for one in capture.connections for number in range(len(one.messages))]
    places.sort(key=lambda place: place[0].message_packets[place[1]])
    assert messages["connection"].tolist() == [one.index for one, _ in places]
    assert messages["packet"].tolist() == [one.message_packets[number] - 1 for one, number in places]
    for row, (one, number) in zip(messages, places, strict=True):
        message = one.messages[number]
        assert store.get(row["place"][None], row["size"][None]) == [message.data]
        assert (row["sender"] == 0) == (message.sender == "client")
        assert row["opcode"] == message.opcode
        assert bool(row["compressed"]) == message.compressed
        assert bool(row["readable"]) == (message.length is not None)
        assert row["frame_count"] == len(message.frames)
        assert row["wire_length"] == message.wire_length
        assert row["time"] == message.time


@pytest.mark.parametrize("size", [24, 48])
@pytest.mark.parametrize("chunk", [1, 150, 1000])
def test_fragments_of_ip_are_joined_across_chunks(size: int, chunk: int) -> None:
    packets = [part for parts in in_fragments(size) for part in parts]
    file = pcap(packets, link=101)
    assert_as_decoded(volume_of(file, chunk), read(file))
    assert volume_of(file, chunk).payloads() == [b"Hello", b"World"]


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_all_captures(path: Path, chunk: int) -> None:
    file = path.read_bytes()
    assert_as_decoded(volume_of(file, max(chunk, len(file) // 200)), capture_of(path))


# 10,030: sequence numbers that are as far ahead as behind.
@pytest.mark.parametrize("seed", [*range(300), 10_030])
def test_generated_conversations(seed: int) -> None:
    file = pcap(conversations(random.Random(seed)))
    for chunk in (500, 1 << 24):
        assert_as_decoded(volume_of(file, chunk), read(file))


def conversations(dice: random.Random) -> list[bytes]:
    """The packets of a few connections, one after the other or interleaved, with what happens to packets."""
    talks = [talk(dice, dice.choice((40_000, 40_000 + number))) for number in range(dice.randint(1, 3))]
    if dice.random() < 0.5:
        return [packet for one in talks for packet in one]
    packets = []
    while any(talks):
        packets.append(dice.choice([one for one in talks if one]).pop(0))
    return packets


def talk(dice: random.Random, port: int) -> list[bytes]:
    """The packets of one connection: its handshake and frames, legal or not, cut anywhere."""
    extensions = dice.choice((b"", b"", b"Sec-WebSocket-Extensions: permessage-deflate\r\n"))
    request, response = REQUEST, RESPONSE.replace(b"Sec-WebSocket-Accept", extensions + b"Sec-WebSocket-Accept")
    match dice.randint(0, 9):
        case 0:  # another exchange comes first
            request, response = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + request, EMPTY + response
        case 1:
            request, response = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", EMPTY
        case 2:
            response = EMPTY.replace(b"200 OK", b"403 Forbidden")
        case 3:
            request = response = b""
    streams = [request + frames(dice, masked=True), response + frames(dice, masked=False, deflate=bool(extensions))]
    numbers = [dice.choice((1000, 2**32 - 100)), dice.choice((5000, 2**31 - 60))]
    packets = []
    if dice.random() < 0.9:
        packets += [tcp(port, 0, numbers[0] - 1, 0, 2), tcp(port, 1, numbers[1] - 1, numbers[0], 18)]
    at, segments = [0, 0], list[tuple[int, int, int]]()
    while at[0] < len(streams[0]) or at[1] < len(streams[1]):
        side = 0 if at[0] < len(request) else 1 if at[1] < len(response) else dice.randint(0, 1)
        size = dice.choice((1, 3, 20, 100, 200, 1000))
        segments.append((side, at[side], min(at[side] + size, len(streams[side]))))
        at[side] = segments[-1][2]
    for side, low, high in unruly(dice, [one for one in segments if one[1] < one[2]]):
        snap = 1 if dice.random() < 0.002 else 0
        packets.append(tcp(port, side, numbers[side] + low, numbers[1 - side], 24, streams[side][low:high], snap))
    return packets


EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def unruly(dice: random.Random, segments: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Segments (side, first byte, end), some of them again, cut otherwise, swapped, or missing."""
    often = dice.choice((0, 0, 0.02, 0.2))
    for _ in range(int(often * len(segments))):
        place = dice.randrange(len(segments))
        side, low, high = segments[place]
        match dice.randint(0, 5):
            case 0:
                segments.insert(dice.randint(place, min(place + 5, len(segments))), (side, low, high))
            case 1:
                later = dice.randint(place, min(place + 5, len(segments) - 1))
                segments.insert(later, segments.pop(place))
            case 2:  # sent again together with its neighbours
                segments.insert(place + 1, (side, max(low - dice.randint(0, 9), 0), high))
            case 3:
                segments.insert(place, (side, low, (low + high + 1) // 2))
            case 4 if dice.random() < 0.2:
                del segments[place]
            case 5:  # a keep-alive probe
                segments.insert(place, (side, max(low - 1, 0), max(low, 1)))
    return segments


def frames(dice: random.Random, *, masked: bool, deflate: bool = False) -> bytes:
    """Frames as they come, most of them legal."""
    raw, deflater = b"", Deflater()
    for _ in range(dice.randint(0, 25)):
        size = dice.choice((0, 1, 5, 60, 125, 126, 400, 3000))
        payload, rsv1 = dice.randbytes(size) if dice.random() < 0.5 else bytes(size), False
        opcode, fin = dice.choice((1, 1, 2, 2, 0, 8, 9, 10)), dice.random() < 0.8
        if deflate and opcode in (1, 2) and dice.random() < 0.5:
            payload, rsv1, fin = deflater.compress(payload), True, True
            payload = payload[:-1] if dice.random() < 0.05 else payload
        if dice.random() < 0.03:
            opcode = dice.randint(0, 15)
        key = dice.randbytes(4) if masked != (dice.random() < 0.03) else None
        bits = dice.choice((None, None, None, 64)) if dice.random() < 0.1 else None
        frame = Frame(
            opcode, payload, fin=fin, rsv1=rsv1, rsv2=dice.random() < 0.01, masking_key=key, length_bits=bits
        )
        raw += frame.serialize()
    return raw[: len(raw) - dice.choice((0, 0, 1, 7))]


def tcp(port: int, side: int, seq: int, ack: int, flags: int, data: bytes = b"", snap: int = 0) -> bytes:
    """A packet of the client (0) or the server (1); `snap` bytes of it are not captured."""
    ports, hosts = (port, 80)[:: 1 - 2 * side], (b"\xc0\0\2\1", b"\xc0\0\2\2")[:: 1 - 2 * side]
    header = struct.pack(">HHIIBBHHH", *ports, seq % 2**32, ack % 2**32, 80, flags, 1000, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, *hosts)
    raw = bytes(12) + b"\x08\0" + ip + header + data
    return raw[: len(raw) - snap]
