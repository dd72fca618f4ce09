"""A gzipped file, unpacked while it is read, up to a bound."""

from __future__ import annotations

import gzip
import zlib
from typing import IO

LARGEST_UNPACKED = 1 << 30  # bytes, 1 GiB: what a capture may unpack to, as a few MB of gzip data can hold a thousand
_AT_ONCE = 1 << 24  # bytes unpacked together
_A_LITTLE = 1 << 16  # bytes asked of zlib at a time: where the data is damaged, it keeps the rest of those for itself


def decompressed(file: IO[bytes]) -> IO[bytes] | Gunzipped:
    """The file from its start, through gzip where that is what it begins with."""
    file.seek(0)
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return Gunzipped(file) if packed else file


class Gunzipped:
    """Reads what a gzipped file holds; it raises nothing, and ends where nothing more can be unpacked.

    `trouble` says then why, or is None where the data ends properly or was not read to the end. `more_follows` says
    whether bytes that are no gzip data follow. No more than LARGEST_UNPACKED bytes are given.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = gzip.GzipFile(fileobj=file)
        self._given = 0
        self._ready = bytearray()  # unpacked, and not read yet
        self.trouble: str | None = None
        self.more_follows = False

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end."""
        out = self._ready
        while len(out) < size and self.trouble is None and (some := self._some()):
            out += some
        given, self._ready = bytes(out[:size]), out[size:]
        return given

    def put_back(self, data: bytes | bytearray) -> None:
        """Have what was read come again."""
        self._ready = bytearray(data) + self._ready

    def read_all(self) -> bytearray:
        """What is left, up to the bound."""
        out = bytearray()
        while some := self.read(_AT_ONCE):
            out += some
        return out

    def _some(self) -> bytes:
        left = LARGEST_UNPACKED - self._given
        if self.more_follows:
            return b""
        try:
            data = self._file.read1(min(_A_LITTLE, left + 1))  # a byte more tells whether the bound is passed
        except EOFError:
            self.trouble = "the gzip data is cut"
        except (OSError, zlib.error) as error:
            if self._given and str(error).startswith("Not a gzipped file"):  # where another member might begin
                self.more_follows = True
            else:
                self.trouble = f"the gzip data is damaged, zlib says: {error}"
        else:
            if len(data) > left:
                self.trouble = f"the file unpacks to more than {LARGEST_UNPACKED:,} bytes, where reading stops"
            self._given += min(len(data), left)
            return data[:left]
        return b""
