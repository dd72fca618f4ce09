"""Lesson 03's exercises: right answers, each misconception, nothing."""

from __future__ import annotations

import base64
import hashlib

import numpy as np

from tests.lessons.feed import feed
from wsviz import accept_key, build_request, build_response, check_handshake, parse_uri
from wsviz.lessons.opening_lesson import ADDRESS, ANSWERED, ASKED, KEYS, WANTED, WRONG_LINES
from wsviz.protocol.handshake import GUID

GET, *LINES = (
    "GET /live HTTP/1.1",
    "Host: example.org:8080",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==",
    "Sec-WebSocket-Version: 13",
)
ACCEPTS = tuple(map(accept_key, KEYS))


def request(*lines: str, end: str = "\r\n") -> str:
    return end.join([*lines, "", ""])


def hashed(text: bytes) -> str:
    return base64.b64encode(hashlib.sha1(text, usedforsecurity=False).digest()).decode()


def test_exercises() -> None:
    first, guid, resource = KEYS[0].encode(), GUID.encode(), "/rooms/7?since=42"
    digest = base64.b64decode(ACCEPTS[0])
    feed(
        "03",
        right={
            "address": [["Chat.Example.org", 443.0, resource], parse_uri(ADDRESS)],
            "accept_keys": [list(ACCEPTS), (f" {ACCEPTS[0]}\n", ACCEPTS[1].encode()), np.array(ACCEPTS)],
            "six_requests": [(400, 426, 403, 101, 101, 101), np.array([400, 426, 403, 101, 101, 101])],
            "wrong_lines": [[8, 1], {1, 8}, np.array([1, 8])],
            "shortest_request": [
                request(GET, *LINES),
                request(GET, *reversed(LINES)).encode(),
                request(GET, *LINES).encode().hex(" "),
                request("GET http://example.org:8080/live HTTP/1.1", *LINES),
                request(GET, *LINES).replace("Host", "host").replace("Connection: U", "connection: keep-alive, u"),
            ],
        },
        wrong={
            "address": [
                (("chat.example.org", 80, resource), "80 is the port of ws:"),
                (("chat.example.org", None, resource), "its scheme does"),
                (("chat.example.org", "443", resource), "not a text"),
                (("chat.example.org", 8080, resource), "its scheme decides"),
                (("chat.example.org", 443, "/rooms/7"), "the path alone"),
                (("chat.example.org", 443, "rooms/7?since=42"), "begins with a slash"),
                (("chat.example.org", 443, "/"), "The resource is not '/'"),
                (("wss://chat.example.org", 443, resource), "neither scheme nor path"),
                (("example.org", 443, resource), "The host is not 'example.org'"),
                (("chat.example.org:443", 443, resource), "A port is no part of the host"),
                ((b"chat.example.org", 443, resource), "The host is a text"),
                (("chat.example.org", 443, 7), "The resource is a text."),
                (ADDRESS, "a tuple of three"),
            ],
            "accept_keys": [
                ((hashed(base64.b64decode(first) + guid), ACCEPTS[1]), "Key 1: you hashed the 16 bytes"),
                ((digest.hex(), ACCEPTS[1]), "Key 1: these are hex digits"),
                ((digest, ACCEPTS[1]), "Key 1: these are the bytes of the hash"),
                ((base64.b64encode(digest.hex().encode()).decode(), ACCEPTS[1]), "you put hex digits into Base64"),
                ((hashed(first), ACCEPTS[1]), "you hashed the key alone"),
                ((hashed(guid + first), ACCEPTS[1]), "the GUID stands after the key"),
                ((hashed(first + guid.lower()), ACCEPTS[1]), "in capitals"),
                ((hashed(first.rstrip(b"=") + guid), ACCEPTS[1]), "the two = at its end"),
                (KEYS, "Key 2: that is the key itself"),
                (ACCEPTS[::-1], "Key 1: that answers the other key"),
                ((bytes(range(240, 256)), ACCEPTS[1]), "this is a bytes object"),
                ((KEYS[0] + GUID, ACCEPTS[1]), "what has to be hashed"),
                ((hashed(b"x"), base64.b64encode(bytes(32)).decode()), "Key 2: that is Base64 of 32 bytes"),
                ((hashed(b"x"), "no such thing!"), "Key 2: 'no such thing!' is no Base64"),
                ((1, 2), "an accept key is a text"),
                (ACCEPTS[0], "a tuple of two texts"),
            ],
            "what_it_proves": [("e", "none of the answers")],
            "six_requests": [
                ((101, 426, 403, 101, 101, 101), "Request 1: a 101 has to hold an accept key"),
                ((403, 400, 400, 101, 101, 101), "Request 2: 400 is allowed"),
                ((426, 101, 101, 101, 101, 101), "Request 3: this server looks at the origin"),
                ((400, 403, 426, 400, 400, 400), "Request 5: some servers do that"),
                ((400, 426, 403, 101, 426, 400), "Request 6: an offer is no condition"),
                ((400, 426, 403, 403, 101, 101), "Request 4: what keeps these two"),
                ((400, 426, 403, 200, 101, 101), "Request 4: choose among"),
                ((400, 426, 403, "101", 101, 101), "Request 4: '101' is a text"),
                (400, "a tuple of six"),
            ],
            "wrong_lines": [
                ((1, 16), "Line 16: It breaks no rule: it belongs to CORS"),
                ((3, 8), "Line 3: A list of names"),
                ((4, 5), "Line 5: It keeps caches"),
                ((1, 99), "99 is no number of a line"),
                ((8, 8), "the numbers of two lines"),
                ((True, 8), "True is no number of a line"),
                (("1", "8"), "'1' is no number of a line"),
                (1, "the numbers of two lines"),
            ],
            "shortest_request": [
                (request(GET, *LINES[:3], LINES[4]), "Request Sec-WebSocket-Key: got nothing"),
                (request(GET, LINES[0], *LINES[2:]), "Request Upgrade: got nothing"),
                (request(GET, *LINES, "Origin: http://example.org"), "accepts it without Origin"),
                (request(GET, *LINES, "Connection: keep-alive"), "one name stands in several lines"),
                (request(GET, *LINES).replace("13", "8"), "got 8, expected 13"),
                (request(GET, *LINES).replace("AAEC", "AAECAwQF"), "16 bytes in Base64"),
                (request(GET, *LINES).replace(":8080", ""), "Host names no port"),
                (request(GET, *LINES).replace("org:", "com:"), "the address names another one"),
                (request(GET, *LINES).replace("/live", "/"), "It asks for '/'"),
                (request(f"GET {WANTED} HTTP/1.1", *LINES), "Request target: got ws://"),
                (request(GET.replace("GET", "POST"), *LINES), "expected GET"),
                (request(GET, *LINES, end="\n"), "LF"),
                (request(GET, *LINES) + "Hello", "5 bytes too many after the empty line"),
                (request(GET, *LINES)[:-2], "The header does not end"),
                (WANTED, "expected a line such as"),
                (b"\x81\x00", "expected a line such as"),
                (200, "the answer is bytes"),
            ],
        },
    )


def test_the_printed_handshake_breaks_two_rules_where_the_exercise_says() -> None:
    handshake = check_handshake(ASKED, ANSWERED)
    lines = [ASKED.count(b"\n", 0, each.offset) + 1 for each in handshake.findings]
    assert tuple(lines) == WRONG_LINES
    mended = ASKED.replace(b"ws://feed.example:8181", b"").replace(b"8, 13", b"13")
    assert check_handshake(mended, ANSWERED).findings == ()
    assert check_handshake(mended, build_response(mended)).accepted


def test_the_shortest_request_is_as_short_as_it_can_be() -> None:
    """Each line that the exercise asks for is needed: without it the server refuses."""
    data = build_request(WANTED, key=KEYS[0])
    lines = data.decode().split("\r\n")
    assert build_response(data).startswith(b"HTTP/1.1 101")
    for at in range(1, 6):
        shorter = "\r\n".join(lines[:at] + lines[at + 1 :]).encode()
        assert build_response(shorter).startswith(b"HTTP/1.1 4"), lines[at]
