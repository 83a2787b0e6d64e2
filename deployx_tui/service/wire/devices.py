"""Devices, groups, selector matches and connection tests as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping

from deployx_tui.model.device import (
    Contact,
    Device,
    DeviceDraft,
    Group,
    GroupDraft,
    HostKeyPolicy,
    OfferedKey,
    SelectorMatch,
    TestStep,
    TestStepName,
    TransportKind,
)
from deployx_tui.model.ids import CredentialId, DeviceId, GroupId
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.service.wire import values
from deployx_tui.service.wire.facts import facts_from_json, facts_to_json, known_from_json, known_to_json
from deployx_tui.service.wire.tasks import matched_from_json, matched_to_json
from deployx_tui.service.wire.values import Json

# ---- devices


def device_draft_to_json(draft: DeviceDraft) -> Json:
    return {
        "device_name": draft.name,
        "address": draft.address,
        "port": draft.port,
        "user": draft.user,
        "protocol": draft.transport.value,
        "key_file": draft.key_file,
        "credential_ids": [*draft.credentials],
        "jump_id": draft.jump,
        "host_key_policy": None if draft.host_key_policy is None else draft.host_key_policy.value,
        "tags": [*sorted(draft.tags)],
        "group_ids": [*draft.groups],
        "description": draft.description,
    }


def device_draft_from_json(data: JSON) -> DeviceDraft:
    """What a client says of a device. InvalidInput lists every problem."""
    reader = Reader(data)
    name = reader.text("device_name", required=True) or ""
    address, original = reader.text("address"), reader.text("ip_address")
    if address is None and original is None:
        reader.problem("address", "it is missing", "give a host name or an address")
    if address is not None and original is not None and address != original:
        reader.problem("ip_address", "it differs from address", "give one of them")
    port, user = reader.number("port"), reader.text("user")
    transport = reader.word("protocol", TransportKind, TransportKind.SSH)
    key_file = reader.text("key_file")
    credentials = reader.ids("credential_ids")
    jump = reader.number("jump_id")
    policy = _policy(reader)
    tags, groups = frozenset(reader.texts("tags")), reader.ids("group_ids")
    description = reader.text("description") or ""
    reader.finish()
    return DeviceDraft(
        name=name,
        address=address or original or "",
        port=port,
        user=user,
        transport=transport,
        key_file=key_file,
        credentials=tuple(CredentialId(credential) for credential in credentials),
        jump=None if jump is None else DeviceId(jump),
        host_key_policy=policy,
        tags=tags,
        groups=tuple(GroupId(group) for group in groups),
        description=description,
    )


def _policy(reader: Reader) -> HostKeyPolicy | None:
    chosen = reader.choice("host_key_policy", tuple(policy.value for policy in HostKeyPolicy))
    return None if chosen is None else HostKeyPolicy(chosen)


def device_to_json(device: Device, groups: Mapping[GroupId, Group]) -> Json:
    """`groups` are those that `device` may be a direct member of; absent ones are left out of `groups`."""
    direct = [groups[group] for group in device.draft.groups if group in groups]
    reached = device.contact is Contact.OK
    return {
        **device_draft_to_json(device.draft),
        "id": device.id,
        "ip_address": device.draft.address,
        "mac_address": None,
        "os": None if device.facts is None else device.facts.facts.system,
        "status": "online" if reached else "offline",
        "connection_type": device.draft.transport.value,
        "last_seen": values.instant(device.contact_at) if reached else None,
        "group": direct[0].name if direct else None,
        "groups": [
            {
                "id": group.id,
                "group_name": group.name,
                "description": group.draft.description,
                "color": group.draft.color,
            }
            for group in direct
        ],
        "version": device.version,
        "contact": device.contact.value,
        "contact_at": values.instant(device.contact_at),
        "member_of": values.items(device.member_of),
        "facts": None if device.facts is None else known_to_json(device.facts),
        "via": values.items(device.via),
    }


_DEVICE_DRAFT = (
    "device_name", "address", "port", "user", "protocol", "key_file", "credential_ids", "jump_id", "host_key_policy",
    "tags", "group_ids", "description",
)  # fmt: skip


def device_from_json(data: JSON) -> Device:
    row = values.fields(data)
    draft = values.theirs(
        "a device", lambda: device_draft_from_json({key: values.get(row, key) for key in _DEVICE_DRAFT})
    )
    return Device(
        id=DeviceId(values.number(row, "id")),
        draft=draft,
        version=values.number(row, "version"),
        contact=values.word(row, "contact", Contact),
        contact_at=values.when_or_none(row, "contact_at"),
        member_of=values.texts(row, "member_of"),
        facts=None if row.get("facts") is None else known_from_json(row["facts"]),
        via=values.texts(row, "via"),
    )


# ---- groups


def group_draft_to_json(draft: GroupDraft) -> Json:
    return {
        "group_name": draft.name,
        "description": draft.description,
        "color": draft.color,
        "selector": draft.selector,
        "device_ids": [*draft.devices],
        "group_ids": [*draft.groups],
        "protected": draft.protected,
        "host_key_policy": None if draft.host_key_policy is None else draft.host_key_policy.value,
    }


def group_draft_from_json(data: JSON) -> GroupDraft:
    """What a client says of a group. InvalidInput lists every problem."""
    reader = Reader(data)
    name = reader.text("group_name", required=True) or ""
    description = reader.text("description") or ""
    color = reader.text("color") or "#808080"
    selector = reader.text("selector")
    devices, groups = reader.ids("device_ids"), reader.ids("group_ids")
    protected = reader.flag("protected") or False
    policy = _policy(reader)
    reader.finish()
    return GroupDraft(
        name=name,
        description=description,
        color=color,
        selector=selector,
        devices=tuple(DeviceId(device) for device in devices),
        groups=tuple(GroupId(group) for group in groups),
        protected=protected,
        host_key_policy=policy,
    )


def group_to_json(group: Group, devices: Mapping[DeviceId, Device]) -> Json:
    """`devices` are those that can be named; the rest of the members stand in `members` only."""
    named = [devices[device] for device in group.members if device in devices]
    return {
        **group_draft_to_json(group.draft),
        "id": group.id,
        "devices": [
            {
                "id": device.id,
                "device_name": device.name,
                "ip_address": device.draft.address,
                "status": "online" if device.contact is Contact.OK else "offline",
            }
            for device in named
        ],
        "version": group.version,
        "members": [*group.members],
    }


_GROUP_DRAFT = (
    "group_name", "description", "color", "selector", "device_ids", "group_ids", "protected", "host_key_policy",
)  # fmt: skip


def group_from_json(data: JSON) -> Group:
    row = values.fields(data)
    draft = values.theirs("a group", lambda: group_draft_from_json({key: values.get(row, key) for key in _GROUP_DRAFT}))
    return Group(
        id=GroupId(values.number(row, "id")),
        draft=draft,
        version=values.number(row, "version"),
        members=tuple(DeviceId(number) for number in values.numbers(row, "members")),
    )


# ---- matches and tests


def match_to_json(match: SelectorMatch) -> Json:
    return {"selector": match.selector, "devices": matched_to_json(match.devices), "unknown": match.unknown}


def match_from_json(data: JSON) -> SelectorMatch:
    row = values.fields(data)
    return SelectorMatch(
        selector=values.text(row, "selector"),
        devices=matched_from_json(row, "devices"),
        unknown=values.number(row, "unknown"),
    )


def step_to_json(step: TestStep) -> Json:
    return {
        "step": step.name.value,
        "ok": step.ok,
        "message": step.message,
        "remedy": step.remedy,
        "elapsed_ms": step.elapsed_ms,
        "hop": step.hop,
        "offered_key": None if step.offered_key is None else key_to_json(step.offered_key),
        "facts": None if step.facts is None else facts_to_json(step.facts),
    }


def step_from_json(data: JSON) -> TestStep:
    row = values.fields(data)
    offered = row.get("offered_key")
    key = None if offered is None else values.theirs("a host key", lambda: key_from_json(offered))
    return TestStep(
        name=values.word(row, "step", TestStepName),
        ok=values.flag(row, "ok"),
        message=values.text(row, "message"),
        remedy=values.text(row, "remedy"),
        elapsed_ms=values.number(row, "elapsed_ms"),
        hop=values.text(row, "hop"),
        offered_key=key,
        facts=None if row.get("facts") is None else facts_from_json(row["facts"]),
    )


def key_to_json(key: OfferedKey) -> Json:
    return {
        "fingerprint": key.fingerprint,
        "key_type": key.key_type,
        "key": key.key,
        "known_fingerprint": key.known_fingerprint,
        "host": key.host,
    }


def key_from_json(data: JSON) -> OfferedKey:
    """A host key that a client wants trusted."""
    reader = Reader(data)
    fingerprint, kind = reader.text("fingerprint", required=True), reader.text("key_type", required=True)
    key, known = reader.text("key", required=True), reader.text("known_fingerprint")
    host = reader.text("host")
    reader.finish()
    return OfferedKey(fingerprint or "", kind or "", key or "", known, host)
