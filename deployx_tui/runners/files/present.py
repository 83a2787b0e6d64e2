"""What a target says is there: the answers to a look, read with distrust. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from deployx_tui.model.execution import Cause
from deployx_tui.runners.files.stopped import bounded, failed

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_BITS = {"r": 4, "w": 2, "x": 1, "s": 1, "t": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What is at one path. Unknown: -1, or ""."""

    #: absent, file, folder, link or other
    kind: str = "absent"
    mode: int = -1
    uid: int = -1
    gid: int = -1
    user: str = ""
    group: str = ""
    size: int = 0
    #: of a file; "": not told
    sha256: str = ""
    #: of a link
    target: str = ""
    #: of a tree's listing: size and times, by which a later look knows it again
    stamp: str = ""

    def hashed(self, sha256: str) -> Present:
        """With its content's hash; `replace` takes five times as long, and a tree has 100,000."""
        return Present(
            kind=self.kind, mode=self.mode, uid=self.uid, gid=self.gid, user=self.user, group=self.group,
            size=self.size, sha256=sha256, target=self.target, stamp=self.stamp,
        )  # fmt: skip

    def belongs_to(self, owner: str | None, group: str | None) -> bool:
        return (owner is None or owner in (self.user, str(self.uid))) and (
            group is None or group in (self.group, str(self.gid))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folder that a destination lies in; of a tree's folder that is there, that folder."""

    #: whether the nearest thing that is there is a folder
    is_folder: bool
    #: how many folders are missing between that and the destination
    missing: int
    writable: bool
    #: whether other accounts than this one and root may write there
    is_shared: bool = False
    #: bytes; None: not told
    free: int | None = None
    read_only: bool = False
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that was told of one target."""

    #: the program that hashes there; "none": none
    hash_program: str
    home: str
    #: where the account keeps what it replaces
    state: str
    uid: int
    #: by number
    at: dict[int, Present]
    places: dict[int, Place]
    #: lines of this run's journal, each as its words
    done: tuple[tuple[str, ...], ...] = ()


def read_look(answers: list[list[str]]) -> Look:
    """Raises Stopped when it can't be read."""
    try:
        return _read(answers)
    except (ValueError, KeyError, IndexError) as error:
        raise failed(Cause.VERIFY, f"the target's answer can't be read: {bounded(str(error))}") from error


def _read(answers: list[list[str]]) -> Look:
    told: dict[str, str] = {}
    at: dict[int, Present] = {}
    places: dict[int, Place] = {}
    done: list[tuple[str, ...]] = []
    for words in answers:
        match words:
            case ["hash" | "me" | "home" | "state" as name, *rest]:
                told[name] = " ".join(rest)
            case ["at", number, kind, mode, uid, gid, size, sha256, user, group]:
                at[int(number)] = Present(
                    kind=_one_of(kind, ("absent", "file", "folder", "link", "other")),
                    mode=mode_of(mode),
                    uid=number_of(uid),
                    gid=number_of(gid),
                    user="" if user == "-" else user,
                    group="" if group == "-" else group,
                    size=max(0, number_of(size)),
                    sha256=hash_of(sha256),
                )
            case ["link", number, *rest]:
                at[int(number)] = replace(at[int(number)], target=" ".join(rest))
            case ["in", number, kind, missing, writable, shared]:
                places[int(number)] = Place(
                    is_folder=kind == "folder",
                    missing=min(number_of(missing), 1000),
                    writable=writable == "yes",
                    is_shared=shared == "yes",
                )
            case ["free", number, read_only, *rest]:
                kib = number_of(rest[0]) if rest else -1
                places[int(number)] = replace(
                    places[int(number)],
                    free=None if kib < 0 else kib * 1024,
                    read_only=read_only == "ro",
                    device=" ".join(rest[1:]),
                )
            case ["done", *rest]:
                done.append(tuple(rest))
            case _:
                raise ValueError(" ".join(words))
    if not told["home"].startswith("/") or not told["state"].startswith("/"):
        raise ValueError("the account has no home")
    return Look(
        hash_program=_one_of(told["hash"], ("sha256sum", "shasum", "openssl", "python3", "none")),
        home=told["home"].rstrip("/"),
        state=told["state"],
        uid=number_of(told["me"]),
        at=at,
        places=places,
        done=tuple(done),
    )


def _one_of(word: str, words: tuple[str, ...]) -> str:
    if word not in words:
        raise ValueError(word)
    return word


def number_of(word: str) -> int:
    return int(word) if len(word) <= 18 and word.isascii() and word.isdigit() else -1


def hash_of(word: str) -> str:
    return word if _HASH.match(word) else ""


def mode_of(word: str) -> int:
    """Permission bits of what ls writes, such as -rwsr-xr-x; -1: not told."""
    letters = word[1:10]
    if len(letters) < 9:
        return -1
    mode = 0
    for place, letter in enumerate(letters):
        mode |= _BITS.get(letter, 0) << 3 * (2 - place // 3)
        if letter in "sStT":
            mode |= 0o4000 >> place // 3
    return mode
