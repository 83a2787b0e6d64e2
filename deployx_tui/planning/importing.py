"""What would become of a file of hosts among the devices and groups that there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deployx_tui.model.importing import (
    HostList,
    HostStanding,
    ImportPlan,
    LeftOut,
    ListedHost,
    PlannedGroup,
    PlannedHost,
)
from deployx_tui.model.inventory import Inventory, InventoryGroup
from deployx_tui.planning.names import validate_selectable
from deployx_tui.planning.validate import DEEPEST_NESTING, validate_device
from deployx_tui.planning.ways import Ways

_NOBODY = Inventory({}, {})


def plan_import(found: HostList, digest: str, inventory: Inventory, addresses: Mapping[str, str]) -> ImportPlan:
    """Names that exist are left as they are; what can't become a device is refused by itself, not the file.

    `addresses`: the names of the devices that exist, by address.
    """
    groups = _Groups({group.name: group for group in inventory.groups.values()})
    known = {device.name for device in inventory.devices.values()}
    hosts = [_host(host, known, groups) for host in found.hosts]
    ways = Ways(hosts, inventory, addresses)
    for host, listed in zip(hosts, found.hosts, strict=True):
        if host.is_new and listed.jumps:
            ways.lead(host.name, listed.jumps)
    planned = ways.planned()
    nested, left_out = groups.nested(found.nesting, planned)
    return ImportPlan(
        format=found.format,
        hosts=planned,
        groups=nested,
        ignored=found.ignored,
        left_out=(*found.left_out, *left_out),
        digest=digest,
    )


def _host(host: ListedHost, known: set[str], groups: _Groups) -> PlannedHost:
    made = PlannedHost(draft=host.draft, standing=HostStanding.NEW, left_out=host.left_out, said=host.said)
    if host.refused:
        return replace(made, standing=HostStanding.REFUSED, why=host.refused)
    if host.draft.name in known:
        return replace(made, standing=HostStanding.KNOWN)
    # of the inventory only the name would be asked, and that was looked up
    if problems := validate_device(host.draft, _NOBODY):
        why = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
        return replace(made, standing=HostStanding.REFUSED, why=why)
    joined = [(name, groups.objection(name)) for name in host.groups]
    left_out = tuple(LeftOut(f"group {name}", why) for name, why in joined if why)
    return replace(made, groups=tuple(name for name, why in joined if not why), left_out=(*host.left_out, *left_out))


class _Groups:
    """Groups by name: those that exist, and what can be said of others."""

    def __init__(self, known: Mapping[str, InventoryGroup]) -> None:
        self._known = known
        self._said: dict[str, str] = {}

    def objection(self, name: str) -> str:
        """Why nothing can be put into a group of this name; "": it can."""
        if name not in self._said:
            self._said[name] = self._objection(name)
        return self._said[name]

    def _objection(self, name: str) -> str:
        group = self._known.get(name)
        if group is not None:
            return "" if group.selector is None else "that group chooses its members by a selector"
        return "; ".join(problem.message for problem in validate_selectable(name, "group_name"))

    def nested(
        self, nesting: tuple[tuple[str, str], ...], hosts: tuple[PlannedHost, ...]
    ) -> tuple[tuple[PlannedGroup, ...], tuple[LeftOut, ...]]:
        """Groups that hold a new host, each after those inside it, and what of the nesting is left out."""
        children: dict[str, list[str]] = {}
        left_out: list[LeftOut] = []
        for group, child in nesting:
            if why := self.objection(group) or self.objection(child):
                left_out.append(LeftOut(f"group {child} inside {group}", why))
            elif group not in self._known or child not in self._known:
                children.setdefault(group, []).append(child)
            elif not self._holds(group, child):
                # it would move devices that the file does not speak of
                left_out.append(LeftOut(f"group {child} inside {group}", "both exist, and stay as they are"))
        planned: list[PlannedGroup] = []
        holding = {name: 1 for host in hosts if host.is_new for name in host.groups}
        for name in _inside_out(children, holding):
            inside = tuple(child for child in children.get(name, ()) if child in holding)
            if inside or name in holding:
                holding[name] = 1 + max((holding[child] for child in inside), default=0)
                planned.append(PlannedGroup(name=name, is_new=name not in self._known, children=inside))
        deep = max(holding.values(), default=0)
        if deep > DEEPEST_NESTING:
            left_out.append(LeftOut("the nesting of groups", f"it has {deep} levels, more than {DEEPEST_NESTING}"))
            planned = [replace(group, children=()) for group in planned]
        return tuple(planned), tuple(left_out)

    def _holds(self, group: str, child: str) -> bool:
        return self._known[child].id in self._known[group].groups


def _inside_out(children: Mapping[str, list[str]], others: Mapping[str, int]) -> list[str]:
    """Every group after those inside it. The reader has refused circles."""
    order: dict[str, None] = {}
    for start in (*others, *children):
        waiting = [(start, False)]
        while waiting:
            name, is_done = waiting.pop()
            if is_done:
                order[name] = None
            elif name not in order:
                waiting.append((name, True))
                waiting += [(child, False) for child in children.get(name, ())]
    return list(order)
