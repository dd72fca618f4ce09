"""A missing program skips its test, and fails it where WSVIZ_STRICT says so."""

from __future__ import annotations

import pytest

from tests.needs import need


def test_what_is_there_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSVIZ_STRICT", "sh")
    need("sh")


@pytest.mark.parametrize("strict", [None, "", "sh,root"])
def test_what_is_missing_skips(monkeypatch: pytest.MonkeyPatch, strict: str | None) -> None:
    if strict is None:
        monkeypatch.delenv("WSVIZ_STRICT", raising=False)
    else:
        monkeypatch.setenv("WSVIZ_STRICT", strict)
    with pytest.raises(pytest.skip.Exception, match="needs the program no-such-program on the PATH"):
        need("no-such-program")


def test_what_is_missing_fails_where_strict_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSVIZ_STRICT", "sh,no-such-program")
    with pytest.raises(pytest.fail.Exception, match="WSVIZ_STRICT names it"):
        need("no-such-program")
