"""The headers that most packets have, read at once: Ethernet, IPv4, TCP, with no options but TCP's timestamps.

Such a packet is one record whose fields stand at fixed places, so numpy gathers whole headers instead of field after
field. Everything else is left to fast_headers.py, and the answers are the same.
"""

from __future__ import annotations

import numpy as np

from wsviz.capture.octets import Array, anywhere

_ETHERNET, _IPV4, _FIVE_WORDS, _TCP, _TIMESTAMPS = 1, 0x0800, 0x45, 6, 0x0101080A
_IP, _TCP_AT, _OPTIONS = 14, 34, 54  # bytes: where the headers begin, and TCP's options
_FIELDS = {  # where each stands, in bytes
    "ethertype": (12, ">u2"),
    "version_and_length": (14, "u1"),
    "total_length": (16, ">u2"),
    "fragment": (20, ">u2"),
    "protocol": (23, "u1"),
    "addresses": (26, ">u8"),
    "source_port": (34, ">u2"),
    "destination_port": (36, ">u2"),
    "seq": (38, ">u4"),
    "ack": (42, ">u4"),
    "offset_and_flags": (46, ">u2"),
    "window": (48, ">u2"),
    "options": (54, ">u4"),
}
_AS_THEY_ARE = ("source_port", "destination_port", "seq", "ack", "window")
_HEADERS = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [kind for _, kind in _FIELDS.values()],
        "offsets": [at for at, _ in _FIELDS.values()],
        "itemsize": 58,
    }
)


def decode_common(rows: Array, data: bytes | bytearray) -> tuple[Array, Array]:
    """Fill in the columns of such rows (of PACKET), except for the indices of addresses.

    Returns which rows they are, and of these the pairs of addresses, as `fast_headers.address_pairs` has them.
    """
    places = anywhere(data, f"V{_HEADERS.itemsize}")  # as bytes without fields, they are copied at once
    offset, captured = rows["offset"], rows["captured"]
    near = (offset < len(places)) & (captured >= _OPTIONS) & (rows["link_type"] == _ETHERNET)
    if not near.any():
        return np.zeros(0, "i8"), np.zeros(0, "u8")
    headers = places[np.where(near, offset, 0)].view(_HEADERS)
    total, fragment = headers["total_length"].astype("u4"), headers["fragment"] & 0b0011_1111_1111_1111
    flags = headers["offset_and_flags"].astype("u2")
    payload = _TCP_AT + (flags >> 12).astype("u4") * 4
    end = np.minimum(_IP + total, rows["length"])
    good = near & (headers["ethertype"] == _IPV4) & (headers["version_and_length"] == _FIVE_WORDS) & (fragment == 0)
    good &= (headers["protocol"] == _TCP) & (payload <= np.minimum(captured, end))
    good &= (payload == _OPTIONS) | ((payload == _OPTIONS + 12) & (headers["options"] == _TIMESTAMPS))
    columns = {"tcp_packet": good, "ip": _IP, "tcp": _TCP_AT, "payload": payload, "end": end}
    columns |= {"flags": flags & 0b1_1111_1111} | {name: headers[name] for name in _AS_THEY_ARE}
    # Whole columns are written in a third of the time of single rows; then the few others are taken back.
    which, others = np.flatnonzero(good), np.flatnonzero(~good)
    for name, column in columns.items():
        rows[name] = column
        rows[name][others] = 0
    return which, headers["addresses"][which].astype("u8")
