"""Devices and groups as rows: a tree with counts, a table, what is known of one device. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import PurePath

from deployx_tui.model.device import Contact, Device, DeviceDraft, Group, HostKeyPolicy, TransportKind
from deployx_tui.model.fact_words import UNKNOWN, disk_words, sized
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.outcome_words import contact_word
from deployx_tui.model.secret import Credential, Purpose
from deployx_tui.model.task import Task
from deployx_tui.model.words import counted
from deployx_tui.tui.render.line import Line, Span, StyleName, line, span, spread
from deployx_tui.tui.render.names import natural
from deployx_tui.tui.render.when import ago, ahead, clock, day_and_clock

_CONTACTS: dict[Contact, tuple[str, StyleName]] = {
    Contact.NEVER: ("○", "dim"),
    Contact.OK: ("✓", "good"),
    Contact.UNREACHABLE: ("✗", "bad"),
    Contact.HOST_KEY: ("!", "warn"),
    Contact.AUTH: ("✗", "bad"),
}
_POLICIES: dict[HostKeyPolicy | None, str] = {
    None: "the strictest of its groups', else ask",
    HostKeyPolicy.ASK: "ask: a person decides, unattended it is refused",
    HostKeyPolicy.ACCEPT_NEW: "accept-new: the first key seen is kept",
    HostKeyPolicy.STRICT: "strict: an unknown key is refused",
}


@dataclass(frozen=True, slots=True)
class Branch:
    """A row of the left pane: all devices, a group, a tag, or a heading."""

    kind: str  # all, group, tag, head
    name: str
    members: frozenset[DeviceId]
    depth: int = 0
    group: Group | None = None
    #: glyph of the worst contact inside, with its style
    worst: tuple[str, StyleName] = ("", "")

    @property
    def key(self) -> object:
        return (self.kind, self.name, self.depth)


def tree(groups: Sequence[Group], devices: Mapping[DeviceId, Device]) -> list[Branch]:
    """All devices, then the groups as they are nested (one in several stands in each), then the tags."""
    everything = frozenset(devices)
    rows = [Branch("all", "all devices", everything, worst=_worst(everything, devices))]
    by_id = {group.id: group for group in groups}
    inside = {child for group in groups for child in group.draft.groups}

    def add(group: Group, depth: int, above: frozenset[GroupId]) -> None:
        members = frozenset(group.members) & everything
        rows.append(Branch("group", group.name, members, depth, group, _worst(members, devices)))
        for child in sorted(group.draft.groups, key=lambda each: natural(by_id[each].name) if each in by_id else ()):
            if child in by_id and child not in above:
                add(by_id[child], depth + 1, above | {child})

    for group in sorted(groups, key=lambda each: natural(each.name)):
        if group.id not in inside:
            add(group, 0, frozenset({group.id}))
    tags: dict[str, set[DeviceId]] = {}
    for device in devices.values():
        for tag in device.draft.tags:
            tags.setdefault(tag, set()).add(device.id)
    if tags:
        rows.append(Branch("head", "TAGS", frozenset()))
        for tag in sorted(tags, key=natural):
            members = frozenset(tags[tag])
            rows.append(Branch("tag", tag, members, worst=_worst(members, devices)))
    return rows


def _worst(members: frozenset[DeviceId], devices: Mapping[DeviceId, Device]) -> tuple[str, StyleName]:
    contacts = {devices[each].contact for each in members}
    for contact in (Contact.AUTH, Contact.UNREACHABLE, Contact.HOST_KEY):
        if contact in contacts:
            return _CONTACTS[contact]
    return ("", "")


def place_line(row: Branch, width: int) -> Line:
    if row.kind == "head":
        return line(span(f" {row.name}", "head"))
    sign, style = row.worst
    count = line(span(f"{len(row.members):>5} "), span(f"{sign or ' '} ", style))
    parts: list[Span] = [span(" " + "  " * min(row.depth, 4) + " "), span(row.name)]
    if row.group is not None and row.group.draft.protected:
        parts.append(span("  protected", "warn"))
    if row.group is not None and row.group.draft.selector is not None:
        parts.append(span("  by rule", "dim"))
    return spread(tuple(parts), count, width)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    device: Device
    now: datetime
    zone: tzinfo
    #: the credential that it is logged in to with; "": none
    login: str = ""

    @property
    def key(self) -> object:
        return self.device.id


def logins(credentials: Sequence[Credential]) -> dict[str, str]:
    """By device, the name of what it is logged in to with."""
    return {
        device: one.name for one in credentials if one.draft.kind.purpose is Purpose.SSH_LOGIN for device in one.used_by
    }


def shown(devices: Sequence[Device], members: frozenset[DeviceId], words: str) -> list[Device]:
    """Devices of a place that the filter's words all fit (`!word`: does not), by name as people count."""
    wanted = [word for word in words.lower().split() if not word.startswith("!")]
    unwanted = [word[1:] for word in words.lower().split() if word.startswith("!") and len(word) > 1]
    found: list[Device] = []
    for device in devices:
        if device.id not in members:
            continue
        draft = device.draft
        text = " ".join(
            (
                draft.name,
                draft.address,
                draft.user or "",
                *draft.tags,
                *device.member_of,
                contact_word(device.contact),
                _system(device) or "",
            )
        ).lower()
        if all(word in text for word in wanted) and not any(word in text for word in unwanted):
            found.append(device)
    return sorted(found, key=lambda device: natural(device.name))


def glyph_cell(row: DeviceRow) -> Line:
    sign, style = _CONTACTS[row.device.contact]
    return (span(sign, style),)


