"""WebSocket as a layer of scapy: the same bytes as Frame's, and every illegal form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.packet import Raw, split_layers
from scapy.sessions import TCPSession

from wsviz import Frame, Incomplete
from wsviz.capture.scapy_layer import WebSocket, bind_websocket

KEY = bytes.fromhex("37fa213d")
FRAMES = st.builds(
    Frame,
    st.integers(0, 15),
    st.binary(max_size=140),
    fin=st.booleans(),
    rsv1=st.booleans(),
    rsv2=st.booleans(),
    rsv3=st.booleans(),
    masking_key=st.none() | st.binary(min_size=4, max_size=4),
    length_bits=st.sampled_from([None, 64]),
)


@pytest.fixture
def bound():
    bind_websocket(8080)
    yield
    split_layers(TCP, WebSocket, dport=8080)
    split_layers(TCP, WebSocket, sport=8080)


def rebuilt(packet: WebSocket) -> bytes:
    """The bytes made from the fields, not those that were dissected."""
    packet = packet.copy()
    packet.clear_cache()
    return bytes(packet)


@pytest.mark.parametrize(
    ("packet", "raw"),
    [
        (WebSocket(opcode="text", data=b"Hello"), b"\x81\x05Hello"),
        (WebSocket(opcode="text", data=b"Hello", key=KEY), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        (WebSocket(fin=0, opcode="binary", data=bytes(126)), b"\x02\x7e\x00\x7e" + bytes(126)),
        (WebSocket(opcode="binary", data=bytes(65536)), b"\x82\x7f\0\0\0\0\0\1\0\0" + bytes(65536)),
        # What no endpoint may send:
        (WebSocket(data=b"Hello", length=126), b"\x81\x7e\x00\x05Hello"),
        (WebSocket(data=b"Hello", length=127), b"\x81\x7f\0\0\0\0\0\0\0\5Hello"),
        (WebSocket(data=b"Hello", length=3), b"\x81\x03Hello"),
        (WebSocket(data=b"Hello", length=126, length16=9), b"\x81\x7e\x00\x09Hello"),
        (WebSocket(data=b"Hello", mask=1), b"\x81\x85\0\0\0\0Hello"),
        (WebSocket(data=b"Hello", mask=0, key=KEY), b"\x81\x05Hello"),
        (WebSocket(fin=0, rsv1=1, rsv2=1, rsv3=1, opcode=11), b"\x7b\x00"),
    ],
)
def test_fields_become_bytes(packet: WebSocket, raw: bytes) -> None:
    assert bytes(packet) == raw


@given(frame=FRAMES)
def test_a_frame_and_back(frame: Frame) -> None:
    packet = WebSocket.of(frame)
    assert packet.frame == frame
    assert bytes(packet) == rebuilt(packet) == frame.serialize()
    assert (packet.data, packet.opcode, packet.fin) == (frame.payload, frame.opcode, frame.fin)


@given(raw=st.binary(min_size=1, max_size=60))
def test_any_bytes_and_back(raw: bytes) -> None:
    try:
        packet = WebSocket(raw)
    except Exception:
        assert len(raw) < 2 or raw[1] & 127 > 125, "scapy refuses only a cut header"
        return
    assert bytes(packet) == raw


@given(frames=st.lists(FRAMES, min_size=1, max_size=5), tail=st.sampled_from([b"", b"\x81"]))
def test_frames_in_a_row_are_layers_in_a_row(frames: list[Frame], tail: bytes) -> None:
    packet = WebSocket(b"".join(frame.serialize() for frame in frames) + tail)
    if any(frame.serialize().startswith((b"GET ", b"HTTP/1.")) for frame in frames):
        return
    assert [packet[WebSocket : number + 1].frame for number in range(len(frames))] == frames
    assert packet.lastlayer().__class__ is (Raw if tail else WebSocket)


def test_the_frame_of_a_cut_layer_is_incomplete() -> None:
    packet = WebSocket(b"\x81\x05Hel")
    assert packet.data == b"Hel"
    with pytest.raises(Incomplete):
        _ = packet.frame


def test_no_port_is_bound_until_somebody_does() -> None:
    packet = IP(bytes(IP(src="192.0.2.1", dst="192.0.2.2") / TCP(dport=8080) / WebSocket(data=b"Hi")))
    assert not packet.haslayer(WebSocket)
    assert packet[Raw].load == b"\x81\x02Hi"


@pytest.mark.parametrize("ports", [{"dport": 8080}, {"sport": 8080, "dport": 40000}])
def test_a_bound_port_carries_frames_and_the_handshake(bound: None, ports: dict[str, int]) -> None:
    def sent(load: bytes) -> IP:
        return IP(bytes(IP(src="192.0.2.1", dst="192.0.2.2") / TCP(**ports) / Raw(load)))

    assert sent(b"\x81\x02Hi\x89\x00")[WebSocket].payload.opcode == 9
    assert "WebSocket" in sent(b"\x81\x02Hi").summary()
    for line in (b"GET / HTTP/1.1\r\n", b"HTTP/1.1 101 Switching Protocols\r\n"):
        assert not sent(line).haslayer(WebSocket)
        assert sent(line)[Raw].load == line


def test_scapys_own_session_puts_frames_together(bound: None) -> None:
    stream = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + Frame.text("Hello").serialize() + Frame.ping().serialize()
    session, got, seq = TCPSession(), [], 1000
    for cut in (stream[:10], stream[10:39], stream[39:]):
        segment = IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=8080, dport=40000, seq=seq, flags="PA") / Raw(cut)
        seq += len(cut)
        if (packet := session.process(IP(bytes(segment)))) is not None:
            got.append(packet)
    frames = [layer.frame for packet in got for layer in packet.iterpayloads() if isinstance(layer, WebSocket)]
    assert frames == [Frame.text("Hello"), Frame.ping()]


def test_a_packet_says_what_it_is() -> None:
    assert WebSocket(data=b"Hi", key=KEY).summary() == "WebSocket text 2 bytes, masked"
    assert WebSocket(b"\x83\x00").summary() == "WebSocket reserved 3 0 bytes"
