"""The ledger: every byte of every packet in exactly one bucket."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from captures.scenarios import echo
from tests.capture.build import REQUEST, RESPONSE, UNITS, Talk, assert_conserved
from tests.capture.files import ALL, ECHO, POLL, WEBSOCKET, capture_of, ids
from wsviz import WsvizError
from wsviz.capture.ledger import BUCKETS

from scapy.layers.inet import IP, TCP, IPerror  # isort: skip
from scapy.layers.inet6 import IPv6  # isort: skip
from scapy.packet import Padding, Packet  # isort: skip
from scapy.utils import PcapNgReader, PcapReader  # isort: skip


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_every_byte_is_counted_once(path: Path) -> None:
    assert_conserved(capture_of(path))


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_the_bytes_on_the_wire_are_those_of_the_file(path: Path) -> None:
    capture = capture_of(path)
    reader = PcapNgReader if path.suffix == ".pcapng" else PcapReader
    with reader(str(path)) as packets:
        assert capture.wire_bytes == sum(packet.wirelen for packet in packets)


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_units_may_be_na_and_buckets_never(path: Path) -> None:
    for by in UNITS:
        table = capture_of(path).overhead(by)
        keys = ["connection"] if by == "connection" else ["connection", by]
        assert table.columns.to_list() == [*keys, *BUCKETS]
        assert table.dtypes.to_list() == [*[pd.Int64Dtype()] * len(keys), *[np.dtype("int64")] * len(BUCKETS)]
        assert not table.duplicated(keys).any()
        outside = table[table["connection"].isna()]
        assert outside.drop(columns=["other", *keys]).to_numpy().sum() == 0


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_what_other_cuts_agree_on(path: Path) -> None:
    """By connection, exchange or message: each bucket has the same sum."""
    capture = capture_of(path)
    whole = capture.overhead()[list(BUCKETS)].sum().to_dict()
    for by in UNITS[1:]:
        assert capture.overhead(by)[list(BUCKETS)].sum().to_dict() == whole


def headers_by_scapy(packet: Packet) -> tuple[int, int, int, int] | None:
    """Bytes of link, IP and TCP headers and of padding, or None where there is no TCP; from scapy's header fields."""
    if TCP not in packet or IPerror in packet:
        return None
    ip = packet[IPv6] if IPv6 in packet else packet[IP]
    if isinstance(ip, IPv6):
        total = 40 + ip.plen
        header = total - len(bytes(ip[TCP])) + (len(ip[TCP][Padding]) if Padding in ip[TCP] else 0)
    else:
        total, header = ip.len, ip.ihl * 4
    link = len(packet.original) - len(ip.original)
    return link, header, packet[TCP].dataofs * 4, max(packet.wirelen - link - total, 0)


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_headers_counted_again_with_scapy(path: Path) -> None:
    capture, counts, outside = capture_of(path), np.zeros(4, int), 0
    reader = PcapNgReader if path.suffix == ".pcapng" else PcapReader
    with reader(str(path)) as packets:
        for packet in packets:
            found = headers_by_scapy(packet)
            counts += (0, 0, 0, 0) if found is None else found
            outside += packet.wirelen if found is None else 0
    ledger = capture.overhead()
    assert ledger[["link", "ip", "tcp", "padding"]].sum().to_list() == counts.tolist()
    assert int(ledger[ledger["connection"].isna()]["other"].sum()) == outside


# What the script of the echo recording sends: the client's payloads with the opcode's kind, then the server's.
TEXT, BINARY, LONG = echo.TEXT.encode(), echo.BINARY, echo.LONG_TEXT.encode()
CLOSE = bytes.fromhex("03e8") + echo.REASON.encode()
CLIENT_DATA, SERVER_DATA = [TEXT, BINARY, *echo.FRAGMENTS, LONG], [TEXT, BINARY, b"".join(echo.FRAGMENTS), LONG]
CLIENT_CONTROL, SERVER_CONTROL = (
    [echo.SERVER_PING, echo.CLIENT_PING, CLOSE],
    [echo.SERVER_PING, echo.CLIENT_PING, CLOSE],
)


def header(payload: bytes) -> int:
    """Bytes of a frame's header without its key (RFC 6455 5.2)."""
    return 2 if len(payload) <= 125 else 4


def test_the_echo_from_its_script() -> None:
    capture = capture_of(ECHO)
    with PcapNgReader(str(ECHO)) as reader:
        packets = list(reader)
    assert all(packet[IP].ihl == 5 for packet in packets)
    tcp_payload = b"".join(bytes(packet[TCP].payload) for packet in packets)
    heads = tcp_payload.split(b"\r\n\r\n")[:2]
    (row,) = capture.overhead().to_dict("records")
    data, control = CLIENT_DATA + SERVER_DATA, CLIENT_CONTROL + SERVER_CONTROL
    assert row == {
        "connection": 0,
        "link": 14 * len(packets),
        "ip": 20 * len(packets),
        "tcp": sum(4 * packet[TCP].dataofs for packet in packets),
        "tls": 0,
        "http_header": sum(len(head) + 4 for head in heads),
        "http_framing": 0,
        "http_body": 0,
        "ws_header": sum(map(header, data)),
        "ws_masking_key": 4 * len(CLIENT_DATA),
        "ws_control": sum(2 + len(body) for body in control) + 4 * len(CLIENT_CONTROL),
        "ws_payload": sum(map(len, data)),
        "retransmission": 0,
        "padding": 0,
        "other": 0,
    }


