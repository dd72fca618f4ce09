"""The stored notebooks where no kernel is: as nbconvert's HTML, in a JupyterLab that trusts no output, as PNG."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from PIL import Image, ImageStat
from playwright.sync_api import Browser

from notebooks.execute import PNG, SVG, read
from tests.jupyter import Server, Visit
from wsviz import widgets

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
TEACHING = (FOLDER / "teaching.md").read_text("utf-8")
WIDEST = 1600  # pixels: what a page shows at a sharp screen's two for one
BARE = re.compile(rf"<|(?:{'|'.join(widgets.__all__)})\(")
"""How the text of an object begins that has nothing better to show: `<module.Class object>`, `Ladder(...)`."""
LEFTOVERS = ("widget-view", "Error displaying widget", "Loading widget", "widget_view")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def shown(path: Path) -> list[dict[str, Any]]:
    """What the notebook's results and displays hold, by media type."""
    outputs = (output for cell in read(path).cells for output in cell.get("outputs", []))
    return [dict(output.data) for output in outputs if "data" in output]


def page(path: Path) -> str:
    """The notebook as HTML, made as teachers are told to make it."""
    [command] = re.findall(r"`jupyter nbconvert --to html ([^`]+)`", TEACHING)
    assert "--embed-images" in command
    options = dict(re.findall(r"--HTMLExporter\.(\w+)=(\S*)", command))
    html, _ = HTMLExporter(embed_images=True, **options).from_filename(str(path))
    return str(html)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The HTML file of each notebook."""
    folder = tmp_path_factory.mktemp("pages")
    for path in NOTEBOOKS:
        (folder / f"{path.stem}.html").write_text(page(path), "utf-8")
    return {path.stem: folder / f"{path.stem}.html" for path in NOTEBOOKS}


@each_notebook
def test_what_is_drawn_live_is_stored_as_a_picture(path: Path) -> None:
    bare = [data["text/plain"] for data in shown(path) if set(data) == {"text/plain"}]
    assert [text for text in bare if BARE.match(text)] == []


def test_an_object_that_stores_no_picture_would_be_seen() -> None:
    assert BARE.match("FrameDiagram(b'...')")
    assert BARE.match("<wsviz.widgets.ladder.Ladder object>")
    assert not BARE.match("{'/client': 'server'}")


@each_notebook
def test_a_stored_png_is_a_picture_and_not_too_wide(path: Path) -> None:
    pictures = [base64.b64decode(data[PNG]) for data in shown(path) if PNG in data]
    assert pictures
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as image:
            image.load()
            assert image.format == "PNG"
            assert 40 <= image.width <= WIDEST
            grey = image.convert("RGBA").convert("L")
            assert ImageStat.Stat(grey).stddev[0] > 1, "nothing is drawn on it"


@each_notebook
def test_the_html_has_every_picture_and_nothing_of_a_widget(path: Path, pages: dict[str, Path]) -> None:
    html = pages[path.stem].read_text("utf-8")
    assert [word for word in LEFTOVERS if word in html] == []
    sources = [str(image["src"]) for image in BeautifulSoup(html, "html.parser").find_all("img")]
    prefix = f"data:{SVG};base64,"
    drawn = [base64.b64decode(each.removeprefix(prefix)).decode() for each in sources if each.startswith(prefix)]
    assert drawn == [data[SVG] for data in shown(path) if SVG in data and "text/html" not in data]
    assert all(each.startswith("data:") for each in sources)


@each_notebook
def test_the_html_opens_without_a_network(path: Path, pages: dict[str, Path], browser: Browser) -> None:
    asked, said = list[str](), list[str]()
    with browser.new_context() as context:
        context.set_offline(True)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(pages[path.stem].as_uri())
        sizes = page.evaluate(
            "Array.from(document.images, image => [image.naturalWidth, image.width, image.height, innerWidth])"
        )
    assert [url for url in asked if not url.startswith("data:")] == [pages[path.stem].as_uri()]
    assert not said
    assert sizes
    assert all(natural > 0 and 0 < width <= window and height > 0 for natural, width, height, window in sizes)


@pytest.fixture
def untrusted(request: pytest.FixtureRequest, jupyter: Server, visit: Visit) -> Iterator[tuple[Visit, Path]]:
    """A notebook as somebody opens it who got it by mail; nothing of it runs."""
    notebook = read(FOLDER / f"{request.param}.ipynb")
    notebook.cells.append(nbformat.v4.new_markdown_cell("a copy that no test has run, so nobody has signed it"))
    path = jupyter.root / "notebooks" / f"mailed-{request.param}.ipynb"
    nbformat.write(notebook, path)
    visit.open(f"notebooks/{path.name}")
    yield visit, path
    path.unlink()


@pytest.mark.parametrize("untrusted", ["04-frames", "07-closing"], indirect=True)
def test_a_jupyterlab_that_does_not_trust_it_shows_pictures_and_text(untrusted: tuple[Visit, Path]) -> None:
    visit, path = untrusted
    trusted = "Array.from(jupyterapp.shell.currentWidget.context.model.cells, cell => cell.trusted)"
    assert not any(visit.page.evaluate(trusted))
    pictures = [data for data in shown(path) if PNG in data and "text/html" not in data]
    images = visit.page.locator(".jp-Notebook .jp-RenderedImage img")
    visit.page.wait_for_function(
        """count => {
            const images = [...document.querySelectorAll('.jp-Notebook .jp-RenderedImage img')];
            return images.length >= count && images.every(image => image.complete);
        }""",
        arg=len(pictures),
    )
    sizes = images.evaluate_all(
        "all => all.map(image => [image.naturalWidth > 0, image.width > 300, image.height > 9])"
    )
    assert sizes == [[True, True, True]] * len(pictures)
    said = [data for data in shown(path) if "text/html" in data]
    rendered = visit.page.locator(".jp-OutputArea .jp-RenderedHTMLCommon").all_inner_texts()
    assert len(rendered) == len(said)
    assert all(text.strip() for text in rendered)
    assert visit.page.locator(".jp-OutputArea").get_by_text("Error displaying widget").count() == 0
