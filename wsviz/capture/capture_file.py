"""A capture file that stays open, for what is too large to be held."""

from __future__ import annotations

import io
import os
import weakref
from threading import Lock
from typing import IO, Any

from wsviz.capture.packets import PacketReader, PacketTable, read_packets_from


class CaptureFile:
    """A capture file that stays open to be read again and again, in several threads at once if need be."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name, self.latest = name, PacketReader(file, name)
        self._file, self._lock = os.fdopen(os.dup(file.fileno()), "rb", buffering=0), Lock()
        weakref.finalize(self, self._file.close)

    def packets(self) -> PacketReader:
        """Reads the file chunk by chunk."""
        self.latest = PacketReader(self._reading(), self.name)
        return self.latest

    def table(self) -> PacketTable:
        """Reads all of it."""
        return read_packets_from(self._reading(), self.name)

    def _reading(self) -> IO[bytes]:
        return io.BufferedReader(_Reading(self._file, self._lock))


class _Reading(io.RawIOBase):
    """A file that others read as well, each from a place of its own."""

    def __init__(self, file: io.RawIOBase, lock: Lock) -> None:
        self._file, self._lock, self._place = file, lock, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._lock:
            if whence == os.SEEK_CUR:
                offset, whence = self._place + offset, os.SEEK_SET
            self._place = self._file.seek(offset, whence)
        return self._place

    def readinto(self, buffer: Any) -> int:
        with self._lock:
            self._file.seek(self._place)
            size = self._file.readinto(buffer) or 0
        self._place += size
        return size
