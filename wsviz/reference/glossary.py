"""The words of the course as a table: what each means by itself, where it is defined, which lesson explains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

HEAD = """\
<!-- Made by `make notebooks` from wsviz/reference/glossary.py; edit that instead. -->

# Glossary

The words of the course: what each means, the standard that defines it where one does, and where a lesson explains it.
The numbers of the protocol stand in the [reference](reference.md), the rules that can be broken in [rules](rules.md).
"""


class Term(NamedTuple):
    """A word, its meaning in one or two sentences, its source or "", a lesson's number and a heading in it."""

    name: str
    meaning: str
    source: str
    lesson: str
    heading: str


def glossary_page(notebooks: Mapping[str, tuple[str, str]]) -> str:
    """The page; `notebooks` has the title and the file of each lesson, by its number."""
    lines = [HEAD, "| word | meaning | defined in | lesson |", "|---|---|---|---|"]
    for term in sorted(TERMS, key=lambda term: term.name.strip("`").casefold()):
        title, file = notebooks[term.lesson]
        link = f"[{title}]({file}#{term.heading.replace(' ', '-')})"
        lines.append(f"| {term.name} | {term.meaning} | {term.source or '-'} | {link} |")
    return "\n".join([*lines, ""])


# fmt: off
_HTTP = (
    Term("exchange", "An HTTP request and the response to it.", "", "01", "The words"),
    Term("TCP handshake",
         "The three segments SYN, SYN-ACK and ACK that open a TCP connection. It takes a round trip before the "
         "client can send its first request.", "RFC 9293 3.5", "01", "Close after each answer"),
    Term("`Connection: close`",
         "The header line that makes an HTTP message the last exchange of its connection: after the response, the "
         "connection ends.", "RFC 9112 9.6", "01", "Close after each answer"),
    Term("keep-alive",
         "To leave the TCP connection open after a response, for further requests. HTTP/1.1 does so unless one "
         "side sends `Connection: close`.", "RFC 9112 9.3", "01", "Keep the connection"),
    Term("safe",
         "Said of an HTTP method by which a client asks for no change on the server, such as GET and HEAD.",
         "RFC 9110 9.2.1", "01", "Choose the method"),
    Term("idempotent",
         "Said of an HTTP method that is meant to have the same effect on the server whether a request is sent "
         "once or several times, such as GET, PUT and DELETE.", "RFC 9110 9.2.2", "01", "Choose the method"),
    Term("stateless",
         "Said of HTTP: what a request means does not depend on earlier requests on its connection.",
         "RFC 9110 3.3", "01", "Ask again"),
    Term("round trip",
         "The way to the other side and back, and the time it takes: from a request until its response comes, or "
         "from a ping until its pong comes.", "", "01", "The words"),
    Term("FIN (of TCP)",
         "A flag in the header of a TCP segment: its sender will send no more bytes on this connection.",
         "RFC 9293 3.6", "07", "Who closes TCP?"),
    Term("RST",
         "A flag in the header of a TCP segment: the connection is aborted at once, and bytes that are still under "
         "way may be lost.", "RFC 9293 3.5.2", "07", "Who closes TCP?"),
    Term("cacheable",
         "Said of an HTTP response that a cache may keep and give to later requests, for as long as its header "
         "allows.", "RFC 9111 3", "12", "When HTTP"),
    Term("HPACK",
         "The compression of header fields in HTTP/2: a field that was sent before is sent again as an index, and "
         "other texts in a Huffman code.", "RFC 7541", "12", "Compress the headers"),
)
_PUSH = (
    Term("update",
         "A piece of news that the server has and the client does not have yet. The course counts what mechanisms "
         "cost per update.", "", "02", "The words"),
    Term("polling",
         "To send a request again and again to ask whether there is an update.", "", "02", "Ask again and again"),
    Term("long polling",
         "Polling in which the server holds its response back until there is an update or a time-out; the client "
         "then asks again.", "RFC 6202 2", "02", "Let the question wait"),
    Term("streaming",
         "To send one HTTP response piece by piece and not to end it, so that every update is another piece.",
         "RFC 6202 3", "02", "Do not end the response"),
    Term("Comet",
         "A nickname for long polling and streaming: ways to make HTTP push before there was an API for it.",
         "", "02", "The words"),
    Term("chunk",
         "A piece of an HTTP/1.1 body whose length is not known beforehand: its size in hexadecimal, a line end, "
         "so many bytes, a line end. A chunk of size 0 ends the body.",
         "RFC 9112 7.1", "02", "Do not end the response"),
    Term("server-sent events",
         "Updates in one HTTP response of type `text/event-stream` that does not end; a page reads them with "
         "`EventSource`.", "WHATWG HTML 9.2", "02", "Server-sent events"),
    Term("event (server-sent)",
         "The lines of an event stream up to an empty line, such as `data:` and `id:`. A browser hands them to the "
         "page as one event.", "WHATWG HTML 9.2", "02", "Server-sent events"),
    Term("Last-Event-ID",
         "The header of the request by which a browser connects to an event stream again: the last id it has seen, "
         "so that the server can go on after it.", "WHATWG HTML 9.2", "02", "When the stream ends"),
    Term("half duplex", "A way to talk in which both sides may send, but only in turns.", "", "02", "The words"),
    Term("full duplex",
         "A way to talk in which both sides may send at any time, also at the same time, as on a WebSocket "
         "connection.", "", "06", "Both at once"),
)
_OPENING = (
    Term("opening handshake",
         "The HTTP request with `Upgrade: websocket` and its response `101 Switching Protocols`; after them, the "
         "same TCP connection carries frames.", "RFC 6455 4", "03", "A tiny example"),
    Term("Upgrade",
         "The header field by which an HTTP client asks to go on with another protocol on the same connection, and "
         "by which the server says to which one it switches.", "RFC 9110 7.8", "03", "First, the upgrade"),
    Term("resource name",
         "The path and the query of a `ws:` or `wss:` URI, with `/` for an empty path: what the opening "
         "handshake's request names in its first line.", "RFC 6455 3", "03", "Start from an address"),
    Term("Sec-WebSocket-Key",
         "The header field with the client's key: 16 random bytes in Base64, others for each connection. The "
         "accept key answers it.", "RFC 6455 4.1", "03", "Second, version and key"),
    Term("GUID",
         "The text `258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, the same on every connection, which is put after the "
         "client's key before both are hashed to the accept key.", "RFC 6455 1.3", "03", "Compute the accept key"),
    Term("accept key",
         "The value of `Sec-WebSocket-Accept`: the client's key as sent with the GUID after it, hashed by SHA-1, "
         "in Base64. It shows that the server speaks WebSocket, and not who the server is.",
         "RFC 6455 4.2.2", "03", "Compute the accept key"),
    Term("Base64",
         "A way to write bytes as text: three bytes become four characters out of letters, digits, `+` and `/`, "
         "and `=` fills up the end.", "RFC 4648 4", "03", "The words"),
    Term("origin",
         "Scheme, host and port of the page whose script opens a connection. Browsers send it in `Origin`, and a "
         "server may refuse the handshake because of it.", "RFC 6454 4", "03", "Third, the origin"),
    Term("TLS",
         "The protocol that encrypts what a TCP connection carries and proves who the server is; `wss:` is "
         "WebSocket over TLS.", "RFC 8446", "11", "Encrypt it"),
)
_FRAMES = (
    Term("frame",
         "The unit in which WebSocket sends data: a header of 2 to 14 bytes, then the payload data.",
         "RFC 6455 5.2", "04", "Two bytes that are always there"),
    Term("FIN (of a frame)",
         "The first bit of a frame: 1 where the frame is the last one of its message, or the only one.",
         "RFC 6455 5.2", "04", "Two bytes that are always there"),
    Term("RSV1, RSV2, RSV3",
         "The three bits after FIN: 0 unless an extension that was negotiated gives them a meaning, as "
         "permessage-deflate gives one to RSV1.", "RFC 6455 5.2", "04", "Two bytes that are always there"),
    Term("opcode",
         "The last four bits of a frame's first byte, which say what the frame is: 0 continuation, 1 text, 2 "
         "binary, 8 Close, 9 ping, 10 pong. The other values are reserved.",
         "RFC 6455 5.2", "04", "Two bytes that are always there"),
    Term("MASK",
         "The first bit of a frame's second byte: 1 where a masking key stands in the header and the payload data "
         "is masked, as in every frame from a client and in none from a server.",
         "RFC 6455 5.2", "04", "Where the key stands"),
    Term("Payload len",
         "The seven bits after MASK: the length of the payload data in bytes, up to 125. 126 and 127 say that the "
         "length stands in the extended payload length.", "RFC 6455 5.2", "04", "Three forms of length"),
    Term("extended payload length",
         "The 16 bits (after a Payload len of 126) or 64 bits (after 127) in which the length of a longer payload "
         "stands.", "RFC 6455 5.2", "04", "Three forms of length"),
    Term("payload data",
         "What a frame carries after its header: data of the application, before which an extension may put data "
         "of its own.", "RFC 6455 5.2", "04", "The words"),
    Term("masking",
         "What a client does to the payload data of each frame: byte *i* is XORed with byte *i* mod 4 of the "
         "masking key. It hides nothing, since the key stands in the frame.", "RFC 6455 5.3", "05", "Five bytes"),
    Term("masking key",
         "The four bytes with which a client masks a frame; they stand in its header, right before the payload "
         "data. Each frame has a new one, which nobody can predict.", "RFC 6455 5.3", "05", "Guess the key"),
    Term("XOR",
         "An operation on two bits: 1 where they differ, 0 where they are equal. Done twice with the same key, it "
         "gives back what was there.", "", "05", "One byte"),
    Term("proxy",
         "A program between client and server that passes on what they send each other. RFC 9110 calls every such "
         "program an intermediary.", "RFC 9110 3.7", "05", "Does a proxy unmask?"),
    Term("cache poisoning",
         "An attack that has a cache keep a false response under somebody's address. Masking stops the kind in "
         "which a script sends bytes that a proxy takes for HTTP.", "RFC 6455 10.3", "05", "Play the attacker"),
)
_MESSAGES = (
    Term("message",
         "What one application sends and the other gets as a whole, a text or binary data. It travels in one frame "
         "or in several.", "RFC 6455 5.4", "06", "The words"),
    Term("data frame",
         "A frame that carries a message or a part of it: text (opcode 1), binary (2) or continuation (0).",
         "RFC 6455 5.6", "06", "On the wire"),
    Term("fragment",
         "A frame that carries only a part of its message. All fragments of a message but the last have FIN 0, all "
         "but the first have opcode 0.", "RFC 6455 5.4", "06", "Between two fragments"),
    Term("continuation frame",
         "A frame with opcode 0: it carries the next fragment of the message that has begun and not ended.",
         "RFC 6455 5.4", "06", "Between two fragments"),
    Term("segment",
         "What TCP sends at a time: a header and a piece of the byte stream, cut without regard to frames and "
         "messages.", "RFC 9293 3.1", "06", "The words"),
    Term("packet",
         "What the network carries at a time: headers of the link and of IP, and for WebSocket a TCP segment in "
         "them. A capture is a list of packets.", "", "06", "The words"),
    Term("record",
         "What TLS encrypts at a time, at most 16,384 bytes, cut without regard to frames and messages.",
         "RFC 8446 5.1", "06", "On the wire"),
    Term("bare ACK",
         "A TCP segment without data, which only says how far its sender has received.", "", "12", "The words"),
)
_CLOSING = (
    Term("control frame",
         "A frame about the connection that is no part of a message: Close, ping or pong. It has at most 125 bytes "
         "of payload data, is never fragmented, and may come between the fragments of a message.",
         "RFC 6455 5.5", "07", "Three frames for the connection itself"),
    Term("ping",
         "A control frame with opcode 9, which asks whether the other side is there: it has to answer with a pong.",
         "RFC 6455 5.5.2", "07", "Is anybody there?"),
    Term("pong",
         "A control frame with opcode 10, which answers a ping and carries the same payload data. One that answers "
         "nothing is legal, too.", "RFC 6455 5.5.3", "07", "Is anybody there?"),
    Term("Close frame",
         "The control frame with opcode 8, which begins or answers the closing handshake. Its payload data is "
         "empty, or a status code in two bytes and a reason in UTF-8.", "RFC 6455 5.5.1", "07", "Say goodbye"),
    Term("status code (of Close)",
         "The first two bytes of a Close frame's payload data, a number that says why the connection ends, such as "
         "1000: normal closure.", "RFC 6455 7.4", "07", "Choose a code"),
    Term("closing handshake",
         "The orderly end of a WebSocket connection: one side sends a Close frame, the other answers with one, and "
         "TCP is closed, as a rule by the server first.", "RFC 6455 1.4", "07", "The closing handshake"),
    Term("fail the WebSocket connection",
         "To give up a connection because the other side broke a rule: by a Close frame that says why, once the "
         "opening handshake is done, and by closing TCP.", "RFC 6455 7.1.7", "07", "Choose a code"),
    Term("abnormal closure",
         "The end of a WebSocket connection without a Close frame, because TCP was closed or lost. An API reports "
         "it as 1006.", "RFC 6455 7.1.5", "07", "What each side is told"),
    Term("1002",
         "Close's status code for a protocol error: the other side broke a rule, for example by a frame from a "
         "client with MASK 0.", "RFC 6455 7.4.1", "05", "Who masks"),
    Term("1005",
         "What an API reports as the status code where the Close frame that came has none. It is never sent.",
         "RFC 6455 7.4.1", "07", "What each side is told"),
    Term("1006",
         "What an API reports as the status code where no Close frame came. It is never sent.",
         "RFC 6455 7.4.1", "07", "What each side is told"),
    Term("1007",
         "Close's status code for data that does not fit the kind of its message, such as a text that is not "
         "UTF-8.", "RFC 6455 7.4.1", "06", "Cut within a character"),
)
_MEANING = (
    Term("subprotocol",
         "An agreement about what messages mean. The client offers names in `Sec-WebSocket-Protocol`, and the "
         "server chooses one of them or none.", "RFC 6455 1.9", "08", "Give the agreement a name"),
    Term("publish/subscribe",
         "A pattern of messages: who wants to hear of a topic subscribes to it, and what is published on the topic "
         "goes to all subscribers.", "", "08", "Subscribe, be notified, unsubscribe"),
    Term("broker",
         "A server that keeps topics and their subscribers, and passes on what is published.",
         "", "08", "Talk STOMP"),
    Term("STOMP",
         "A text protocol for talking to a broker, with commands such as SUBSCRIBE and MESSAGE; over WebSocket it "
         "is a subprotocol.", "STOMP 1.2", "08", "Talk STOMP"),
    Term("extension",
         "A change to how frames are written that client and server agree on in `Sec-WebSocket-Extensions`. "
         "Applications get the same messages with it and without.", "RFC 6455 9", "08", "Shorten messages"),
    Term("permessage-deflate",
         "The extension that compresses messages with DEFLATE, one by one. RSV1 is 1 in the first frame of each "
         "message that is compressed.", "RFC 7692 7", "08", "Shorten messages"),
    Term("literal", "In DEFLATE, a byte that is written as itself.", "RFC 1951 3.2", "08", "Shorten messages"),
    Term("match",
         "In DEFLATE, a length and a distance instead of bytes: they say which earlier bytes are to be copied.",
         "RFC 1951 3.2", "08", "Shorten messages"),
    Term("window (of DEFLATE)",
         "The bytes right before, at most 32,768 of them, that a match can copy from. permessage-deflate can agree "
         "on a smaller window.", "RFC 7692 7.1.2", "08", "What it costs"),
    Term("context takeover",
         "To keep DEFLATE's window after a message and to use it for the next one of the same direction. "
         "permessage-deflate does so unless the handshake excludes it.", "RFC 7692 7.1.1", "08", "What it costs"),
)
_BROWSER = (
    Term("readyState",
         "An attribute of a browser's WebSocket object: CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3), as "
         "far as the script has been told.", "WHATWG WebSockets", "09", "What the object says"),
    Term("task",
         "A piece of work in the queue of a page, such as the call of a handler for an event.",
         "WHATWG HTML 8.1.7", "09", "What the page is told"),
    Term("event loop",
         "What runs the tasks of a page one after the other, each to its end before the next begins.",
         "WHATWG HTML 8.1.7", "09", "What the page is told"),
    Term("binaryType",
         "An attribute of a browser's WebSocket object: whether binary messages come as `Blob` or as "
         "`ArrayBuffer`.", "WHATWG WebSockets", "09", "Text and bytes"),
    Term("bufferedAmount",
         "An attribute of a browser's WebSocket object: how many bytes were given to `send()` and have not been "
         "handed to the network.", "WHATWG WebSockets", "09", "Sent is not delivered"),
    Term("wasClean",
         "An attribute of the browser's `close` event: true where the closing handshake was completed before TCP "
         "ended.", "WHATWG WebSockets", "09", "Say goodbye"),
    Term("zero window",
         "A TCP segment whose window field is 0: its sender's buffer is full, and the other side has to wait.",
         "RFC 9293 3.8.6", "09", "Sent is not delivered"),
    Term("back-pressure",
         "The effect by which a slow receiver slows its sender down: its buffer fills, TCP's window closes, then "
         "the sender's buffer fills.", "", "09", "Sent is not delivered"),
)
_BUILD = (
    Term("handler",
         "A function that is called when something happens: by a server for each connection, by a browser for each "
         "event.", "", "10", "Accept a client"),
    Term("session",
         "One client's connection as long as it lasts, and what the server keeps about it.", "", "10", "The words"),
    Term("broadcast",
         "To send one message to all sessions. WebSocket has no frame for that: the server sends one on each "
         "connection.", "", "10", "Tell everybody"),
    Term("scheduler",
         "A part of a server that calls a function at intervals, for example to send an update every ten seconds.",
         "", "10", "Tell everybody"),
    Term("escape",
         "To rewrite a text so that a page shows it instead of taking it for HTML: `<` becomes `&lt;`.",
         "", "10", "Answer, and mistrust"),
    Term("error handler",
         "The part of a server that catches a fault in the handler of one client, closes that connection with "
         "1011, and so keeps it from the other clients.", "", "10", "Answer, and mistrust"),
    Term("worker",
         "One of several processes that run the same server; each has connections of its own.",
         "", "10", "More than one process"),
    Term("backplane",
         "What carries messages between the workers of a server, so that a broadcast reaches the clients of all of "
         "them.", "", "10", "More than one process"),
)
_NETWORK = (
    Term("reverse proxy",
         "A proxy that stands in front of servers and is taken for them by clients, such as nginx or a load "
         "balancer. RFC 9110 calls it a gateway.", "RFC 9110 3.7", "11", "A proxy that passes it on"),
    Term("upstream", "The server to which a reverse proxy passes requests on.", "", "11", "The words"),
    Term("forward proxy",
         "A proxy that stands in front of clients, in a company for example, and connects to servers for them.",
         "RFC 9110 3.7", "11", "Through other people's proxies"),
    Term("hop-by-hop field",
         "A header field for the next recipient only, which a proxy does not pass on, such as `Connection` and "
         "`Upgrade`.", "RFC 9110 7.6.1", "11", "A proxy that drops it"),
    Term("`proxy_read_timeout`",
         "The setting of nginx for how long the server behind it may be silent before nginx closes the connection: "
         "60 seconds unless it is set.", "", "11", "Silence"),
    Term("CONNECT",
         "The HTTP method that asks a forward proxy for a tunnel to a host and port, through which it passes bytes "
         "on unread.", "RFC 9110 9.3.6", "11", "Through other people's proxies"),
    Term("key log",
         "A file with the secrets of TLS connections, written by one of their ends, with which a capture of them "
         "can be decrypted.", "", "11", "Encrypt it"),
    Term("cross-site WebSocket hijacking",
         "An attack in which a page from elsewhere opens a WebSocket to a server, and the browser adds the user's "
         "cookies. A server that checks `Origin` refuses it.", "", "11", "A page from elsewhere"),
)
_COST = (
    Term("on the wire",
         "A way to count bytes: every byte of every packet, with the headers of link, IP and TCP, and with packets "
         "that carry no data.", "", "12", "The words"),
    Term("overhead", "All bytes on the wire that are not payload.", "", "12", "The words"),
    Term("fixed bytes",
         "The bytes that a mechanism spends once on a connection, to open and to close it, however many updates "
         "there are.", "", "12", "The words"),
    Term("marginal bytes", "The bytes that a mechanism spends on each further update.", "", "12", "The words"),
    Term("break-even",
         "The number of updates from which on one mechanism takes fewer bytes in all than another.",
         "", "12", "Where the lines cross"),
)
_CAPTURES = (
    Term("capture",
         "A file of packets as they passed one place in the network, each with its time.", "", "13", "The words"),
    Term("HAR",
         "HTTP Archive, the format in which browsers export what their network panel lists. Of a WebSocket it has "
         "the messages, and neither frames nor packets.", "", "13", "See what a browser keeps"),
    Term("relay",
         "A program between client and server that passes all bytes on unchanged and records them. wsviz has one, "
         "for those who may not capture packets.", "", "13", "Record your own"),
    Term("idle gap",
         "A time in which no frame, or no packet, passes on a connection. A proxy may end a connection because of "
         "a long one.", "", "13", "When was it silent?"),
    Term("lint",
         "To look for broken rules by program, as `wsviz lint` does in a capture.", "", "13", "Was a rule broken?"),
    Term("pseudonym",
         "A made-up name in the place of an address, the same one wherever that address stands: a report then "
         "shows what happened, and not to whom.", "", "13", "Hand it on"),
)
# fmt: on
TERMS = (
    _HTTP
    + _PUSH
    + _OPENING
    + _FRAMES
    + _MESSAGES
    + _CLOSING
    + _MEANING
    + _BROWSER
    + _BUILD
    + _NETWORK
    + _COST
    + _CAPTURES
)
"""All words, by subject."""
