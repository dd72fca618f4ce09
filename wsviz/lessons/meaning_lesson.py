"""Exercises of lesson 08: meaning and compression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_frame, judge_number, judge_numbers
from wsviz.lessons.recordings import recording
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.frames import Frame
from wsviz.protocol.subprotocols import StompFrame, parse_json, parse_stomp
from wsviz.protocol.wire import Opcode, count, opcode_name

if TYPE_CHECKING:
    import pandas as pd

WEATHER, WEATHER_ID = "/topic/weather", "7"


def by_path(path: str) -> pd.DataFrame:
    """The messages of the connection of `deflate` with this path."""
    deflate = recording("deflate")
    exchanges = deflate.exchanges
    number = exchanges.loc[exchanges["target"] == path, "connection"].iloc[0]
    messages: pd.DataFrame = deflate.messages[deflate.messages["connection"] == number]
    return messages


# ---- The message that is no JSON ----


def _no_json() -> int:
    return next(number for number, error in enumerate(_errors()) if error)


def _errors() -> list[str | None]:
    """For each message of `subscribe` what keeps it from being JSON."""
    return [parse_json(text).error for text in recording("subscribe").messages["text"]]


def _not_that_one() -> dict[float, str]:
    """Every message that is JSON, and every packet number that is none of a message."""
    messages = recording("subscribe").messages
    said = dict.fromkeys(messages["packet"].astype(float), "Is that a packet? The column `message` counts messages.")
    for number, sender in enumerate(messages["sender"]):
        said[float(number)] = f"That one, from the {sender}, is JSON: every name and text stands in double quotes."
    said[float(_no_json() + 1)] = "That one is JSON: the server's complaint. What does it complain about?"
    del said[float(_no_json())]
    return said


# ---- A SUBSCRIBE of STOMP ----


def _subscribe(answer: Any) -> list[str]:
    """Judge a SUBSCRIBE: text, bytes, or a whole frame of WebSocket."""
    if isinstance(answer, Frame):
        return _framed(answer)
    if isinstance(answer, str):
        return _payload(answer.encode(errors="replace"))
    if isinstance(answer, bytes | bytearray):
        # No command of STOMP begins with a byte above 0x7f, and each whole message of WebSocket does, by its FIN.
        return _framed(answer) if answer and answer[0] > 0x7F else _payload(bytes(answer))
    return [f"This is {type(answer).__name__}, and the answer is a text, such as 'CONNECT\\n\\n\\0'."]


def _framed(answer: Frame | bytes | bytearray) -> list[str]:
    return judge_frame("client", lambda frame: _as_text(frame) or _payload(frame.payload))(answer)


def _as_text(frame: Frame) -> list[str]:
    if frame.opcode == Opcode.TEXT:
        return []
    return [f"Opcode {frame.opcode} is {opcode_name(frame.opcode)}, and these bytes are a text."]


def _payload(data: bytes) -> list[str]:
    try:
        frames = parse_stomp(data)
    except ProtocolError as error:
        return [f"STOMP 1.2 cannot read it: {error}."]
    if len(frames) != 1:
        return [f"It holds {count(len(frames), 'frame')} of STOMP, and one is asked for."]
    return _asks_for(frames[0])


def _asks_for(frame: StompFrame) -> list[str]:
    if frame.command != "SUBSCRIBE":
        return [f"The command is {frame.command}, which asks for something else."]
    wrong = []
    for name, wanted in (("destination", WEATHER), ("id", WEATHER_ID)):
        value = frame.header(name)
        if value is None:
            wrong.append(f"The header {name} is missing, and STOMP 1.2 requires it.")
        elif value.strip() == wanted != value:
            wrong.append(f"The {name} is {value!r}: STOMP takes a blank after the colon for a part of the value.")
        elif value != wanted:
            wrong.append(f"The {name} is {value[:40]!r}, and {wanted!r} is asked for.")
    if frame.body:
        wrong.append(f"It has a body of {count(len(frame.body), 'byte')}: only SEND, MESSAGE and ERROR have one.")
    return wrong


# ---- With and without the window ----

PATHS = ("/kept", "/forgotten")


def _sums(column: str = "wire_length", sender: str = "client") -> list[int]:
    tables = [by_path(path) for path in PATHS]
    return [int(table.loc[table["sender"].str.contains(sender), column].sum()) for table in tables]


def _framed_sums() -> list[int]:
    """What the client's frames take as a whole."""
    by_target = dict(zip(recording("deflate").exchanges["target"], recording("deflate").connections, strict=True))
    own = ([each for each in by_target[path].frames if each.sender == "client"] for path in PATHS)
    return [sum(len(each.dissection.raw) for each in frames if not each.frame.is_control) for frames in own]


def _slips() -> list[dict[float, str]]:
    both, before, framed = _sums(sender="client|server"), _sums("length"), _framed_sums()
    return [
        {
            both[at]: "That counts both directions. The server's echoes are not the client's.",
            before[at]: "That is what the texts have before they are compressed: the column length.",
            framed[at]: "That counts headers and masking keys as well. The payload alone is asked for.",
            _sums()[1 - at]: "That belongs to the other connection.",
        }
        for at in range(2)
    ]


