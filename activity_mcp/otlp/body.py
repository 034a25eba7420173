"""The body of a request, whole: with its length or in chunks, plain or gzip, and never more than the bound of either."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from . import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

_MAX_LINE_BYTES = 1024
_GZIP = 16 + zlib.MAX_WBITS


class TooLarge(Exception):
    """The body is over ``MAX_BODY_BYTES``, as it came or unpacked."""


def read_body(file: BinaryIO, headers: Mapping[str, str]) -> bytes:
    """The body, unpacked. Raises InvalidInput for what is cut short or damaged, TooLarge."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        data = _chunked(file)
    else:
        data = _exactly(file, _length(headers.get("Content-Length", "0"), 10))
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return data
    if encoding != "gzip":
        raise InvalidInput(f"Content-Encoding {encoding[:40]!r} is not understood", hint="send gzip, or none")
    return _unpacked(data)


def _chunked(file: BinaryIO) -> bytes:
    pieces, total = [], 0
    while size := _length(_line(file).partition(";")[0], 16):
        total += size
        if total > MAX_BODY_BYTES:
            raise TooLarge
        pieces.append(_exactly(file, size))
        _line(file)
    while _line(file):  # trailers, to the empty line
        pass
    return b"".join(pieces)


def _line(file: BinaryIO) -> str:
    line = file.readline(_MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise InvalidInput("the body is cut short")
    return line.strip().decode("latin-1")


def _length(text: str, base: int) -> int:
    digits = text.strip()
    if not digits or not all(character in "0123456789abcdefABCDEF"[: 10 if base == 10 else None] for character in digits):
        raise InvalidInput(f"{digits[:40]!r} is no length")
    size = int(digits[:20], base)
    if size > MAX_BODY_BYTES:
        raise TooLarge
    return size


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise InvalidInput("the body is cut short")
    return data


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        found = unpacker.decompress(data, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise InvalidInput(f"the body is not gzip ({error})") from None
    if len(found) > MAX_BODY_BYTES:
        raise TooLarge
    if not unpacker.eof:
        raise InvalidInput("the body is cut short")
    return found
