"""The nginx checker: what it says of a text, held to what nginx itself makes of the same text."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.lab.relays import TIMEOUT, echo_server
from tests.needs import need
from wsviz import Severity
from wsviz.lab import nginx
from wsviz.lab.background import LabError
from wsviz.lab.nginx import CONFIGURATIONS, FOLDER, Nginx
from wsviz.lab.nginx_check import NginxCheck, Place, check_nginx
from wsviz.lab.nginx_text import DEEPEST, LONGEST

MAP = 'map $http_upgrade $connection_upgrade { default upgrade; "" close; }\n'
HEADERS = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"


def site(inside: str, *, server: str = "", before: str = MAP) -> str:
    """A configuration in the form of the lab's, with one location."""
    place = f"location / {{\n        proxy_pass http://@upstream;\n        {inside}\n    }}"
    return f"{before}server {{\n    listen @listen;\n    {server}\n    {place}\n}}\n"


RIGHT = f"proxy_http_version 1.1; {HEADERS}"
VARIATIONS = {
    "all is there": (site(RIGHT), True),
    "all is there, for the whole server": (site("", server=RIGHT), True),
    "a header of its own loses the server's": (site("proxy_set_header Host $host;", server=RIGHT), False),
    "a setting of its own loses no header": (site("proxy_read_timeout 90s;", server=RIGHT), True),
    "names of fields in any case": (site(RIGHT.replace("Upgrade $", "upgrade $").replace("Conn", "CONN")), True),
    "the version is too old": (site(RIGHT.replace("1.1", "1.0")), False),
    "the nearest version holds": (site(RIGHT.replace("1.1", "1.0"), server="proxy_http_version 1.1;"), False),
    "no Connection": (site("proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"), False),
    "no Upgrade": (site('proxy_http_version 1.1; proxy_set_header Connection "Upgrade";'), False),
    "words instead of variables": (
        site("proxy_http_version 1.1; proxy_set_header Upgrade websocket; proxy_set_header Connection 'Upgrade';"),
        True,
    ),
    "what the client said": (site(RIGHT.replace("$connection_upgrade", "$http_connection")), True),
    "Connection gets what Upgrade says": (site(RIGHT.replace("$connection_upgrade", "$http_upgrade")), False),
    "variables in brackets": (site(RIGHT.replace("$http_upgrade", '"${http_upgrade}"')), True),
    "an empty value": (site(RIGHT.replace("$http_upgrade", '""')), False),
    "the map chooses wrongly": (site(RIGHT, before=MAP.replace("upgrade;", "close;")), False),
    "the map names websocket": (
        site(RIGHT, before='map $http_upgrade $connection_upgrade {\n  default "";\n  websocket Upgrade;\n}\n'),
        True,
    ),
    "brackets and marks in quotes and comments": (
        site(RIGHT + " # } ; {\n proxy_set_header X '} # ; {';", server="# proxy_http_version 1.0;"),
        True,
    ),
    "only a comment": (site("# " + RIGHT), False),
}


def only(checked: NginxCheck) -> Place:
    [place] = checked.places
    return place


def said(text: str, **options: float) -> list[str]:
    return [f"{each.line} {each.severity} {each.text}" for each in only(check_nginx(text, **options)).remarks]


def upgrades(port: int, path: str) -> bool:
    """Whether a handshake through nginx on this port is answered with 101."""
    try:
        with connect(
            f"ws://127.0.0.1:{port}{path}", proxy=None, open_timeout=TIMEOUT, ping_interval=None, compression=None
        ):
            return True
    except InvalidStatus:
        return False


