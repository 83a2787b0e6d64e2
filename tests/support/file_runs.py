"""File runs for tests: artifacts in memory, and a target that is a connection of a transport."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from threading import Event

from deployx_tui.errors import InvalidInput
from deployx_tui.model.artifact import ArtifactKind, ArtifactRef, EntryKind, TreeEntry
from deployx_tui.model.changes import TargetChanges
from deployx_tui.model.execution import Stream
from deployx_tui.model.facts import Facts
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.payload import RunAs
from deployx_tui.model.secret import Secret
from deployx_tui.runners.command import RunFacts
from deployx_tui.runners.files import names
from deployx_tui.runners.files.rollback import run_rollback
from deployx_tui.runners.files.run import FileRun, run_files
from deployx_tui.runners.files.wanted import MemoryContent
from deployx_tui.transports.base import Connection


class MemoryArtifacts:
    """An ArtifactSource; what is added is pinned."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._trees: dict[str, tuple[TreeEntry, ...]] = {}
        self.refs: dict[ArtifactId, ArtifactRef] = {}

    def file(self, content: bytes, name: str = "app.conf") -> ArtifactId:
        sha256 = hashlib.sha256(content).hexdigest()
        self._contents[sha256] = content
        return self._pin(name, ArtifactKind.FILE, sha256, len(content))

    def tree(
        self, files: Mapping[str, bytes | tuple[bytes, int]], links: Mapping[str, str] | None = None
    ) -> ArtifactId:
        """Of contents by path, with modes if they are not 0644; a path that ends in / is a folder."""
        entries = []
        for path, given in files.items():
            content, mode = given if isinstance(given, tuple) else (given, 0o644)
            if path.endswith("/"):
                entries.append(TreeEntry(path=path.rstrip("/"), kind=EntryKind.FOLDER, mode=0o755))
                continue
            sha256 = hashlib.sha256(content).hexdigest()
            self._contents[sha256] = content
            entries.append(TreeEntry(path=path, kind=EntryKind.FILE, mode=mode, size=len(content), sha256=sha256))
        for path, target in (links or {}).items():
            entries.append(TreeEntry(path=path, kind=EntryKind.LINK, mode=0, target=target))
        entries.sort(key=lambda entry: entry.path)
        sha256 = hashlib.sha256(repr(entries).encode("utf-8", "surrogateescape")).hexdigest()
        self._trees[sha256] = tuple(entries)
        return self._pin("site", ArtifactKind.TREE, sha256, sum(entry.size for entry in entries))

    def _pin(self, name: str, kind: ArtifactKind, sha256: str, size: int) -> ArtifactId:
        artifact = ArtifactId(len(self.refs) + 1)
        self.refs[artifact] = ArtifactRef(id=artifact, name=name, version=1, kind=kind, sha256=sha256, size=size)
        return artifact

    def content(self, sha256: str) -> MemoryContent:
        if sha256 not in self._contents:
            raise InvalidInput.of("artifact", "its content is not here any more", "add it again")
        return MemoryContent(self._contents[sha256])

    def forget(self, artifact: ArtifactId) -> None:
        del self._contents[self.refs[artifact].sha256]

    def tree_of(self, sha256: str) -> tuple[TreeEntry, ...]:
        return self._trees[sha256]


class _Source:
    def __init__(self, artifacts: MemoryArtifacts) -> None:
        self._artifacts = artifacts

    def content(self, sha256: str) -> MemoryContent:
        return self._artifacts.content(sha256)

    def tree(self, sha256: str) -> tuple[TreeEntry, ...]:
        return self._artifacts.tree_of(sha256)


@dataclass
class Ran:
    """How a run ended, and what it said."""

    facts: RunFacts
    changes: TargetChanges
    said: str
    #: (over, of all) as they came
    progress: list[tuple[int, int]]

    @property
    def message(self) -> str:
        return self.facts.message


@dataclass
class Target:
    """Runs of one kind against one connection."""

    connection: Connection
    artifacts: MemoryArtifacts = field(default_factory=MemoryArtifacts)
    run_as: RunAs | None = None
    password: Secret | None = None
    #: of all runs so far
    nonces: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def remove_state(self, state: Path) -> None:
        """What these runs left where an account keeps things, and that folder if nothing else is in it."""
        for nonce in self.nonces:
            for run in (nonce, names.tag(nonce, "undo")):
                (state / "kept/runs" / names.run_id(run)).unlink(missing_ok=True)
        for path in self.kept:
            shutil.rmtree(Path(path).parent, ignore_errors=True)
        for folder in (state / "kept/runs", state / "kept", state):
            with suppress(OSError):  # not empty, or not there
                folder.rmdir()

    def _ran(self, nonce: str, changes: TargetChanges) -> None:
        self.nonces.append(nonce)
        self.kept += [change.kept for change in changes.files if change.kept]

    def run(
        self,
        artifact: ArtifactId | None = None,
        target_path: str = "",
        *,
        payload: FilePayload | None = None,
        nonce: str | None = None,
        parameters: Mapping[str, str | Secret] | None = None,
        facts: Facts | None = None,
        cancel: Event | None = None,
        timeout: timedelta | None = None,
        **fields: object,
    ) -> Ran:
        """`fields`: of the payload."""
        if payload is None:
            items = fields.pop("items", None)
            if items is None:
                assert artifact is not None
                items = (FileItem(artifact=artifact),)
            payload = FilePayload(
                items=items,  # type: ignore[arg-type]  # the payload's own fields
                target_path=target_path,
                run_as=self.run_as,
                **fields,  # type: ignore[arg-type]
            )
        nonce = nonce or token_hex(16)
        run = FileRun(
            payload=payload,
            artifacts=self.artifacts.refs,
            source=_Source(self.artifacts),
            parameters=parameters or {},
            facts=facts,
            device="web01",
            nonce=nonce,
            password=self.password,
            timeout=timeout,
        )
        said = bytearray()
        progress: list[tuple[int, int]] = []

        def say(stream: Stream, data: bytes, at: datetime) -> None:
            said.extend(data)

        told, changes = run_files(
            run, self.connection, say, cancel or Event(), lambda done, total: progress.append((done, total))
        )
        self._ran(nonce, changes)
        return Ran(told, changes, said.decode(errors="replace"), progress)

    def take_back(self, ran: Ran | TargetChanges, *, force: bool = False, nonce: str | None = None) -> Ran:
        nonce = nonce or token_hex(16)
        said = bytearray()

        def say(stream: Stream, data: bytes, at: datetime) -> None:
            said.extend(data)

        told, changes = run_rollback(
            ran if isinstance(ran, TargetChanges) else ran.changes,
            self.connection,
            say,
            Event(),
            force=force,
            run_as=self.run_as,
            password=self.password,
            nonce=nonce,
            timeout=None,
        )
        self._ran(nonce, changes)
        return Ran(told, changes, said.decode(errors="replace"), [])
