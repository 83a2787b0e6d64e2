"""How a secret may be spelt in output: every encoding that TRUST's "Masking" promises to recognise. Pure.

Only `mask.py` imports this. A spelling is a byte string to look for; nothing in a secret is ever read as a pattern.
"""

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from collections.abc import Iterable, Iterator

#: shorter ones would mask ordinary words; such secrets are refused, such lines of longer secrets skipped
SHORTEST = 6
#: widths of wrapped base64: PEM, and MIME
_WRAPS = (64, 76)
#: a wrapped text longer than this is recognised by its lines instead of whole: the whole in each phase would be large
_WHOLE_WRAPPED = 512
#: characters of a piece of it: 12 bytes of the secret, which no other text has by chance. Shorter than any line, and
#: short, because a key of 3 KiB has thousands of them: with 64 they took seconds to compile
_WINDOW = 16
#: in bytes; of such a line a window may hold nothing, or a part that matters
_SHORT_LINE = 40


def spellings(secret: bytes) -> frozenset[bytes]:
    """Every byte string that gives this secret away, each at least `SHORTEST` bytes long."""
    found: set[bytes] = set()
    is_long = len(secret) * 8 // 6 > _WHOLE_WRAPPED
    for piece in _pieces(secret):
        found.add(piece)
        found.update(_hex(piece))
        # the windows of the whole begin at each of its bytes, so they cover a longer line that is encoded alone too
        if not is_long or len(piece) <= _SHORT_LINE or len(piece) * 8 // 6 > _WHOLE_WRAPPED:
            found.update(_base64(piece))
        found.update(_url(piece))
        found.update(_text_forms(piece))
    return frozenset(spelling for spelling in found if len(spelling) >= SHORTEST)


def _pieces(secret: bytes) -> Iterator[bytes]:
    yield secret
    lines = secret.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= SHORTEST)
        # a terminal or a Windows tool prints the same secret with the other line ends
        joined = b"\n".join(lines)
        yield joined
        yield joined.replace(b"\n", b"\r\n")
    elif lines and len(lines[0]) >= SHORTEST:
        yield lines[0]


def _hex(piece: bytes) -> Iterator[bytes]:
    yield piece.hex().encode()
    yield piece.hex().upper().encode()


def _url(piece: bytes) -> Iterator[bytes]:
    for quoted in (
        urllib.parse.quote(piece, safe=""),
        urllib.parse.quote(piece, safe="/"),
        urllib.parse.quote_plus(piece),
    ):
        yield quoted.encode()
        yield _lower_escapes(quoted).encode()


def _lower_escapes(quoted: str) -> str:
    parts = quoted.split("%")
    return parts[0] + "".join("%" + part[:2].lower() + part[2:] for part in parts[1:])


def _text_forms(piece: bytes) -> Iterator[bytes]:
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return
    yield text.encode("utf-16-le")
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        twice = json.dumps(once, ensure_ascii=ascii_only)[1:-1]
        for spelling in (once, twice):
            yield spelling.encode()
            yield spelling.replace("/", "\\/").encode()
    for escaped in (html.escape(text, quote=True), html.escape(text, quote=False)):
        yield escaped.encode()
        yield escaped.replace("&#x27;", "&#39;").encode()
        yield escaped.replace("&#x27;", "&apos;").encode()
    for quote in ("'\\''", "'\"'\"'"):
        yield text.replace("'", quote).encode()
    # inside double quotes a shell writes these with a backslash
    yield "".join("\\" + c if c in '"\\$`' else c for c in text).encode()


def _base64(piece: bytes) -> Iterator[bytes]:
    for lead in range(3):
        encoded = base64.b64encode(bytes(lead) + piece)
        # only characters whose six bits are all the secret's own: neighbours change the others
        core = encoded[-(-lead * 8 // 6) : (lead + len(piece)) * 8 // 6]
        first_column = -(-lead * 8 // 6) % 4
        for alphabet in (core, core.replace(b"+", b"-").replace(b"/", b"_")):
            if len(core) > _WHOLE_WRAPPED:
                yield from _windows(alphabet, first_column)
            else:
                yield alphabet
                yield from _wrapped(alphabet, first_column)


def _wrapped(core: bytes, first_column: int) -> Iterator[bytes]:
    """The core as it looks broken into lines, whatever stands before it: breaks fall between groups of four."""
    for width in _WRAPS:
        for first_break in range((4 - first_column) % 4 or 4, min(width, len(core) - 1) + 1, 4):
            lines = [core[:first_break], *_cut(core[first_break:], width)]
            yield b"\n".join(lines)
            yield b"\r\n".join(lines)


def _windows(core: bytes, first_column: int) -> Iterator[bytes]:
    start = (4 - first_column) % 4
    # anywhere inside; windows that overlap are merged by the mask and so cover whatever is longer
    for at in range(start, len(core) - _WINDOW + 1, 4):
        yield core[at : at + _WINDOW]
    # the edges, which no group of four holds whole
    yield core[:_WINDOW]
    yield core[-_WINDOW:]
    # the first and the last line, cut where the text around them breaks
    for length in range(8, max(_WRAPS), 4):
        for end in (b"\n", b"\r\n"):
            yield core[: start + length] + end
            yield end + core[-length:]


def _cut(core: bytes, width: int) -> Iterable[bytes]:
    return (core[at : at + width] for at in range(0, len(core), width))
