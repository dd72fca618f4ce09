"""`wsviz dataset`: parts that read as one table, errors that cost one capture, and the page of examples."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

import wsviz.dataset
from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from tests.capture.test_har import har_of, websocket
from wsviz import Frame, WsvizError, read_capture
from wsviz.capture import capture as capture_module
from wsviz.cli import main
from wsviz.dataset import TABLES

ROOT = Path(__file__).parents[1]
CAPTURES = ROOT / "captures"
PAGE = (ROOT / "notebooks" / "dataset.md").read_text("utf-8")
SECRETS = ("aaaa", "cccc", "dddd", "6565656565")
Out = pytest.CaptureFixture[str]


def parts(folder: Path, table: str) -> list[Path]:
    return sorted((folder / table).iterdir()) if (folder / table).exists() else []


def rows(folder: Path, table: str) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(part) for part in parts(folder, table)], ignore_index=True)


def shown(folder: Path) -> str:
    """All that is in a data set, as text; bytes are in hex."""
    tables = (rows(folder, table).astype(object).map(_text) for table in TABLES if parts(folder, table))
    return "\n".join(table.to_csv() for table in tables)


def _text(value: Any) -> str:
    return f"{value.hex()} {value!r}" if isinstance(value, bytes) else str(value)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that holds the page's data set, made of all recordings as the page says, and where its code runs."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "captures").symlink_to(CAPTURES, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        [words] = re.findall(r"^\$ wsviz (dataset corpus) captures/\*\.pcapng$", PAGE, re.MULTILINE)
        files = sorted(str(path) for path in Path("captures").glob("*.pcapng"))
        assert main([*words.split(), *files]) == 0
        yield folder


@pytest.fixture(scope="module")
def answers(corpus: Path) -> dict[str, Any]:
    """What the page's code leaves behind, block after block."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    names: dict[str, Any] = {}
    with dask.config.set(scheduler="synchronous"):
        for block in blocks:
            exec(compile(block, "dataset.md", "exec"), names)
    return names


# dask 2026.8 calls pandas 3.1 in a way that pandas wants to give up.
pandas_of_dask = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")


@pandas_of_dask
@pytest.mark.parametrize("question", ["", "slowest_", "cut_"])
def test_duckdb_and_dask_give_the_same_answer(question: str, answers: dict[str, Any]) -> None:
    one, other = answers[f"{question}by_duckdb"], answers[f"{question}by_dask"]
    assert len(one) >= 5
    assert one.to_numpy().tolist() == other[list(one)].to_numpy().tolist()


@pandas_of_dask
def test_the_page_shows_the_answer(answers: dict[str, Any]) -> None:
    [promised] = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    told = answers["by_duckdb"].to_string(index=False)
    assert [line.split() for line in told.splitlines()] == [line.split() for line in promised.splitlines()], (
        f"put this into notebooks/dataset.md:\n{told}"
    )


@pandas_of_dask
def test_the_answers_are_true(answers: dict[str, Any]) -> None:
    captures = {f"captures/{path.name}": read_capture(path) for path in sorted(CAPTURES.glob("*.pcapng"))}
    frames = pd.concat([capture.frames for capture in captures.values()])
    size = frames["header_length"] + frames["payload_length"]
    assert answers["by_duckdb"]["bytes"].sum() == size.sum()
    unclosed = {
        (name, one.index)
        for name, capture in captures.items()
        for one in capture.connections
        if "both sides report 1006" in str(one.ending)
    }
    assert unclosed == set(
        zip(answers["cut_by_duckdb"]["capture"], answers["cut_by_duckdb"]["connection"], strict=True)
    )


def test_the_rows_are_those_of_the_captures(corpus: Path) -> None:
    folder, name = corpus / "corpus", "captures/deflate.pcapng"
    capture = read_capture(CAPTURES / "deflate.pcapng")
    for table in TABLES:
        found = rows(folder, table)
        found = found[found["capture"] == name].drop(columns="capture").reset_index(drop=True)
        expected = capture.summary if table == "connections" else getattr(capture, table)
        pd.testing.assert_frame_equal(found.astype(object), expected.astype(object), check_dtype=False)


