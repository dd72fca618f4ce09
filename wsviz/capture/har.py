"""HAR files, which browsers export: recognised, read within bounds, and opened like a capture as far as they go."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, NoReturn

from wsviz.protocol.fields import CaptureError

if TYPE_CHECKING:  # every file is looked at here, and few are HAR
    from wsviz.capture.har_capture import HarCapture

MAX_HAR = 64 << 20  # bytes; as objects, JSON can take twenty times as much
MOST_ENTRIES = 200_000  # a file of 64 MiB has no room for more of them that tell anything
LOOKED_AT = 1024  # bytes in which the first brace must come
_BLANK = b"\xef\xbb\xbf \t\r\n"  # what may stand before the first brace, a byte order mark among it


def read_har(file: IO[bytes], name: str, *, reveal: bool = False) -> HarCapture | None:
    """Read a HAR file; where the file is no JSON, give None and go back to its beginning.

    Raises CaptureError where the JSON is damaged, holds no HAR, or holds more than is read (MAX_HAR, MOST_ENTRIES).
    """
    head = file.read(LOOKED_AT)
    if not head.lstrip(_BLANK).startswith(b"{"):
        file.seek(0)
        return None
    from wsviz.capture.har_capture import HarCapture
    from wsviz.capture.har_entries import Entry, NeverConnected, Unreadable, read_entry

    data = head + file.read(MAX_HAR + 1 - len(head))
    if len(data) > MAX_HAR:
        raise CaptureError(f"{name}: a HAR file of more than {MAX_HAR >> 20} MiB, which is not read")
    entries, unreadable, unconnected = list[Entry](), 0, list[str]()
    for value in _entries(data, name):
        try:
            entry = read_entry(value)
        except Unreadable:
            unreadable += 1
            continue
        except NeverConnected as error:
            unconnected.append(str(error))
            continue
        if entry is not None:
            entries.append(entry)
    return HarCapture(name, entries, unreadable, unconnected, reveal=reveal)


def _entries(data: bytes, name: str) -> list[Any]:
    try:
        log = json.loads(data.decode("utf-8-sig"), parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise CaptureError(
            f"{name}: damaged JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except (ValueError, RecursionError):  # no UTF-8, a number of thousands of digits, too many brackets
        raise CaptureError(f"{name}: damaged JSON") from None
    log = log.get("log") if isinstance(log, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise CaptureError(f"{name}: JSON, but no HAR file: there is no list log.entries")
    if len(entries) > MOST_ENTRIES:
        raise CaptureError(f"{name}: a HAR file with more than {MOST_ENTRIES:,} entries, which is not read")
    return entries


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)
