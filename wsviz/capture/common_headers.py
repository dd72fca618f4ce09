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
    near = (rows["offset"] < len(places)) & (rows["captured"] >= _OPTIONS)
    which = np.flatnonzero(near & (rows["link_type"] == _ETHERNET))
    headers = places[rows["offset"][which]].view(_HEADERS)
    total, fragment = headers["total_length"].astype("i8"), headers["fragment"] & 0b0011_1111_1111_1111
    flags = headers["offset_and_flags"]
    payload = _TCP_AT + (flags >> 12).astype("i8") * 4
    end = np.minimum(_IP + total, rows["length"][which])
    good = (headers["ethertype"] == _IPV4) & (headers["version_and_length"] == _FIVE_WORDS) & (fragment == 0)
    good &= (headers["protocol"] == _TCP) & (payload <= np.minimum(rows["captured"][which], end))
    good &= (payload == _OPTIONS) | ((payload == _OPTIONS + 12) & (headers["options"] == _TIMESTAMPS))
    which, headers = which[good], headers[good]
    rows["tcp_packet"][which], rows["ip"][which], rows["tcp"][which] = True, _IP, _TCP_AT
    rows["payload"][which], rows["end"][which] = payload[good], end[good]
    rows["flags"][which] = flags[good] & 0b1_1111_1111
    for name in ("source_port", "destination_port", "seq", "ack", "window"):
        rows[name][which] = headers[name]
    return which, headers["addresses"].astype("u8")
