"""Secrets in text: what is masked, what is left alone, and that no text takes long or raises."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsviz.protocol import secrets
from wsviz.protocol.secrets import MARK, is_token_like, mask_bytes, mask_header, mask_target, mask_text, mask_texts

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"

# The text, where § stands for MARK in what is shown.
TEXTS: list[tuple[str, str]] = [
    ("GET / HTTP/1.1\r\nCookie: a=1; b=2\r\nHost: x\r\n", "GET / HTTP/1.1\r\nCookie: §\r\nHost: x\r\n"),
    ("authorization:Basic dTpw\nx: y", "authorization:§\nx: y"),
    ("X-Api-Key: 12345", "X-Api-Key: §"),
    ("CONNECT\nlogin:guest\npasscode:pa:ss\nhost:/\n\n\0", "CONNECT\nlogin:§\npasscode:§\nhost:/\n\n\0"),
    (r'["CONNECT\nhost:/\nlogin:guest\npasscode:x\n\n\u0000"]', r"""["CONNECT\nhost:/\nlogin:§"""),
    ('{"user": "ann", "password": "p\\"w", "n": 1}', '{"user": "ann", "password": "§", "n": 1}'),
    ('{"accessToken":"t","refresh_token" : "u"}', '{"accessToken":"§","refresh_token" : "§"}'),
    ('{"otp_secret": 123456, "token": null}', '{"otp_secret": §, "token": null}'),
    ('{"clientSecret": "cut off he', '{"clientSecret": "§'),
    ('0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[]}', '0{"sid":"§","upgrades":[]}'),
    (r'42["auth","{\"token\":\"a\\\"b\",\"n\":1}"]', r'42["auth","{\"token\":\"§\",\"n\":1}"]'),
    ("{'password': 'hunter2', 'n': 1}", "{'password': '§', 'n': 1}"),
    ("user=ann&password=a%20b&n=1", "user=ann&password=§&n=1"),
    ('token = "a b", next', 'token = "§", next'),
    ("wss://ann:pw@example.org/x", "wss://§@example.org/x"),
    ("http://a@b@example.org", "http://§@example.org"),
    ("see /x?code=1&n=2&key=3#y", "see /x?code=§&n=2&key=§#y"),
    ("Bearer xyz and more", "Bearer § and more"),
    (f"hello {JWT}, bye", "hello §, bye"),
    (f"hello {JWT[:20]}", "hello §"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END", "-----BEGIN RSA PRIVATE KEY-----§-----END"),
    ("Sec-WebSocket-Protocol: chat, bearer, abc\r\nHost: x", "Sec-WebSocket-Protocol: chat, bearer, §\r\nHost: x"),
    ("request Sec-WebSocket-Protocol: got token.abc, expected tokens",
     "request Sec-WebSocket-Protocol: got token.§, expected tokens"),
]  # fmt: skip
INNOCENT = [
    "",
    "Hello, world",
    '{"id": 7, "code": 1000, "key": "ArrowUp", "max_tokens": 5, "inside": 1, "author": "ann"}',
    "GET /echo?after=7 HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost: example.org:8080\r\n",
    "Sec-WebSocket-Protocol: graphql-transport-ws, v12.stomp, v4.base64.channel.k8s.io",
    "the token is gone; a password, a cookie and a secret",
    "at 12:30, a: b = c",
    "a key of 4 bytes, the session: 3 messages",
]


@pytest.mark.parametrize(("text", "shown"), TEXTS, ids=[text[:24] for text, _ in TEXTS])
def test_secrets_in_text(text: str, shown: str) -> None:
    shown = shown.replace("§", MARK)
    assert mask_text(text) == shown
    assert mask_text(shown) == shown
    assert mask_bytes(text.encode()) == shown.encode()
    hidden = mask_bytes(text.encode(), same_size=True).decode()
    assert len(hidden) == len(text)
    assert [a for a, b in zip(text, hidden, strict=True) if b not in (a, "*")] == []
    assert "*" in hidden


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask_text(text) == text
    assert mask_bytes(text.encode()) == text.encode()


