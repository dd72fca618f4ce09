"""What happened on one TCP connection: roles, HTTP exchanges, WebSocket frames and messages, and how it ended."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from wsviz.capture.captured_frames import FRAME, SIDES, CapturedFrame, CapturedFrames, frame_rows, frame_spans
from wsviz.capture.ending import CloseSeen, Ending, find_ending
from wsviz.capture.exchanges import Exchange, HttpReading, read_exchanges
from wsviz.capture.ledger import BUCKET, NO_UNIT, spans
from wsviz.capture.packets import Array, PacketTable
from wsviz.capture.tcp import Direction, Flow
from wsviz.protocol.fields import Finding, Side, WsvizError
from wsviz.protocol.frames import dissection_of
from wsviz.protocol.handshake import Handshake, check_handshake
from wsviz.protocol.http1 import looks_like_request
from wsviz.protocol.rules import RULES
from wsviz.protocol.stream import Message, Stream, StreamDecoder
from wsviz.protocol.wire import Opcode, read_header


class Endpoint(NamedTuple):
    """One end of a TCP connection."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Connection:
    """One TCP connection of a capture, decoded when it is made; frames become objects when they are asked for.

    `roles` is "seen" where a handshake, a request or a SYN tells who the client is, else "inferred". `protocol` is
    "websocket", "http", "tls" or "tcp". `findings` holds those of the handshake, of HTTP and of both directions'
    streams.
    """

    def __init__(self, index: int, flow: Flow, table: PacketTable) -> None:
        self.index, self.packets, self._table = index, flow.packets, table
        client = self._client_of(flow)
        self.roles = "inferred" if client is None else "seen"
        if client is None:
            client = 0 if flow.endpoints[0][1] >= flow.endpoints[1][1] else 1
        self._directions = {Side.CLIENT: flow.directions[client], Side.SERVER: flow.directions[1 - client]}
        self.client, self.server = (
            Endpoint(table.addresses[address], port)
            for address, port in (flow.endpoints[client], flow.endpoints[1 - client])
        )
        self._decode()

    @staticmethod
    def _client_of(flow: Flow) -> int | None:
        """0 or 1 where the bytes or the SYN tell which endpoint is the client."""
        for side, direction in enumerate(flow.directions):
            if looks_like_request(direction.read(0, min(direction.first_gap, 16_384))):
                return side
        return flow.opener

    def _decode(self) -> None:
        client, server = self._directions.values()
        http = HttpReading()
        self.handshake: Handshake | None = None
        self.protocol = "tcp"
        start = client.read(0, min(client.first_gap, 16_384))
        if looks_like_request(start):
            self.protocol = "http"
            http = read_exchanges(client, server)
        elif start[:2] == b"\x16\x03":
            self.protocol = "tls"
        self.exchanges: tuple[Exchange, ...] = tuple(http.exchanges)
        laid = {Side.CLIENT: spans(http.client_spans), Side.SERVER: spans(http.server_spans)}
        found, self.frame_table, self.messages = list(http.findings), np.zeros(0, FRAME), tuple[Message, ...]()
        self.message_packets: tuple[int, ...] = ()  # 1-based: that brought each message's last byte
        if self.protocol == "tls":
            for side, direction in self._directions.items():
                laid[side] = spans([(0, direction.first_gap, BUCKET["tls"], NO_UNIT, NO_UNIT)])
        if http.handshake is not None:
            found += self._check_handshake(*http.handshake)
        if http.upgraded:
            self.protocol = "websocket"
            found += self._decode_frames({Side.CLIENT: http.client_end, Side.SERVER: http.server_end})
            found += self._early_frames(http.server_end)
            for side in SIDES:
                frames = self.frame_table[self.frame_table["sender"] == SIDES.index(side)]
                laid[side] = np.concatenate((laid[side], frame_spans(frames)))
        found += self._gaps()
        if self.roles == "inferred":
            words = f"{self.client} is taken for the client, since its port is not the lower one"
            found.append(RULES["roles-inferred"].finding(words, offset=0))
        self.spans = laid
        # What is wrong with the handshake as HTTP was found twice: on the way, and by its check.
        self.findings = tuple(sorted(set(found)))

    def _check_handshake(self, asked: tuple[int, bytes], answered: tuple[int, bytes]) -> list[Finding]:
        """Judge the handshake; its findings, their offsets counted from the directions' first bytes."""
        starts = {Side.CLIENT: asked[0], Side.SERVER: answered[0], None: answered[0]}
        try:
            self.handshake = check_handshake(asked[1], answered[1])
        except WsvizError:  # a half that is cut was told as such on the way
            return []
        return [replace(f, offset=f.offset + starts[f.culprit]) for f in self.handshake.findings]

    def _early_frames(self, answer_end: int) -> list[Finding]:
        """Whether the client sent frames before the 101 was on the wire."""
        rows = self.frame_table[self.frame_table["sender"] == SIDES.index(Side.CLIENT)]
        answer = self._directions[Side.SERVER].packet_at(answer_end - 1)
        if not len(rows) or rows["packet"][0] - 1 > answer:
            return []
        words = f"the client's first frame is in packet {rows['packet'][0]}, the 101 ends in packet {answer + 1}"
        offset = int(rows["offset"][0])
        return [RULES["frame-before-101"].finding(words, culprit=Side.CLIENT, frame=0, offset=offset)]

    def _decode_frames(self, bases: dict[Side, int]) -> list[Finding]:
        """Decode both directions from their first frame on; fills the frame table and the messages."""
        extensions = None if self.handshake is None else self.handshake.extensions
        tables, messages, found = [], list[tuple[int, int, Message]](), list[Finding]()
        for side, direction in self._directions.items():
            base = bases[side]
            stream, findings = _decode_stream(side, direction, base, extensions)
            found += findings
            rows = frame_rows(self.index, side, direction, stream, base)
            tables.append(rows)
            for message in stream.messages:
                last = rows[message.frames[-1]]
                end = int(last["offset"] + last["header_length"] + last["payload_length"]) - 1
                packet = direction.packet_at(end)
                time = int(self._table.rows["time"][packet])
                messages.append((packet, end, replace(message, time=time)))
        messages.sort(key=lambda entry: entry[:2])
        self.messages = tuple(message for _, _, message in messages)
        self.message_packets = tuple(packet + 1 for packet, _, _ in messages)
        by_side = dict(zip(SIDES, tables, strict=True))
        for number, message in enumerate(self.messages):
            by_side[message.sender]["message"][list(message.frames)] = number
        table = np.concatenate(tables)
        self.frame_table = table[np.lexsort((table["offset"], table["packet"]))]
        return found

    def _gaps(self) -> list[Finding]:
        return [
            RULES["bytes-missing"].finding(
                f"the {side}'s bytes are missing from offset {direction.first_gap} on: the "
                f"{direction.end - direction.first_gap} bytes from there to the end of the direction are not decoded",
                offset=direction.first_gap,
            )
            for side, direction in self._directions.items()
            if direction.first_gap < direction.end
        ]

    @property
    def frames(self) -> CapturedFrames:
        """All frames of both directions, by their first bytes."""
        return CapturedFrames(self.frame_table, self._captured_frame)

    def _captured_frame(self, row: Array) -> CapturedFrame:
        side = SIDES[row["sender"]]
        direction, start, index = self._directions[side], int(row["offset"]), int(row["index"])
        end = start + int(row["header_length"]) + int(row["payload_length"])
        raw = direction.read(start, end)
        header = read_header(raw)
        assert header is not None
        findings = [finding for finding in self.findings if (finding.frame, finding.culprit) == (index, side)]
        packets = tuple(packet + 1 for packet in direction.packets_between(start, end))
        dissection = dissection_of(raw, header, findings, side, judged=True)
        return CapturedFrame(side, index, int(row["time"]), packets, dissection)

    @property
    def duration(self) -> int:
        """From the first packet to the last, in ns."""
        times = self._table.rows["time"][self.packets]
        return int(times.max() - times.min())

    def directions(self) -> list[tuple[Direction, Array]]:
        """Both directions with their spans, the client's first: what the ledger counts."""
        return [(self._directions[side], self.spans[side]) for side in SIDES]

    def packet_of(self, finding: Finding) -> int | None:
        """The packet (1-based) that brought the byte a finding points at; None where nobody is to blame for it."""
        if finding.culprit is None:
            return None
        direction = self._directions[finding.culprit]
        return direction.packet_at(finding.offset) + 1 if 0 <= finding.offset < direction.first_gap else None

    @cached_property
    def ending(self) -> Ending:
        """Who ended the connection, and how."""
        closes: dict[Side, CloseSeen] = {}
        for row in self.frame_table[self.frame_table["opcode"] == Opcode.CLOSE]:
            side = SIDES[row["sender"]]
            if side not in closes:
                frame = self._captured_frame(row).frame
                closes[side] = CloseSeen(frame.close_code, frame.payload[2:], int(row["packet"]))
        return find_ending(self._directions, closes, websocket=self.protocol == "websocket")

    def __repr__(self) -> str:
        return f"<Connection {self.index}: {self.client} -> {self.server}, {self.protocol}>"


def _decode_stream(
    side: Side, direction: Direction, base: int, extensions: str | None
) -> tuple[Stream, list[Finding]]:
    """The frames of one direction and all findings, their offsets counted from the direction's first byte."""
    decoder = StreamDecoder(side, extensions)
    stream = decoder.feed(direction.read(base, direction.first_gap))
    found = list(stream.findings)
    if direction.ended:
        found += decoder.finish().findings
    return stream, [replace(finding, offset=finding.offset + base) for finding in found]