def name_cell(row: DeviceRow) -> Line:
    return (span(row.device.name),)


def address_cell(row: DeviceRow) -> Line:
    draft = row.device.draft
    return (span(draft.address), span(f":{draft.port}" if draft.port is not None else "", "dim"))


def via_cell(row: DeviceRow) -> Line:
    via = row.device.via
    return (span(f"via {via[-1]}"),) if via else (span(row.device.draft.transport.value),)


def system_cell(row: DeviceRow) -> Line:
    return (span(_system(row.device) or UNKNOWN, "" if _system(row.device) else "dim"),)


def _system(device: Device) -> str | None:
    return None if device.facts is None else device.facts.facts.system


def facts_age(device: Device, now: datetime, zone: tzinfo) -> str:
    """When it last told of itself; "" when it never did."""
    if device.facts is None:
        return ""
    at = device.facts.seen_at
    return f"facts of {day_and_clock(at, zone)}, {ago(at, now)}, {device.facts.seen_by}"


def _fact_rows(device: Device) -> tuple[Line, ...]:
    if device.facts is None:
        return (_row("system", span(f"{UNKNOWN}: it was not asked yet", "dim")),)
    told = device.facts.facts
    size = [
        UNKNOWN if told.cpus is None else counted(told.cpus, "cpu"),
        UNKNOWN if told.memory is None else sized(told.memory),
    ]
    kernel = " ".join(filter(None, (told.kernel, told.kernel_release)))
    words = [told.system or UNKNOWN, told.arch or UNKNOWN, *size, kernel or UNKNOWN]
    disks = f"{disk_words('/', told.root)}, {disk_words('temporary files', told.temporary)}"
    return (
        _row("system", span(", ".join(words))),
        _row("disk", span(disks), span(f", shell {told.login_shell or UNKNOWN}", "dim")),
    )


def user_cell(row: DeviceRow) -> Line:
    draft = row.device.draft
    return (span(draft.user) if draft.user else span("as config", "dim"),)


def key_cell(row: DeviceRow) -> Line:
    draft = row.device.draft
    if draft.transport is TransportKind.LOCAL:
        return ()
    if row.login:
        return (span(row.login),)
    return (span(PurePath(draft.key_file).name) if draft.key_file else span("agent", "dim"),)


def contact_cell(row: DeviceRow) -> Line:
    at = row.device.contact_at
    if at is None:
        return ()
    if at.astimezone(row.zone).date() == row.now.astimezone(row.zone).date():
        return (span(clock(at, row.zone, seconds=True)),)
    return (span(ago(at, row.now), "dim"),)


def state_cell(row: DeviceRow) -> Line:
    _, style = _CONTACTS[row.device.contact]
    return (span(contact_word(row.device.contact), style),)


def tags_cell(row: DeviceRow) -> Line:
    return (span(" ".join(sorted(row.device.draft.tags)), "dim"),)


def detail_lines(
    device: Device,
    tasks: Sequence[Task] | None,
    now: datetime,
    zone: tzinfo,
    credentials: Sequence[Credential] = (),
) -> tuple[Line, ...]:
    """What is known of a device; `tasks` None: not read yet. `credentials`: those that go to it."""
    draft = device.draft
    sign, style = _CONTACTS[device.contact]
    at = (
        f" {day_and_clock(device.contact_at, zone, seconds=True)}, {ago(device.contact_at, now)}"
        if device.contact_at
        else ""
    )
    rows: list[Line] = [
        _row("contact", span(f"{sign} ", style), span(f"{contact_word(device.contact)}{at}")),
        _row("reach", span(_reach(draft))),
        *_fact_rows(device),
        *([_row("through", span(" > ".join(device.via)))] if device.via else []),
        *(_ssh_rows(draft, credentials) if draft.transport is TransportKind.SSH else ()),
        _row(
            "in",
            span(", ".join(device.member_of) or "no group"),
            span(f"   tags {' '.join(sorted(draft.tags))}" if draft.tags else "", "dim"),
        ),
    ]
    if draft.description:
        rows.append(_row("about", span(draft.description)))
    if tasks is not None:
        words = [
            f"{task.name} {ahead(task.next_execution, now, zone)}" if task.next_execution else task.name
            for task in tasks
        ]
        rows.append(_row("tasks", span(", ".join(words) if words else "none runs on it")))
    return tuple(rows)


def _reach(draft: DeviceDraft) -> str:
    if draft.transport is TransportKind.LOCAL:
        return "this machine, as the engine's own account"
    port = f" port {draft.port}" if draft.port is not None else ""
    return f"{draft.user or 'user as ~/.ssh/config says'}, {draft.address}{port}, {draft.transport.value}"


def _ssh_rows(draft: DeviceDraft, credentials: Sequence[Credential]) -> tuple[Line, ...]:
    return (
        _row("sign-in", span(_sign_in(draft, credentials))),
        _row("host key", span(_POLICIES[draft.host_key_policy])),
    )


def _sign_in(draft: DeviceDraft, credentials: Sequence[Credential]) -> str:
    login = [one for one in credentials if one.draft.kind.purpose is Purpose.SSH_LOGIN]
    said = [f"credential {one.name}, {one.draft.kind.value}" for one in login]
    said = said or [draft.key_file or "what ~/.ssh/config and the agent offer"]
    others = [f"{one.draft.kind.purpose.value} {one.name}" for one in credentials if one not in login]
    return "; ".join([*said, *others])


#: cells of the labels' column
LABELS = 11


def _row(name: str, *spans: Span) -> Line:
    return (span(f" {name:<{LABELS - 1}}", "dim"), *spans)
