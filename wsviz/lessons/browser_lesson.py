"""Exercises of lesson 09: the browser's API."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_number
from wsviz.lessons.recordings import recording
from wsviz.protocol.fields import Side
from wsviz.protocol.wire import Opcode


def _sent() -> list[bytes]:
    """What the script of browser.pcapng gave to send()."""
    messages = recording("browser").connections[0].messages
    return [each.data for each in messages if each.sender == Side.CLIENT]


@cache
def _buffered_slips() -> Mapping[float, str]:
    """What else may be counted for bufferedAmount."""
    text, *binary = _sent()
    rest, shown = sum(map(len, binary)), text.decode()
    talk = recording("browser").connections[0]
    frames = [each for each in talk.frames if each.sender == Side.CLIENT and each.frame.opcode in _DATA]
    whole = sum(len(each.dissection.raw) for each in frames)
    return {
        float(whole): "That counts the frames with their headers. A script knows nothing of headers.",
        float(len(shown) + rest): "That counts the characters of the text. Some take more than one byte in UTF-8.",
        float(len(shown.encode("utf-16-le")) // 2 + rest): "That adds the text's length as JavaScript counts it, "
        "in units of UTF-16. On the wire it is UTF-8.",
        float(len(shown.encode("utf-16-le")) + rest): "That is the text in UTF-16, as JavaScript keeps it. "
        "On the wire it is UTF-8.",
        float(2 * (len(text) + rest)): "That counts the echoes as well. bufferedAmount is about what the page sends.",
        float(rest): "And the text? It counts as well, in UTF-8.",
        float(len(text)): "That is the text alone. Blob and ArrayBuffer count as well.",
        0.0: "So it may be a moment later. Within the same script, nothing has left yet.",
    }


_DATA = (Opcode.TEXT, Opcode.BINARY)


def _zero_windows() -> list[int]:
    """The packets of slow_consumer.pcapng with which the client says that it has no room."""
    packets = recording("slow_consumer").packets
    said = packets[(packets["sender"] == "client") & (packets["window"] == 0)]
    return [int(packet) for packet in said["packet"]]


@cache
def _not_the_first() -> Mapping[float, str]:
    """What else may be taken for the packet that closes the window."""
    packets = recording("slow_consumer").packets
    first, *later = _zero_windows()
    said: dict[float, str] = {}
    for packet, sender in zip(packets["packet"], packets["sender"], strict=True):
        if sender == "server":
            said[float(packet)] = "That packet is the server's. The window is told by who receives: the client."
        elif packet < first:
            said[float(packet)] = "The window in it is above 0: there is room left."
        elif packet > first:
            said[float(packet)] = "When that was said, the server had known of a full buffer for a while."
    row = packets.index[packets["packet"] == first][0]
    said[float(row)] = "Is that the number of a row? The column `packet` counts from 1."
    for packet in later:
        said[float(packet)] = "That one says zero window too. Was it the first to do so?"
    return said


EXERCISES = (
    Exercise(
        "09.event_order",
        Kind.PREDICT,
        "While the page is busy",
        "A socket is OPEN. While one long script of the page runs, two messages arrive, then a Close. "
        "At its end, the script reads ws.readyState. What does it read, and what happens when it is over?",
        why="What arrives becomes tasks in a queue. A script runs to its end first; then each task changes the state "
        "or calls a handler, in the order of arrival.",
        code='answer = "b"',
        hints=(
            "Can anything happen to an object while one script runs, other than what that script does?",
            "Messages that came before the Close were sent before it. Are they worth less?",
        ),
        choices=(
            Choice(
                "a",
                "2, CLOSING; then message, message, close",
                "The Close has arrived at the browser, but the object is changed by a task, "
                "and tasks wait while a script runs.",
            ),
            Choice("b", "1, OPEN; then message, message, close"),
            Choice(
                "c",
                "1, OPEN; then close alone",
                "That would lose two messages which came before the Close. They stand before it in the queue.",
            ),
            Choice(
                "d",
                "1, OPEN; the handlers have run meanwhile, in between",
                "Handlers are scripts of the same page, and a page runs one script at a time.",
            ),
        ),
    ),
    Exercise(
        "09.can_scripts",
        Kind.PREDICT,
        "What a script may choose",
        "Which part of a WebSocket conversation can a script in a browser decide?",
        why="The constructor takes an address and subprotocols. Headers, keys, pings and pongs are the browser's.",
        code='answer = "d"',
        hints=(
            "Which parameters has the constructor? Which methods has the object?",
            "A script of any page on the Web may call it. What must it not be able to pretend?",
        ),
        choices=(
            Choice(
                "a",
                "to send a ping",
                "The object has send() and close(). Pings are for the browser, which answers and tells nobody.",
            ),
            Choice(
                "b",
                "a header of its own, such as Authorization",
                "The constructor has no place for headers. Cookies go along by themselves, and a token has to go "
                "into the address or the first message.",
            ),
            Choice(
                "c",
                "the masking key",
                "A page that knew the key could choose the bytes on the wire: lesson 05 shows what for.",
            ),
            Choice("d", "which subprotocols are offered"),
            Choice(
                "e",
                "into how many frames a message is cut",
                "A script hands over messages. Frames are made, and joined, where it cannot look.",
            ),
        ),
    ),
    Exercise(
        "09.buffered_amount",
        Kind.COMPUTE,
        "Three calls in a row",
        "The page of browser.pcapng sends a text, a Blob and an ArrayBuffer. Suppose its script had called send() "
        "three times in a row, then read ws.bufferedAmount at once. Which number does it read?",
        why="bufferedAmount counts the bytes of application data, text as UTF-8, without headers and keys.",
        code='sent = recording("browser").messages.query("sender == \'client\'")\nanswer = sent["length"].sum()',
        hints=(
            'recording("browser").messages has a row for each message, with its sender.',
            "Its column length counts bytes of application data. Which rows are the script's own?",
        ),
        judge=judge_number(lambda: sum(map(len, _sent())), unit="bytes", slips=_buffered_slips),
    ),
    Exercise(
        "09.zero_window",
        Kind.FIND,
        "No more, please",
        "In slow_consumer.pcapng a client does not read. Which packet is the first to tell the server that there is "
        "no room left?",
        why="A window of 0 in a bare ACK: that is TCP's word, and WebSocket has none for it.",
        code='packets = recording("slow_consumer").packets\n'
        "full = packets.query(\"sender == 'client' and window == 0\")\n"
        'answer = full["packet"].iloc[0]',
        hints=(
            "TCP's header has a window: how many bytes its sender is ready to take. Who tells it here?",
            "Look for the first 0 in the column window among the client's packets.",
        ),
        judge=judge_number(lambda: _zero_windows()[0], slips=_not_the_first),
    ),
    Exercise(
        "09.close_code",
        Kind.PREDICT,
        "Going away",
        'A user leaves a view, and its script calls ws.close(1001, "going away") on an OPEN socket. What happens?',
        why="Scripts may close with 1000 or 3000 to 4999. The other codes are the browser's to use: "
        "1001 is what it sends itself when a page is left.",
        code='answer = "c"',
        hints=("Lesson 07 had a table of codes. Which of them are for programs to choose?",),
        choices=(
            Choice(
                "a", "a Close with 1001 is sent", "A server would do that. A script may not speak for the browser."
            ),
            Choice(
                "b",
                "a Close with 1000 is sent instead",
                "The API does not mend what it is given. It either does it, or says no.",
            ),
            Choice("c", "an InvalidAccessError is thrown, and the socket stays OPEN"),
            Choice(
                "d",
                "the error event fires, and TCP is cut",
                "The error event tells of a failed connection. A wrong argument is found before anything is sent.",
            ),
        ),
    ),
)
