"""Exercises of lesson 11: out in the network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from wsviz.capture.capture import Capture, read_capture
from wsviz.capture.connection import Endpoint
from wsviz.lab.nginx_check import check_nginx
from wsviz.lab.nginx_text import read_nginx
from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_number
from wsviz.lessons.recordings import course_folder, recording
from wsviz.protocol.fields import Severity, Side
from wsviz.protocol.wire import Opcode

PING_INTERVAL = 90.0
"""Seconds between the pings of the server behind the configuration that is to be repaired."""
LATE = 0.5
"""Seconds that a ping may be late."""
ONCE = ("proxy_pass", "proxy_http_version", "proxy_read_timeout")
"""Directives of the exercise that nginx takes once in a block; with a second one it does not start."""


def _repaired(answer: Any) -> list[str]:
    """What keeps the text of a configuration from passing WebSocket, pings every 90 s taken as given."""
    if not isinstance(answer, str):
        return ["The answer is the text of a configuration."]
    places = check_nginx(answer, ping_interval=PING_INTERVAL).places
    if not places:
        return ["This text passes nothing on: its proxy_pass is missing."]
    wrong = [
        f"Line {each.line}: {each.text}."
        for place in places
        for each in place.remarks
        if each.severity is Severity.ERROR
    ]
    return wrong + _repeated(answer)


def _repeated(text: str) -> list[str]:
    """Where a block has a directive twice that it may have once."""
    said = []
    for block in read_nginx(text).walk():
        names = [each.name for each in block.directives]
        said += [
            f"Line {each.line}: this block has {each.name} already, and with two nginx does not start."
            for at, each in enumerate(block.directives)
            if each.name in ONCE and each.name in names[:at]
        ]
    return said


def _machines() -> Mapping[str, str]:
    """Who has which address in nginx_idle.pcapng."""
    front, back = recording("nginx_idle").connections
    return {
        front.client.address: "client",
        front.server.address: "proxy",
        back.client.address: "proxy",
        back.server.address: "server",
    }


def _first_fin() -> str:
    """Which machine sends the first FIN of nginx_idle.pcapng."""
    idle = recording("nginx_idle")
    first = idle.packets[idle.packets["flags"].str.contains("FIN")].iloc[0]
    connection = idle.connections[first["connection"]]
    return _machines()[(connection.client if first["sender"] == Side.CLIENT else connection.server).address]


def _who(answer: Any) -> list[str]:
    if not isinstance(answer, (str, Endpoint)):
        return ["The answer is an address, as text."]
    given = str(answer).strip().lower().removeprefix("the ").partition(":")[0]
    machine = _machines().get(given, given)
    if machine not in _machines().values():
        return ["None of the three machines has this address. The line above the ladder has four of them."]
    if machine == _first_fin():
        return []
    return [f"The {machine} sends a FIN, but only after it has received one. Look at the packet numbers."]


def _waited() -> float:
    """Seconds from the last data in nginx_idle.pcapng to the first FIN."""
    packets = recording("nginx_idle").packets
    last = packets.loc[packets["payload_length"] > 0, "time"].max()
    return float((packets.loc[packets["flags"].str.contains("FIN"), "time"].min() - last).total_seconds())


def _other_intervals() -> Mapping[float, str]:
    waited = _waited()
    return {
        waited: "So long the proxy waits. A ping that is half a second late would find nobody.",
        waited + LATE: "A ping that is late comes later, not earlier: take the half second away.",
        60.0: "That is how long nginx waits by default. This one was told otherwise.",
        3.0: "So long the page wanted to be silent. The proxy did not wait for that.",
        1.0: "With that it lives. A longer interval will do, too.",
    } | dict.fromkeys(
        (1000 * (waited - LATE), 1000 * round(waited - LATE, 1)),
        "In milliseconds, perhaps. The answer is a number of seconds.",
    )


@cache
def _wss() -> Capture:
    """wss13.pcapng, read with its key log."""
    folder = course_folder() / "captures"
    return read_capture(folder / "wss13.pcapng", keylog=folder / "wss13.keys")


def _text_packet(connection: int, sender: Side) -> int:
    """The packet with the first text of one side of one connection of wss13.pcapng."""
    frames = _wss().frames
    wanted = (frames["connection"] == connection) & (frames["sender"] == sender) & (frames["opcode"] == Opcode.TEXT)
    return int(frames.loc[wanted, "packet"].iloc[0])


def _other_packets() -> Mapping[float, str]:
    """What else may be taken for the packet with the text of the second client."""
    frames, exchanges = _wss().frames, _wss().exchanges
    said = dict.fromkeys(_wss().packets["packet"].astype(int), "No frame is in that packet.")
    said |= dict.fromkeys(exchanges["packet"].astype(int), "That is the request of a handshake.")
    said |= dict.fromkeys(exchanges["response_packet"].astype(int), "That is the answer of a handshake.")
    closes = frames.loc[frames["opcode"] == Opcode.CLOSE, "packet"]
    said |= dict.fromkeys(closes.astype(int), "That is a Close. A text is asked for.")
    said[_text_packet(0, Side.CLIENT)] = "That is the text of the first connection."
    said |= {_text_packet(each, Side.SERVER): "That is an echo: the server said it." for each in (0, 1)}
    row = frames.index[frames["packet"] == _text_packet(1, Side.CLIENT)][0]
    said[int(row)] = "Is that the number of a row? The column packet has what is asked for."
    return {float(packet): words for packet, words in said.items()}


EXERCISES = (
    Exercise(
        "11.status",
        Kind.PREDICT,
        "Without two lines",
        "The server answers handshakes as it should, and nginx runs with the configuration above. A page asks nginx "
        "for WebSocket. Which answer does its browser get?",
        why="The server gets an ordinary request for what it has by WebSocket only. Other servers say 400, or 404.",
        code='answer = "b"',
        hints=(
            "Which lines of the request does the server get to see? Which line of the configuration passes them on?",
            "Somebody gets a whole request of HTTP, and can say what it would need instead.",
        ),
        choices=(
            Choice(
                "a",
                "101: nginx passes on all lines that it does not know",
                "Connection and Upgrade are no lines like others: they speak to the next machine only, and that is "
                "nginx. On localhost, the next machine was the server.",
            ),
            Choice("b", "426, upgrade required, from the server"),
            Choice(
                "c",
                "502, bad gateway, from nginx",
                "nginx says so when it gets no proper answer. This server is well, and gives one.",
            ),
            Choice(
                "d",
                "none, until somebody's time is out",
                "The server got a whole request. Why should it wait?",
            ),
        ),
    ),
    Exercise(
        "11.repair",
        Kind.BUILD,
        "Repair it",
        "Write a configuration that lets WebSocket pass, and leaves silent connections open: their server pings "
        "every 90 seconds. You can start from `broken`. Answer with its text.",
        why="Two header fields that end at each proxy, in HTTP/1.1, and more patience than the pings need.",
        code='lines = """proxy_http_version 1.1;\n'
        "        proxy_set_header Upgrade $http_upgrade;\n"
        '        proxy_set_header Connection "upgrade";\n'
        '        proxy_read_timeout 120s;"""\n'
        "from wsviz.lab.nginx import FOLDER\n"
        'broken = (FOLDER / "no-upgrade.conf").read_text()\n'
        'answer = broken.replace("proxy_http_version 1.1;", lines)',
        hints=(
            "print(check_nginx(your_text, ping_interval=90)) says what is still missing.",
            'broken.replace("proxy_http_version 1.1;", """...""") puts yours in its place; it is one of them.',
            "Two lines begin with proxy_set_header. The third one is proxy_read_timeout, with a time such as 5m.",
        ),
        judge=_repaired,
    ),
    Exercise(
        "11.first_fin",
        Kind.FIND,
        "Who hangs up?",
        'Which address sent the first FIN of nginx_idle.pcapng? Answer with text, such as "192.0.2.9".',
        why="It is the proxy's. It ended both connections, though client and server wanted to go on.",
        code='idle = recording("nginx_idle")\n'
        'first = idle.packets[idle.packets["flags"].str.contains("FIN")].iloc[0]\n'
        'connection = idle.connections[first["connection"]]\n'
        'answer = getattr(connection, first["sender"]).address',
        hints=(
            "Look for the first FIN in the ladder. From which of the three lines does its arrow start?",
            "The ladder's first line has the addresses, from left to right; the one in the middle has two.",
        ),
        judge=_who,
    ),
    Exercise(
        "11.ping_interval",
        Kind.COMPUTE,
        "Often enough",
        "How long did the proxy of nginx_idle.pcapng wait, from the last data to the first FIN? A ping can be half "
        "a second late. What is the longest interval between pings, in seconds, with which the connection lives?",
        why="The next byte has to come before the shortest patience on the way ends, also on a bad day.",
        code='packets = recording("nginx_idle").packets\n'
        'last = packets.loc[packets["payload_length"] > 0, "time"].max()\n'
        'fin = packets.loc[packets["flags"].str.contains("FIN"), "time"].min()\n'
        "answer = (fin - last).total_seconds() - 0.5",
        hints=(
            "The ladder says how much time passes before the FIN.",
            "Interval and delay together may be as long as the proxy waits.",
        ),
        judge=judge_number(lambda: _waited() - LATE, unit="seconds", near=0.1, slips=_other_intervals),
    ),
    Exercise(
        "11.decrypted_frame",
        Kind.FIND,
        "Behind the records",
        "Two clients talk in wss13.pcapng, each on a connection of its own. Which packet carries the text of the "
        "second client?",
        why="Without the key log this packet is a record of encrypted data, like those before and after it.",
        code="from wsviz.lessons.recordings import course_folder\n"
        'folder = course_folder() / "captures"\n'
        'frames = read_capture(folder / "wss13.pcapng", keylog=folder / "wss13.keys").frames\n'
        'texts = frames[(frames["opcode"] == 1) & (frames["sender"] == "client")]\n'
        'answer = texts.loc[texts["connection"] == 1, "packet"].iloc[0]',
        hints=(
            "Ladder(opened.connections[1]) is the second connection.",
            "opened.frames has a row for each frame, with connection, sender, opcode and packet.",
        ),
        judge=judge_number(lambda: _text_packet(1, Side.CLIENT), slips=_other_packets),
    ),
    Exercise(
        "11.foreign_origin",
        Kind.PREDICT,
        "A page that is not the bank's",
        "Ada is logged in at her bank by a cookie, which her browser sends with each request to the bank. In "
        "another tab, a page of http://evil.example opens a WebSocket to the bank. The bank's server does not look "
        "at Origin. What happens?",
        why="No browser asks the bank whether evil.example may do that. The only one who could have refused is the "
        "bank, by looking at Origin.",
        code='answer = "d"',
        hints=(
            "Does a rule of the browser stop a script from connecting to another origin by WebSocket?",
            "Cookies belong to the server that set them. Who opened the connection plays no part in that.",
        ),
        choices=(
            Choice(
                "a",
                "the browser refuses: the page is of another origin",
                "That is the rule for reading the answer of a fetch. WebSocket has no such rule; the browser says "
                "who asks, in Origin, and leaves the rest to the server.",
            ),
            Choice(
                "b",
                "the browser first asks the bank, as CORS has it",
                "CORS is for fetch. For a WebSocket nobody asks in advance.",
            ),
            Choice(
                "c",
                "it opens, but the page cannot read what comes",
                "A page that has opened a WebSocket reads all of it. Nothing in between holds messages back.",
            ),
            Choice("d", "it opens as Ada's, and the page reads and writes"),
        ),
    ),
)
