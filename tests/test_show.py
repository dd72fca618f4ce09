"""What evaluating an object in a cell shows: the handshake as a table, and no secret of a captured frame."""

from __future__ import annotations

from typing import Any

import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk
from wsviz import Frame, bit_diagram, check_handshake
from wsviz.capture.captured_frames import CapturedFrame
from wsviz.figures.masked_frame import without_secrets
from wsviz.show import SHOWN
from wsviz.widgets.frame_diagram import FrameDiagram

TERMINAL = object()  # a shell without a kernel


def shown(thing: object) -> dict[str, Any]:
    """The bundle that IPython in a terminal gets."""
    draw = next(
        draw for module, name, draw in SHOWN if (module, name) == (type(thing).__module__, type(thing).__name__)
    )
    bundle = draw(thing, TERMINAL)
    assert bundle is not None
    return bundle[0]


def captured(*frames: Frame) -> list[CapturedFrame]:
    data = b"".join(frame.serialize() for frame in frames)
    (connection,) = Talk().open().client(REQUEST, 0).server(RESPONSE + data, 0).capture().connections
    return list(connection.frames)


def test_a_captured_frame_is_drawn_without_its_secrets() -> None:
    text, close, binary = captured(
        Frame.text('{"password": "hunter2"}', masking_key=b"abcd"),
        Frame.close(1000, "sid=123"),
        Frame.binary(b"Bearer abcdef"),
    )
    picture = " ".join(shown(text)["text/plain"].split())
    assert '{"password": "*******"}", unmasked (secrets as *)' in picture
    assert "61 62 63 64" in picture  # the masking key
    assert text.frame.payload == b'{"password": "hunter2"}'
    assert "error at MASK: masked-server-frame" in picture  # the findings are those of the frame as it was
    assert '"sid=***" (secrets as *)' in shown(close)["text/plain"]
    assert "61 62 63 64 65 66" not in shown(binary)["text/plain"]


def test_the_widget_of_a_captured_frame_holds_none_of_its_secrets() -> None:
    (frame,) = captured(Frame.text('{"password": "hunter2"}'))
    draw = next(draw for _, name, draw in SHOWN if name == "CapturedFrame")
    widget = FrameDiagram(without_secrets(frame.dissection)[0], sender="server")
    bundle = draw(frame, type("Shell", (), {"kernel": None})())
    for held in (repr(bundle), repr(widget.get_state())):
        assert "*******" in held
        assert "hunter2" not in held


def test_a_captured_frame_without_secrets_is_drawn_as_it_is() -> None:
    frame, odd = captured(Frame.text("Hello"), Frame(1, b"\x00", rsv1=True))
    assert shown(frame)["text/plain"] == bit_diagram(frame.dissection, sender="server").text
    assert "reserved-bit-set" in shown(odd)["text/plain"]


def test_a_handshake_is_a_table() -> None:
    bundle = shown(check_handshake(REQUEST, RESPONSE))
    first, *_, last = bundle["text/plain"].splitlines()
    assert first == "Handshake accepted."
    assert last.startswith("ok")
    assert "A client opens the connection" in bundle["text/html"]
    assert bundle["text/html"].count("<tr>") == 1 + len(check_handshake(REQUEST, RESPONSE).checks)


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_a_handshake_gives_no_secret_away_and_runs_nothing(kind: str) -> None:
    request = REQUEST.replace(b"/chat", b"/chat?token=aaaa<b>").replace(
        b"Sec-WebSocket-Version", b"Sec-WebSocket-Protocol: bearer, bbbb\r\nSec-WebSocket-Version"
    )
    text = shown(check_handshake(request, RESPONSE.replace(b"websocket", b"<script>")))[kind]
    assert "not accepted" in text
    assert "FAILS" in text
    assert "token=[masked]" in text
    assert "bearer, [masked]" in text
    for secret in ("aaaa", "bbbb"):
        assert secret not in text
    assert ("<script>" in text) == (kind == "text/plain")
