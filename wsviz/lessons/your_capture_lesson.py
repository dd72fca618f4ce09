"""Exercises of lesson 13, bring your own capture; and what a browser's developer tools keep of a conversation."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from math import floor
from typing import Any

from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.har import read_har
from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_number
from wsviz.lessons.recordings import recording
from wsviz.protocol.fields import Side, WsvizError
from wsviz.protocol.message import Message
from wsviz.protocol.wire import count

# ---- What developer tools keep ----


def devtools(connection: Connection) -> Capture:
    """What Chromium's developer tools export of a WebSocket, written from a recorded one and opened like a file.

    Raises WsvizError where the connection has no handshake.
    """
    if connection.handshake is None:
        raise WsvizError(f"connection {connection.index} has no handshake, so a browser would list no WebSocket")
    request, response = connection.handshake.request.value, connection.handshake.response.value
    entry = {
        "startedDateTime": datetime.fromtimestamp(connection.exchanges[0].request_time / 1e9, UTC).isoformat(),
        "request": {
            "method": request.method,
            "url": f"ws://{connection.server}{request.target}",
            "httpVersion": "HTTP/1.1",
            "headers": _listed(request.headers),
        },
        "response": {
            "status": response.status,
            "statusText": response.reason,
            "headers": _listed(response.headers),
        },
        "_webSocketMessages": [_noted(each) for each in connection.messages],
    }
    log = {"log": {"version": "1.2", "creator": {"name": "wsviz"}, "entries": [entry]}}
    har = read_har(io.BytesIO(json.dumps(log).encode()), "page.har")
    assert har is not None, "it is JSON"
    return har


def _listed(headers: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _noted(message: Message) -> dict[str, Any]:
    data = b64encode(message.data).decode() if message.text is None else message.text
    kind = "send" if message.sender is Side.CLIENT else "receive"
    return {"type": kind, "time": (message.time or 0) / 1e9, "opcode": int(message.opcode), "data": data}


# ---- The mystery: who is who ----


def _browser() -> tuple[Connection, Connection]:
    """The browser's connection to the proxy, and the one that the proxy has for it with the server."""
    key = _field(next(one for one in recording("mystery").connections if _field(one, "Origin")), "Sec-WebSocket-Key")
    front, back = (one for one in recording("mystery").connections if _field(one, "Sec-WebSocket-Key") == key)
    return front, back


def _field(connection: Connection, name: str) -> str | None:
    assert connection.handshake is not None, "all connections of the mystery are WebSockets"
    return connection.handshake.request.value.header(name)


def _requests(column: str = "packet") -> Mapping[int, int]:
    """The packet of each connection's request, or of the answer to it."""
    exchanges = recording("mystery").exchanges
    return {int(one): int(packet) for one, packet in zip(exchanges["connection"], exchanges[column], strict=True)}


# ---- The browser's handshake ----


def _not_its_request() -> Mapping[float, str]:
    """Every other packet that may be taken for the browser's request."""
    front, back = _browser()
    said = dict.fromkeys(recording("mystery").packets["packet"].astype(int), "No request begins in that packet.")
    said |= dict.fromkeys(_requests("response_packet").values(), "That packet carries a 101: an answer.")
    said |= dict.fromkeys(_requests().values(), "That request has no Origin, so no browser's page sent it.")
    said[_requests()[back.index]] = (
        "The header fields are the browser's, but look at the addresses: that is the proxy, which passes them on."
    )
    del said[_requests()[front.index]]
    return {float(packet): words for packet, words in said.items()} | {
        float(front.index): "That is the number of a connection. In which packet is its request?"
    }


# ---- The longest silence ----


def _longest() -> float:
    """The longest time between two packets of one connection, in seconds."""
    gaps = recording("mystery").packets.groupby("connection")["time"].diff()
    return float(gaps.dt.total_seconds().max())


