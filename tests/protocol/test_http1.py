"""HTTP/1.1 messages: where they end, what they say, what is wrong with them, and a name for every byte."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import laws
from wsviz import Dissection, Incomplete, ProtocolError, Side
from wsviz.protocol import http_read
from wsviz.protocol.http1 import (
    FIELDS,
    BodyKind,
    Layout,
    Request,
    Response,
    dissect,
    dissect_request,
    dissect_response,
    http_bucket,
    looks_like_request,
    looks_like_response,
    read_request,
    read_response,
)
from wsviz.protocol.rules import HTTP_RULES, Rule

GET = b"GET /chat?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nHello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;x=y\r\nHello\r\n"
    b"A\r\n, WebSocke\r\n"
    b"0\r\nDigest: t\r\n\r\n"
)


def rules(thing: Dissection[Any] | Layout[Any]) -> list[str]:
    return [finding.rule for finding in thing.findings]


def named(dissection: Dissection[Any]) -> list[tuple[str, int | bytes]]:
    return [(field.name, field.value) for field in dissection.fields]


def assert_partition(dissection: Dissection[Any]) -> None:
    laws.assert_partition(dissection)
    assert {field.name for field in dissection.fields} <= FIELDS.keys()


def assert_spans_agree(data: bytes, layout: Layout[Any], dissection: Dissection[Any]) -> None:
    """The cheap lane and the names put every byte in the same bucket."""
    assert [span.start for span in layout.spans] == [layout.start, *[span.end for span in layout.spans]][:-1]
    assert (layout.spans[-1].end if layout.spans else layout.start) == layout.end
    from_spans = [span.bucket for span in layout.spans for _ in range(span.start, span.end)]
    from_fields = [http_bucket(field) for field in dissection.fields for _ in range(field.size // 8)]
    assert from_spans == from_fields
    body = b"".join(data[start:end] for start, end in layout.pieces)
    message = layout.message(data)
    assert message is None or message.body == body


def read_all(data: bytes, side: Side, **options: Any) -> tuple[Layout[Any], Dissection[Any]]:
    layout = read_request(data) if side is Side.CLIENT else read_response(data, **options)
    try:
        dissection: Dissection[Any] = dissect(data, layout)
        assert layout.complete
    except Incomplete as error:
        dissection = error.partial
        assert not layout.complete
        assert error.needed == layout.needed
    return layout, dissection


def test_request_fields() -> None:
    dissection = dissect_request(GET + b"next")
    assert dissection.raw == GET
    assert dissection.value == Request("GET", "/chat?x=1", "HTTP/1.1", (("Host", "a"),))
    assert named(dissection) == [
        ("Method", b"GET"),
        ("Space", b" "),
        ("Request target", b"/chat?x=1"),
        ("Space", b" "),
        ("HTTP version", b"HTTP/1.1"),
        ("Line end", b"\r\n"),
        ("Field name", b"Host"),
        ("Colon", b": "),
        ("Field value", b"a"),
        ("Line end", b"\r\n"),
        ("Empty line", b"\r\n"),
    ]


def test_chunked_response_fields() -> None:
    dissection = dissect_response(CHUNKED + b"HTTP/1.1 200 OK")
    assert dissection.raw == CHUNKED
    assert dissection.value.body == b"Hello, WebSocke"
    assert dissection.value.trailers == (("Digest", "t"),)
    assert named(dissection)[10:] == [
        ("Empty line", b"\r\n"),
        ("Chunk size", 5),
        ("Chunk extensions", b";x=y"),
        ("Chunk line end", b"\r\n"),
        ("Chunk data", b"Hello"),
        ("Chunk end", b"\r\n"),
        ("Chunk size", 10),
        ("Chunk line end", b"\r\n"),
        ("Chunk data", b", WebSocke"),
        ("Chunk end", b"\r\n"),
        ("Chunk size", 0),
        ("Chunk line end", b"\r\n"),
        ("Trailers", b"Digest: t\r\n\r\n"),
    ]


def test_headers_are_looked_up_without_case_and_joined() -> None:
    value = dissect_request(b"GET / HTTP/1.1\r\nhost:a\r\nX-A: 1\r\nx-a:  2 \r\n\r\n").value
    assert value.header("Host") == "a"
    assert value.header("X-A") == "1, 2"
    assert value.header_values("x-A") == ["1", "2"]
    assert value.header("X-B") is None


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("data", "method", "kind", "body"),
    [
        (OK + b"Content-Length: 5\r\n\r\nHello", None, BodyKind.LENGTH, b"Hello"),
        (OK + b"Content-Length: 0\r\n\r\n", None, BodyKind.LENGTH, b""),
        (OK + b"Content-Length: 5\r\n\r\n", "HEAD", BodyKind.NONE, b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", "HEAD", BodyKind.NONE, b""),
        (OK + b"\r\n", "CONNECT", BodyKind.NONE, b""),
        (OK + b"\r\nHello", None, BodyKind.UNTIL_CLOSE, b"Hello"),
        (OK + b"Transfer-Encoding: gzip\r\n\r\nHello", None, BodyKind.UNTIL_CLOSE, b"Hello"),
        (OK + b"Transfer-Encoding: gzip, Chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n", None, BodyKind.CHUNKED, b"Hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", None, BodyKind.NONE, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", None, BodyKind.NONE, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "POST", BodyKind.NONE, b""),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "GET", BodyKind.NONE, b""),
    ],
)
def test_how_a_body_ends(data: bytes, method: str | None, kind: BodyKind, body: bytes) -> None:
    layout = read_response(data, request_method=method, ended=True)
    assert (layout.kind, layout.complete, layout.end) == (kind, True, len(data))
    assert dissect(data, layout).value.body == body


def test_until_close_is_incomplete_while_the_stream_goes_on() -> None:
    with pytest.raises(Incomplete, match="until the connection closes") as caught:
        dissect_response(OK + b"\r\nHel")
    assert caught.value.needed == 0
    assert_partition(caught.value.partial)


def test_frames_behind_the_101_stay_outside() -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    assert dissect_response(switching + b"\x81\x05Hello").raw == switching


def test_pipelined_and_interim_messages_are_one_each() -> None:
    requests, at, targets = GET + POST + GET, 0, []
    while at < len(requests):
        layout = read_request(requests, at)
        assert layout.head is not None
        targets.append(layout.head.target)
        at = layout.end
    assert targets == ["/chat?x=1", "/", "/chat?x=1"]
    responses = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + CHUNKED
    first = dissect_response(responses)
    second = dissect_response(responses[len(first.raw) :])
    assert (first.value.status, second.value.status) == (100, 103)


def test_request_object_gives_the_method() -> None:
    head = dissect_request(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").value
    assert dissect_response(OK + b"Content-Length: 9\r\n\r\n", request_method=head).value.body == b""


@pytest.mark.parametrize("data", [GET, POST, CHUNKED], ids=["get", "post", "chunked"])
def test_every_cut_is_incomplete_with_a_partition(data: bytes) -> None:
    side = Side.SERVER if data.startswith(b"HTTP") else Side.CLIENT
    for end in range(len(data)):
        layout, partial = read_all(data[:end], side)
        assert not layout.complete
        assert 1 <= layout.needed <= len(data) - end
        assert partial.raw == data[:end]
        assert_partition(partial)
        assert_spans_agree(data[:end], layout, partial)


def test_a_cut_stream_says_so_and_keeps_what_there_is() -> None:
    layout = read_response(CHUNKED[:-20], ended=True)
    assert not layout.complete
    assert rules(layout) == ["http-message-cut"]
    assert [CHUNKED[start:end] for start, end in layout.pieces] == [b"Hello", b", WebSoc"]


def test_nothing_and_empty_lines_are_no_cut_message() -> None:
    assert rules(read_request(b"", ended=True)) == []
    assert rules(read_request(b"\r\n", ended=True)) == ["empty-line-first"]


@pytest.mark.parametrize("rule", HTTP_RULES.values(), ids=HTTP_RULES)
def test_each_rule_has_an_example_that_breaks_it_alone(rule: Rule) -> None:
    read = read_request if rule.sender is Side.CLIENT else read_response
    layout: Layout[Any] = read(rule.example, ended=True)
    assert rules(layout) == [rule.slug]
    assert layout.findings[0].culprit is (None if rule.slug == "http-message-cut" else rule.sender)
    assert 0 <= layout.findings[0].offset < len(rule.example)
    _, dissection = read_all(rule.example, rule.sender, ended=True)
    assert_partition(dissection)
    assert_spans_agree(rule.example, layout, dissection)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\r\n\r\n" + GET, ["empty-line-first"]),
        (b"GET / HTTP/1.1\nHost: a\n\n", ["bare-lf"]),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", []),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", ["start-line-invalid"]),
        (b"GET HTTP/1.1\r\nHost: a\r\n\r\n", ["start-line-invalid"]),
        (b"GET / http/1.1\r\nHost: a\r\n\r\n", ["start-line-invalid"]),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", ["start-line-invalid"]),
        (b"GET / HTTP/1.0\r\n\r\n", []),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", []),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", []),
        (b"GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", ["header-line-invalid"]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", ["content-length-repeated"]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \xb2\r\n\r\n", ["content-length-invalid"]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + 5000 * b"9" + b"\r\n\r\n", ["content-length-invalid"]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: caf\xe9\r\n\r\n", []),
    ],
)
def test_lenient_reading_of_requests(data: bytes, expected: list[str]) -> None:
    dissection = dissect_request(data)
    assert dissection.raw == data
    assert rules(dissection) == expected
    assert_partition(dissection)


@pytest.mark.parametrize(
    ("chunks", "expected", "body"),
    [
        (b"5\nHello\n0\n\n", ["bare-lf"], b"Hello"),
        (b"005\r\nHello\r\n00\r\n\r\n", [], b"Hello"),
        (b"5 ;x\r\nHello\r\n0\r\n\r\n", ["chunk-size-padded"], b"Hello"),
        (b"5\r\nHello0\r\n\r\n", ["chunk-invalid"], b"Hello"),
        (b"-5\r\nHello\r\n0\r\n\r\n", ["chunk-invalid"], b""),
        (b"\r\n", ["chunk-invalid"], b""),
        (b"1" + 16 * b"0" + b"\r\nHello", ["chunk-invalid"], b""),
        (b"5;" + 9000 * b"x", ["chunk-invalid"], b""),
    ],
)
def test_lenient_reading_of_chunks(chunks: bytes, expected: list[str], body: bytes) -> None:
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    layout, dissection = read_all(data, Side.SERVER)
    assert rules(layout) == expected
    assert layout.complete
    assert dissection.raw == data
    assert dissection.value.body == body
    assert_partition(dissection)
    assert_spans_agree(data, layout, dissection)


def test_the_first_content_length_counts_and_chunked_wins() -> None:
    smuggling = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET"
    assert dissect_request(smuggling).value.body == b""
    assert dissect_request(smuggling).raw == smuggling[:-3]
    conflict = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"
    assert dissect_request(conflict).value.body == b"ab"


_ODD_PARTS = ("Host", "x-y", "", ":", ": ", "a", "\t", " ", "\xe9", "\0", "\r", "\n", "\r\n", "\r\n\r\n")


@given(st.lists(st.sampled_from(_ODD_PARTS), max_size=24).map("".join))
@example("Host: a\r\nx-y:\xe9 : \t\r\n\r\n")
@example("a:" + 8000 * "a" + "\r\n\r\n")
@example("a:\r\n" * 1000 + "\r\n")
@example("a:\r\n" * 1001 + "\r\n")
def test_a_usual_header_section_is_read_as_line_by_line(text: str) -> None:
    data = b"GET / HTTP/1.1\r\n" + text.encode("latin-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_read, "_USUAL_SECTION", re.compile(rb"(?!)"))
        line_by_line = read_request(data, ended=True)
    assert read_request(data, ended=True) == line_by_line


def test_folded_lines_join_to_one_value() -> None:
    dissection = dissect_request(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\t c\r\n\r\n")
    assert dissection.value.header("X-A") == "b c"
    assert ("Line fold", b"\t ") in named(dissection)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00",
        b"hello there\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"{}",
        b"GET /\r\n\r\n",
        b" GET / HTTP/1.1\r\n",
    ],
)
def test_what_is_no_request(data: bytes) -> None:
    assert not looks_like_request(data) or data.startswith(b"PRI")
    with pytest.raises(ProtocolError, match=r"no HTTP/1\.1 request"):
        dissect_request(data)


@pytest.mark.parametrize("data", [b"\x81\x05Hello", b"HTTP/1.1 OK\r\n", b"HTTP/1.1 2000 OK\r\n", b"ICY 200 OK\r\n"])
def test_what_is_no_response(data: bytes) -> None:
    assert not looks_like_response(data)
    with pytest.raises(ProtocolError, match=r"no HTTP/1\.1 response"):
        dissect_response(data)


def test_looks_like() -> None:
    assert looks_like_request(GET)
    assert looks_like_request(b"GET /cut")
    assert looks_like_request(b"\r\n" + GET)
    assert looks_like_response(OK)
    assert looks_like_response(b"HTTP/1.")
    assert not looks_like_request(OK)
    assert not looks_like_response(GET)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + 10_000_000 * b"a" + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + 2_500_000 * b"a:b\n" + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + 10_000_000 * b" ",
        b"GET / HTTP/1.1\r\n" + 400_000 * b" fold\r\n",
        b"GET " + 10_000_000 * b" ",
        b"GET " + 10_000_000 * b" " + b"x\r\n",
        b"GET /" + 10_000_000 * b"a" + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        10_000_000 * b"\r\n",
        10_000_000 * b"\r",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + 2_500_000 * b"a:b\n",
    ],
    ids=["long line", "many lines", "spaces", "folds", "start", "no start", "target", "empty", "cr", "trailers"],
)
def test_ten_megabytes_of_header_take_linear_time(data: bytes) -> None:
    began = time.process_time()
    try:
        assert_partition(dissect_request(data))
    except Incomplete as error:
        assert_partition(error.partial)
    except ProtocolError:
        pass
    assert time.process_time() - began < 5


def test_many_small_chunks_take_linear_time() -> None:
    began = time.process_time()
    layout = read_response(OK + b"Transfer-Encoding: chunked\r\n\r\n" + 200_000 * b"1\na\n" + b"0\r\n\r\n")
    assert layout.complete
    assert len(layout.pieces) == 200_000
    assert rules(layout) == ["bare-lf"]
    assert time.process_time() - began < 5


LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 101  x",
        b"Host: a",
        b"Content-Length: 3",
        b"Transfer-Encoding: chunked",
        b"",
        b" fold",
        b"3;x",
        b"abc",
        b"0",
        b"x",
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b""])
HTTP_LIKE = st.lists(st.tuples(LINES, ENDS), max_size=14).map(lambda parts: b"".join(map(b"".join, parts)))


@given(st.binary(max_size=80) | HTTP_LIKE, st.sampled_from(Side), st.booleans(), st.sampled_from([None, "HEAD"]))
@example(b"GET / HTTP/1.1\r\n", Side.CLIENT, False, None)
def test_any_bytes_are_partitioned_or_refused(data: bytes, side: Side, ended: bool, method: str | None) -> None:
    try:
        layout, dissection = read_all(data, side, ended=ended, request_method=method)
    except ProtocolError:
        return
    assert_partition(dissection)
    assert dissection.raw == data[: layout.end]
    assert_spans_agree(data, layout, dissection)
    if layout.complete and layout.kind is not BodyKind.UNTIL_CLOSE and layout.lost == layout.end:
        again = read_all(data[: layout.end], side, ended=ended, request_method=method)[1]
        assert again == dissection


@given(HTTP_LIKE, HTTP_LIKE, st.sampled_from(Side))
def test_an_offset_is_the_same_as_a_slice(before: bytes, data: bytes, side: Side) -> None:
    read = read_request if side is Side.CLIENT else read_response
    try:
        layout: Layout[Any] = read(data)
    except ProtocolError:
        return
    moved: Layout[Any] = read(before + data, len(before))
    assert [tuple(span) for span in moved.spans] == [
        (start + len(before), end + len(before), bucket) for start, end, bucket in layout.spans
    ]
    assert isinstance(moved.head, Request | Response | None)
    assert moved.head == layout.head
    assert moved.findings_from(len(before)) == layout.findings_from(0)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_kinds_of_bytes(kind: type) -> None:
    assert dissect_request(kind(POST)).value.body == b"Hello"
    assert looks_like_request(kind(POST))
