"""The browser's WebSocket object: what its scripts see, by the standard, and as a picture."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import assert_labels_apart
from wsviz import WsvizError
from wsviz.figures.browser import api_timeline
from wsviz.figures.browser_model import Machine, Moment, play
from wsviz.figures.browser_path import RECEIVE_BUFFER, SEND_BUFFER
from wsviz.figures.browser_rules import Thrown, check_subprotocols, resolve, utf8_size
from wsviz.figures.browser_steps import STEPS, parse_step
from wsviz.figures.browser_stories import STORIES
from wsviz.figures.browser_view import event_words
from wsviz.figures.figure import columns
from wsviz.protocol.fields import ProtocolError

OPENED = "new ws://192.0.2.2/chat\naccept\nrun\n"


def last(script: str) -> Moment:
    return play(script)[-1]


def heard(script: str) -> list[str]:
    """All events of a script, in order."""
    return [event_words(event) for moment in play(script) for event in moment.events]


def states(script: str) -> list[str]:
    return [moment.state for moment in play(script)]


# Constructor


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("ws://h", "ws://h/"),
        ("WS://H:80/A?b c", "ws://h/A?b%20c"),
        ("wss://h:443/x", "wss://h/x"),
        ("ws://h:8080/x", "ws://h:8080/x"),
        ("http://h/x", "ws://h/x"),
        ("https://h:8/x", "wss://h:8/x"),
        ("/rel", "ws://192.0.2.2:8080/rel"),
        ("rel?q=1", "ws://192.0.2.2:8080/rel?q=1"),
        ("//h/x", "ws://h/x"),
        ("ws:h", "ws://h/"),
        ("ws://[::1]:8/é", "ws://[::1]:8/%C3%A9"),
    ],
)
def test_addresses_that_the_constructor_takes(url: str, resolved: str) -> None:
    assert resolve(url) == resolved


@pytest.mark.parametrize(
    "url", ["ftp://h/", "mailto:a", "ws://h/#", "#top", "ws://", "ws://h:99999/", "ws://h<", "ws://h:x/"]
)
def test_addresses_that_it_throws_for(url: str) -> None:
    with pytest.raises(Thrown) as thrown:
        resolve(url)
    assert thrown.value.name == "SyntaxError"
    assert last(f"new {url}").state == "", "there is no object"


def test_subprotocols_are_tokens_and_differ() -> None:
    check_subprotocols(["a", "A", "v1.chat"])
    for wrong in (["a", "a"], [""], ["a,b"], ["é"]):
        with pytest.raises(Thrown, match="SyntaxError"):
            check_subprotocols(wrong)


# readyState and events


def test_a_conversation_goes_through_all_states() -> None:
    script = STORIES["conversation"].script
    assert list(dict.fromkeys(states(script))) == ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]
    assert heard(script) == [
        "open",
        'message "Hello yourself"',
        "message ArrayBuffer, 16 bytes",
        'close 4000, clean, "enough"',
    ]


def test_the_object_learns_of_the_network_by_tasks_only() -> None:
    script = "new /x\naccept\ntext a\ntext b\nbye 1001 soon\nrun\nrun\nwait 4\nrun\nrun\nrun"
    assert states(script) == ["CONNECTING"] * 5 + ["OPEN"] * 4 + ["CLOSING", "CLOSED"]
    assert heard(script) == ["open", 'message "a"', 'message "b"', 'close 1001, clean, "soon"']
    assert play(script)[4].queue == ("OPEN, open", 'message "a"', 'message "b"', "CLOSING")


@pytest.mark.parametrize("happens", ["refuse 403", "lose", "fault", "accept v9"])
def test_failures_are_an_error_and_a_close_with_1006(happens: str) -> None:
    before = OPENED if happens == "fault" else "new /x\n"
    assert heard(f"{before}{happens}\nrun all")[-2:] == ["error", "close 1006, not clean"]


def test_browsers_insist_on_a_subprotocol() -> None:
    assert heard("new /x a b\naccept\nrun all") == ["error", "close 1006, not clean"]
    assert last("new /x a b\naccept b\nrun").protocol == "b"


def test_binary_messages_come_as_binary_type_says() -> None:
    assert heard(f"{OPENED}binary 5\nrun\ntype arraybuffer\nbinary 5\nrun") == [
        "open",
        "message Blob, 5 bytes",
        "message ArrayBuffer, 5 bytes",
    ]


def test_a_ping_is_answered_and_not_heard_of() -> None:
    moments = play(f"{OPENED}ping\nwait 4")
    assert moments[3].queue == ()
    assert moments[3].buffered == 0
    assert moments[4].gauge.read == 10


# send and bufferedAmount


def test_send_throws_only_while_connecting() -> None:
    assert last("new /x\nsend a").thrown == "InvalidStateError"
    for before in ("close 1000", "close 1000\nwait 4\nrun", "lose", "lose\nrun"):
        assert (last(f"{OPENED}{before}\nsend abc").thrown, last(f"{OPENED}{before}\nsend abc").buffered) == ("", 3)


@pytest.mark.parametrize(("text", "size"), [("Hello", 5), ("Grüße", 7), ("€", 3), ("👋", 4), ("\ud83d", 3), ("", 0)])
def test_buffered_amount_counts_utf8(text: str, size: int) -> None:
    assert utf8_size(text) == size
    assert last(f"{OPENED}send {text}").buffered == size


def test_buffered_amount_is_what_has_not_left_the_browser() -> None:
    buffered = [moment.buffered for moment in play(f"{OPENED}stop\nbuffer 60000\nwait\nwait 20\nread\nwait 20")][4:]
    full = 60_008 - SEND_BUFFER - RECEIVE_BUFFER
    assert buffered == [60_000, 60_008 - SEND_BUFFER, full, full, 0]


def test_a_zero_window_holds_the_sender_up() -> None:
    moment = last(f"{OPENED}stop\nbuffer 60000\nwait 20")
    assert moment.gauge[1:5] == (SEND_BUFFER, 0, RECEIVE_BUFFER, 0)
    assert (moment.gauge.window, moment.state) == (0, "OPEN")
    assert "zero window" in moment.notes[0]


def test_closing_does_not_empty_it() -> None:
    lost = play(f"{OPENED}stop\nbuffer 60000\nwait 20\nlose\nsend abc\nrun\nwait 20")
    amounts = [moment.buffered for moment in lost[5:]]
    assert amounts == sorted(amounts)
    assert (lost[-1].state, lost[-1].buffered) == ("CLOSED", lost[5].buffered + 3)


# close


@pytest.mark.parametrize("code", [0, 999, 1001, 1005, 2999, 5000, 65535])
def test_codes_that_scripts_may_not_give(code: int) -> None:
    moment = last(f"{OPENED}close {code} {'x' * 124}")
    assert (moment.thrown, moment.state) == ("InvalidAccessError", "OPEN"), "the code is looked at first"
    assert last(f"new /x\nclose {code}").thrown == "InvalidAccessError"


def test_reasons_that_do_not_fit() -> None:
    assert last(f"{OPENED}close 3000 {'ü' * 61}x").state == "CLOSING"
    assert last(f"{OPENED}close 3000 {'ü' * 62}").thrown == "SyntaxError"


def test_the_close_frame_waits_behind_what_was_sent() -> None:
    script = f"{OPENED}buffer 60000\nclose\n"
    assert "close" not in " ".join(heard(f"{script}wait 10\nrun"))
    assert heard(f"{script}wait 20\nrun")[-1] == "close 1005, clean"


def test_messages_that_come_after_close_are_dropped() -> None:
    moments = play(f"{OPENED}close 1000\ntext late\nrun")
    assert (moments[-1].events, moments[-1].notes) == ((), ("a message is dropped: readyState is CLOSING",))


def test_closing_a_handshake_fails_it() -> None:
    assert states("new /x\nclose 1000\nrun") == ["CONNECTING", "CLOSING", "CLOSED"]
    assert heard("new /x\nclose 1000\nrun") == ["error", "close 1006, not clean"]


def test_both_sides_close_at_once() -> None:
    assert heard(f"{OPENED}close 4001\nbye 4002\nwait 4\nrun")[-1] == "close 4002, clean", "what was received"


def test_an_object_is_not_used_twice_but_a_page_may_have_another() -> None:
    with pytest.raises(ProtocolError, match="step 4, new /y: one WebSocket at a time"):
        play(f"{OPENED}new /y")
    assert last(f"{OPENED}lose\nrun\nnew /y").state == "CONNECTING"


# Scripts


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("jump", "line 1: there is no step 'jump', expected one of: new, send"),
        ("new /x\n\nwait 0", "line 3: wait '0': expected a number from 1 to 1,000"),
        ("new", "line 1: new needs a URL"),
        ("type text", "line 1: type 'text': expected blob or arraybuffer behind it"),
        ("ping 3", "line 1: ping '3': expected nothing behind it"),
        ("blob \x1b[31m", r"line 1: blob '\x1b[31m': expected a number"),
        ("binary 99999999", "from 0 to 10,000,000"),
        ("accept a b", "line 1: accept takes one subprotocol"),
        ("close 70000", "from 0 to 65,535"),
        ("send a", "step 1, send a: there is no WebSocket yet"),
        ("new /x\ntext a", "the server has no open connection"),
        ("new /x\naccept\nbye 1006", "1006"),
        (f"{OPENED}bye\ntext a", "sends nothing behind it"),
        ("wait\n" * 201, "a script of 201 steps, expected at most 200"),
        (f"send {'x' * 2000}", "a step has 2,005 characters"),
    ],
)
def test_what_cannot_be_played_gets_one_line(script: str, said: str) -> None:
    with pytest.raises(ProtocolError) as error:
        play(script)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


LINES = {word: [word] for word in STEPS} | {
    "new": ["new /x", "new /x a b", "new ftp://h/"],
    "send": ["send Hello", "send"],
    "blob": ["blob 30000"],
    "buffer": ["buffer 7"],
    "type": ["type blob"],
    "close": ["close", "close 1000", "close 1001"],
    "accept": ["accept", "accept b"],
    "binary": ["binary 9"],
    "bye": ["bye", "bye 1001 soon"],
    "rate": ["rate 100"],
    "wait": ["wait", "wait 30"],
    "run": ["run", "run all"],
}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([line for lines in LINES.values() for line in lines]), max_size=40))
def test_whatever_is_played_the_laws_hold(lines: list[str]) -> None:
    """States go forward, no byte is lost count of, buffered bytes fall only by going onto the network."""
    machine, moments = Machine(), []
    for line in ["new /x", "accept", "run", *lines]:
        try:
            moments.append(machine.play(parse_step(line)))
        except ProtocolError as error:
            assert "\n" not in str(error)
    order = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]
    for before, after in pairwise(moments):
        assert 0 <= after.gauge.window <= RECEIVE_BUFFER
        assert all(size >= 0 for size in after.gauge)
        if after.step.word == "new" and not after.thrown:
            continue
        assert order.index(after.state) >= order.index(before.state)
        assert after.gauge.total >= before.gauge.total
        if after.step.word == "wait":
            assert after.gauge.total == before.gauge.total
            assert after.buffered <= before.buffered
        else:
            assert after.buffered >= before.buffered
        assert [event.name for event in after.events].count("close") <= 1


# Pictures


@pytest.mark.parametrize("story", STORIES)
def test_pictures_are_whole_and_deterministic(story: str) -> None:
    figure = api_timeline(story)
    assert figure == api_timeline(story)
    assert float(ElementTree.fromstring(figure.svg).attrib["width"]) <= 800
    assert_labels_apart(figure)
    assert max(map(columns, figure.text.split("\n"))) <= 100


def test_a_picture_says_what_happened() -> None:
    text = api_timeline(f"{OPENED}stop\nbuffer 60000\nwait 9\nsend é\nclose 1001").text
    assert "throws InvalidAccessError" in text
    assert "30,010" in text
    assert "receive buffer of 10,000, zero window" in text
    assert "readyState OPEN, bufferedAmount 30010" in api_timeline(f"{OPENED}stop\nbuffer 60000\nwait 9\nsend é").svg


def test_what_the_page_hears_takes_two_lines_before_it_is_cut() -> None:
    figure = api_timeline(f"{OPENED}bye 1001 restarting\nrun\nwait 4\nrun all")
    assert {"close 1001, clean,", '"restarting"'} <= set(ElementTree.fromstring(figure.svg).itertext())
    assert "close 1001, clean," in figure.text
    assert figure.text.count('"restarting"') == 2, "as sent, and as heard"
    assert_labels_apart(figure)


def test_long_scripts_and_hostile_texts() -> None:
    figure = api_timeline(OPENED + "send </text><script>alert(1)</script>\x1b[31m\u202e\n" + "wait\n" * 150)
    assert "script" not in {element.tag.split("}")[-1] for element in ElementTree.fromstring(figure.svg).iter()}
    assert all(char.isprintable() or char == "\n" for char in figure.svg + figure.text)
    assert "94 steps before" in figure.text
    hostile = api_timeline(OPENED + f"text {'<img onerror=x>' * 20}\nrun\nclose 4000 <b>\nwait 4\nrun")
    assert_labels_apart(hostile)
    with pytest.raises(WsvizError, match="got int, expected a script or a story"):
        api_timeline(5)  # type: ignore[arg-type]
