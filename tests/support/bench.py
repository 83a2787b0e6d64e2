"""An engine on a database of its own, with devices, to run things on and to wait for."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.engine.engine import Engine
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.codec import JSON, canonical
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import Execution, ExecutionStatus, Stream, TargetResult, Trigger
from deployx_tui.model.ids import ArtifactId, DeviceId, ExecutionId, TargetId, UserId
from deployx_tui.model.parameter_json import parameters_to_json
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.payload_json import payload_field
from deployx_tui.model.payloads import Payload
from deployx_tui.output.store import OutputStore
from deployx_tui.store import devices, endings, executions, history, results, schema
from deployx_tui.store.clock import now_ms
from deployx_tui.store.contents.source import Contents
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Transport
from deployx_tui.vault.vault import Vault
from tests.support.rows import add_user
from tests.support.stored_artifacts import add_file, add_tree, contents_beside
from tests.support.vaults import vault_in

#: a test that waits longer has failed; nothing is measured by it
PATIENCE = 60.0


class Bench:
    def __init__(
        self,
        database: Database,
        engine: Engine,
        output: OutputStore,
        owner: UserId,
        vault: Vault,
        contents: Contents | None = None,
    ) -> None:
        """`contents` None: it puts no files anywhere."""
        self.vault, self._contents = vault, contents
        self.database, self.engine, self.output, self.owner = database, engine, output, owner
        self._committed = threading.Condition()
        database.on_commit(self._commit)

    def add(self, draft: DeviceDraft) -> DeviceId:
        with self.database.write() as c:
            return devices.add(c, draft, self.owner, now_ms())

    @property
    def contents(self) -> Contents:
        assert self._contents is not None, "this bench has no artifacts"
        return self._contents

    def add_file(self, name: str, content: bytes) -> ArtifactId:
        """The next version under a name."""
        return add_file(self.database, self.contents, self.owner, name, content)

    def add_tree(self, name: str, files: Mapping[str, bytes]) -> ArtifactId:
        return add_tree(self.database, self.contents, self.owner, name, files)

    def add_devices(self, *names: str, transport: TransportKind = TransportKind.LOCAL) -> tuple[DeviceId, ...]:
        return tuple(self.add(DeviceDraft(name=name, address="127.0.0.1", transport=transport)) for name in names)

    def queue(
        self,
        what: str | Payload,
        on: str | Sequence[DeviceId] = "*",
        *,
        timeout: float | None = None,
        trigger: Trigger = Trigger.AD_HOC,
    ) -> ExecutionId:
        """Queue an ad-hoc run as the door does, and wake the engine."""
        with self.database.write(durable=True) as c:
            execution = self.insert(c, what, on, timeout=timeout, trigger=trigger)
        self.engine.wake()
        return execution

    def insert(
        self,
        c: Connection,
        what: str | Payload,
        on: str | Sequence[DeviceId] = "*",
        *,
        timeout: float | None = None,
        trigger: Trigger = Trigger.AD_HOC,
    ) -> ExecutionId:
        payload = CommandPayload(body=Line(what)) if isinstance(what, str) else what
        draft: JSON = {
            **payload_field(payload),
            "parameters": parameters_to_json(payload.parameters),
            "selector": on if isinstance(on, str) else "",
            "device_ids": [] if isinstance(on, str) else [*on],
            "timeout_seconds": timeout,
        }
        execution, _ = executions.insert(
            c,
            task_id=None,
            task_version=None,
            fire_key=f"m:{uuid.uuid4()}",
            trigger=trigger,
            draft_json=canonical(draft),
            owner_id=self.owner,
            started_by="ann",
            task_name="ad hoc",
            summary="",
            engine_id=self.engine.id,
            status=ExecutionStatus.QUEUED,
            due_at_ms=now_ms(),
            scheduled_for_ms=None,
            now_ms=now_ms(),
        )
        return execution

    def run(self, what: str | Payload, on: str | Sequence[DeviceId] = "*", **more: float) -> Execution:
        return self.ended(self.queue(what, on, timeout=more.get("timeout")))

    def ended(self, execution: ExecutionId, patience: float = PATIENCE) -> Execution:
        self.until(lambda: not self.get(execution).status.is_alive, patience)
        return self.get(execution)

    def get(self, execution: ExecutionId) -> Execution:
        with self.database.read() as c:
            return history.get(c, execution)

    def targets(self, execution: ExecutionId | Execution) -> Mapping[str, TargetResult]:
        id_ = execution.id if isinstance(execution, Execution) else execution
        with self.database.read() as c:
            return {target.device: target for target in results.page(c, id_, limit=1_000)[0]}

    def event_types(self, execution: ExecutionId) -> list[str]:
        """Of the events that its changes left, the first one first."""
        kinds = sa.select(schema.events.c.type).where(schema.events.c.execution_id == execution)
        with self.database.read() as c:
            return list(c.scalars(kinds.order_by(schema.events.c.number)))

    def output_of(self, target: TargetResult, stream: Stream = Stream.STDOUT) -> bytes:
        data, offset = b"", 0
        while True:
            read = self.output.read(target.execution_id, target.id, stream, offset)
            data += b"".join(chunk.data for chunk in read.chunks)
            if read.next_offset == offset:
                return data
            offset = read.next_offset

    def cancel(self, execution: ExecutionId) -> None:
        with self.database.write() as c:
            endings.request_cancel(c, execution, now_ms())
        self.engine.cancel(execution)

    def until(self, is_so: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait for something that a commit of this process makes true."""
        deadline = time.monotonic() + patience
        while True:
            with self._committed:
                if is_so():
                    return
                left = deadline - time.monotonic()
                assert left > 0, "waited in vain"
                self._committed.wait(min(left, 1.0))

    def target_id(self, execution: ExecutionId, name: str) -> TargetId:
        return self.targets(execution)[name].id

    def _commit(self) -> None:
        with self._committed:
            self._committed.notify_all()


@contextmanager
def engine_on(
    database: Database,
    folder: Path,
    transports: Mapping[TransportKind, Transport],
    settings: EngineSettings | None = None,
    owner: UserId | None = None,
) -> Iterator[Bench]:
    output = OutputStore(database, folder)
    vault = vault_in(database, folder.parent / "config")
    contents = contents_beside(database, folder)
    engine = Engine(database, settings or EngineSettings(), transports, output, vault, contents)
    if owner is None:
        with database.write() as c:
            owner = add_user(c)
    engine.start()
    try:
        yield Bench(database, engine, output, owner, vault, contents)
    finally:
        engine.stop(timedelta(0))
        output.close()
