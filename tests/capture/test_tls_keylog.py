"""Key logs: what is read from them, what is wrong with them, and that their secrets stay out of every output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.capture.files import OWN
from tests.test_show import shown
from wsviz import WsvizError
from wsviz.capture import tls_keylog
from wsviz.capture.capture import read_capture
from wsviz.capture.tls_keylog import parse_key_log, read_key_log
from wsviz.cli import main
from wsviz.widgets import Ladder

CAPTURE, KEYS = OWN / "wss13.pcapng", OWN / "wss13.keys"
RANDOM, SECRET = bytes(range(32)), bytes(range(100, 148))


def test_lines_that_are_none_are_left_out() -> None:
    line = b"CLIENT_RANDOM " + RANDOM.hex().encode() + b" " + SECRET.hex().upper().encode()
    others = [
        b"# comment",
        b"",
        b"\xff\xfe",
        b"RSA 00 11",
        line[:-1],
        b"CLIENT_RANDOM " + b"0" * 62 + b" 00",
        b"x" + line,
    ]
    log = parse_key_log(b"\r\n".join([*others, line, b"EXPORTER_SECRET " + line[14:]]))
    assert log.secrets == {("CLIENT_RANDOM", RANDOM): SECRET}
    assert log.knows(RANDOM) and not log.knows(bytes(32))


def test_a_log_does_not_show_its_secrets() -> None:
    assert repr(read_key_log(KEYS)) == "KeyLog()"


def test_what_is_wrong_with_a_key_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys"
    with pytest.raises(WsvizError, match=r"keys: No such file"):
        read_capture(CAPTURE, keylog=path)
    with pytest.raises(WsvizError, match="Is a directory"):
        read_capture(CAPTURE, keylog=tmp_path)
    path.write_bytes(CAPTURE.read_bytes())
    with pytest.raises(WsvizError, match="no secrets of TLS"):
        read_capture(CAPTURE, keylog=path)
    monkeypatch.setattr(tls_keylog, "MAX_SIZE", 1 << 20)
    path.write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(WsvizError, match="more than 1 MiB"):
        read_capture(CAPTURE, keylog=path)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_keylog, "find_spec", lambda _: None)
    with pytest.raises(WsvizError, match=r"pip install cryptography$"):
        read_capture(CAPTURE, keylog=KEYS)


def test_the_command_line_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frames", str(CAPTURE), "--keylog", str(KEYS), "--format", "tsv"]) == 0
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), err) == (1 + 8, "")
    assert main([str(CAPTURE), "--keylog", str(KEYS)]) == 0
    assert "websocket  GET /echo" in capsys.readouterr().out
    assert main(["messages", str(CAPTURE), "--keylog", str(CAPTURE)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "no secrets of TLS" in err


@pytest.mark.parametrize(
    "words", [[], ["frames"], ["messages"], ["overhead"], ["lint"]], ids=lambda words: (words or ["summary"])[0]
)
def test_no_output_holds_a_secret(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main([*words, str(CAPTURE), "--keylog", str(KEYS), *([] if not words else ["--format", "jsonl"])])
    captured = capsys.readouterr()
    secrets = [line.split()[2] for line in KEYS.read_text().splitlines() if not line.startswith("#")]
    assert len(secrets) == 10 and captured.out
    assert not any(secret in captured.out + captured.err for secret in secrets)


def test_no_object_shows_a_secret() -> None:
    capture = read_capture(CAPTURE, keylog=KEYS)
    tables = [capture.summary, capture.packets, capture.frames, capture.messages, capture.exchanges, capture.findings]
    things = [capture, *capture.connections]
    words = [*map(repr, things), *(table.to_csv() for table in tables), *(str(shown(thing)) for thing in things)]
    for connection in capture.connections:
        widget = Ladder(connection)
        for place in range(len(widget.view.steps)):
            widget.select(place)
            words.append(json.dumps(widget.picture))
    text, raw = "".join(words).lower(), bytes.fromhex
    secrets = [line.split()[2] for line in KEYS.read_text().splitlines() if not line.startswith("#")]
    for secret in secrets:
        assert secret not in text
        assert repr(raw(secret))[2:-1].lower() not in text
        assert str([*raw(secret)])[1:-1] not in text
