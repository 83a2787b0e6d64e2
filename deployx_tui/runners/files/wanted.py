"""What shall be where on one target: a payload, its artifacts and the device's facts as a list of destinations. Pure
but for reading the artifacts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from deployx_tui.errors import InvalidInput
from deployx_tui.model.artifact import ArtifactKind, ArtifactRef, EntryKind, TreeEntry
from deployx_tui.model.execution import Cause
from deployx_tui.model.facts import Facts
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.secret import Secret
from deployx_tui.runners.artifacts import ArtifactSource, Content
from deployx_tui.runners.files import render
from deployx_tui.runners.files.stopped import failed

#: permission bits of a new file that nobody said anything of
_MODE = 0o644
#: bytes
_LONGEST_NAME = 255


class Lazy(Protocol):
    """Opens what is sent, when it is sent."""

    def __call__(self) -> Content: ...


class MemoryContent:
    """Bytes made for one target."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.sha256 = hashlib.sha256(data).hexdigest()

    @property
    def size(self) -> int:
        return len(self._data)

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]

    def prefix_sha256(self, size: int) -> str:
        return hashlib.sha256(self._data[:size]).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One thing that shall be on the target."""

    #: absolute, or `~/...` until the target has told where its home is
    path: str
    kind: EntryKind
    #: permission bits that it shall have; None: those of what it replaces
    mode: int | None = None
    #: permission bits of a new one; None: as the account makes folders
    new_mode: int | None = None
    size: int = 0
    #: of a file
    sha256: str = ""
    #: of a link
    target: str = ""
    #: of a file
    content: Lazy | None = None
    #: it lies in this tree; None: it is an item of its own
    root: str | None = None

    def at_home(self, home: str) -> Want:
        """Its `~/` is this folder; `replace` takes five times as long, and a tree has 100,000."""
        if not self.path.startswith("~/"):
            return self
        root = self.root
        if root is not None and root.startswith("~"):
            root = home + root[1:]
        return Want(
            path=home + self.path[1:], kind=self.kind, mode=self.mode, new_mode=self.new_mode, size=self.size,
            sha256=self.sha256, target=self.target, content=self.content, root=root,
        )  # fmt: skip

    def opened(self) -> Content:
        """Of a file. Raises Stopped when it is not here any more."""
        if self.content is None:
            raise ValueError(f"{self.path} has no content")
        return self.content()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    #: each path once
    wants: tuple[Want, ...]
    #: the folders that trees are put into
    roots: tuple[str, ...]
    #: of the first tree, its manifest's SHA-256; "": there is none
    manifest: str = ""


def target_path(payload: FilePayload, facts: Facts | None) -> str:
    """The first path of a platform that fits, else the common one."""
    words = facts.os_words if facts is not None else frozenset[str]()
    for word, path in payload.platform_paths:
        if word.lower() in words:
            return path
    return payload.target_path


def wanted(
    payload: FilePayload,
    artifacts: Mapping[ArtifactId, ArtifactRef],
    source: ArtifactSource,
    parameters: Mapping[str, str | Secret],
    facts: Facts | None,
    device: str,
) -> Wanted:
    """Raises Stopped: with what can't be made for this target, and why."""
    target = target_path(payload, facts)
    if not target.startswith(("/", "~/")) or "\0" in target or ".." in target.split("/"):
        raise failed(Cause.VERIFY, f"{target!r} is no target path: it is absolute, or below ~/, and has no ..")
    refs = [_pinned(item, artifacts) for item in payload.items]
    is_folder = target.endswith("/") or len(refs) > 1 or any(ref.kind is ArtifactKind.TREE for ref in refs)
    base = target.rstrip("/")
    by_name = render.facts_by_name(facts, device)
    wants: dict[str, Want] = {}
    roots: list[str] = []
    manifest = ""
    for item, ref in zip(payload.items, refs, strict=True):
        try:
            if ref.kind is ArtifactKind.TREE:
                root = f"{base}/{_named(item.name)}" if item.name else base
                found = _tree(payload, item, source.tree(ref.sha256), source, root)
                roots.append(root)
                manifest = manifest or ref.sha256
            else:
                path = f"{base}/{_named(item.name or ref.name)}" if is_folder else base
                found = [_file(payload, item, ref, source, path, parameters, by_name)]
        except InvalidInput as error:
            raise failed(Cause.VERIFY, f"artifact {ref.name}: {error}") from error
        except render.Unfit as error:
            raise failed(Cause.VERIFY, f"artifact {ref.name}: {error}") from error
        for want in found:
            _refuse_long(want.path)
            there = wants.get(want.path)
            if there is not None and not (there.kind is want.kind is EntryKind.FOLDER):
                raise failed(Cause.VERIFY, f"two items of the task are {want.path} (give one another name)")
            wants[want.path] = want
    return Wanted(wants=tuple(wants.values()), roots=tuple(dict.fromkeys(roots)), manifest=manifest)


