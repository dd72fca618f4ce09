"""Lesson 00's exercises: right answers, each misconception, nothing."""

from __future__ import annotations

import numpy as np

from tests.lessons.feed import feed
from wsviz.lessons import recording


def test_exercises() -> None:
    request, response = recording("echo").exchanges.iloc[0][["packet", "response_packet"]]
    feed(
        "00",
        right={
            "packet_of_101": [int(response), recording("echo").exchanges["response_packet"]],
            "header_sizes": [[6, 2], np.array([6, 2])],
        },
        wrong={
            "who_speaks_first": [("d", "none of the answers"), (1, "none of the answers")],
            "packet_of_101": [
                (int(request), "carries the request"),
                (1, "too small"),
                (float("nan"), "there is no number"),
                (True, "a bool"),
                (str(response), "it stands in quotation marks"),
                ("six", "the answer is a number"),
            ],
            "header_sizes": [
                ((11, 7), "header of the client's frame: that is the whole frame"),
                ((4, 2), "the masking key alone"),
                ((2, 6), "client's frame: that is what stands before the masking key"),
                ((6, 4), "server's frame: that would be a masking key"),
                ((6, 11), "11 is too large"),
                ({"client": 6}, "a dict"),
                (6, "the answer is a tuple of 2"),
            ],
        },
    )