def _other_silences() -> Mapping[float, str]:
    longest, frames = _longest(), float(recording("mystery").frames["idle"].max())
    whole = "So long is a whole connection, and its first packets are no silence. Three digits tell the two apart."
    milliseconds = [1000 * longest, floor(1000 * longest), *(1000 * round(longest, digits) for digits in (2, 3, 4))]
    return (
        dict.fromkeys([round(longest, 1), *(each.duration / 1e9 for each in _browser())], whole)
        | {frames: "That is the longest wait for a frame. After the longest silence of all, no frame came."}
        | dict.fromkeys(milliseconds, "That may be right in milliseconds. The answer is in seconds.")
    )


# ---- The first FIN ----


def _fins() -> Mapping[int, tuple[int, str]]:
    """Connection and sender of every FIN, by packet."""
    packets = recording("mystery").packets
    rows = packets[packets["flags"].str.contains("FIN", na=False)]
    return {
        int(packet): (int(connection), str(sender))
        for packet, connection, sender in zip(rows["packet"], rows["connection"], rows["sender"], strict=True)
    }


def _first_fin() -> int:
    ours = {one.index for one in _browser()}
    return min(packet for packet, (connection, _) in _fins().items() if connection in ours)


def _not_that_fin() -> Mapping[float, str]:
    front, back = _browser()
    said = dict.fromkeys(recording("mystery").packets["packet"].astype(int), "That packet has no FIN.")
    for packet, (connection, sender) in _fins().items():
        if connection not in (front.index, back.index):
            said[packet] = f"That is connection {connection}, which ended with a Close. Nobody complains about it."
        elif sender == Side.CLIENT and connection == front.index:
            said[packet] = "There the browser takes note of the end. Whom had it heard of it from?"
        elif sender == Side.SERVER and connection == back.index:
            said[packet] = "There the server takes note of the end. Whom had it heard of it from?"
        else:
            said[packet] = (
                "A FIN of that conversation, but not the first: there was one on the other side of the proxy."
            )
    del said[_first_fin()]
    packets = recording("mystery").packets
    row = packets.index[packets["packet"] == _first_fin()][0]
    said[int(row)] = "Is that the number of a row? The column packet has what is asked for."
    return {float(packet): words for packet, words in said.items()}


# ---- What a departure costs ----


def _cost(connection: Connection) -> tuple[int, int]:
    """Bytes on the wire, and those of them that are payload."""
    ledger = recording("mystery").overhead()
    row = ledger[ledger["connection"] == connection.index].drop(columns="connection")
    return int(row.to_numpy().sum()), int(row["ws_payload"].sum())


def _ratio() -> float:
    wire, payload = _cost(_browser()[0])
    return wire / payload


def _other_ratios() -> Mapping[float, str]:
    front, back = _browser()
    wire, payload = _cost(front)
    frames = sum(len(each.dissection.raw) for each in front.frames)
    total = recording("mystery").overhead().drop(columns="connection").sum()
    other = _cost(back)
    return {
        payload / wire: "That is the share of the payload. Turn the fraction round.",
        (wire - payload) / payload: "That leaves the payload itself out of the bytes on the wire.",
        frames / payload: "So much is a frame to its payload. On the wire there is more than frames.",
        float(total.sum() / total["ws_payload"]): "That is the whole file. Take one connection of it.",
        other[0] / other[1]: "That is the proxy's connection to the server. Take the browser's.",
        float(wire): f"That is {count(wire, 'byte')} on the wire. How many are that for each byte of payload?",
        (wire + front.index) / payload: "That adds the number of the connection to its bytes.",
    }


