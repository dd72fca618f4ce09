"""The ledger by mechanism, and the bytes of packets without data shown once more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.capture.build import REQUEST, RESPONSE, UNITS, Talk
from tests.capture.files import ALL, ECHO, POLL, capture_of, ids
from tests.capture.test_mechanism import events, polls_with_connections
from tests.capture.timed import capture_of_clocks
from wsviz.capture.ledger import BUCKETS
from wsviz.capture.ledger_detail import DETAILS

PACKET = 14 + 20 + 20  # bytes of a packet without data: Ethernet, IP, TCP without options
C = len(REQUEST)


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_by_mechanism_sums_the_connections(path: Path) -> None:
    capture = capture_of(path)
    table, whole = capture.overhead("mechanism"), capture.overhead()
    assert table.columns.to_list() == ["mechanism", *BUCKETS]
    assert table[list(BUCKETS)].dtypes.to_list() == [np.dtype("int64")] * len(BUCKETS)
    assert not table["mechanism"].duplicated().any()
    assert table[list(BUCKETS)].to_numpy().sum() == capture.wire_bytes
    names = capture.summary.set_index("connection")["mechanism"]
    known = whole.dropna()
    expected = known[list(BUCKETS)].groupby(known["connection"].map(names)).sum()
    found = table.dropna().set_index("mechanism")
    assert {name: row.to_list() for name, row in found.iterrows()} == {
        name: row.to_list() for name, row in expected.iterrows()
    }
    outside = whole.loc[whole["connection"].isna(), "other"].to_list()
    assert table.loc[table["mechanism"].isna(), "other"].to_list() == outside


def test_mechanisms_in_the_order_of_their_first_connections() -> None:
    capture = capture_of_clocks(*polls_with_connections(4), events())
    table = capture.overhead("mechanism")
    assert table["mechanism"].to_list() == capture.summary["mechanism"].drop_duplicates().to_list()
    assert set(table["mechanism"]) == {"short polling", "server-sent events"}


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_details_are_all_packets_without_data(path: Path) -> None:
    capture = capture_of(path)
    whole = capture.overhead(detail=True)
    assert whole.columns.to_list() == ["connection", *BUCKETS, *DETAILS]
    assert whole[["connection", *BUCKETS]].equals(capture.overhead())  # the buckets stay as they are
    packets = capture.packets
    empty = packets[packets["payload_length"] == 0]
    expected = empty["length"].groupby(empty["connection"]).sum().to_dict()
    found = whole.dropna().set_index("connection")[list(DETAILS)].sum(axis=1)
    assert {connection: size for connection, size in found.items() if size} == expected
    for by in (*UNITS[1:], "mechanism"):
        table = capture.overhead(by, detail=True)
        assert table[list(DETAILS)].sum().to_dict() == whole[list(DETAILS)].sum().to_dict()
        assert (table[list(DETAILS)].sum(axis=1) <= table[list(BUCKETS)].sum(axis=1)).all()
        if by in UNITS:
            assert not table.loc[table[by].notna(), list(DETAILS)].to_numpy().any()


def upgraded() -> Talk:
    return Talk().open().client(REQUEST, 0).server(RESPONSE, 0)


# What comes after the handshake's three packets and the upgrade; packets of set-up, bare ACKs, tear-down.
PACKETS: list[tuple[str, Talk, tuple[int, int, int]]] = [
    ("set-up", upgraded(), (3, 0, 0)),
    ("SYN again", Talk().client(b"", -1, "S").open(), (4, 0, 0)),
    ("an ACK", upgraded().client(b"", C, "A"), (3, 1, 0)),
    ("RST", upgraded().client(b"", C, "RA"), (3, 0, 1)),
    ("a half-closed connection", upgraded().client(b"", C, "FA").client(b"", C + 1, "A"), (3, 1, 1)),
    ("a FIN with data", upgraded().client(b"\x88\x80\0\0\0\0", C, "FPA"), (3, 0, 0)),
    ("late start", Talk().client(b"", 0, "A").server(b"", 0, "A"), (0, 2, 0)),
]


@pytest.mark.parametrize(("talk", "packets"), [row[1:] for row in PACKETS], ids=[row[0] for row in PACKETS])
def test_details_of_made_conversations(talk: Talk, packets: tuple[int, int, int]) -> None:
    (row,) = talk.capture().overhead(detail=True).to_dict("records")
    assert tuple(row[name] for name in DETAILS) == tuple(PACKET * number for number in packets)


def test_the_details_of_the_recordings() -> None:
    """SYN, SYN-ACK and ACK set up; FIN, FIN and the last ACK tear down."""
    for path in (POLL, ECHO):
        capture = capture_of(path)
        packets = capture.packets[capture.packets["connection"].notna()]
        fin = packets["packet"][packets["flags"].str.contains("FIN")].min()
        (row,) = capture.overhead(detail=True).dropna().to_dict("records")
        assert row["of_which_set_up"] == packets["length"][:3].sum()
        ending = packets[packets["packet"] >= fin]
        assert ending["payload_length"].to_list() == [0] * len(ending)
        assert ending["flags"].to_list() == ["FIN,ACK", "FIN,ACK", "ACK"]
        assert row["of_which_tear_down"] == ending["length"].sum()
        assert pd.notna(row["connection"])
