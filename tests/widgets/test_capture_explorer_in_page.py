"""CaptureExplorer in a real JupyterLab: files are opened, frames filtered, followed and looked into, tables saved."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from tests.jupyter import soon
from tests.widgets.axe import assert_accessible
from wsviz import Frame

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELL = "from wsviz.widgets import CaptureExplorer\nexplorer = CaptureExplorer({})\nexplorer"
MANY = 100_000
EVIL = '<img src=x onerror=alert(1)></script>"password": "sesame-4711"'


def show(visit: Visit, source: str) -> Locator:
    visit.write("explorer.ipynb", [CELL.format(source)])
    visit.open("explorer.ipynb")
    visit.run_all()
    explorer = visit.page.locator(".wsviz-explorer").first
    expect(explorer).to_be_visible()
    return explorer


def row(explorer: Locator, number: int) -> Locator:
    return explorer.locator(f".lrow[data-row='{number}']")


def write(visit: Visit, name: str, sent: bytes, at_once: int = 60_000) -> Path:
    """A capture in the server's folder in which the server sends these bytes."""
    talk = Talk().open().client(REQUEST, 0).server(RESPONSE, 0)
    for at in range(0, len(sent), at_once):
        talk.server(sent[at : at + at_once], len(RESPONSE) + at)
    path = visit.server.root / name
    path.write_bytes(pcap(map(bytes, talk.packets)))
    return path


def test_a_file_is_opened_by_path_and_by_upload(visit: Visit, tmp_path: Path) -> None:
    explorer = show(visit, "")
    expect(explorer.locator(".title")).to_have_text("No capture is open")
    path = explorer.get_by_label("path")
    path.fill("captures/none.pcapng")
    explorer.get_by_role("button", name="Read").click()
    expect(explorer.locator(".notice")).to_have_text("captures/none.pcapng: no such file")
    path.fill("captures/echo.pcapng")
    path.press("Enter")
    expect(explorer.locator(".title")).to_have_text("echo.pcapng")
    expect(explorer.locator(".summary")).to_have_text("16 frames")
    expect(row(explorer, 0)).to_contain_text('"Hello"')
    expect(explorer.locator(".panel.open")).to_be_hidden()

    # From the page: more than one part's worth, so that parts follow each other.
    big = Frame.binary(bytes(2_500_000)).serialize() + Frame.text("after it").serialize()
    source = write(visit, "big.pcap", big)
    explorer.get_by_role("button", name="Open a file").click()
    explorer.get_by_label("from this computer").set_input_files(source)
    expect(explorer.locator(".title")).to_have_text("big.pcap")
    expect(row(explorer, 1)).to_contain_text('"after it"')
    visit.expect_python("explorer.capture.wire_bytes, len(explorer.rows)", f"{wire_bytes(source)} 2")

    none = tmp_path / "none.txt"
    none.write_text("this is no capture")
    explorer.get_by_role("button", name="Open a file").click()
    explorer.get_by_label("from this computer").set_input_files(none)
    expect(explorer.locator(".notice")).to_contain_text("none.txt")
    expect(explorer.locator(".title")).to_have_text("big.pcap")


def wire_bytes(path: Path) -> int:
    from wsviz import read_capture

    return read_capture(path).wire_bytes


