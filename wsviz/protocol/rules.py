"""Every rule that a finding can name, in one table: the documentation page and the tests are made from it."""

from __future__ import annotations

from wsviz.protocol.fields import Side
from wsviz.protocol.handshake_rules import HANDSHAKE_RULES
from wsviz.protocol.http_rules import HTTP_RULES
from wsviz.protocol.rule import ERROR, NOTE, WARNING, Rule, table

FRAME_RULES = table(
    [
        Rule(
            "reserved-opcode",
            "RFC 6455 5.2",
            ERROR,
            1002,
            "Opcodes 3 to 7 and 11 to 15 are reserved; a receiver of one fails the connection.",
            b"\x83\x00",
        ),
        Rule(
            "reserved-bit-set",
            "RFC 6455 5.2",
            ERROR,
            1002,
            "RSV1, RSV2 and RSV3 are 0 unless an extension was negotiated that gives them a meaning.",
            b"\xa1\x05Hello",
        ),
        Rule(
            "rsv1-on-control-frame",
            "RFC 7692 6.1",
            ERROR,
            1002,
            "permessage-deflate compresses messages only: RSV1 stays 0 on control frames.",
            b"\xc9\x00",
            extensions="permessage-deflate",
        ),
        Rule(
            "rsv1-on-continuation",
            "RFC 7692 6.1",
            ERROR,
            1002,
            "permessage-deflate sets RSV1 on the first frame of a message only.",
            b"\x41\x03\xf2\x48\xcd\xc0\x04\xc9\xc9\x07\x00",
            extensions="permessage-deflate",
        ),
        Rule(
            "extensions-unknown",
            "RFC 6455 5.2",
            NOTE,
            None,
            "A reserved bit is set, and the handshake was not seen or names an extension that wsviz does not know.",
            b"\xc1\x00",
            extensions="x-unknown",
        ),
        Rule(
            "fragmented-control-frame",
            "RFC 6455 5.5",
            ERROR,
            1002,
            "Control frames are never fragmented: FIN is 1.",
            b"\x09\x00",
        ),
        Rule(
            "control-frame-too-long",
            "RFC 6455 5.5",
            ERROR,
            1002,
            "The body of a control frame has at most 125 bytes.",
            b"\x89\x7e\x00\x7e" + bytes(126),
        ),
        Rule(
            "length-not-minimal",
            "RFC 6455 5.2",
            ERROR,
            1002,
            "The length takes the shortest of the three forms that can hold it.",
            b"\x81\x7e\x00\x05Hello",
        ),
        Rule(
            "length-top-bit-set",
            "RFC 6455 5.2",
            ERROR,
            1002,
            "The most significant bit of a 64-bit length is 0.",
            b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
        ),
        Rule(
            "unmasked-client-frame",
            "RFC 6455 5.1",
            ERROR,
            1002,
            "A client masks every frame, control frames and empty ones included.",
            b"\x81\x05Hello",
            sender=Side.CLIENT,
        ),
        Rule(
            "masked-server-frame",
            "RFC 6455 5.1",
            ERROR,
            1002,
            "A server masks no frame.",
            b"\x81\x80\x37\xfa\x21\x3d",
        ),
        Rule(
            "zero-masking-key",
            "RFC 6455 5.3",
            WARNING,
            None,
            "A masking key is unpredictable; 00000000 leaves the payload readable, as some clients do on purpose.",
            b"\x81\x85\x00\x00\x00\x00Hello",
            sender=Side.CLIENT,
        ),
        Rule(
            "close-body-one-byte",
            "RFC 6455 5.5.1",
            ERROR,
            1002,
            "The body of a Close frame is empty or begins with a status code of two bytes.",
            b"\x88\x01\x03",
        ),
        Rule(
            "close-code-not-for-the-wire",
            "RFC 6455 7.4.1",
            ERROR,
            1002,
            "1005, 1006 and 1015 are words for the receiver's own side and never stand in a Close frame.",
            b"\x88\x02\x03\xee",
        ),
        Rule(
            "close-code-undefined",
            "RFC 6455 7.4.2",
            ERROR,
            1002,
            "A status code is one that the registry defines, or lies in 3000 to 4999.",
            b"\x88\x02\x7b\x7d",
        ),
        Rule(
            "close-code-wrong-side",
            "RFC 6455 7.4.1",
            NOTE,
            None,
            "1010 is meant for clients and 1011 for servers.",
            b"\x88\x02\x03\xf2",
        ),
        Rule(
            "close-reason-not-utf8",
            "RFC 6455 5.5.1",
            ERROR,
            1007,
            "The reason of a Close frame is UTF-8.",
            b"\x88\x03\x03\xe8\xff",
        ),
    ]
)