def test_a_column_has_one_type_in_all_parts_and_tables(corpus: Path, tmp_path: Path) -> None:
    odd = {
        "nothing.pcap": pcap([]),
        "made.har": har_of(websocket()),
        "talk.pcap": pcap(map(bytes, Talk().open().client(b"no HTTP", 0).packets)),
    }
    for name, data in odd.items():
        (tmp_path / name).write_bytes(data)
    folder = tmp_path / "set"
    assert main(["dataset", str(folder), *(str(tmp_path / name) for name in odd)]) == 0
    kinds: dict[str, set[str]] = {}
    for table in TABLES:
        places = [*parts(folder, table), *parts(corpus / "corpus", table)]
        schemas = [pq.read_schema(path) for path in places]
        assert len({schema.to_string() for schema in schemas}) == 1, table  # what pandas is told too
        assert schemas[0].names[0] == "capture"
        for column in schemas[0]:
            kinds.setdefault(column.name, set()).add(str(column.type))
    assert {name: types for name, types in kinds.items() if len(types) > 1} == {}
    both = f"FROM read_parquet(['{folder}/messages/*.parquet', '{corpus}/corpus/messages/*.parquet'])"
    [(found,)] = duckdb.sql(f"SELECT count(*) {both} WHERE data IS NOT NULL").fetchall()
    assert found == len(rows(folder, "messages")) + len(rows(corpus / "corpus", "messages"))


