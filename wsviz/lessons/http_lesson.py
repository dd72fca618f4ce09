"""Exercises of lesson 01: HTTP on a connection."""

from __future__ import annotations

from collections.abc import Mapping

from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_number, judge_numbers
from wsviz.lessons.recordings import recording


def _syns() -> int:
    """The client's SYNs in http_close; the server's come with an ACK."""
    return int((recording("http_close").packets["flags"] == "SYN").sum())


def _slips_at_syns() -> Mapping[float, str]:
    packets = recording("http_close").packets
    return {
        int(packets["flags"].str.contains("SYN").sum()): "That counts the server's SYN-ACKs too: they open nothing.",
        len(packets): "Those are all packets. Which of them begin a connection?",
        1: "That is the first. Look further down: other SYNs follow.",
    }


def _round_trips() -> list[float]:
    """A handshake for each connection, and an exchange for each GET; nobody waits for a FIN."""
    captures = recording("http_close"), recording("http_keepalive")
    return [len(each.connections) + len(each.exchanges) for each in captures]


EXERCISES = (
    Exercise(
        "01.syns",
        Kind.FIND,
        "Count the connections",
        "How many TCP connections does the client open in http_close.pcapng? Count its SYNs in close.packets.",
        why="Each request came on a connection of its own, and each connection began with a handshake.",
        code='packets = recording("http_close").packets\nanswer = (packets["flags"] == "SYN").sum()',
        hints=(
            "The column flags of close.packets is a text. What does it say in the first row of the table above?",
            'Of a column, (column == "text").sum() counts the rows with that text.',
        ),
        judge=judge_number(_syns, unit="connections", slips=_slips_at_syns),
    ),
    Exercise(
        "01.ports",
        Kind.PREDICT,
        "Which ports?",
        "One curl opens all these connections, one after the other, to the same port of the same server. "
        "Which port has the client's end of each?",
        why="Two addresses and two ports name a connection. The system takes care not to use a name again at once: "
        "a late packet of the old connection could be taken for one of the new (RFC 9293, section 3.4.1).",
        code='answer = "b"',
        hints=("Suppose that a packet of the first connection is late. How would the server know?",),
        choices=(
            Choice(
                "a",
                "the same each time: it is one program",
                "The port belongs to a connection, not to a program. What would a late packet of the old one do?",
            ),
            Choice("b", "a different one each time"),
            Choice(
                "c",
                "the same as the server's",
                "That number is fixed so that clients find the server. Nobody has to find this end.",
            ),
        ),
    ),
    Exercise(
        "01.round_trips",
        Kind.COMPUTE,
        "Round trips",
        "Ten GETs, one after the other. How many round trips does the client wait for until it has the last "
        "response: with a connection for each, and with one for all? Answer with two numbers: (close, keep-alive).",
        why="A handshake of TCP is a round trip of its own: one for each connection.",
        code='captures = recording("http_close"), recording("http_keepalive")\n'
        "answer = tuple(len(each.connections) + len(each.exchanges) for each in captures)",
        hints=(
            "In one connection of http_close, where does the client have to wait for the other side?",
            "SYN and SYN-ACK are one round trip, request and response another. Does anybody wait for a FIN?",
        ),
        judge=judge_numbers(
            _round_trips,
            names=("close", "keep-alive"),
            slips=(
                {
                    1: "each GET leaves when the response before it has come: they cannot share a round trip",
                    2: "that is for one GET; how many are there?",
                    10: "those are the exchanges alone, and a connection has to be opened for each",
                    11: "that is one handshake for all requests; here each has a connection of its own",
                    30: "the ACK that ends a handshake leaves together with the request, and nobody waits for a FIN",
                    40: "of ACK and FIN nobody waits for an answer",
                    100: "those are packets; a round trip is the wait for an answer",
                },
                {
                    1: "each GET leaves when the response before it has come: they cannot share a round trip",
                    2: "that is for one GET; how many are there?",
                    10: "those are the exchanges alone, and a connection has to be opened first",
                    12: "that counts the goodbye, for which nobody waits",
                    20: "that is a handshake for each request; here there is one connection",
                    28: "those are packets; a round trip is the wait for an answer",
                },
            ),
        ),
    ),
    Exercise(
        "01.wrong_host",
        Kind.FIND,
        "A request that goes nowhere",
        "Somebody wants to change the e-mail address of user 1 with the six lines that the notebook prints under "
        '"Find the fault". Which line breaks a rule of HTTP? Answer with its number.',
        why="Host names a host, and a port if need be (RFC 9110, section 7.2). What is on the host stands in line 1. "
        "A server answers 400 Bad Request to this.",
        code="answer = 2",
        hints=(
            "Compare each line with the PUT of the recording.",
            "Which line says where on the server the user is, and which one should?",
        ),
        judge=judge_number(
            2,
            slips={
                1: "A target of / is legal: it is the root of the site. But is that what was meant?",
                3: "It names the format of the body, and the body has that format.",
                4: "Count the bytes of the body: the length is right.",
                5: "The empty line ends the header; it has to be there.",
                6: "The body is JSON, as line 3 says.",
            },
        ),
    ),
    Exercise(
        "01.send_again",
        Kind.PREDICT,
        "Send it again?",
        "A client sends a request, and the connection breaks before a response comes. Nobody can tell whether the "
        "server carried it out. Which requests may the client send again without asking anybody?",
        why="Those are idempotent: done twice, they leave the server as done once (RFC 9110, section 9.2.2).",
        code='answer = "c"',
        hints=("Carry each out twice in your mind. What is different after the second time?",),
        choices=(
            Choice("a", "none: it might happen twice", "It might. But is anything different after a second GET?"),
            Choice(
                "b",
                "GET alone",
                "GET changes nothing, so it is safe to repeat. What does a second, equal PUT change?",
            ),
            Choice("c", "GET, PUT and DELETE"),
            Choice("d", "all of them", "Think of a POST that adds a member: how many are there after the second?"),
        ),
    ),
    Exercise(
        "01.who_learns",
        Kind.PREDICT,
        "Who learns of it?",
        "Somebody else's page has asked for the list before the change, and HTTP has kept its connection open. "
        "When does that page learn the new address?",
        why="Keep-alive keeps the connection, but only the client may begin an exchange.",
        code='answer = "b"',
        hints=("Which side has sent the first byte of HTTP in each ladder of this lesson?",),
        choices=(
            Choice(
                "a",
                "at once: the server sends it on the open connection",
                "A response belongs to a request, and on that connection nobody has asked.",
            ),
            Choice("b", "when it asks again"),
            Choice(
                "c",
                "when its connection is closed",
                "A FIN says that no more bytes will come, and nothing of the list.",
            ),
        ),
    ),
)