def test_filter_follow_and_look_into_a_frame(visit: Visit) -> None:
    explorer = show(visit, "'captures/close_matrix.pcapng'")
    expect(explorer.locator(".summary")).to_have_text("42 frames")
    text = explorer.get_by_label("text in payloads")
    text.fill("NOW, please")
    expect(explorer.locator(".summary")).to_have_text("1 of 42 frames")
    expect(row(explorer, 0)).to_contain_text('"now, please"')
    row(explorer, 0).click()
    expect(explorer.locator(".detail .dtop")).to_contain_text("WebSocket text frame")
    explorer.get_by_role("button", name="Follow connection 4").click()
    explorer.get_by_role("button", name="take away the filter: “NOW, please”").click()
    expect(explorer.locator(".summary")).to_have_text("3 of 42 frames")
    expect(explorer.locator(".lrow[aria-selected='true']")).to_contain_text('"now, please"')
    explorer.get_by_label("type of frame").select_option("close")
    expect(explorer.locator(".summary")).to_have_text("2 of 42 frames")
    explorer.get_by_role("button", name="More", exact=True).click()
    explorer.get_by_label("sent by").select_option("server")
    visit.expect_python("explorer.frames['packet'].tolist()", "[61]")
    for words in ("connection 4", "from the server", "close"):
        explorer.get_by_role("button", name=f"take away the filter: {words}").click()
    expect(explorer.locator(".summary")).to_have_text("42 frames")
    explorer.get_by_role("combobox", name="finding").select_option("any")
    visit.expect_python("len(explorer.rows), explorer._session.filter.finding", "5 any")

    # The overhead is of what is shown.
    explorer.get_by_role("checkbox", name="overhead").check()
    expect(explorer.locator(".overhead > p")).to_contain_text("5 frames: ")
    visit.expect_python("sum(explorer.overhead.frames.values())", total(explorer))

    # The connections: one is followed by a click.
    explorer.get_by_role("combobox", name="finding").select_option("")
    expect(explorer.locator(".summary")).to_have_text("42 frames")
    explorer.locator("summary", has_text="Connections (16)").click()
    explorer.get_by_role("button", name="follow connection 3", exact=True).click()
    expect(explorer.locator(".summary")).to_have_text("2 of 42 frames")


def total(explorer: Locator) -> str:
    return explorer.locator(".overhead .sum td").first.inner_text().replace(",", "")


def test_a_row_can_be_clicked_before_its_columns_are_there(visit: Visit) -> None:
    explorer = show(visit, "'captures/echo.pcapng'")
    expect(row(explorer, 2)).to_contain_text("01 7f")
    explorer.get_by_label("type of frame").evaluate(
        """choice => {
          choice.value = "data"; choice.dispatchEvent(new Event("change", { bubbles: true }));
          const rows = choice.getRootNode().querySelector(".wsviz-explorer .pane") ?? document.querySelector(".pane");
          new MutationObserver((_, watch) => {
            const row = rows.querySelector(".lrow.coming[data-row='0']");
            if (row) { watch.disconnect(); window.early = true; row.click(); }
          }).observe(rows, { subtree: true, attributes: true, childList: true });
        }"""
    )
    visit.page.wait_for_function("() => window.early")
    visit.expect_python("explorer._session.selected == explorer.rows[0]", "True")


def test_the_details_are_python_s_and_share_one_selection(visit: Visit) -> None:
    explorer = show(visit, "'captures/echo.pcapng'")
    row(explorer, 2).click()
    detail = explorer.locator(".detail")
    expect(detail.locator(".layer")).to_have_count(4)
    shown = detail.locator("[data-byte] b").all_inner_texts()
    table = "explorer.capture.connections[0].directions()[0][0].table"
    visit.expect_python(f"{table}.raw(explorer.frame.packets[0] - 1).hex(' ')", " ".join(shown))
    leaves = detail.locator(".field:not(.ghost)")
    visit.expect_python(
        "sum(len(l['parts']) for l in explorer.picture['detail']['layers']) - 1", str(leaves.count())
    )  # one ghost: the extended length

    # What a long value means has a line of its own.
    explorer.evaluate("root => { root.style.width = '1000px'; }")
    row(explorer, 12).click()
    meaning = detail.locator(".field .meaning", has_text="This message is longer")
    expect(meaning).to_be_visible()
    width = "each => each.getBoundingClientRect().width / each.parentElement.clientWidth"
    soon(lambda: meaning.evaluate(width), lambda share: share > 0.5)
    row(explorer, 2).click()
    expect(meaning).to_have_count(0)

    # A field in the tree marks its bytes; pinned, its layer is drawn bit by bit.
    detail.locator(".layer", has_text="TCP").locator(".fold").click()
    seq = detail.locator(".field", has_text="seq")
    seq.hover()
    expect(detail.locator("[data-byte].on")).to_have_count(4)
    seq.click()
    expect(detail.locator(".right h4").last).to_have_text("TCP, bit by bit")
    visit.expect_python("explorer.selection", "[38, 42, -1]")
    expect(detail.locator("[data-bit].on")).to_have_count(32)
    detail.locator("[data-byte='66']").click()
    expect(detail.locator(".right h4").last).to_have_text("WebSocket binary frame, bit by bit")
    visit.page.keyboard.press("Escape")
    visit.expect_python("explorer.selection", "[]")
    visit.page.keyboard.press("Escape")
    expect(detail).to_be_hidden()


