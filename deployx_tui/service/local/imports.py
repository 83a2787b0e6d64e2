"""Imports of devices behind the door: a file is read outside of the transaction, and written in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.device import DeviceDraft, GroupDraft
from deployx_tui.model.ids import GroupId
from deployx_tui.model.importing import (
    HostList,
    HostSource,
    HostStanding,
    ImportChoice,
    ImportPlan,
    PlannedGroup,
    PlannedHost,
)
from deployx_tui.model.user import Actor
from deployx_tui.planning.importing import plan_import
from deployx_tui.planning.validate import validate_device, validate_group
from deployx_tui.service.backend.imports import Imports
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.service.wire.devices import device_draft_to_json as device_facts
from deployx_tui.service.wire.devices import group_draft_to_json as group_facts
from deployx_tui.store import devices, groups


@serves(Imports)
class LocalImports:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    async def plan(self, source: HostSource) -> ImportPlan:
        found, digest = await self._read(source)
        return await self._door.read(lambda c: self._plan(c, found, digest))

    async def take(self, source: HostSource, choice: ImportChoice) -> ImportPlan:
        found, digest = await self._read(source)
        if digest != choice.digest:
            raise Conflict("the hosts are not those that were looked at any more; look at them again", stale=True)

        def work(change: Change) -> ImportPlan:
            plan = self._plan(change.c, found, digest)
            _refuse_unknown(plan, choice.names)
            plan = plan.chosen(choice.names)
            if not plan.new:
                change.nothing_changed()
                return plan
            self._write(change, plan, choice)
            return plan

        return await self._door.write(work)

    async def _read(self, source: HostSource) -> tuple[HostList, str]:
        def work() -> tuple[HostList, str]:
            from deployx_tui.portability.hosts import digest_of, read_hosts  # noqa: PLC0415 - loads a YAML parser

            found = read_hosts(source)
            return found, digest_of(found)

        return await self._door.run(work)

    def _plan(self, c: Connection, found: HostList, digest: str) -> ImportPlan:
        return plan_import(found, digest, self._door.snapshot(c).inventory, devices.by_address(c))

    def _write(self, change: Change, plan: ImportPlan, choice: ImportChoice) -> None:
        group_ids = {each.name: each.id for each in self._door.snapshot(change.c).inventory.groups.values()}
        for group in plan.groups:
            group_ids[group.name] = self._group(change, group, group_ids)
        inventory = self._door.snapshot(change.c).inventory
        device_ids = {each.name: each.id for each in inventory.devices.values()}
        # what is the same for each of them is asked once
        sample = DeviceDraft(name="x", address="x", groups=choice.groups, tags=choice.tags)
        if problems := validate_device(sample, replace(inventory, devices={})):
            raise InvalidInput(problems)
        for host in _jump_hosts_first(plan.new):
            own = [group_ids[name] for name in host.groups]
            draft = replace(
                host.draft,
                groups=tuple(sorted({*own, *choice.groups})),
                tags=host.draft.tags | choice.tags,
                jump=None if host.jump is None else device_ids[host.jump],
            )
            made = devices.add(change.c, draft, self.actor.user_id, change.now_ms)
            device_ids[host.name] = made
            change.record("device.create", made, after=device_facts(draft))
            change.tell("device.changed", device_id=made)
        change.record("device.import", None, after={"format": plan.format.value, "devices": len(plan.new)})

    def _group(self, change: Change, group: PlannedGroup, ids: Mapping[str, GroupId]) -> GroupId:
        """A new group, or one that exists with what is put inside it."""
        inside = tuple(ids[child] for child in group.children)
        if not group.is_new:
            present = groups.get(change.c, ids[group.name])
            if not set(inside) - set(present.draft.groups):
                return present.id
            draft = replace(present.draft, groups=tuple(sorted({*present.draft.groups, *inside})))
            self._refuse_problems(change, draft, present.id)
            groups.change(change.c, present.id, draft, None, change.now_ms)
            change.record("group.update", present.id, before=group_facts(present.draft), after=group_facts(draft))
            change.tell("group.changed", group_id=present.id)
            return present.id
        draft = GroupDraft(name=group.name, groups=inside)
        self._refuse_problems(change, draft, None)
        made = groups.add(change.c, draft, self.actor.user_id, change.now_ms)
        change.record("group.create", made, after=group_facts(draft))
        change.tell("group.changed", group_id=made)
        return made

    def _refuse_problems(self, change: Change, draft: GroupDraft, group: GroupId | None) -> None:
        if problems := validate_group(draft, self._door.snapshot(change.c).inventory, group):
            raise InvalidInput(problems)


def _refuse_unknown(plan: ImportPlan, names: tuple[str, ...] | None) -> None:
    by_name = {host.name: host for host in plan.hosts}
    wanted = names or ()
    if unknown := [name for name in wanted if name not in by_name]:
        has = ", ".join(list(by_name)[:20]) or "none"
        raise InvalidInput.of("names", f"{', '.join(unknown)} not in the file", f"it has {has}")
    if refused := [by_name[name] for name in wanted if by_name[name].standing is HostStanding.REFUSED]:
        host = refused[0]
        raise InvalidInput.of("names", f"{host.name} can't be taken over: {host.why}", "leave it out")


def _jump_hosts_first(hosts: tuple[PlannedHost, ...]) -> list[PlannedHost]:
    waiting = {host.name: host for host in hosts}
    order: list[PlannedHost] = []
    while waiting:
        # planning has refused circles: the outermost that is left is reached straight, or over one that is there
        way = [next(iter(waiting))]
        while (jump := waiting[way[-1]].jump) is not None and jump in waiting:
            way.append(jump)
        order += [waiting.pop(name) for name in reversed(way)]
    return order
