"""An Ansible inventory while it is read: groups, hosts and their variables; `listed` makes hosts of it.

The three readers (ansible_ini, ansible_yaml, ansible_json) fill one. Which variable wins is Ansible's rule: a host's
own, else that of its groups, the nearer to it the stronger, then by `ansible_group_priority`, then by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from deployx_tui.model.importing import HostList, ImportFormat, LeftOut
from deployx_tui.portability import ansible_vars
from deployx_tui.portability.refusing import MOST_HOSTS, MOST_MEMBERSHIPS, refuse, too_many

#: what holds every host, and what holds those in no other group; neither becomes a group here
ALL, UNGROUPED = "all", "ungrouped"
_PRIORITY = "ansible_group_priority"


class Unread(Enum):
    """A value that is not a plain one."""

    VAULTED = auto()
    NESTED = auto()  # a list or a mapping


#: None: empty
Value = str | Unread | None
Vars = Mapping[str, Value]


@dataclass(slots=True)
class _Group:
    variables: dict[str, Value] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)


class Inventory:
    """Filled by a reader. Names are as the file has them."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {ALL: _Group(), UNGROUPED: _Group()}
        self._hosts: dict[str, dict[str, Value]] = {}
        self._members: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._memberships = 0

    # ---- filling

    def has_group(self, name: str) -> bool:
        return name in self._groups

    def add_group(self, name: str) -> None:
        self._groups.setdefault(name, _Group())

    def add_child(self, group: str, child: str) -> None:
        self.add_group(group)
        self.add_group(child)
        if group != ALL:
            self._groups[group].children[child] = None

    def add_hosts(
        self, group: str, names: Iterable[str], variables: Vars, *, port: int | None = None, line: int | None = None
    ) -> None:
        """Hosts of a group, with variables of their own; what a host has already is replaced where it is named.

        `port` is the one of a pattern; it counts where a host is named first.
        """
        self.add_group(group)
        for name in names:
            if name not in self._hosts:
                if len(self._hosts) >= MOST_HOSTS:
                    too_many(len(self._hosts) + 1, "hosts or more", MOST_HOSTS, line)
                self._hosts[name] = {} if port is None else {"ansible_port": str(port)}
            self._hosts[name].update(variables)
            self._members[name][group] = None
            self._memberships += 1
            if self._memberships > MOST_MEMBERSHIPS:
                too_many(self._memberships, "members of groups or more", MOST_MEMBERSHIPS, line)

    def set_variables(self, group: str, variables: Vars) -> None:
        self.add_group(group)
        self._groups[group].variables.update(variables)

    # ---- what came of it

    def listed(self, kind: ImportFormat, left_out: tuple[LeftOut, ...] = ()) -> HostList:
        """InvalidInput: there is no host in it, or a group is inside itself."""
        if not self._hosts:
            refuse("it names no host", "give an inventory with hosts, or see that the format is the right one")
        families = _Families({name: tuple(group.children) for name, group in self._groups.items()})
        hosts = []
        for name, own in self._hosts.items():
            direct = tuple(group for group in self._members[name] if group not in (ALL, UNGROUPED))
            merged: dict[str, Value] = {}
            for group in self._by_strength(families, direct):
                merged.update(self._groups[group].variables)
            merged.update(own)
            hosts.append(ansible_vars.listed_host(name, direct, merged))
        nesting = tuple(
            (name, child)
            for name, group in self._groups.items()
            for child in group.children
            if UNGROUPED not in (name, child)
        )
        return HostList(format=kind, hosts=tuple(hosts), nesting=nesting, ignored=self._ignored(), left_out=left_out)

    def _by_strength(self, families: _Families, direct: tuple[str, ...]) -> list[str]:
        """All groups of a host, the weakest first."""
        above = families.ancestors(direct)
        return [ALL, *sorted(above, key=lambda group: (families.depth(group), self._priority(group), group))]

    def _priority(self, group: str) -> int:
        said = self._groups[group].variables.get(_PRIORITY)
        return int(said) if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 10 else 1

    def _ignored(self) -> tuple[tuple[str, int], ...]:
        counts: defaultdict[str, int] = defaultdict(int)
        for variables in (*self._hosts.values(), *(group.variables for group in self._groups.values())):
            for name in variables:
                if name != _PRIORITY and not ansible_vars.has_meaning(name):
                    counts[name] += 1
        return tuple(sorted(counts.items()))


class _Families:
    """Groups in groups. InvalidInput when one is inside itself."""

    def __init__(self, children: Mapping[str, tuple[str, ...]]) -> None:
        self._parents: defaultdict[str, list[str]] = defaultdict(list)
        for group, inside in children.items():
            for child in inside:
                self._parents[child].append(group)
        self._depths = self._all_depths(children)
        self._known: dict[tuple[str, ...], frozenset[str]] = {}

    def depth(self, group: str) -> int:
        """Of the longest way from the outermost group to it."""
        return self._depths[group]

    def ancestors(self, groups: tuple[str, ...]) -> frozenset[str]:
        """These groups and all that they are inside of."""
        found = self._known.get(groups)
        if found is None:
            seen, waiting = set(groups), list(groups)
            while waiting:
                for parent in self._parents[waiting.pop()]:
                    if parent not in seen:
                        seen.add(parent)
                        waiting.append(parent)
            found = self._known[groups] = frozenset(seen)
        return found

    def _all_depths(self, children: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
        depths = dict.fromkeys(children, 1)
        missing = {group: len(self._parents[group]) for group in children}
        ready = [group for group, count in missing.items() if not count]
        done = 0
        while ready:
            group = ready.pop()
            done += 1
            for child in children[group]:
                depths[child] = max(depths[child], depths[group] + 1)
                missing[child] -= 1
                if not missing[child]:
                    ready.append(child)
        if done < len(children):
            inside = [group for group, count in missing.items() if count]
            way = self._way_round(inside[0], set(inside))
            refuse(f"the group {way[0]} is inside itself: {' > '.join(way)}", "take one of them out")
        return depths

    def _way_round(self, start: str, among: set[str]) -> list[str]:
        """A circle: whatever is left over has a parent that is left over too."""
        way = [start]
        while (parent := next(each for each in self._parents[way[-1]] if each in among)) not in way:
            way.append(parent)
        return [parent, *reversed(way[way.index(parent) :])]
