"""What a fetch gives, on the wire: frames of a letter, the length in four bytes, and so many bytes.

`b`: JSON of FetchBegun; `d`: bytes; `e`: JSON of FetchEnded, the last one. A stream without it was cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from deployx_tui.model.execution import Cause
from deployx_tui.model.fetch import FetchBegun, FetchEnded, FetchKind, FetchPiece
from deployx_tui.service.wire.values import Garbled

MEDIA_TYPE = "application/vnd.deployx.fetch"
_MOST = 1 << 20


def to_frame(piece: FetchPiece) -> bytes:
    if isinstance(piece, bytes):
        return b"d" + len(piece).to_bytes(4, "big") + piece
    document: dict[str, str | None]
    if isinstance(piece, FetchBegun):
        letter, document = b"b", {"kind": piece.kind.value}
    else:
        cause = None if piece.cause is None else piece.cause.value
        letter, document = b"e", {"cause": cause, "message": piece.message, "remedy": piece.remedy}
    text = json.dumps(document).encode("ascii")
    return letter + len(text).to_bytes(4, "big") + text


class Frames:
    """Makes pieces of a stream again."""

    def __init__(self) -> None:
        self._came = bytearray()
        #: the last piece was there
        self.is_over = False

    def feed(self, data: bytes) -> Iterator[FetchPiece]:
        """Garbled for what is none."""
        self._came += data
        while len(self._came) >= 5:
            size = int.from_bytes(self._came[1:5], "big")
            if size > _MOST:
                raise Garbled("a frame that is too large")
            if len(self._came) < 5 + size:
                return
            letter, body = bytes(self._came[:1]), bytes(self._came[5 : 5 + size])
            del self._came[: 5 + size]
            yield self._piece(letter, body)

    def _piece(self, letter: bytes, body: bytes) -> FetchPiece:
        if letter == b"d":
            return body
        try:
            document = json.loads(body)
            if letter == b"b":
                return FetchBegun(FetchKind(document["kind"]))
            if letter == b"e":
                self.is_over = True
                cause = document["cause"]
                return FetchEnded(
                    cause=None if cause is None else Cause(cause),
                    message=str(document["message"]),
                    remedy=str(document["remedy"]),
                )
        except (ValueError, KeyError, TypeError) as error:
            raise Garbled("a frame that is none") from error
        raise Garbled("a frame of an unknown kind")