def test_a_file_that_cannot_be_read_costs_a_line(tmp_path: Path, capsys: Out) -> None:
    (tmp_path / "no\x1b.pcap").write_bytes(b"no capture at all")
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes((CAPTURES / "echo.pcapng").read_bytes()[:-200])
    files = [tmp_path / "nosuch.pcap", cut, tmp_path / "no\x1b.pcap", CAPTURES / "echo.pcapng"]
    assert main(["dataset", str(tmp_path / "set"), *map(str, files)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0] == f"wsviz: {tmp_path}/nosuch.pcap: no such file"
    assert lines[1].startswith(f"wsviz: {cut}: file-cut: ")
    assert lines[2].startswith(f"wsviz: {tmp_path}/no\\x1b.pcap: no pcap or pcapng file")
    for table in TABLES:
        assert [part.name for part in parts(tmp_path / "set", table)] == [
            "0001-cut.pcapng.parquet",
            "0003-echo.pcapng.parquet",
        ]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == sorted(TABLES)


def test_folders_and_files_that_are_refused(tmp_path: Path, capsys: Out) -> None:
    echo, folder = str(CAPTURES / "echo.pcapng"), tmp_path / "set"
    folder.mkdir()
    (folder / "mine.txt").touch()
    refused = {
        ("dataset", str(folder), echo): f"{folder}: the folder is not empty; a data set needs a folder of its own",
        ("dataset", echo, echo): f"{echo}: not a folder; the first argument names the folder to write to",
        (
            "dataset",
            f"{echo}/set",
            echo,
        ): f"{echo}/set: not a folder; the first argument names the folder to write to",
        ("dataset", str(tmp_path / "new"), echo, echo): f"{echo}: given twice, and would count twice",
        ("dataset", str(tmp_path / "new"), "--keylog", echo, echo): f"{echo}: no secrets of TLS 1.2 or 1.3 in it, "
        "expected a key log as SSLKEYLOGFILE gives",
    }
    for words, line in refused.items():
        assert main(words) == 2
        assert capsys.readouterr().err == f"wsviz: {line}\n"
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert not (tmp_path / "new").exists()


def test_parts_appear_whole_or_not_at_all(tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    written = wsviz.dataset.write_tables

    def full(tables: Any, path: Path, style: str) -> None:
        written(tables, path, style)
        if path.name == "exchanges":
            raise WsvizError("No space left on device")

    words = ["dataset", str(tmp_path / "set"), str(CAPTURES / "echo.pcapng")]
    with monkeypatch.context() as patch:
        patch.setattr(wsviz.dataset, "write_tables", full)
        assert main(words) == 2
    assert capsys.readouterr().err == "wsviz: No space left on device\n"
    assert list((tmp_path / "set").iterdir()) == []
    assert main(words) == 0  # in the same folder, which is empty


def test_a_large_file_goes_without_what_needs_it_in_memory(
    tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.pcapng"
    path.write_bytes((CAPTURES / "broadcast.pcapng").read_bytes()[:-10])
    small, large, whole = (tmp_path / name for name in ("small", "large", "whole"))
    assert main(["dataset", str(small), str(path)]) == 0
    monkeypatch.setattr(capture_module, "IN_MEMORY", 100)  # bytes
    capsys.readouterr()
    assert main(["dataset", str(large), str(path)]) == 0
    left_out, cut = capsys.readouterr().err.splitlines()
    assert left_out == (
        f"wsviz: {path}: more than 64 MiB: only its frames and messages are written; --whole adds the other tables, "
        "with the file in memory"
    )
    assert cut.startswith(f"wsviz: {path}: file-cut: ")
    assert sorted(folder.name for folder in large.iterdir()) == ["frames", "messages"]
    assert main(["dataset", "--whole", str(whole), str(path)]) == 0
    assert capsys.readouterr().err == f"{cut}\n"
    for table in TABLES:
        pd.testing.assert_frame_equal(rows(whole, table), rows(small, table))
        if parts(large, table):
            pd.testing.assert_frame_equal(rows(large, table), rows(small, table))


def test_secrets_are_masked_until_they_are_asked_for(tmp_path: Path) -> None:
    asked = REQUEST.replace(b"/chat", b"/chat?token=aaaa")
    texts = Frame.text('{"password": "cccc"}').serialize() + Frame.binary(b"\0Bearer eeeee").serialize()
    close = Frame.close(1000, "sid=dddd").serialize()
    path = tmp_path / "secrets.pcap"
    talk = Talk().open().client(asked, 0).server(RESPONSE + texts + close, 0)
    path.write_bytes(pcap(map(bytes, talk.packets)))
    assert main(["dataset", str(tmp_path / "masked"), str(path)]) == 0
    assert main(["dataset", "--reveal", str(tmp_path / "revealed"), str(path)]) == 0
    masked, revealed = (shown(tmp_path / name) for name in ("masked", "revealed"))
    assert [secret for secret in SECRETS if secret in masked] == []
    assert [secret for secret in SECRETS if secret not in revealed] == []


def test_a_key_log_opens_tls_and_is_not_copied(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    path, keys = str(CAPTURES / "wss13.pcapng"), CAPTURES / "wss13.keys"
    assert main(["dataset", str(tmp_path / "shut"), path]) == 0
    assert main(["dataset", str(tmp_path / "open"), path, "--keylog", str(keys)]) == 0
    assert len(rows(tmp_path / "shut", "frames")) == 0
    assert len(rows(tmp_path / "open", "frames")) == len(read_capture(path, keylog=keys).frames) > 0
    told = shown(tmp_path / "open")
    secrets = [line.split()[2] for line in keys.read_text().splitlines() if line and not line.startswith("#")]
    assert secrets
    assert [secret for secret in secrets if secret in told] == []


def test_extensions_where_the_handshake_was_not_captured(tmp_path: Path) -> None:
    path = tmp_path / "late.pcap"
    compressed = bytes.fromhex("c107f248cdc9c90700") * 4  # "Hello", RFC 7692 7.2.3.1
    path.write_bytes(pcap(map(bytes, Talk().server(compressed, 0).packets)))
    value = "permessage-deflate; server_no_context_takeover"
    assert main(["dataset", str(tmp_path / "set"), str(path), "--extensions", value]) == 0
    assert rows(tmp_path / "set", "messages")["text"].to_list() == ["Hello"] * 4


@pytest.mark.parametrize("name", ["a=1*[b]\n'?.pcap", "x" * 250, os.fsdecode(b"caf\xe9.pcap")])
def test_hostile_names_become_plain_ones(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    try:
        shutil.copyfile(CAPTURES / "echo.pcapng", path)
    except OSError:
        pytest.skip("this file system has no such names")
    assert main(["dataset", str(tmp_path / "set"), str(path)]) == 0
    [part] = parts(tmp_path / "set", "frames")
    assert re.fullmatch(r"0000-[A-Za-z0-9._-]{1,100}\.parquet", part.name)
    given = os.fsencode(path).decode(errors="backslashreplace")
    assert set(rows(tmp_path / "set", "frames")["capture"]) == {given}


def test_a_har_that_holds_no_unicode(tmp_path: Path) -> None:
    path = tmp_path / "odd.har"
    path.write_bytes(har_of(websocket([("send", 1, "half \ud800"), ("receive", 1, "Hello")])))
    assert main(["dataset", str(tmp_path / "set"), str(path)]) == 0
    messages = rows(tmp_path / "set", "messages")
    assert messages["text"].to_list()[-1] == "Hello"
    assert messages["compressed"].isna().all()
    assert rows(tmp_path / "set", "connections")["frames"].isna().all()
