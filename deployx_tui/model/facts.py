"""What a device told of itself. None and () mean unknown: nothing here is ever guessed.

The device is not trusted: only `transports/posix/facts.py` makes these from its words, by the checks below.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

#: characters of a fact
MOST = 120
#: bytes of a disk, a memory: more than any has
MOST_BYTES = 1 << 60
MOST_CPUS = 1_000_000
#: words of ID_LIKE
MOST_LIKE = 8

#: a name of a system, a family or an architecture; os-release(5) says so of ID
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")
_BOOT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

#: what Linux, macOS and packages call the same
_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that a folder is on. Sizes in bytes."""

    folder: str
    total: int
    #: for the account that asked
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    #: as `uname -s` says: Linux, FreeBSD, Darwin
    kernel: str | None = None
    kernel_release: str | None = None
    #: ID of os-release, such as debian; without that file the kernel's name in small letters
    os_id: str | None = None
    #: ID_LIKE of os-release: what it descends from, the nearest first
    os_like: tuple[str, ...] = ()
    #: VERSION_ID: "12", "3.20.1"; a rolling system has none
    os_version: str | None = None
    #: PRETTY_NAME
    os_name: str | None = None
    #: as `uname -m` says
    arch: str | None = None
    #: of the account that asked
    login_shell: str | None = None
    #: the file behind the `sh` that ran us
    sh: str | None = None
    #: another one: the device was restarted
    boot_id: str | None = None
    cpus: int | None = None
    #: bytes
    memory: int | None = None
    root: Disk | None = None
    #: where temporary files go
    temporary: Disk | None = None

    def without(self, holds_secret: Callable[[str], bool]) -> Facts:
        """Texts that hold a secret are unknown: nothing of the kind is kept."""

        def text(found: str | None) -> str | None:
            return None if found is not None and holds_secret(found) else found

        def disk(found: Disk | None) -> Disk | None:
            return None if found is not None and holds_secret(found.folder) else found

        return replace(
            self,
            kernel=text(self.kernel),
            kernel_release=text(self.kernel_release),
            os_id=text(self.os_id),
            os_like=() if holds_secret(" ".join(self.os_like)) else self.os_like,
            os_version=text(self.os_version),
            os_name=text(self.os_name),
            arch=text(self.arch),
            login_shell=text(self.login_shell),
            sh=text(self.sh),
            boot_id=text(self.boot_id),
            root=disk(self.root),
            temporary=disk(self.temporary),
        )

    @property
    def os_words(self) -> frozenset[str]:
        """What `os:` finds it by: debian, linux. Empty: unknown."""
        return frozenset(word.lower() for word in (self.os_id, self.kernel) if word is not None)

    @property
    def system(self) -> str | None:
        """ "debian 12"."""
        if self.os_id is None:
            return None
        return f"{self.os_id} {self.os_version}" if self.os_version else self.os_id


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFacts:
    """Facts with their age: they may have changed since."""

    facts: Facts
    #: aware UTC
    seen_at: datetime
    #: the contact that brought them: "run 8841", "connection test"
    seen_by: str


def canonical_arch(arch: str) -> str:
    """One name for an architecture that has several: amd64 is x86_64, arm64 is aarch64."""
    word = arch.lower()
    return _ARCHITECTURES.get(word, word)


def word_or_none(text: str | None) -> str | None:
    """A name of a system or an architecture; None when it is none."""
    return text if text is not None and _WORD.match(text) else None


def text_or_none(text: str | None) -> str | None:
    """A text of one line that can be shown as it is; None when it is empty, too long or holds anything else."""
    if text is None or not text.strip() or len(text) > MOST or not text.isprintable():
        return None
    return text.strip()


def path_or_none(text: str | None) -> str | None:
    found = text_or_none(text)
    return found if found is not None and found.startswith("/") else None


def boot_id_or_none(text: str | None) -> str | None:
    return text if text is not None and _BOOT.match(text) else None


def number_or_none(text: str | None, most: int) -> int | None:
    """A whole number from 1 to `most`."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    found = int(text)
    return found if 0 < found <= most else None
