"""The packets that are made of what a relay saw: headers as TCP would have them, and a comment that says so."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.capture import tshark
from tests.capture.build import REQUEST, RESPONSE, START, assert_conserved
from tests.capture.test_against_tshark import our_frames
from tests.needs import need
from wsviz import Frame, Side
from wsviz.capture.capture import Capture
from wsviz.capture.packets import read_packets_from
from wsviz.lab.relay_pcap import file_blocks
from wsviz.lab.relay_recording import Event, Kind, Wire

KEY = bytes.fromhex("37fa213d")
CLIENT, SERVER = ("127.0.0.1", 40000), ("127.0.0.1", 8000)
Step = tuple[Side, Kind, bytes]
OPEN: list[Step] = [(Side.CLIENT, Kind.OPEN, b""), (Side.SERVER, Kind.ACCEPT, b"")]
UPGRADE: list[Step] = [*OPEN, (Side.CLIENT, Kind.DATA, REQUEST), (Side.SERVER, Kind.DATA, RESPONSE)]
BOTH_CLOSE: list[Step] = [(Side.CLIENT, Kind.FIN, b""), (Side.SERVER, Kind.FIN, b"")]
HELLO = Frame.text("Hello", masking_key=KEY).serialize()


def wire(*steps: Step, start: int = START, ends: tuple[tuple[str, int], tuple[str, int]] = (CLIENT, SERVER)) -> Wire:
    """A wire on which these things happened, a microsecond apart."""
    return Wire(*ends, [Event(start + 1000 * number, *step) for number, step in enumerate(steps)])


def file_of(wires: Sequence[Wire], stopped_at: int | None = None) -> bytes:
    return b"".join(file_blocks(wires, Side.CLIENT, stopped_at))


def capture_of(*wires: Wire) -> Capture:
    return Capture("made", read_packets_from(io.BytesIO(file_of(wires)), "made"))


def rows(capture: Capture) -> list[tuple[object, ...]]:
    columns = ["sender", "flags", "seq", "ack", "payload_length"]
    return list(capture.packets[columns].itertuples(index=False, name=None))


def test_a_short_conversation() -> None:
    capture = capture_of(
        wire(*OPEN, (Side.CLIENT, Kind.DATA, b"ask"), (Side.SERVER, Kind.DATA, b"tell"), *BOTH_CLOSE)
    )
    assert rows(capture) == [
        ("client", "SYN", 0, 0, 0),
        ("server", "SYN,ACK", 0, 1, 0),
        ("client", "ACK", 1, 1, 0),
        ("client", "PSH,ACK", 1, 1, 3),
        ("server", "PSH,ACK", 1, 4, 4),
        ("client", "FIN,ACK", 4, 5, 0),
        ("server", "ACK", 5, 5, 0),
        ("server", "FIN,ACK", 5, 5, 0),
        ("client", "ACK", 5, 6, 0),
    ]
    times = capture.packets["time"].astype("int64").to_list()
    assert [time - START for time in times] == [0, 1000, 1000, 2000, 3000, 4000, 4000, 5000, 5000]


def test_a_long_chunk_becomes_segments_of_one_time_and_every_second_is_acknowledged() -> None:
    capture = capture_of(wire(*OPEN, (Side.SERVER, Kind.DATA, bytes(5000))))
    assert rows(capture)[3:] == [
        ("server", "ACK", 1, 1, 1460),
        ("server", "ACK", 1461, 1, 1460),
        ("client", "ACK", 1, 2921, 0),
        ("server", "ACK", 2921, 1, 1460),
        ("server", "PSH,ACK", 4381, 1, 620),
        ("client", "ACK", 1, 5001, 0),
    ]
    assert capture.packets["time"][3:].nunique() == 1


@pytest.mark.parametrize("sender", Side)
def test_a_reset(sender: Side) -> None:
    capture = capture_of(wire(*UPGRADE, (sender, Kind.RST, b"")))
    assert rows(capture)[-1][:2] == (sender, "RST,ACK")
    assert (capture.connections[0].ending.by, capture.connections[0].ending.how) == (sender, "rst")


def test_connections_stand_in_the_order_of_time_even_between_the_same_ports() -> None:
    first = wire(*UPGRADE, (Side.CLIENT, Kind.DATA, HELLO), *BOTH_CLOSE)
    second = wire(*UPGRADE, (Side.SERVER, Kind.DATA, Frame.text("one").serialize()), *BOTH_CLOSE, start=START + 10**6)
    beside = wire(
        *UPGRADE, (Side.SERVER, Kind.DATA, Frame.text("two").serialize()), ends=(("127.0.0.1", 40001), SERVER)
    )
    capture = capture_of(first, second, beside)
    assert capture.packets["time"].is_monotonic_increasing
    assert [[m.text for m in connection.messages] for connection in capture.connections] == [
        ["Hello"],
        ["two"],
        ["one"],
    ]
    assert not list(capture.all_findings())
    assert_conserved(capture)


def test_the_same_events_give_the_same_file() -> None:
    wires = [wire(*UPGRADE, (Side.CLIENT, Kind.DATA, HELLO), *BOTH_CLOSE)]
    assert file_of(wires) == file_of(wires)


def test_a_recording_of_nothing_is_a_capture_without_packets() -> None:
    assert capture_of().packet_count == 0


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A file with all that the relay can see, over both versions of IP."""
    frames = [Frame.text("Grüße"), Frame.binary(bytes(70_000)), Frame.ping(b"?"), Frame.close(1000)]
    steps: list[Step] = [*UPGRADE]
    for frame in frames:
        steps += [(Side.SERVER, Kind.DATA, frame.serialize())]
        masked = Frame(frame.opcode, frame.payload, masking_key=KEY).serialize()
        steps += [(Side.CLIENT, Kind.DATA, masked[:1]), (Side.CLIENT, Kind.DATA, masked[1:])]
    wires = [
        wire(*steps, *BOTH_CLOSE),
        wire(*steps, (Side.SERVER, Kind.RST, b""), start=START + 10**7, ends=(("::1", 40000), ("::1", 8000))),
        wire(OPEN[0], (Side.SERVER, Kind.RST, b""), start=START + 2 * 10**7),
        wire(*UPGRADE, (Side.CLIENT, Kind.DATA, HELLO), start=START + 3 * 10**7),
    ]
    path = tmp_path / "relay.pcapng"
    path.write_bytes(file_of(wires, stopped_at=12345))
    return path