def test_the_keyboard_alone(visit: Visit) -> None:
    explorer = show(visit, "'captures/close_matrix.pcapng'")
    keyboard = visit.page.keyboard
    expect(row(explorer, 0)).to_contain_text('"Hello"')
    grid = explorer.get_by_role("grid", name="frames")
    expect(grid).to_have_attribute("aria-rowcount", "43")
    row(explorer, 0).focus()
    for key, at in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", 41), ("ArrowUp", 40), ("Home", 0)):
        keyboard.press(key)
        expect(row(explorer, at)).to_be_focused()
        expect(row(explorer, at)).to_have_attribute("aria-rowindex", str(at + 2))
        expect(explorer.locator(".lrow[tabindex='0']")).to_have_count(1)
    keyboard.press("PageDown")
    keyboard.press("Enter")
    expect(explorer.locator(".lrow[aria-selected='true']")).to_be_focused()
    expect(explorer.locator(".spoken")).to_contain_text("frame from the")
    visit.expect_python("explorer._session.selected > 5", "True")
    keyboard.press("Home")  # where the details are open, they go along
    visit.expect_python("explorer._session.selected", "0")
    keyboard.press("f")
    expect(explorer.locator(".summary")).to_have_text("4 of 42 frames")
    keyboard.press("/")
    expect(explorer.get_by_label("text in payloads")).to_be_focused()
    tree = explorer.get_by_role("tree")
    tree.locator("[tabindex='0']").focus()
    keyboard.press("ArrowUp")
    keyboard.press("ArrowRight")
    expect(tree.locator(".layer", has_text="TCP")).to_have_attribute("aria-expanded", "true")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    visit.expect_python("explorer.selection", "[34, 36, -1]")
    keyboard.press("?")
    expect(explorer.locator(".keys")).to_be_visible()
    for _ in "dd":
        keyboard.press("d")
    assert len(visit.cells()) == 1, "JupyterLab kept its hands off the keys"


