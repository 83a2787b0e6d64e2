"""Devices behind the door."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol, runtime_checkable

from sqlalchemy import Connection

from deployx_tui.engine.endpoints import bare_endpoint, endpoints
from deployx_tui.engine.facts import told
from deployx_tui.engine.secrets import Taking
from deployx_tui.errors import Conflict, InvalidInput, NotFound, Unavailable
from deployx_tui.model.device import (
    Contact,
    Device,
    DeviceDraft,
    OfferedKey,
    SelectorMatch,
    TestStep,
    TestStepName,
)
from deployx_tui.model.fetch import FetchEnded, FetchPiece
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.inventory import reached_through, seen_by_selectors
from deployx_tui.model.page import Page
from deployx_tui.model.secret import Purpose
from deployx_tui.model.user import Actor, Permission
from deployx_tui.model.words import first_of
from deployx_tui.output.veil import veil
from deployx_tui.planning.names import validate_remote_path
from deployx_tui.planning.selectors import resolve
from deployx_tui.planning.validate import validate_device, validate_naming
from deployx_tui.service import access
from deployx_tui.service.backend.devices import Devices
from deployx_tui.service.local import fetching, views
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.service.local.snapshot import Snapshot
from deployx_tui.service.wire.devices import device_draft_to_json as device_facts
from deployx_tui.store import credentials, devices, facts
from deployx_tui.store.devices import StoredDevice
from deployx_tui.store.identity import refuse_stale
from deployx_tui.transports.base import Endpoint, Transport, Unreached
from deployx_tui.transports.hostkeys import fingerprint
from deployx_tui.vault.binding import Bindings

#: a whole connection test
_TEST_DEADLINE = timedelta(seconds=30)

#: what the failure of a step says of the device; a shell that does not answer was reached
_CONTACT_OF_STEP = {
    TestStepName.HOST_KEY: Contact.HOST_KEY,
    TestStepName.AUTHENTICATE: Contact.AUTH,
    TestStepName.RUN: Contact.OK,
}

_AS_SHOWN = "give the key as the connection test showed it"


@runtime_checkable
class KeepsHostKeys(Protocol):
    """A transport that knows its devices by their keys."""

    def trust(self, endpoint: Endpoint, offered: OfferedKey) -> tuple[str, ...]:
        """Keep this key as the known one. Returns the fingerprints that it replaced. ValueError: it is no key."""
        ...


@dataclass(frozen=True, slots=True)
class _Reach:
    """How a device is reached, and what was taken from the vault for it."""

    transport: Transport
    endpoint: Endpoint | Unreached
    taking: Taking


@serves(Devices)
class LocalDevices:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    # ---- reading

    async def list(
        self, text: str = "", group: GroupId | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Device]:
        def work(c: Connection) -> Page[Device]:
            snapshot = self._door.snapshot(c)
            if group is not None and group not in snapshot.inventory.groups:
                raise NotFound("group", str(group))
            among = snapshot.members[group] if group is not None else None
            found, more = devices.page(c, text, among, limit, cursor)
            return Page(views.devices(found, snapshot), more)

        return await self._door.read(work)

    async def get(self, device: DeviceId) -> Device:
        return await self._door.read(lambda c: self._view(c, devices.get(c, device)))

    async def find(self, name_or_id: str) -> Device:
        return await self._door.read(lambda c: self._view(c, devices.find(c, name_or_id)))

    async def match(self, selector: str) -> SelectorMatch:
        return await self._door.read(
            lambda c: resolve(selector, self._door.snapshot(c).inventory, self._door.failed_in(c))
        )

    # ---- changing

    async def create(self, draft: DeviceDraft) -> Device:
        def work(change: Change) -> Device:
            before = self._without_problems(change, draft, None)
            self._refuse_secret_use(change.c, draft, None)
            device = devices.add(change.c, draft, self.actor.user_id, change.now_ms)
            change.record("device.create", device, after=device_facts(draft))
            return self._changed(change, device, before)

        return await self._door.write(work)

    async def update(self, device: DeviceId, draft: DeviceDraft, version: int | None = None) -> Device:
        def work(change: Change) -> Device:
            old = devices.get(change.c, device)
            refuse_stale("device", old.version, version)
            before = self._without_problems(change, draft, device)
            self._refuse_secret_use(change.c, draft, old)
            devices.change(change.c, device, draft, version, change.now_ms)
            change.record("device.update", device, before=device_facts(old.draft), after=device_facts(draft))
            return self._changed(change, device, before)

        return await self._door.write(work)

    async def delete(self, device: DeviceId, version: int | None = None) -> None:
        def work(change: Change) -> None:
            old = devices.get(change.c, device)
            if others := reached_through(self._door.snapshot(change.c).inventory, device):
                raise Conflict(f"{old.draft.name} is the jump host of {first_of(others)}; give them another one first")
            devices.remove(change.c, device, version, change.now_ms)
            change.record("device.delete", device, before=device_facts(old.draft))
            change.tell("device.changed", device_id=device, deleted=1)

        await self._door.write(work)

    async def restore(self, device: DeviceId) -> Device:
        def work(change: Change) -> Device:
            before = self._door.snapshot(change.c)
            devices.restore(change.c, device, change.now_ms)
            jump = devices.get(change.c, device).draft.jump
            if jump is not None and jump not in before.inventory.devices:
                raise Conflict("its jump host is deleted; restore that one first")
            change.record("device.restore", device, after=device_facts(devices.get(change.c, device).draft))
            return self._changed(change, device, before)

        return await self._door.write(work)

    # ---- connecting

    async def test(self, device: DeviceId) -> AsyncIterator[TestStep]:
        reach = await self._door.read(lambda c: self._reach(c, device))
        if isinstance(reach.endpoint, Unreached):
            why = reach.endpoint
            yield TestStep(
                name=TestStepName.AUTHENTICATE, ok=False, message=why.message, remedy=why.remedy, elapsed_ms=0
            )
            return
        transport = reach.transport
        endpoint = reach.endpoint.asking(self._door.premises.engine.desk.asker(self.actor.name))
        if reach.taking.given:
            await self._door.write(lambda change: self._take(change, device, reach.taking))
        loop = asyncio.get_running_loop()
        steps: asyncio.Queue[TestStep | None] = asyncio.Queue()
        is_watched = True

        def work() -> None:
            try:
                for step in transport.test(endpoint, _TEST_DEADLINE):
                    if not is_watched:
                        return
                    # a server may say back what it was told
                    safe = replace(
                        step,
                        message=veil.text(step.message),
                        remedy=veil.text(step.remedy),
                        facts=None if step.facts is None else step.facts.without(veil.holds),
                    )
                    loop.call_soon_threadsafe(steps.put_nowait, safe)
            finally:
                if is_watched:
                    loop.call_soon_threadsafe(steps.put_nowait, None)

        running = loop.run_in_executor(self._door.premises.probes, work)
        last: TestStep | None = None
        try:
            while (step := await steps.get()) is not None:
                last = step
                yield step
        finally:
            is_watched = False
        await running
        if last is not None:
            await self._contacted(endpoint, last)

    async def fetch(self, device: DeviceId, path: str) -> AsyncGenerator[FetchPiece, None]:
        if problems := validate_remote_path(path, "path"):
            raise InvalidInput(problems)
        reach = await self._door.read(lambda c: self._reach(c, device))

        def work(change: Change) -> None:
            if reach.taking.given:
                reach.taking.record(change.c, self.actor, self._door.premises.engine.id, change.now_ms, fetch_of=device)
            change.record("device.fetch", device, after={"path": path})
            change.tell("device.fetch", device_id=device)

        # before the first byte is read: nothing is taken away that is not in the audit
        await self._door.write(work, durable=True)
        if isinstance(reach.endpoint, Unreached):
            why = reach.endpoint
            yield FetchEnded(cause=why.cause, message=why.message, remedy=why.remedy)
            return
        premises = self._door.premises
        endpoint = reach.endpoint.asking(premises.engine.desk.asker(self.actor.name))
        found = fetching.pieces(reach.transport, endpoint, path, premises.fetches)
        try:
            async for piece in found:
                yield piece
        finally:
            await found.aclose()

    async def trust(self, device: DeviceId, key: OfferedKey) -> None:
        transport, endpoint = await self._door.read(lambda c: self._way_to(c, device))
        if not isinstance(transport, KeepsHostKeys):
            raise Conflict(f"{endpoint.name} is reached by {endpoint.transport.value}, which has no host keys")
        keeper: KeepsHostKeys = transport
        _refuse_other_fingerprint(key)

        def work(change: Change) -> None:
            # inside the transaction: when the file refuses, no entry says that it was done
            try:
                replaced = keeper.trust(endpoint, key)
            except ValueError as error:
                raise InvalidInput.of("key", str(error), _AS_SHOWN) from error
            except OSError as error:
                raise Unavailable(f"the known host keys can't be written: {error}") from error
            change.record(
                "device.trust",
                device,
                before={"fingerprints": [*replaced]},
                after={"fingerprints": [key.fingerprint], "key_type": key.key_type},
            )
            change.tell("device.changed", device_id=device, host_key=key.fingerprint)

        await self._door.write(work, durable=True)

    # ---- parts

    def _view(self, c: Connection, device: StoredDevice) -> Device:
        return views.device(device, self._door.snapshot(c))

    def _changed(self, change: Change, device: DeviceId, before: Snapshot) -> Device:
        change.tell("device.changed", device_id=device)
        new = devices.get(change.c, device)
        seen = seen_by_selectors(device, new.draft, new.facts)
        return views.device(new, self._door.premises.snapshots.follow(change.c, before, seen, new.draft.groups))

    def _without_problems(self, change: Change, draft: DeviceDraft, device: DeviceId | None) -> Snapshot:
        """What holds before the change; InvalidInput when the draft can't be meant in it."""
        before = self._door.snapshot(change.c)
        problems = validate_device(draft, before.inventory, device)
        if problems:
            raise InvalidInput(problems)
        return before

    def _refuse_secret_use(self, c: Connection, draft: DeviceDraft, old: StoredDevice | None) -> None:
        """Whoever says where a secret goes must be allowed to use it: so too who moves a device that gets one."""
        before = () if old is None else old.draft.credentials
        if new := set(draft.credentials) - set(before):
            known = {each.id: each for each in credentials.every(c)}
            if unknown := sorted(new - set(known)):
                message = f"there is none with id {', '.join(map(str, unknown))}"
                raise InvalidInput.of("credential_ids", message, "deployx credential list shows them")
            named = [known[each] for each in draft.credentials if each in known]
            if problems := validate_naming((each.name, each.draft.kind.purpose) for each in named):
                raise InvalidInput(problems)
        is_moved = old is not None and _way(draft) != _way(old.draft) and self._gets_a_secret(c, old.id)
        if is_moved or set(draft.credentials) != set(before):
            access.require(self.actor, Permission.SECRETS_USE)

    def _gets_a_secret(self, c: Connection, device: DeviceId) -> bool:
        bindings = Bindings.load(c, self._door.snapshot(c).inventory, [device])
        return any(bindings.of(device, purpose) is not None for purpose in Purpose)

    def _reach(self, c: Connection, device: DeviceId) -> _Reach:
        kind = devices.get(c, device).draft.transport
        inventory = self._door.snapshot(c).inventory
        taking = Taking(c, self._door.premises.vault, inventory, [device])
        return _Reach(self._door.premises.transports[kind], endpoints(c, [device], inventory, taking)[device], taking)

    def _way_to(self, c: Connection, device: DeviceId) -> tuple[Transport, Endpoint]:
        """Without a secret: nobody logs in."""
        stored = devices.get(c, device)
        endpoint = bare_endpoint(c, stored, self._door.snapshot(c).inventory)
        if isinstance(endpoint, Unreached):
            raise Conflict(f"{endpoint.message}: {endpoint.remedy}")
        return self._door.premises.transports[stored.draft.transport], endpoint

    def _take(self, change: Change, device: DeviceId, taking: Taking) -> None:
        taking.record(change.c, self.actor, self._door.premises.engine.id, change.now_ms, test_of_device=device)
        change.nothing_changed()

    async def _contacted(self, endpoint: Endpoint, last: TestStep) -> None:
        device, contact = endpoint.device_id, _contact(last)

        def work(change: Change) -> None:
            if last.facts is not None:
                facts.keep(change.c, [told(endpoint, last.facts, "connection test")], change.now_ms)
            devices.contacted(change.c, device, contact, change.now_ms)
            change.record("device.test", device, after={"contact": contact.value})
            change.tell("device.changed", device_id=device, contact=contact.value)

        await self._door.write(work)


def _refuse_other_fingerprint(key: OfferedKey) -> None:
    """What was looked at must be what is kept."""
    try:
        found = fingerprint(base64.b64decode(key.key, validate=True))
    except ValueError as error:
        raise InvalidInput.of("key", "it is not the base64 text of a key", _AS_SHOWN) from error
    if found != key.fingerprint:
        raise InvalidInput.of("fingerprint", f"the key's own is {found}", _AS_SHOWN)


def _contact(last: TestStep) -> Contact:
    if last.ok:
        return Contact.OK
    return _CONTACT_OF_STEP.get(last.name, Contact.UNREACHABLE)


def _way(draft: DeviceDraft) -> tuple[object, ...]:
    """What decides who gets a secret that is sent there."""
    return (draft.address, draft.port, draft.user, draft.transport, draft.jump)