def _judge_sums(answer: Any) -> list[str]:
    return judge_numbers(_sums, names=PATHS, slips=_slips())(answer)


EXERCISES = (
    Exercise(
        "08.whose_words",
        Kind.PREDICT,
        "Whose words are these?",
        "A client sends a message, and then hears of every change of an address without asking again. Who defines "
        'that "subscribe" means this?',
        why="WebSocket carries texts and bytes. What a message asks for is agreed between the two applications.",
        code='answer = "c"',
        hints=(
            "Think of the fields of a frame. Is there one for a topic, or for whom a message is?",
            "Another server may use other words for the same, and speaks WebSocket all the same.",
        ),
        choices=(
            Choice(
                "a",
                "WebSocket: it is a publish/subscribe protocol",
                "Its opcodes carry data or control the connection. None subscribes, and no field names a topic.",
            ),
            Choice(
                "b",
                "HTTP: the opening handshake asks for it",
                "The handshake can agree on a name for such rules. It holds none itself, and here it names none.",
            ),
            Choice("c", "the two applications"),
            Choice(
                "d",
                "JSON, in which the message is written",
                "JSON says how names and values are written down, and nothing of what they mean.",
            ),
        ),
    ),
    Exercise(
        "08.not_json",
        Kind.FIND,
        "Which one is no JSON?",
        "One message of subscribe.pcapng looks like JSON and is not. What is its number, in the column message?",
        why="Its names and texts stand in single quotes. Python writes them so; JSON knows double quotes only "
        "(RFC 8259, section 7). To WebSocket it is a text like any other.",
        code="import json\n\n\n"
        "def is_json(text):\n"
        "    try:\n"
        "        return json.loads(text) is not None\n"
        "    except ValueError:\n"
        "        return False\n\n\n"
        'messages = recording("subscribe").messages\n'
        'answer = messages.loc[~messages["text"].map(is_json), "message"].iloc[0]',
        hints=(
            "One of the server's messages complains. What came just before it?",
            "json.loads(text) raises ValueError for what is no JSON.",
        ),
        judge=judge_number(_no_json, slips=_not_that_one),
    ),
    Exercise(
        "08.stomp_subscribe",
        Kind.BUILD,
        "Subscribe by STOMP",
        f"Write the STOMP 1.2 frame by which a client subscribes to {WEATHER} under the id {WEATHER_ID}. "
        "Answer with a text, or with a Frame of WebSocket around it.",
        why="A command, a line for each header, an empty line, no body, and NUL. Which topic, and under which id, is "
        "for the broker to read: WebSocket sees a text.",
        code=f'answer = "SUBSCRIBE\\nid:{WEATHER_ID}\\ndestination:{WEATHER}\\n\\n\\0"',
        hints=(
            "The recording has one. Which of its lines have to differ?",
            "Command, newline; name:value, newline, for each header; a newline of its own; \\0.",
        ),
        judge=_subscribe,
    ),
    Exercise(
        "08.takeover",
        Kind.COMPUTE,
        "Three like messages",
        "How many bytes of payload do the client's three messages take on the wire, in all: on /kept, and on "
        "/forgotten? Answer with a pair of numbers.",
        why="Where the window is kept, the second and the third message are mostly copies of the first. Where it is "
        "forgotten, each message stands for itself.",
        code="from wsviz.lessons.meaning_lesson import by_path\n\n"
        "answer = []\n"
        'for path in "/kept", "/forgotten":\n'
        "    messages = by_path(path)\n"
        '    answer.append(messages.loc[messages["sender"] == "client", "wire_length"].sum())',
        hints=(
            "The table has the column wire_length. Count the messages of one sender only.",
            "by_path('/kept').query(\"sender == 'client'\")['wire_length'] has three numbers.",
        ),
        judge=_judge_sums,
    ),
    Exercise(
        "08.from_the_middle",
        Kind.PREDICT,
        "From the middle",
        "You missed the client's first message on /kept. The handshake and the second message, whole, are there. "
        "What can a decoder make of the second one?",
        why="It says: go back so many bytes, and copy. Those bytes are in the message that you missed. On "
        "/forgotten every message can be read by itself.",
        code='answer = "b"',
        hints=("What does a match point at?", "Look at what the second message copies, and from where."),
        choices=(
            Choice(
                "a",
                "all of it: a message is compressed as a whole, by itself",
                "As a whole, yes. By itself only where no_context_takeover was agreed on.",
            ),
            Choice("b", "only what comes before the first copy: that points at text it never saw"),
            Choice(
                "c",
                "all of it: the receiver puts 00 00 ff ff back, which starts the window anew",
                "These bytes end a block, so that all of the message comes out. The window stays.",
            ),
            Choice(
                "d",
                "nothing: RSV1 stands on the first message only",
                "RSV1 stands on the first frame of every compressed message.",
            ),
        ),
    ),
)
