"""`wsviz check-notebooks`: what shows, without a kernel, that somebody's stored notebook is not to be trusted."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from wsviz import WsvizError
from wsviz.cli import main
from wsviz.notebook_check import LARGEST, notebooks_at, problems

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()


def code(source: str, count: int | None, *outputs: dict[str, Any], tags: list[str] | None = None) -> dict[str, Any]:
    metadata = {"tags": tags} if tags else {}
    return {
        "cell_type": "code",
        "source": source,
        "execution_count": count,
        "metadata": metadata,
        "outputs": [*outputs],
    }


def result(count: int | None, **data: str) -> dict[str, Any]:
    shown = {name.replace("_", "/"): value for name, value in data.items()}
    return {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": shown}


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def error(name: str, value: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": []}


def store(path: Path, *cells: dict[str, Any], **metadata: Any) -> Path:
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [*cells]}))
    return path


TEXT = {"cell_type": "markdown", "source": ["# A title\n", "text"], "metadata": {}}
GOOD = (
    TEXT,
    code("x = 1", 1),
    code("", None),
    code("x + 1", 2, result(2, text_plain="2")),
    code("print(x)\n", 3, stream("1\n")),
    code("plot(x)", 4, {"output_type": "display_data", "data": {"image/png": PNG, "text/plain": "<Figure>"}}),
    code("%matplotlib inline\n1 + 1;", 5),
    code("x.append(2)\nNone", 6),
    code("1 / 0", 7, error("ZeroDivisionError", "division by zero"), tags=["raises-exception"]),
    code("ask()", None, tags=["skip-execution"]),
    code("1 + 1;", 8),
    code("print(file=log)\nprint(*x)", 9),
)


def test_a_good_notebook_has_no_problem(tmp_path: Path) -> None:
    assert problems(store(tmp_path / "good.ipynb", *GOOD)) == []
    assert problems(store(tmp_path / "empty.ipynb")) == []


WRONG: dict[str, tuple[tuple[dict[str, Any], ...], list[str]]] = {
    "not executed": ((TEXT, code("x = 1", 1), code("y = 2", None)), ["cell 3: was not executed"]),
    "out of order": (
        (code("a = 1", 1), code("b = 1", 7), code("c = 1", 8), code("d = 1", 2)),
        ["cell 2: was executed as 7, expected 2", "cell 4: was executed as 2, expected 9"],
    ),
    "an error": (
        (code("1 / 0", 1, error("ZeroDivisionError", "division by zero")),),
        ["cell 1: shows an error: ZeroDivisionError: division by zero"],
    ),
    "another result": (
        (code("2", 1, result(5, text_plain="2")),),
        ["cell 1: holds the result of another execution: 5"],
    ),
    "a result gone": (
        (code("a = 2", 1), code("a * 2", 2), code("a", 3, result(3, text_plain="2"))),
        ["cell 2: was executed, and its output is missing"],
    ),
    "a line gone": ((code("print('a')\nx = 1", 1),), ["cell 1: was executed, and its output is missing"]),
    "all gone": (
        (code("x = f()", 1), code("x", 2), code("x.y", 3)),
        ["2 cells end with a value, and no cell has an output: they were cleared"],
    ),
    "a broken picture": (
        (code("plot()", 1, result(1, image_png=PNG[:9] + "*", text_plain="")),),
        ["cell 1: holds a broken picture: image/png"],
    ),
    "no picture at all": (
        (code("plot()", 1, result(1, image_png="aGVsbG8=")),),
        ["cell 1: holds a broken picture: image/png"],
    ),
    "no data": ((code("f()", 1, result(1)),), ["cell 1: holds an output without its data"]),
    "no text": ((code("f()", 1, stream("")),), ["cell 1: holds an output without its text"]),
    "a strange kind": (
        (code("f()", 1, {"output_type": "pyout"}),),
        ["cell 1: holds an output of no known kind: pyout"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_cell(name: str, tmp_path: Path) -> None:
    cells, said = WRONG[name]
    assert problems(store(tmp_path / "wrong.ipynb", *cells)) == said


def test_another_language_is_not_parsed_as_python(tmp_path: Path) -> None:
    path = store(tmp_path / "r.ipynb", code("1 + 1", 1), language_info={"name": "R"})
    assert problems(path) == []


NO_NOTEBOOKS = {
    "": "is no notebook: its JSON is broken",
    "{": "is no notebook: its JSON is broken",
    "[" * 100_000: "is no notebook: its JSON is broken",
    '{"nbformat": ' + "9" * 5000 + "}": "is no notebook: its JSON is broken",
    "[]": "is no notebook: it names no nbformat",
    '{"cells": []}': "is no notebook: it names no nbformat",
    '{"nbformat": 3, "worksheets": []}': "is nbformat 3, expected 4 with its cells",
    '{"nbformat": 4, "cells": [5]}': "cell 1: is no cell of nbformat 4",
    '{"nbformat": 4, "cells": [{"cell_type": "code", "source": "a", "outputs": [1]}]}': (
        "cell 1: its outputs are none of nbformat 4"
    ),
}


@pytest.mark.parametrize("text", NO_NOTEBOOKS, ids=lambda text: text[:30])
def test_what_is_no_notebook(text: str, tmp_path: Path) -> None:
    (tmp_path / "none.ipynb").write_text(text)
    assert problems(tmp_path / "none.ipynb") == [NO_NOTEBOOKS[text]]


def test_a_file_is_read_up_to_a_limit_only(tmp_path: Path) -> None:
    with (tmp_path / "large.ipynb").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert problems(tmp_path / "large.ipynb")[0].startswith("is too large")


def test_hostile_cells_do_no_harm(tmp_path: Path) -> None:
    evil = "\x1b[31m\u202e" + "x" * 10_000
    sources = ["(" * 10_000, "\0", "-" * 15_000 + "1", r'"\d" + 1', evil]
    cells = [code(source, number) for number, source in enumerate(sources, 1)]
    cells.append(code("f()", len(cells) + 1, error(evil, f"{evil}\nmore"), {"output_type": [evil]}))
    for said in problems(store(tmp_path / "evil.ipynb", *cells)):
        assert said.isprintable()
        assert len(said) < 300


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "empty").mkdir()
    for name in (".ipynb_checkpoints/a-checkpoint.ipynb", "inner/b.ipynb", "a.ipynb", "c.txt"):
        store(tmp_path / name)
    assert notebooks_at([str(tmp_path)]) == [tmp_path / "a.ipynb", tmp_path / "inner/b.ipynb"]
    assert notebooks_at([str(tmp_path / "c.txt")]) == [tmp_path / "c.txt"]
    with pytest.raises(WsvizError, match="no such file or folder"):
        notebooks_at([str(tmp_path / "d.ipynb")])
    with pytest.raises(WsvizError, match="holds no notebook"):
        notebooks_at([str(tmp_path / "empty")])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store(Path("good.ipynb"), *GOOD)
    assert main(["check-notebooks", "."]) == 0
    assert capsys.readouterr().out == "1 notebook, nothing wrong\n"
    store(Path("bad\x1b.ipynb"), code("x = 1", None))
    assert main(["check-notebooks", "good.ipynb", "bad\x1b.ipynb"]) == 1
    assert capsys.readouterr().out == "bad\\x1b.ipynb: cell 1: was not executed\n"
    assert main(["check-notebooks", "none.ipynb"]) == 2
    assert capsys.readouterr().err == "wsviz: none.ipynb: there is no such file or folder\n"