EXERCISES = (
    Exercise(
        "13.handshake",
        Kind.FIND,
        "The user's handshake",
        "The user who complains has a browser; the other five clients of mystery.pcapng are programs. Which packet "
        "carries the request with which the browser opens its WebSocket?",
        why="A browser adds Origin to the request, so this is where the user's conversation begins.",
        code='mystery = recording("mystery")\n'
        'packet = mystery.exchanges.set_index("connection")["packet"]\n'
        "asked = {each.index: each.handshake.request.value for each in mystery.connections}\n"
        'answer = min(packet[index] for index, request in asked.items() if request.header("Origin"))',
        hints=(
            "Which field does a browser add on its own? each.handshake.request.value.headers has all that were sent.",
            "Two requests have an Origin, since the proxy passes it on. The column packet of mystery.exchanges has "
            "the packet of each request.",
        ),
        judge=judge_number(lambda: _requests()[_browser()[0].index], slips=_not_its_request),
    ),
    Exercise(
        "13.longest_gap",
        Kind.FIND,
        "The longest silence",
        "How long is the longest time between two packets of one connection of mystery.pcapng, in seconds? "
        "Three digits are enough.",
        why="Nearly two seconds of nothing, and then no frame but an end of TCP: the gap is in the packets alone.",
        code='packets = recording("mystery").packets\n'
        'gaps = packets.groupby("connection")["time"].diff()\n'
        "answer = gaps.max().total_seconds()",
        hints=(
            'recording("mystery").packets has a time for each packet, and the number of its connection.',
            'packets.groupby("connection")["time"].diff().dt.total_seconds() has the seconds since the connection\'s '
            "packet before.",
        ),
        judge=judge_number(
            _longest,
            unit="seconds",
            near=0.002,
            slips=_other_silences,
        ),
    ),
    Exercise(
        "13.who_closed",
        Kind.FIND,
        "The first FIN",
        "The user's conversation has two connections, one on each side of the proxy. Which packet carries the first "
        "FIN of the two?",
        why="The proxy sent it, to the server, and told the browser right behind. The two programs only followed.",
        code='mystery = recording("mystery")\n'
        'ours = [each.index for each in mystery.connections if each.ending.reports["client"] == 1006]\n'
        'packets = mystery.packets[mystery.packets["connection"].isin(ours)]\n'
        'answer = packets.loc[packets["flags"].str.contains("FIN"), "packet"].min()',
        hints=(
            "The endings of the two connections name the packets of their FINs: str(each.ending).",
            "There are four FINs, since each side of each connection sends one. Packets are numbered by time.",
        ),
        judge=judge_number(_first_fin, slips=_not_that_fin),
    ),
    Exercise(
        "13.cause",
        Kind.PREDICT,
        "The cause of the 1006",
        "Why did the user's page lose its connection?",
        why="The proxy counts the seconds without a byte, and two ferries are further apart than it can wait. No "
        "program broke a rule, so the server has no error to log.",
        code='answer = "d"',
        hints=(
            "Who sent the first FIN? How long had it been silent before that?",
            "Another client asked for ferries, too, and kept its connection. What did its connection have, and when?",
        ),
        choices=(
            Choice(
                "a",
                "the server's program crashed",
                "Then the first FIN or RST would be the server's, and its other connections would be gone as well.",
            ),
            Choice(
                "b",
                "the network lost a packet",
                "TCP would send it again, and the ledger has no byte of retransmission. What ended here was ended "
                "in good order, by a FIN.",
            ),
            Choice(
                "c",
                "a message broke a rule, and its receiver gave up",
                "Lint found no broken rule; and who finds one says so in a Close, with 1002 or 1007.",
            ),
            Choice("d", "the proxy ended what had been silent for too long"),
            Choice(
                "e",
                "the page sent a text that is no JSON",
                "The page sent nothing at all. Another client sent that text, and was told so, and went on.",
            ),
        ),
    ),
    Exercise(
        "13.overhead",
        Kind.COMPUTE,
        "The price of one ferry",
        "Take all of the browser's own connection, from SYN to FIN: how many bytes were on the wire for each byte of "
        "payload? One decimal is enough.",
        why="One departure was all that came, so it alone had to pay for both handshakes and the end. A connection "
        "pays off by living on.",
        code='mystery = recording("mystery")\n'
        'ours = [each.index for each in mystery.connections if each.ending.reports["client"] == 1006]\n'
        'row = mystery.overhead().set_index("connection").loc[ours[0]]\n'
        'answer = row.sum() / row["ws_payload"]',
        hints=(
            'recording("mystery").overhead() has a row a connection; each byte is in one of its columns.',
            "Divide the sum of the row by its ws_payload. The column connection is a number, not a bucket.",
        ),
        judge=judge_number(_ratio, near=0.06, slips=_other_ratios),
    ),
)
