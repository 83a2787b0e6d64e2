"""Devices out of files of other programs: what a file says, what would become of it, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.hosts import JumpHost
from deployx_tui.model.ids import GroupId

#: bytes of a file of hosts
LARGEST_FILE = 1 << 20


class ImportFormat(StrEnum):
    SSH_CONFIG = "ssh-config"
    ANSIBLE_INI = "ansible-ini"
    ANSIBLE_YAML = "ansible-yaml"
    ANSIBLE_JSON = "ansible-json"  # of `ansible-inventory --list`, or of an inventory script
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSource:
    """Where hosts are read: a file on the engine's machine, or bytes that came another way."""

    #: None with `content`; without either, the account's ~/.ssh/config
    path: str | None = None
    content: bytes | None = None
    #: None: recognised by its content
    format: ImportFormat | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a file says and a device does not take over."""

    what: str
    why: str


# ---- what a file says


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHost:
    #: without groups, jump host and credentials
    draft: DeviceDraft
    #: names of the groups that it is a direct member of
    groups: tuple[str, ...] = ()
    #: how it is reached, outermost first; (): straight
    jumps: tuple[JumpHost, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    #: why no device can be made of it; "": one can
    refused: str = ""
    #: what the file says of it, where the device keeps less (an alias of ~/.ssh/config); None: the draft
    said: DeviceDraft | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostList:
    """A file of hosts, in its own order. Each name stands in it once."""

    format: ImportFormat
    hosts: tuple[ListedHost, ...]
    #: (group, a group inside it)
    nesting: tuple[tuple[str, str], ...] = ()
    #: variables that mean nothing here: (name, of how many hosts and groups), by name
    ignored: tuple[tuple[str, int], ...] = ()
    #: of the file as a whole
    left_out: tuple[LeftOut, ...] = ()


# ---- what would become of it


class HostStanding(StrEnum):
    NEW = "new"
    KNOWN = "known"  # a device of this name exists, and is left as it is
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHost:
    #: as it would be made, but for the ids of its groups and its jump host
    draft: DeviceDraft
    standing: HostStanding
    groups: tuple[str, ...] = ()
    #: the name of its jump host, of this plan or a device that exists; None: it has none
    jump: str | None = None
    left_out: tuple[LeftOut, ...] = ()
    #: of a refused one
    why: str = ""
    #: see ListedHost
    said: DeviceDraft | None = None

    @property
    def name(self) -> str:
        return self.draft.name

    @property
    def is_new(self) -> bool:
        return self.standing is HostStanding.NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGroup:
    name: str
    #: False: it exists
    is_new: bool
    #: groups that would be put inside it
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What an import would do, and what it leaves out. Nothing was written."""

    format: ImportFormat
    hosts: tuple[PlannedHost, ...]
    #: those that change, each after the groups inside it
    groups: tuple[PlannedGroup, ...]
    ignored: tuple[tuple[str, int], ...]
    left_out: tuple[LeftOut, ...]
    #: of what the file says; an import of another digest is refused
    digest: str

    @property
    def new(self) -> tuple[PlannedHost, ...]:
        return tuple(host for host in self.hosts if host.is_new)

    def chosen(self, names: Collection[str] | None) -> ImportPlan:
        """The same, with these new hosts only, and the jump hosts and groups that they need. None: all.

        What is known or refused stays, where it is among the names.
        """
        if names is None:
            return self
        by_name = {host.name: host for host in self.hosts}
        wanted = set(names)
        waiting = list(names)
        while waiting:
            found = by_name.get(waiting.pop())
            jump = None if found is None or not found.is_new else found.jump
            if jump is not None and jump in by_name and jump not in wanted:
                wanted.add(jump)
                waiting.append(jump)
        hosts = tuple(host for host in self.hosts if host.name in wanted)
        return replace(self, hosts=hosts, groups=_needed(self.groups, hosts))


def _needed(groups: Iterable[PlannedGroup], hosts: Iterable[PlannedHost]) -> tuple[PlannedGroup, ...]:
    """Groups that hold one of the new hosts, directly or not."""
    holding = {name for host in hosts if host.is_new for name in host.groups}
    kept = []
    for group in groups:  # each after the groups inside it
        children = tuple(child for child in group.children if child in holding)
        if children or group.name in holding:
            holding.add(group.name)
            kept.append(replace(group, children=children))
    return tuple(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportChoice:
    """What of a plan is to be done, exactly as it was shown."""

    digest: str
    #: None: every new host
    names: tuple[str, ...] | None = None
    #: for each of them, besides those of the file
    groups: tuple[GroupId, ...] = ()
    tags: frozenset[str] = frozenset()
