"""How quick wsviz is beside tshark, scapy and dpkt, on captures made here whose contents are known exactly.

`python -m benchmarks` measures; `python -m benchmarks.generate` makes one capture.
"""

from __future__ import annotations

import argparse

SHAPES = ("mixed", "coalesced", "unaligned", "huge", "long")
"""The captures that are made: all sizes and kinds of message; tiny frames, many to a segment; tiny frames that
segments cut anywhere; frames of 1 to 8 MB; a single connection."""


def positive(text: str) -> int:
    """A number above 0, from the command line."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number above 0")
    return int(text)
