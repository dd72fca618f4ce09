"""The bars agree with the table, whatever the table lacks."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.laws import assert_labels_apart
from wsviz.capture.capture import read_capture
from wsviz.capture.comparison import compare
from wsviz.capture.ledger import BUCKETS
from wsviz.figures.figure import columns
from wsviz.figures.overhead import overhead_bars
from wsviz.figures.overhead_svg import round_step
from wsviz.figures.overhead_view import CATEGORIES, view_of

CAPTURES = Path(__file__).parents[2] / "captures"
SVG = "{http://www.w3.org/2000/svg}"
MADE_UP = {
    "polling": {"http_header": 700.0, "http_body": 25.0, "link": 60.0, "ip": 80.0, "tcp": 135.0, "updates": 30.0},
    "WebSocket": {"ws_header": 2.0, "ws_payload": 25.0, "tcp": 98.0, "tls": float("nan")},
}


def test_every_bucket_has_one_category() -> None:
    assert sorted(bucket for category in CATEGORIES for bucket in category.buckets) == sorted(
        (*BUCKETS, "handshake", "bare_acks")
    )


def test_agrees_with_the_comparison() -> None:
    table = compare({name: read_capture(CAPTURES / f"{name}.pcapng") for name in ("poll", "websocket")})
    view, figure = view_of(table.to_dict("index")), overhead_bars(table)
    smallest = table["bytes_per_update"].min()
    for bar in view.bars:
        per_update = table.loc[bar.name, "bytes_per_update"]
        assert bar.total == pytest.approx(per_update)
        assert f"{per_update:,.1f}" in figure.text
        assert f">{per_update:,.1f}</text>" in figure.svg
        assert view.ratio(bar) == f"{per_update / smallest:.1f}x"
        assert f">{view.ratio(bar)}</text>" in figure.svg
    assert figure == overhead_bars(table.to_dict("index"))


def test_numbers_of_a_plain_mapping() -> None:
    figure = overhead_bars(MADE_UP)
    lines = {line[2:22].strip(): line[22:].split() for line in figure.text.split("\n") if line[1:2] == " "}
    assert lines["payload"] == ["25.0", "25.0"]
    assert lines["WebSocket header"] == ["0.0", "2.0"]
    assert lines["HTTP header"] == ["700.0", "0.0"]
    assert lines["TCP/IP"] == ["275.0", "98.0"]
    assert lines["total"] == ["1,000.0", "125.0"]
    assert lines["ratio to smallest"] == ["8.0x", "1.0x"]
    assert lines["updates"] == ["30", "?"]
    assert not {"TLS", "other", "WebSocket control"} & set(lines)
    assert "TLS" not in figure.svg


def test_bars_are_drawn_on_one_scale() -> None:
    root = ElementTree.fromstring(overhead_bars(MADE_UP).svg)
    parts = [rect for rect in root.iter(f"{SVG}rect") if rect.get("height") == "38" and rect.get("fill") != "none"]
    solid = [rect for rect in parts if not rect.attrib["fill"].startswith("url")]
    widths: dict[str, float] = {}
    for rect in solid:
        widths[rect.attrib["y"]] = widths.get(rect.attrib["y"], 0) + float(rect.attrib["width"])
    polling, websocket = widths.values()
    assert polling / websocket == pytest.approx(8, rel=1e-3)


def test_text_bars_are_as_long_as_their_totals() -> None:
    bars = [line.partition("|")[2] for line in overhead_bars(MADE_UP).text.split("\n") if "|" in line]
    assert len(bars[0]) == pytest.approx(8 * len(bars[1]), abs=4)
    assert len(bars[0]) > 50


@pytest.mark.parametrize("number", [1, 2, 6, 9])
def test_fits_from_one_to_many_mechanisms(number: int) -> None:
    figure = overhead_bars({f"mechanism number {at}": {"tcp": 10.0 ** (at % 6), "tls": 0.3} for at in range(number)})
    ElementTree.fromstring(figure.svg)
    assert max(map(columns, figure.text.split("\n"))) <= 100
    assert ("1.0x" in figure.text) == (number > 1)


def test_the_name_of_a_mechanism_is_whole_at_the_head_of_its_column() -> None:
    names = ["HTTP polling", "long polling", "server-sent events", "WebSocket", "WebSocket over TLS"]
    figure = overhead_bars({name: {"tcp": 10.0} for name in names})
    assert "…" not in figure.text + figure.svg
    assert [line.split() for line in figure.text.split("\n") if "events" in line and "|" not in line] == [
        ["HTTP", "polling", "long", "polling", "events", "WebSocket", "over", "TLS"]
    ]
    assert_labels_apart(figure)


def test_a_name_that_is_too_long_for_a_head_is_cut_and_says_so() -> None:
    figure = overhead_bars({"x" * 90: {"tcp": 1.0}, "y": {"tcp": 1.0}})
    assert [line for line in figure.text.split("\n") if "|" not in line and "xxx" in line][-1].endswith(
        "x…            y"
    )
    assert max(map(columns, figure.text.split("\n"))) <= 100


def test_hostile_names_are_only_text() -> None:
    figure = overhead_bars({'<script>"\x1b[31m\u202e': {"tcp": 1.0}})
    root = ElementTree.fromstring(figure.svg)
    assert f"{SVG}script" not in {element.tag for element in root.iter()}
    for shown in (figure.svg, figure.text):
        assert all(char.isprintable() or char == "\n" for char in shown)


def test_nothing_at_all_is_drawn_too() -> None:
    figure = overhead_bars({"nothing": {}, "zero": {"tcp": 0.0}})
    ElementTree.fromstring(figure.svg)
    assert "nan" not in (figure.svg + figure.text).lower()
    with pytest.raises(ValueError, match="no row"):
        overhead_bars({})


@pytest.mark.parametrize("largest", [0.3, 1.0, 7.0, 99.0, 1019.4, 123_456.0])
def test_ticks_are_few(largest: float) -> None:
    assert 4 <= largest / round_step(largest) <= 10.1