HEADERS = [
    ("Cookie", "sid=1; theme=dark; odd", f"sid={MARK}; theme={MARK}; {MARK}"),
    ("Set-Cookie", "sid=1; Path=/; HttpOnly", f"sid={MARK}; Path=/; HttpOnly"),
    ("Authorization", "Bearer abc", f"Bearer {MARK}"),
    ("proxy-authorization", "abc", MARK),
    ("X-Auth-Token", "abc", MARK),
    ("Location", "/a?token=b", f"/a?token={MARK}"),
    ("Sec-WebSocket-Protocol", f"chat, {JWT}", f"chat, {MARK}"),
    ("Sec-WebSocket-Protocol", "access_token, abc, chat", f"access_token, {MARK}, chat"),
    ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.sk-1", f"realtime, openai-insecure-api-key.{MARK}"),
    ("Sec-WebSocket-Protocol", "chat, 9f8e7d6c5b4a39281706", f"chat, {MARK}"),
    ("Sec-WebSocket-Protocol", "graphql-transport-ws", "graphql-transport-ws"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Host", "example.org", "example.org"),
]


@pytest.mark.parametrize(("name", "value", "shown"), HEADERS)
def test_headers(name: str, value: str, shown: str) -> None:
    assert mask_header(name, value) == shown


TARGETS = [
    ("/updates?after=7", "/updates?after=7"),
    ("/?a=1&token=s3cret;b=&c", "/?a=1&token=§;b=&§"),
    ("/ws?eyJhbGciOi", "/ws?§"),
    ("http://me:secret@example.org/a@b", "http://§@example.org/a@b"),
    ("/plain", "/plain"),
    ("/ws?x-amz-signature=0f&X-Amz-Credential=b&n=1", "/ws?x-amz-signature=§&X-Amz-Credential=§&n=1"),
    ("/ws?id=550e8400-e29b-41d4-a716-446655440000", "/ws?id=§"),
    ("/hooks/550e8400e29b41d4a716/x", "/hooks/§/x"),
    (f"/{JWT}/x", "/§/x"),
    ("/x#access_token=a", "/x#access_token=§"),
    ("", ""),
]


@pytest.mark.parametrize(("target", "shown"), TARGETS)
def test_targets(target: str, shown: str) -> None:
    assert mask_target(target) == shown.replace("§", MARK)


def test_what_looks_like_a_token() -> None:
    assert is_token_like("9f8e7d6c5b4a39281706")
    assert is_token_like("AbCdEfGhIjKlMnOpQrSt12==")
    for word in ("short1", "a-long-name-of-a-path", "12345678901234567890", "2024-01-01T00:00:00.000Z"):
        assert not is_token_like(word)


def test_names_in_any_case_among_letters_that_grow_in_lower_case() -> None:
    assert "İ".lower() != "İ" and len("İ".lower()) == 2, "so a lower-case copy of the text would be longer"
    assert mask_text("İİİ PassWord=geheim İ BEARER abc İ sec-websocket-PROTOCOL: x, token.abc") == (
        f"İİİ PassWord={MARK} İ BEARER {MARK} İ sec-websocket-PROTOCOL: x, token.{MARK}"
    )
    assert mask_text("assid=1 xauth=2 APWD=3") == "assid=1 xauth=2 APWD=3"
    assert mask_text("SID=1 x_auth=2 -PWD=3") == f"SID={MARK} x_auth={MARK} -PWD={MARK}"


_KELVIN, _DOTTED = "\u212a", "\u0130"  # in lower case one is an ASCII letter, and the other two characters


@given(st.lists(st.sampled_from([*(text for text, _ in TEXTS), *INNOCENT, f"api-{_KELVIN}ey=1", _DOTTED, "Σ", ""])))
@example([f"api-{_KELVIN}ey=1", _DOTTED])
@example([text for text, _ in TEXTS])
@example([*["a"] * secrets._TOGETHER, "password=b"])
def test_many_texts_are_masked_as_each_is(texts: list[str]) -> None:
    assert mask_texts(texts) == [mask_text(text) for text in texts]


def test_of_a_long_list_of_subprotocols_only_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(secrets, "is_token_like", lambda word: bool(read.append(word)))
    value = "a, " * 1_000_000 + "token.xyz"
    shown = mask_header("Sec-WebSocket-Protocol", value)
    assert len(read) < 20_000
    assert shown.startswith("a, a, a, ")
    assert shown.endswith(MARK)
    assert "xyz" not in shown
    assert len(mask_bytes(b"Sec-WebSocket-Protocol: " + value.encode(), same_size=True)) == len(value) + 24


@given(st.text() | st.text(st.sampled_from('"\\:={}[]&?;@/\r\n\t ,.-_tokenpasswdBearereyJ09')))
def test_nothing_raises(text: str) -> None:
    assert isinstance(mask_text(text), str)
    assert isinstance(mask_target(text), str)
    for name in ("Cookie", "Set-Cookie", "Authorization", "Sec-WebSocket-Protocol", "X-Token", "Accept"):
        assert isinstance(mask_header(name, text), str)
    data = text.encode(errors="replace")
    assert len(mask_bytes(data, same_size=True)) == len(data)


@given(st.sampled_from(['{"password":"', "a=1&token=", "Cookie: x=", "passcode:", "?sig=", "Bearer "]), st.data())
def test_a_secret_after_its_name_does_not_show(start: str, data: st.DataObject) -> None:
    secret = data.draw(st.text("ABCDEFGHIJKLMNOP0123456789", min_size=12, max_size=20))
    assert secret not in mask_text(f"x\n{start}{secret}\n")


HOSTILE = [
    "eyJ", "eyJaaaaaaaa.", "://", "://a", "token", "token=", "token:", 'token":"', "token\\\\", 'token\\\\"',
    '"token"', "bearer ", "?key=", "login:\n", "-----BEGIN PRIVATE KEY-----", "Sec-WebSocket-Protocol:", "token   ",
    "a", "\0", "Sec-WebSocket-Protocol: token.a, ", 'password":"\\\\', "auth-", "%",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """Ten times the text takes about ten times as long; a quadratic pattern would take a hundred times."""
    text = piece * (1_000_000 // len(piece))
    start = time.perf_counter()
    for function in (mask_text, mask_target):
        function(text)
    mask_header("Sec-WebSocket-Protocol", text)
    assert time.perf_counter() - start < 15  # quadratic: hours