def _refuse_long(path: str) -> None:
    """A file system holds names up to 255 bytes."""
    if len(path) <= _LONGEST_NAME // 4:
        return
    for name in path.split("/"):
        length = len(name.encode("utf-8", "surrogateescape"))
        if length > _LONGEST_NAME:
            raise failed(
                Cause.VERIFY,
                f"{name[:60]}… has {length} bytes, and a name on a target at most {_LONGEST_NAME} (give a shorter one)",
            )


def _pinned(item: FileItem, artifacts: Mapping[ArtifactId, ArtifactRef]) -> ArtifactRef:
    ref = artifacts.get(item.artifact)
    if ref is None:
        raise failed(Cause.VERIFY, f"the plan pins no artifact {item.artifact} (start the task again)")
    return ref


def _named(name: str) -> str:
    """A name relative to the target path."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name or parts[-1].startswith(".dx-"):
        raise failed(Cause.VERIFY, f"{name!r} is no name within the target path (give the item another one)")
    return name


def _file(
    payload: FilePayload,
    item: FileItem,
    ref: ArtifactRef,
    source: ArtifactSource,
    path: str,
    parameters: Mapping[str, str | Secret],
    facts: Mapping[str, str | None],
) -> Want:
    opened = source.content(ref.sha256)
    if render.is_rendered(item):
        if opened.size > render.LARGEST:
            raise render.Unfit(f"it has {opened.size} bytes; {render.LARGEST} are the limit where a text is changed")
        opened = MemoryContent(render.rendered(opened.read(0, opened.size), item, parameters, facts))
    mode = item.mode if item.mode is not None else payload.mode
    return Want(
        path=path,
        kind=EntryKind.FILE,
        mode=mode,
        new_mode=_MODE if mode is None else mode,
        size=opened.size,
        sha256=opened.sha256,
        content=_opens(opened),
    )


def _opens(opened: Content) -> Lazy:
    return lambda: opened


def _tree(
    payload: FilePayload, item: FileItem, entries: tuple[TreeEntry, ...], source: ArtifactSource, root: str
) -> list[Want]:
    if render.is_rendered(item):
        raise render.Unfit("it is a tree, and only a single file is changed for each target (add that file alone)")
    explicit = item.mode if item.mode is not None else payload.mode
    folders: dict[str, int | None] = {}
    found = []
    for entry in entries:
        _named(entry.path)
        parent = entry.path.rpartition("/")[0]
        while parent and parent not in folders:
            folders[parent] = None
            parent = parent.rpartition("/")[0]
        path = f"{root}/{entry.path}"
        match entry.kind:
            case EntryKind.FOLDER:
                folders[entry.path] = entry.mode
            case EntryKind.LINK:
                found.append(Want(path=path, kind=entry.kind, target=entry.target, root=root))
            case EntryKind.FILE:
                found.append(
                    Want(
                        path=path,
                        kind=entry.kind,
                        mode=explicit,
                        new_mode=entry.mode if explicit is None else explicit,
                        size=entry.size,
                        sha256=entry.sha256,
                        content=_of_tree(source, entry.sha256),
                        root=root,
                    )
                )
    made = [
        Want(path=f"{root}/{path}", kind=EntryKind.FOLDER, new_mode=mode, root=root)
        for path, mode in sorted(folders.items())
    ]
    return made + found


def _of_tree(source: ArtifactSource, sha256: str) -> Lazy:
    def opened() -> Content:
        try:
            return source.content(sha256)
        except InvalidInput as error:
            raise failed(Cause.VERIFY, f"a file of the tree: {error}") from error

    return opened