STREAM_RULES = table(
    [
        Rule(
            "continuation-without-message",
            "RFC 6455 5.4",
            ERROR,
            1002,
            "A continuation frame continues a message; with none begun there is nothing to continue.",
            b"\x80\x05Hello",
        ),
        Rule(
            "message-interrupted",
            "RFC 6455 5.4",
            ERROR,
            1002,
            "A fragmented message goes on with continuation frames up to FIN; messages are not interleaved.",
            b"\x01\x03Hel\x81\x05Hello",
        ),
        Rule(
            "text-not-utf8",
            "RFC 6455 8.1",
            ERROR,
            1007,
            "A text message is UTF-8 as a whole; a character may be cut between its frames.",
            b"\x81\x03\xed\xa0\x80",
        ),
        Rule(
            "data-after-close",
            "RFC 6455 5.5.1",
            ERROR,
            None,
            "After a Close frame a side sends no more data frames; the receiver ignores them.",
            b"\x88\x00\x81\x05Hello",
        ),
        Rule(
            "second-close",
            "RFC 6455 5.5.1",
            NOTE,
            None,
            "One Close frame from each side ends the connection; the receiver ignores a second one.",
            b"\x88\x02\x03\xe8\x88\x02\x03\xe8",
        ),
        Rule(
            "masking-key-reused",
            "RFC 6455 5.3",
            WARNING,
            None,
            "A client picks a fresh masking key for each frame; the same one twice in a row is predictable.",
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" * 2,
            sender=Side.CLIENT,
        ),
        Rule(
            "message-over-limit",
            "RFC 6455 10.4",
            NOTE,
            None,
            "The message passes the size up to which wsviz keeps its data; a receiver may fail such a one with 1009.",
            b"\x81\x05Hello",
            max_message_size=4,
        ),
        Rule(
            "frame-cut",
            "RFC 6455 5.2",
            WARNING,
            None,
            "The bytes end within a frame.",
            b"\x81\x05Hel",
        ),
        Rule(
            "message-unfinished",
            "RFC 6455 5.4",
            WARNING,
            None,
            "The bytes end, or a Close frame comes, before the message's final frame.",
            b"\x01\x03Hel",
        ),
    ]
)

# RFC 7692 names no close code for damaged data; 1007, data not consistent with its type, is the one that fits.
DEFLATE_RULES = table(
    [
        Rule(
            "deflate-no-data",
            "RFC 7692 7.2.1",
            ERROR,
            1007,
            "An empty compressed message is one byte, 00; with no byte at all, careless inflaters misread the next.",
            b"\xc1\x00",
            extensions="permessage-deflate",
        ),
        Rule(
            "deflate-data-broken",
            "RFC 7692 7.2.2",
            ERROR,
            1007,
            "The payload with 00 00 ff ff put back is raw deflate data that stays within the negotiated window.",
            b"\xc1\x01\x06",
            extensions="permessage-deflate",
        ),
        Rule(
            "deflate-data-cut",
            "RFC 7692 7.2.2",
            ERROR,
            1007,
            "The payload with 00 00 ff ff put back ends with an empty stored block; most inflaters miss a cut.",
            b"\xc1\x04\xf2\x48\xcd\xc9",
            extensions="permessage-deflate",
        ),
        Rule(
            "deflate-final-block",
            "RFC 7692 7.2.3.4",
            NOTE,
            None,
            "A block with BFINAL 1 is legal and the data goes on after it; several inflaters stop there.",
            b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
            extensions="permessage-deflate",
        ),
    ]
)

# What only a capture shows, with its packets and their times; no bytes alone can be an example of it.
CAPTURE_RULES = table(
    [
        Rule(
            "frame-before-101",
            "RFC 6455 4.1",
            ERROR,
            None,
            "The client sends nothing more before the server's 101 has arrived.",
            b"",
        ),
        Rule(
            "file-cut",
            "pcap, pcapng",
            ERROR,
            None,
            "The capture file ends within a record, or holds a record that cannot be read: what follows is lost.",
            b"",
        ),
        Rule(
            "bytes-missing",
            "RFC 9293 3.4",
            WARNING,
            None,
            "The capture lacks bytes of a TCP stream: a packet was not captured, or the snap length cut it.",
            b"",
        ),
        Rule(
            "payload-missing",
            "RFC 9293 3.4",
            WARNING,
            None,
            "The capture lacks bytes of a frame's payload: the message is damaged, and the sender not to blame.",
            b"",
        ),
        Rule(
            "copies-differ",
            "RFC 9293 3.4",
            WARNING,
            None,
            "Two packets bring different bytes for the same place in the stream; the first copy is taken.",
            b"",
        ),
        Rule(
            "handshake-not-seen",
            "RFC 6455 1.3",
            NOTE,
            None,
            "Frames without their opening handshake: which extensions were negotiated is not known.",
            b"",
        ),
        Rule(
            "no-http",
            "RFC 9112 2.1",
            WARNING,
            None,
            "A connection that began as HTTP goes on with bytes that are none; they are not decoded.",
            b"",
        ),
        Rule(
            "http2-not-decoded",
            "RFC 8441 4",
            NOTE,
            None,
            "The connection speaks HTTP/2: its requests, and any WebSocket over it, are not decoded.",
            b"",
        ),
        Rule(
            "roles-inferred",
            "RFC 6455 1.3",
            NOTE,
            None,
            "Neither a handshake nor a SYN was seen, so which end is the client is inferred.",
            b"",
        ),
    ]
)

RULES: dict[str, Rule] = {
    **CAPTURE_RULES,
    **FRAME_RULES,
    **STREAM_RULES,
    **DEFLATE_RULES,
    **HANDSHAKE_RULES,
    **HTTP_RULES,
}
