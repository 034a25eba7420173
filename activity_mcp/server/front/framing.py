"""Bytes into lines, however they arrive."""

from __future__ import annotations

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # what PowerShell and some editors put before what they pipe: no part of a message
MAX_LINE_BYTES = 32 * 1024 * 1024  # an event is at most 256 KiB; this is far beyond any request, and still bounded


class LineCutter:
    """Cuts a stream of bytes into lines. A line over the limit comes out as None, and costs no memory beyond the limit."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._partial = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that ``data`` completes, without their newline."""
        if data.endswith(b"\n") and not self._partial and not self._skipping and len(data) <= self._limit:
            return [line.removeprefix(_BYTE_ORDER_MARK) for line in data[:-1].split(b"\n")]  # what a client sends: whole lines
        *complete, rest = data.split(b"\n")
        lines: list[bytes | None] = [self._finish(piece) for piece in complete]
        if rest:
            self._keep(rest)
        return lines

    def rest(self) -> list[bytes | None]:
        """The last line, if the stream ended without a newline."""
        return [self._finish(b"")] if self._partial or self._skipping else []

    def _keep(self, piece: bytes) -> None:
        if self._skipping or len(self._partial) + len(piece) > self._limit:
            self._skipping = True
            self._partial.clear()
        else:
            self._partial += piece

    def _finish(self, piece: bytes) -> bytes | None:
        if not self._partial and not self._skipping and len(piece) <= self._limit:
            return piece.removeprefix(_BYTE_ORDER_MARK)
        self._keep(piece)
        line = None if self._skipping else bytes(self._partial).removeprefix(_BYTE_ORDER_MARK)
        self._skipping = False
        self._partial.clear()
        return line
