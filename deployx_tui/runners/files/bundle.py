"""Small files of a tree on their way: as tar streams of a few MiB. Pure but for reading."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deployx_tui.model.artifact import EntryKind
from deployx_tui.runners.files import names
from deployx_tui.runners.files.decide import Deed, Step
from deployx_tui.runners.files.wanted import MemoryContent

#: larger files go alone
SMALL = 256 * 1024
_MOST = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    #: its name in the stream and in the staging folder: a number for its folder, and its own
    name: str
    step: Step
    mode: int

    @property
    def blocks(self) -> int:
        """Of 512 bytes in the stream: a header, the content, and what a long name takes."""
        length = len(self.name.encode("utf-8", "surrogateescape"))
        return 1 + -(-size_of(self.step) // 512) + (0 if length <= 100 else 1 + -(-(length + 1) // 512))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        """Bytes of the stream: members in blocks, an end of two, all of it in records."""
        blocks = sum(member.blocks for member in self.members) + 2
        return -(-blocks * 512 // tarfile.RECORDSIZE) * tarfile.RECORDSIZE

    @property
    def key(self) -> str:
        """The same for the same files."""
        return "\n".join(f"{member.name} {_sha256(member.step)} {member.mode}" for member in self.members)

    def content(self) -> MemoryContent:
        """The stream, the same bytes each time."""
        out = io.BytesIO()
        with tarfile.open(
            fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        ) as tar:
            for member in self.members:
                want = member.step.wanted
                data = want.opened().read(0, want.size)
                entry = tarfile.TarInfo(member.name)
                entry.size = len(data)
                entry.mode = member.mode
                tar.addfile(entry, io.BytesIO(data))
        return MemoryContent(out.getvalue())


def size_of(step: Step) -> int:
    return 0 if step.want is None else step.want.size


def _sha256(step: Step) -> str:
    return "" if step.want is None else step.want.sha256


def is_small(step: Step) -> bool:
    """A file that need not go alone."""
    want = step.want
    return step.deed is Deed.PUT and want is not None and want.kind is EntryKind.FILE and want.size <= SMALL


def folder_of(step: Step) -> str:
    """Where it waits with others: in its tree's folder, or in its own."""
    want = step.wanted
    return want.root if want.root is not None else names.parent(want.path)


def together(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """Small files by the folder where they wait; one item of its own goes alone."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        if is_small(step):
            found.setdefault(folder_of(step), []).append(step)
    return {folder: held for folder, held in found.items() if len(held) > 1 or held[0].wanted.root is not None}


def bundles(members: Sequence[Member]) -> Iterator[Bundle]:
    """As few as may hold them, in order."""
    held: list[Member] = []
    size = 0
    for member in members:
        length = member.blocks * 512
        if held and size + length > _MOST:
            yield Bundle(members=tuple(held))
            held, size = [], 0
        held.append(member)
        size += length
    if held:
        yield Bundle(members=tuple(held))