def test_a_hundred_thousand_frames_scroll_to_the_end(visit: Visit) -> None:
    write(visit, "many.pcap", b"".join(b"\x81\x06%06d" % number for number in range(MANY)))
    explorer = show(visit, "'many.pcap'")
    expect(explorer.locator(".summary")).to_have_text("100,000 frames", timeout=60_000)
    expect(row(explorer, 0)).to_contain_text('"000000"', timeout=60_000)  # described once all are found
    port = explorer.locator(".port")
    port.evaluate("port => { port.scrollTop = port.scrollHeight; }")
    expect(row(explorer, MANY - 1)).to_contain_text(f'"{MANY - 1:06d}"')
    assert explorer.locator(".lrow").count() < 40, "only the rows in view are in the page"
    port.evaluate("port => { port.scrollTop = port.scrollHeight / 2; }")
    expect(row(explorer, MANY // 2)).to_contain_text(f'"{MANY // 2:06d}"')
    row(explorer, MANY // 2).focus()
    visit.page.keyboard.press("End")
    expect(row(explorer, MANY - 1)).to_be_focused()
    explorer.get_by_label("text in payloads").fill("04711")
    expect(explorer.locator(".summary")).to_have_text("11 of 100,000 frames", timeout=60_000)
    visit.expect_python("explorer.rows.tolist()", str([4711, *range(47110, 47120)]))


def test_longer_than_a_page_can_be_tall(visit: Visit) -> None:
    """Beyond some million pixels the scroll bar's way stands for all rows; every row can still be reached."""
    explorer = show(visit, "'captures/close_matrix.pcapng'")
    expect(row(explorer, 0)).to_contain_text('"Hello"')
    visit.python(
        "(lambda s: (setattr(s, 'rows', __import__('numpy').tile(s.rows, 20000)), setattr(s, 'generation', 99),"
        " explorer._show()))(explorer._session)"
    )
    expect(explorer.locator(".summary")).to_contain_text("840,000")
    port = explorer.locator(".port")
    port.evaluate("port => { port.scrollTop = port.scrollHeight; }")
    expect(row(explorer, 839_999)).to_be_visible()
    bottom = "each => each.getBoundingClientRect().bottom"
    soon(lambda: row(explorer, 839_999).evaluate(bottom) - port.evaluate(bottom), lambda way: abs(way) < 2)
    row(explorer, 839_999).focus()
    for key, at in (("ArrowUp", 839_998), ("PageUp", 839_985), ("Home", 0), ("ArrowDown", 1)):
        visit.page.keyboard.press(key)
        expect(row(explorer, at)).to_be_focused()
    port.hover()
    visit.page.mouse.wheel(0, 240)
    expect(row(explorer, 10)).to_be_visible()
    expect(row(explorer, 9)).to_be_hidden()


def test_what_is_shown_is_saved(visit: Visit, tmp_path: Path) -> None:
    explorer = show(visit, "'captures/close_matrix.pcapng'")
    explorer.get_by_label("type of frame").select_option("text")
    expect(explorer.locator(".summary")).to_contain_text(" of 42 frames")
    explorer.get_by_role("button", name="More", exact=True).click()
    explorer.get_by_label("what to export").select_option("messages")
    with visit.page.expect_download() as saved:
        explorer.get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename == "close_matrix-messages.csv"
    saved.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(newline="", encoding="utf-8") as file:
        texts = [line["text"] for line in csv.DictReader(file)]
    visit.expect_python(
        "[m.text for c in explorer.capture.connections for m in c.messages if m.text is not None]", str(texts)
    )


def test_secrets_are_masked_then_revealed_and_a_hostile_payload_is_text(visit: Visit) -> None:
    write(visit, "evil.pcap", Frame.text(EVIL).serialize())
    explorer = show(visit, "'evil.pcap'")
    expect(row(explorer, 0)).to_contain_text("<img src=x onerror=alert(1)>")
    row(explorer, 0).click()
    expect(explorer.locator(".detail pre")).to_contain_text('"password": "[masked]"')
    explorer.get_by_role("button", name="More", exact=True).click()
    explorer.get_by_label("show secrets").check()
    expect(explorer.locator(".detail pre")).to_contain_text("sesame-4711")
    visit.expect_python("explorer.reveal", "True")
    explorer.get_by_label("show secrets").uncheck()
    expect(explorer.locator(".detail pre")).not_to_contain_text("sesame")
    assert explorer.locator("img").count() == 0


@pytest.mark.parametrize("width", ["", "560px"])
def test_it_is_accessible(visit: Visit, width: str) -> None:
    explorer = show(visit, "'captures/close_matrix.pcapng'")
    explorer.evaluate("(root, width) => { root.style.width = width; }", width)
    explorer.get_by_role("button", name="Open a file").click()
    explorer.get_by_role("button", name="More", exact=True).click()
    explorer.get_by_role("checkbox", name="overhead").check()
    explorer.locator("summary", has_text="Connections (16)").click()
    explorer.get_by_label("sent by").select_option("client")
    expect(explorer.locator(".summary")).to_contain_text(" of 42 frames")
    expect(row(explorer, 0)).to_contain_text('"Hello"')  # a row that is still on its way cannot be looked into
    row(explorer, 0).click()
    expect(explorer.locator(".detail")).to_be_visible()
    expect(explorer.locator(".overhead .sum")).to_be_visible()
    small = explorer.evaluate(
        """root => [...root.querySelectorAll('button, label, select, [data-byte], [data-row], [role=treeitem]')]
            .map(each => [each.textContent, each.getBoundingClientRect()])
            .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([words]) => words)"""
    )
    assert small == []
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-explorer")