@pytest.mark.parametrize("name", VARIATIONS)
def test_nginx_passes_an_upgrade_where_the_checker_says_so(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("nginx")
    text, passes = VARIATIONS[name]
    assert only(check_nginx(text)).websocket is passes
    (tmp_path / "right.conf").write_text(text)
    monkeypatch.setattr(nginx, "FOLDER", tmp_path)
    with echo_server() as port, Nginx.start("right", port) as proxy:
        assert check_nginx(proxy.config) == check_nginx(text)
        assert upgrades(proxy.port, "/") is passes


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_labs_configurations(configuration: str) -> None:
    need("nginx")
    places = check_nginx((FOLDER / f"{configuration}.conf").read_text()).places
    with echo_server() as port, Nginx.start(configuration, port) as proxy:
        for place in places:
            assert upgrades(proxy.port, place.name.removeprefix("location ")) is place.websocket
    assert {place.name: place.websocket for place in places} == {
        "right": {"location /": True},
        "no-upgrade": {"location /": False},
        "short-timeout": {"location /": True},
        "buffered": {"location /websocket": True, "location /": False},
    }[configuration]
    errors = [each for place in places for each in place.remarks if each.severity is Severity.ERROR]
    assert bool(errors) is not all(place.websocket for place in places)


def test_the_right_one_needs_no_remark() -> None:
    place = only(check_nginx((FOLDER / "right.conf").read_text()))
    assert (place.remarks, place.idle, place.buffers) == ((), 3600.0, False)


def test_each_remark_names_its_line() -> None:
    text = (FOLDER / "no-upgrade.conf").read_text()
    at = 1 + text.splitlines().index("    location / {")
    assert [line for line in said(text) if "error" in line] == [
        f"{at} error proxy_set_header Upgrade $http_upgrade is missing: Upgrade ends at each proxy",
        f"{at} error proxy_set_header Connection upgrade is missing: Connection ends at each proxy",
    ]
    lost = said(site("proxy_set_header Host $host;", server=f"proxy_http_version 1.1;\n    {HEADERS}"))
    assert lost[0] == "6 error Upgrade of line 5 is lost: a block with a proxy_set_header of its own inherits none"
    [old] = [line for line in said(site(RIGHT.replace("1.1", "1.0"))) if "error" in line]
    assert old == "7 error asks the server in HTTP/1.0; an upgrade needs 1.1"
    [unknown] = [line for line in said(site(RIGHT, before="")) if "error" in line]
    assert unknown == "6 error no map here sets $connection_upgrade; it must come to 'upgrade'"
    assert any("proxy_http_version 1.1 is missing" in line for line in said(site(HEADERS)))
    assert any("Host is not passed on" in line for line in said(site(RIGHT)))


def test_silence_is_held_against_pings() -> None:
    short = (FOLDER / "short-timeout.conf").read_text()
    at = 1 + [line.strip() for line in short.splitlines()].index("proxy_read_timeout 2s;")
    assert f"{at} error proxy_read_timeout is 2 s, and a ping comes every 20 s: too late" in said(
        short, ping_interval=20
    )
    assert not [line for line in said(short, ping_interval=1) if "read_timeout" in line]
    default = site(RIGHT)
    assert "error" in next(line for line in said(default, ping_interval=60) if "60 s" in line)
    assert "warning" in next(line for line in said(default) if "60 s" in line)
    assert not [line for line in said(default, ping_interval=59) if "60 s" in line]


@pytest.mark.parametrize(
    ("written", "idle"),
    [("90", 90), ("90s", 90), ("1h", 3600), ("1m30s", 90), ('"1m 30s"', 90), ("500ms", 0.5), ("1d", 86400)],
)
def test_times_as_nginx_writes_them(written: str, idle: float) -> None:
    assert only(check_nginx(site(f"proxy_read_timeout {written};"))).idle == idle


def refusal(text: str, folder: Path) -> str:
    """What `nginx -t` has against a text in the form of the lab's; empty where it takes it."""
    need("nginx")
    for name in ("@listen", "@upstream"):
        text = text.replace(name, "127.0.0.1:9")
    config = folder / "whole.conf"
    config.write_text(f"pid {folder}/pid; events {{ }} http {{ access_log off; {text} }}")
    command = [nginx._program(), "-t", "-q", "-e", "stderr", "-p", folder, "-c", config]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    return "" if run.returncode == 0 else run.stderr


@pytest.mark.parametrize(
    "written",
    [
        *(
            "90",
            "90s",
            "1h",
            "1m30s",
            '"1m 30s"',
            "500ms",
            "1d",
            "4w",
            "1h1m1s1ms",
            "20ms5",
            "30s30",
            "1m30",
            '"30 "',
        ),
        *("5M", "1y", "1y6M", "1m1h", "1s1s", "1ms1s", "1.5s", "-1", "m", '""', '" 1m"', '"1 m"', "90S"),
    ],
)
def test_a_time_is_one_for_nginx_too(written: str, tmp_path: Path) -> None:
    text = site(f"proxy_read_timeout {written};")
    try:
        check_nginx(text)
    except LabError:
        assert "invalid value" in refusal(text, tmp_path)
    else:
        assert not refusal(text, tmp_path)


@pytest.mark.parametrize("line", ["proxy_http_version 1.1;", "proxy_buffering off;", "proxy_read_timeout 90s;"])
def test_what_nginx_takes_once_in_a_block_is_not_taken_twice(line: str, tmp_path: Path) -> None:
    apart = site(line, server=line)
    assert not check_nginx(apart).remarks
    assert not refusal(apart, tmp_path)
    for text in (site(f"{line} {line}"), site("", server=f"{line} {line}")):
        [remark] = check_nginx(text).remarks
        assert remark.severity is Severity.ERROR
        assert line in text.splitlines()[remark.line - 1]
        assert remark.text.startswith(line.partition(" ")[0])
        assert "directive is duplicate" in refusal(text, tmp_path)


def test_a_second_proxy_pass_names_both_lines(tmp_path: Path) -> None:
    text = site(f"{RIGHT}\n proxy_pass http://@upstream;")
    words = "proxy_pass stands here once more, after line 6: nginx refuses the whole file"
    assert str(check_nginx(text)).splitlines()[-1] == f"line 8    error    {words}"
    assert '"proxy_pass" directive is duplicate' in refusal(text, tmp_path)


def test_what_it_does_not_read_it_says() -> None:
    frame = (FOLDER / "nginx.conf").read_text()
    assert str(check_nginx(frame)).endswith("note     what this includes is another file, and was not read")
    nothing = "nothing here passes requests on: there is no proxy_pass"
    assert str(check_nginx("")) == str(check_nginx("stream { server { proxy_pass db:1; } }")) == nothing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server {", "cut: what begins in line 1 has no end"),
        ("\nlisten 80", "cut: what begins in line 2 has no end"),
        ("server { listen 80; }\n}", "line 2: unexpected '}'"),
        ("server { listen 80 }", "line 1: unexpected '}'"),
        (";", "line 1: unexpected ';'"),
        ("{", "line 1: unexpected '{'"),
        ('\n\nset $a "b;', "line 3: a quotation mark"),
        ("a \\", "line 1: a quotation mark or a backslash"),
        (site("proxy_read_timeout soon;"), "line 7: proxy_read_timeout has 'soon', which is no time"),
        ("a {" * (DEEPEST + 1), f"more than {DEEPEST} blocks"),
        ("#" * (LONGEST + 1), "at most 1,000,000 are read"),
    ],
)
def test_what_is_no_configuration(text: str, words: str) -> None:
    with pytest.raises(LabError) as error:
        check_nginx(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


PIECES = st.sampled_from(
    [
        *("server", "{", "}", ";", " ", "\n", '"', "'", "\\", "$", "#", "é", "$c", "${c}", "1m"),
        *("map $http_upgrade $c", "location / {", "proxy_pass x;", "proxy_buffering "),
        *("proxy_read_timeout 1m;", "proxy_set_header Upgrade $c;", "proxy_set_header Connection "),
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join), st.none() | st.floats(0, 100))
def test_any_text_is_read_or_refused_in_one_line(text: str, ping_interval: float | None) -> None:
    try:
        checked = check_nginx(text, ping_interval=ping_interval)
    except LabError as error:
        assert "\n" not in str(error)
    else:
        lines = text.count("\n") + 1
        said = [each.line for place in checked.places for each in place.remarks]
        assert all(0 < line <= lines for line in [*said, *(place.line for place in checked.places)])


def test_a_hostile_text_takes_no_long_time() -> None:
    names = "".join(f"proxy_set_header a{n} b;" for n in range(3_000))
    texts = ["a{proxy_pass x;" * 90 + "}" * 90, f"server{{{names}" + "location /{proxy_pass x;}" * 5_000 + "}"]
    texts += ['"' + "\\" * 900_000, "a\\" * 400_000, "$" * 900_000 + ";", "1" * 900_000 + ";"]
    texts += ["proxy_pass x;proxy_read_timeout " + "1" * 900_000 + ";"]
    begun = time.monotonic()
    for text in texts:
        try:
            str(check_nginx(text))
        except LabError as error:
            assert len(str(error)) < 200
    assert time.monotonic() - begun < 60
