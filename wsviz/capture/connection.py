"""What happened on one TCP connection: roles, HTTP exchanges, WebSocket frames and messages, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from wsviz.capture.captured_frames import FRAME, CapturedFrame, CapturedFrames, frame_rows, frame_spans
from wsviz.capture.captured_messages import CapturedMessages
from wsviz.capture.detect import detect, detect_inside, http2_in_words
from wsviz.capture.direction import Direction
from wsviz.capture.ending import Ending, find_ending
from wsviz.capture.exchanges import Exchange, HttpReading, read_answers, read_exchanges
from wsviz.capture.frame_decoding import read_frames
from wsviz.capture.ledger import BUCKET, NO_UNIT, spans
from wsviz.capture.mechanism import Mechanism, Visits, recognise
from wsviz.capture.once import once
from wsviz.capture.packets import Array, PacketTable
from wsviz.capture.stores import OnDisk
from wsviz.capture.tcp import Flow
from wsviz.capture.tls_flights import Flight, flights_of
from wsviz.capture.tls_reading import TlsKeys, TlsReading, wire_spans
from wsviz.protocol.deflate import MAX_MESSAGE_SIZE
from wsviz.protocol.fields import SIDES, Finding, Side, WsvizError
from wsviz.protocol.frames import dissection_of
from wsviz.protocol.handshake import Handshake, check_handshake
from wsviz.protocol.message import Message
from wsviz.protocol.rules import RULES
from wsviz.protocol.wire import apply_mask, read_header

OF_THE_WIRE = {"copies-differ", "tls-alert"}  # rules whose offsets count the bytes of TCP, also where TLS is read
MOST_TOLD = 100  # holes, or copies that differ, of one direction that are told one by one


class Endpoint(NamedTuple):
    """One end of a TCP connection."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Connection:
    """One TCP connection of a capture, decoded when it is made; frames become objects when they are asked for.

    `roles` is "seen" where a handshake, a request or a SYN tells who the client is, else "inferred". `protocol` is
    "websocket", "http", "http/2", "tls" or "tcp"; where `keys` open TLS, it is what TLS protects. `findings` holds
    those of the handshake, of HTTP, of TLS and of both directions' streams. `reveal` says that the secrets in it may
    be shown, which `read_capture` is asked for.
    """

    reveal = False

    def __init__(
        self,
        index: int,
        flow: Flow,
        table: PacketTable,
        extensions: str | None = None,
        keys: TlsKeys | None = None,
    ) -> None:
        self.index, self.packets, self._table = index, flow.packets, table
        self.detected = detect(flow)
        self._tls: TlsReading | None = None
        wire = flow.directions
        if keys is not None and self.detected.protocol == "tls":
            from wsviz.capture.tls import read_tls  # with it comes cryptography, an extra

            self._tls = read_tls(flow, keys)
            flow, self.detected = self._tls.flow, detect_inside(self._tls)
        client = self.detected.client
        self.roles = "seen" if client is not None and self.detected.protocol != "websocket" else "inferred"
        if client is None:
            client = 0 if flow.endpoints[0][1] >= flow.endpoints[1][1] else 1
        self._directions = {Side.CLIENT: flow.directions[client], Side.SERVER: flow.directions[1 - client]}
        self._wire = {Side.CLIENT: wire[client], Side.SERVER: wire[1 - client]}
        self.client, self.server = (
            Endpoint(table.addresses[address], port)
            for address, port in (flow.endpoints[client], flow.endpoints[1 - client])
        )
        self.find_visits: Callable[[], Visits] | None = None  # given by the capture, as is the next one
        self.find_store: Callable[[], OnDisk] | None = None
        self.handshake: Handshake | None = None
        self.protocol = self.detected.protocol
        self.frame_table, self._messages = np.zeros(0, FRAME), tuple[Message, ...]()
        self._frame_rows: dict[Side, Array] = {}  # by direction, in its order
        self.message_packets: tuple[int, ...] = ()  # 1-based: that brought each message's last byte
        starts = self.detected.starts
        self._decode((starts[client], starts[1 - client]), extensions)

    def _decode(self, starts: tuple[int, int], extensions: str | None) -> None:
        """Decode both directions from these stream offsets on, the client's first."""
        client, server = self._directions.values()
        http = HttpReading(client_end=starts[0], server_end=starts[1], upgraded=self.protocol == "websocket")
        if self.protocol == "http":
            http = read_exchanges(client, server, starts) if client.end else read_answers(server, starts[1])
        self.exchanges: tuple[Exchange, ...] = tuple(http.exchanges)
        laid = {Side.CLIENT: spans(http.client_spans), Side.SERVER: spans(http.server_spans)}
        found = list(http.findings)
        if self.protocol == "tls":
            for side, direction in self._directions.items():
                laid[side] = spans([(0, direction.end, BUCKET["tls"], NO_UNIT, NO_UNIT)])
        if http.handshake is not None:
            found += self._check_handshake(*http.handshake)
        if http.upgraded:
            self.protocol = "websocket"
            negotiated = extensions if http.extensions is None else http.extensions
            found += self._decode_frames({Side.CLIENT: http.client_end, Side.SERVER: http.server_end}, negotiated)
            if self.handshake is not None:
                found += self._early_frames(http.server_end)
            for side in SIDES:
                frames = self.frame_table[self.frame_table["sender"] == SIDES.index(side)]
                laid[side] = np.concatenate((laid[side], frame_spans(frames)))
        self.spans = laid
        # What is wrong with the handshake as HTTP was found twice: on the way, and by its check. What is found at the
        # same byte keeps its order, which a set would change with every run.
        self.findings = tuple(sorted(dict.fromkeys([*found, *self._of_capture(extensions)])))

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

    def _decode_frames(self, starts: dict[Side, int], extensions: str | None) -> list[Finding]:
        """Decode both directions from their first frame on; fills the frame table and the messages."""
        self._reread = starts, extensions
        tables, messages, found = [], list[tuple[int, int, Message, bool]](), list[Finding]()
        for side, direction in self._directions.items():
            reading = read_frames(side, direction, starts[side], extensions)
            found += reading.findings
            rows = frame_rows(self.index, side, direction, reading)
            tables.append(rows)
            for number, message in enumerate(reading.messages):
                last = rows[message.frames[-1]]
                end = int(last["offset"] + last["header_length"] + last["payload_length"]) - 1
                packet = direction.packet_at(end)
                time = int(self._table.rows["time"][packet])
                messages.append((packet, end, replace(message, time=time), number in reading.apart))
        messages.sort(key=lambda entry: entry[:2])
        self._messages = tuple(message for _, _, message, _ in messages)
        self._apart = {number for number, (_, _, _, apart) in enumerate(messages) if apart}
        self.message_packets = tuple(packet + 1 for packet, *_ in messages)
        self._frame_rows = dict(zip(SIDES, tables, strict=True))
        for number, message in enumerate(self._messages):
            self._frame_rows[message.sender]["message"][list(message.frames)] = number
        table = np.concatenate(tables)
        self.frame_table = table[np.lexsort((table["offset"], table["packet"]))]
        return found

    @once
    def _kept(self) -> tuple[OnDisk, dict[tuple[Side, int], tuple[int, int]]]:
        """Where the data lies that packets do not hold as it is: place and size by sender and first frame.

        Both directions are decoded once more for it, by those who ask: it may be a thousand times as large as the
        capture, and most only want to know what there was.
        """
        store = OnDisk() if self.find_store is None else self.find_store()
        places, (starts, extensions) = dict[tuple[Side, int], tuple[int, int]](), self._reread

        def keep(message: Message) -> None:
            place = int(store.put([message.data])[0])
            places[message.sender, message.frames[0]] = place, len(message.data)

        for side, direction in self._directions.items():
            read_frames(side, direction, starts[side], extensions, keep)
        return store, places

    def _message_data(self, number: int) -> bytes:
        """The data of a message, up to MAX_MESSAGE_SIZE."""
        message = self._messages[number]
        if number in self._apart:
            store, places = self._kept
            place, size = places[message.sender, message.frames[0]]
            return store.get(np.array([place]), np.array([size]))[0]
        direction, parts = self._directions[message.sender], []
        for row in self._frame_rows[message.sender][list(message.frames)]:
            start = int(row["offset"]) + int(row["header_length"])
            payload = direction.read(start, start + int(row["payload_length"]))
            parts.append(apply_mask(payload, direction.read(start - 4, start)) if row["masked"] else payload)
        return b"".join(parts)[:MAX_MESSAGE_SIZE]

    def _of_capture(self, extensions: str | None) -> Iterator[Finding]:
        """What the capture, and no peer, is to blame for."""
        if self.roles == "inferred" and self.protocol == "websocket":
            yield RULES["roles-inferred"].finding(f"{self.client} is taken for the client, going by the masks")
        elif self.roles == "inferred":
            words = f"{self.client} is taken for the client, since its port is not the lower one"
            yield RULES["roles-inferred"].finding(words)
        if self.protocol == "http/2":
            yield RULES["http2-not-decoded"].finding(http2_in_words(self._directions[Side.CLIENT]))
        if self.protocol == "websocket" and self.handshake is None:
            told = "none are assumed" if extensions is None else f"taken as told: {extensions or 'none'}"
            yield RULES["handshake-not-seen"].finding(f"the handshake was not captured; extensions: {told}")
        if self._tls is not None:
            yield from self._tls.findings
        for side, direction in self._wire.items():
            last = direction.readable_end  # where decoding ended before the bytes did, a hole begins
            for start, end in [hole for at, hole in enumerate(direction.holes) if at < MOST_TOLD or hole[0] == last]:
                words = f"{end - start:,} of the {side}'s bytes are missing from offset {start} on"
                words += ", too many: nothing after them is decoded" if start == last else ""
                yield RULES["bytes-missing"].finding(words, offset=start)
            for offset in direction.conflicts[:MOST_TOLD]:
                words = f"a later packet brings other bytes for offset {offset} than the first one did"
                yield RULES["copies-differ"].finding(words, culprit=side, offset=offset)

    @property
    def frames(self) -> CapturedFrames:
        """All frames of both directions, by their first bytes."""
        return CapturedFrames(self.frame_table, self._captured_frame)

    @property
    def messages(self) -> CapturedMessages:
        """All messages of both directions, by their last bytes."""
        return CapturedMessages(self._messages, self._message_data)

    @cached_property
    def _findings_by_frame(self) -> dict[tuple[int | None, Side | None], list[Finding]]:
        """Looked up for each frame that is asked for: a bad direction has a finding for each of its many frames."""
        found: dict[tuple[int | None, Side | None], list[Finding]] = {}
        for finding in self.findings:
            found.setdefault((finding.frame, finding.culprit), []).append(finding)
        return found

    def _captured_frame(self, row: Array) -> CapturedFrame:
        side = SIDES[row["sender"]]
        direction, start, index = self._directions[side], int(row["offset"]), int(row["index"])
        end = start + int(row["header_length"]) + int(row["payload_length"])
        raw = direction.read(start, end)
        header = read_header(raw)
        assert header is not None
        findings = self._findings_by_frame.get((index, side), [])
        packets = tuple(packet + 1 for packet in direction.packets_between(start, end))
        dissection = dissection_of(raw, header, findings, side, judged=True)
        return CapturedFrame(side, index, int(row["time"]), packets, dissection)

    @cached_property
    def tls_flights(self) -> tuple[Flight, ...]:
        """What both sides said in TLS itself, and where TLS was not read; nothing where there is none."""
        if self.detected.protocol != "tls" and self._tls is None:
            return ()
        client, server = self._wire.values()
        return flights_of(client, server, None if self._tls is None else self._tls.heard)

    @property
    def duration(self) -> int:
        """From the first packet to the last, in ns."""
        times = self._table.rows["time"][self.packets]
        return int(times.max() - times.min())

    def directions(self) -> list[tuple[Direction, Array]]:
        """Both directions with their spans, the client's first; where TLS was read, what was inside of it."""
        return [(self._directions[side], self.spans[side]) for side in SIDES]

    def wire_directions(self) -> list[tuple[Direction, Array]]:
        """Both directions as TCP brought them, with their spans: what the ledger counts."""
        if self._tls is None or self._tls.records is None:
            return self.directions()
        first, second = self._tls.records
        records = (first, second) if self._tls.client == 0 else (second, first)
        return [
            (wire, wire_spans(rows, self.spans[side], wire.end))
            for (side, wire), rows in zip(self._wire.items(), records, strict=True)
        ]

    def packet_of(self, finding: Finding) -> int | None:
        """The packet (1-based) that brought the byte a finding points at; None where nobody is to blame for it."""
        if finding.culprit is None:
            return None
        direction = (self._wire if finding.rule in OF_THE_WIRE else self._directions)[finding.culprit]
        return direction.packet_at(finding.offset) + 1 if 0 <= finding.offset < direction.first_gap else None

    @cached_property
    def ending(self) -> Ending:
        """Who ended the connection, and how."""
        return find_ending(self)

    @cached_property
    def mechanism(self) -> Mechanism:
        """What kind of traffic it carries, with the evidence."""
        return recognise(self, self.find_visits or (lambda: Visits((self,), (0,))))

    @property
    def display_filter(self) -> str:
        """What shows this connection in Wireshark."""
        return f"tcp.stream eq {self.index}"

    def __repr__(self) -> str:
        return f"<Connection {self.index}: {self.client} -> {self.server}, {self.protocol}>"