def test_the_echo_by_message() -> None:
    capture = capture_of(ECHO)
    table = capture.overhead("message").set_index("message")
    assert table.index.to_list() == [pd.NA, *range(8)]
    messages = capture.messages.set_index("message")
    for number in range(8):
        row, message = table.loc[number], messages.loc[number]
        # The client's third message travels in three packets; all others in one. Timestamps: 32 bytes of TCP header.
        count = 3 if number == 4 else 1
        masked = message["sender"] == "client"
        assert (row["link"], row["ip"], row["tcp"]) == (14 * count, 20 * count, 32 * count)
        assert row["ws_payload"] == message["wire_length"] == message["length"]
        assert row["ws_masking_key"] == 4 * count * masked
        assert row["ws_header"] == (4 if number >= 6 else 2 * count)
    # What belongs to no message: the handshake, control frames, bare ACKs.
    none = table.loc[table.index.isna()].iloc[0]
    assert none["ws_payload"] == none["ws_header"] == none["ws_masking_key"] == 0
    assert none["ws_control"] == capture.overhead()["ws_control"].iloc[0]


def test_the_polls_by_exchange() -> None:
    capture = capture_of(POLL)
    table, exchanges = capture.overhead("exchange"), capture.exchanges
    own = table.dropna().set_index("exchange")
    assert own.index.to_list() == exchanges["exchange"].to_list()
    sent = own[["http_header", "http_body", "http_framing"]].sum(axis=1)
    assert sent.to_list() == (exchanges["request_length"] + exchanges["response_length"]).to_list()
    assert own["http_body"].to_list() == exchanges["body_length"].to_list()
    updates = exchanges["body_length"] > 0  # uvicorn sends their bodies in a segment of their own
    assert own["link"].to_list() == [42 if update else 28 for update in updates]
    assert table["exchange"].isna().sum() == 1


def test_the_updates_cost_what_their_frames_say() -> None:
    row = capture_of(WEBSOCKET).overhead().iloc[0]
    payloads = capture_of(WEBSOCKET).payloads()
    assert (row["ws_header"], row["ws_masking_key"]) == (2 * len(payloads), 0)
    assert row["ws_payload"] == sum(map(len, payloads))


def test_a_packet_goes_to_the_unit_that_its_first_new_byte_belongs_to() -> None:
    served = len(RESPONSE)
    talk = Talk().open().client(REQUEST, 0).server(RESPONSE + b"\x81\x02ok", 0)
    talk.server(b"\x82\x01", served + 4).server(b"!\x89\x00\x81\x01b", served + 6).server(b"\x81", served + 9)
    talk.server(b"\x81\x05He", served + 12)
    capture = talk.capture()
    assert_conserved(capture)
    by_message = capture.overhead("message").set_index("message")
    columns = ["link", "ws_header", "ws_payload", "ws_control", "retransmission"]
    assert by_message.loc[0, columns].to_list() == [0, 2, 2, 0, 0]  # "ok" came in the packet of the 101
    assert by_message.loc[1, columns].to_list() == [28, 2, 1, 0, 0]  # "!" began in one packet, ended in the next
    assert by_message.loc[2, columns].to_list() == [0, 2, 1, 0, 0]
    by_exchange = capture.overhead("exchange").set_index("exchange")
    assert by_exchange.loc[0, ["link", "http_header"]].to_list() == [28, len(REQUEST) + len(RESPONSE)]
    none = by_message.loc[by_message.index.isna(), columns].iloc[0].to_list()
    assert none == [14 * 7, 0, 0, 2, 1]  # the ping, one byte sent again, the packet of a frame that is cut
    assert capture.overhead()["other"].to_list() == [4]


def test_padding_and_what_is_no_tcp_have_places() -> None:
    talk = Talk().open().pad(bytes(6)).client(REQUEST, 0)
    talk.packets.append(bytes.fromhex("ffffffffffff020000000001 0806") + bytes(46))
    capture = talk.capture()
    table = capture.overhead()
    assert table["connection"].to_list() == [0, pd.NA]
    assert table["padding"].to_list() == [6, 0]
    assert table["other"].to_list() == [0, 60]
    assert_conserved(capture)


def test_a_unit_that_is_none() -> None:
    with pytest.raises(WsvizError, match="by is 'byte', expected 'connection', 'exchange', 'message' or"):
        capture_of(ECHO).overhead("byte")