def test_tshark_sees_the_same_frames_and_nothing_odd(saved: Path) -> None:
    need("tshark")
    capture = Capture("saved", read_packets_from(io.BytesIO(saved.read_bytes()), "saved"))
    expected = tshark.frames(saved)
    assert our_frames(capture) == expected
    assert sum(map(len, expected.values())) == 17
    checks = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    bad = "tcp.checksum.status == Bad || ip.checksum.status == Bad || tcp.analysis.flags || _ws.malformed"
    # A port is used again, which is as it was.
    odd = tshark.fields(saved, f"({bad}) && !tcp.analysis.reused_ports", "frame.number", options=checks)
    assert list(odd) == []
    good = tshark.fields(saved, "tcp.checksum.status == Good", "frame.number", options=checks)
    assert len(list(good)) == capture.packet_count


def test_the_comment_says_what_is_made_and_what_is_real(saved: Path) -> None:
    need("capinfos")
    run = subprocess.run(["capinfos", "-k", str(saved)], capture_output=True, text=True, check=True, timeout=60)
    for words in (
        "as seen by the client",
        "TCP/IP headers are made by wsviz; times and bytes are real.",
        "which need not be what its sender wrote at once.",
        "Recording stopped at its limit of 12,345 bytes of memory; the traffic went on.",
    ):
        assert words in run.stdout
