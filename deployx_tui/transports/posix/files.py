"""The texts that move one file over the input or output of `sh` on a target, and what it answers (files.sh). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Refused
from deployx_tui.transports.posix import wrapper

_FUNCTIONS = wrapper.functions("files.sh")
_PUT = "".join(_FUNCTIONS[name] for name in ("dx_size", "dx_plain", "dx_put"))
_GET = "".join(_FUNCTIONS[name] for name in ("dx_plain", "dx_get"))
#: of a target's own words, in a message
_MOST_WORDS = 300
#: digits of a size
_SIZE = re.compile(rb"\d{1,19}\Z")


@dataclass(frozen=True, slots=True)
class Ready:
    """The file is open. What has come behind this word."""

    rest: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """`cat` ended with this code; the file has so many bytes now, None: the target did not say."""

    code: int
    size: int | None


@dataclass(frozen=True, slots=True)
class No:
    """Why nothing was moved, in a word of files.sh; `size` with "size" alone."""

    word: str
    size: int | None = None


def unfit(path: str) -> Refused | None:
    """A path that no target has."""
    if not path.startswith("/"):
        return Refused(Cause.VERIFY, f"the path {path!r} does not begin with /", "give a path from the root folder on")
    if "\0" in path:
        return Refused(Cause.VERIFY, f"the path {path!r} holds a NUL character", "remove it")
    try:
        in_bytes(path)
    except UnicodeEncodeError:
        return Refused(Cause.VERIFY, f"the path {path!r} can't be written as UTF-8", "mend the path")
    return None


def in_bytes(path: str) -> bytes:
    """As the target has it; bytes that are no UTF-8 stand in a path as Python's file names have them."""
    return path.encode("utf-8", "surrogateescape")


def put_text(path: str, offset: int, nonce: str) -> bytes:
    return _PUT.encode() + b"dx_n=%s\ndx_put %s %d %s\n" % (nonce.encode(), _word(path), offset, nonce.encode())


def get_text(path: str, offset: int, nonce: str) -> bytes:
    return _GET.encode() + b"dx_n=%s\ndx_get %s %d %s\n" % (nonce.encode(), _word(path), offset + 1, nonce.encode())


def _word(path: str) -> bytes:
    return in_bytes(wrapper.quote(path))


def read_first(stdout: bytes, nonce: str) -> Ready | No | None:
    """The first answer; None: it has not come yet. What stands before it is login noise."""
    _, found, rest = stdout.partition(b"dxp %s " % nonce.encode())
    line, newline, behind = rest.partition(b"\n")
    if not (found and newline):
        return None
    match line.split():
        case [b"ready"]:
            return Ready(behind)
        case [b"size", size] if _SIZE.match(size):
            return No("size", int(size))
        case [word, *_]:
            return No(word.decode("ascii", "replace"))
        case _:
            return No("nothing")


def read_done(stdout: bytes, nonce: str) -> Done | None:
    """What `dx_put` says at its end, in what came after Ready; None: not yet."""
    _, found, rest = stdout.partition(b"dxp %s done " % nonce.encode())
    line, newline, _ = rest.partition(b"\n")
    if not (found and newline):
        return None
    code, _, size = line.partition(b" ")
    known = int(size) if _SIZE.match(size) else None
    return Done(int(code) if re.fullmatch(rb"\d{1,3}", code) else 1, known)


def has_begun(stderr: bytes, nonce: str) -> bool:
    """Whether `sh` has read the text: what it says from then on is about the file."""
    return b"dxp %s\n" % nonce.encode() in stderr


def own_words(stderr: bytes, nonce: str) -> str:
    """What the target said about it, bounded and printable; "": nothing. Without what the login said before."""
    _, found, rest = stderr.partition(b"dxp %s\n" % nonce.encode())
    return words(rest if found else stderr)


def words(said: bytes) -> str:
    """A target may say anything: the beginning, on one line, what is not printable as a question mark."""
    text = " ".join(said[: 4 * _MOST_WORDS].decode("utf-8", "replace").split())
    return "".join(c if c.isprintable() else "?" for c in text[:_MOST_WORDS])


def refused(path: str, word: str, found: int | None, offset: int, said: str) -> Refused:
    """What the administrator reads when nothing was moved."""
    match word:
        case "kind":
            message, remedy = f"{path!r} is not a plain file on the target", "give the path of a file"
        case "missing":
            message, remedy = f"there is no file {path!r} on the target", "see that it is there and may be read"
        case "size":
            message, remedy = f"{path!r} has {found} bytes on the target, not {offset}", "send it from the beginning"
        case "seek":
            message, remedy = "dd on the target can't go to a place in a file", "send it from the beginning"
        case _:
            message, remedy = f"{path!r} can't be opened on the target", "see the rights of the account that logs in"
    return Refused(Cause.VERIFY if word == "size" else Cause.EXIT, f"{message}: {said}" if said else message, remedy)
