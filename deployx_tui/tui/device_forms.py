"""What stands in the forms of devices and groups, as drafts and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.device import DeviceDraft, Group, GroupDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.ids import CredentialId, DeviceId, GroupId
from deployx_tui.model.secret import Credential

#: the choice that leaves a host key policy to the groups
BY_GROUP = "by group"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceForm:
    """The fields as they are typed."""

    name: str = ""
    address: str = ""
    port: str = ""
    user: str = ""
    transport: str = TransportKind.SSH.value
    key_file: str = ""
    #: names, with commas between: a name may have blanks
    credentials: str = ""
    jump: str = ""
    policy: str = BY_GROUP
    tags: str = ""
    groups: str = ""
    description: str = ""


def device_form(
    draft: DeviceDraft,
    groups: Mapping[GroupId, Group],
    credentials: Mapping[CredentialId, Credential],
    devices: Mapping[DeviceId, str],
) -> DeviceForm:
    return DeviceForm(
        name=draft.name,
        address=draft.address,
        port="" if draft.port is None else str(draft.port),
        user=draft.user or "",
        transport=draft.transport.value,
        key_file=draft.key_file or "",
        credentials=", ".join(credentials[each].name for each in draft.credentials if each in credentials),
        jump="" if draft.jump is None else devices.get(draft.jump, str(draft.jump)),
        policy=BY_GROUP if draft.host_key_policy is None else draft.host_key_policy.value,
        tags=" ".join(sorted(draft.tags)),
        groups=" ".join(groups[each].name for each in draft.groups if each in groups),
        description=draft.description,
    )


def device_draft(
    form: DeviceForm, groups: Sequence[Group], credentials: Sequence[Credential], devices: Mapping[DeviceId, str]
) -> DeviceDraft:
    """InvalidInput for what is no number, group, credential or device; the rest is judged by the engine."""
    port: int | None = None
    if form.port.strip():
        if not form.port.strip().isascii() or not form.port.strip().isdigit():
            raise InvalidInput([Problem(field="port", message="a port is a number", remedy="leave it empty for 22")])
        port = int(form.port)
    transport = TransportKind(form.transport)
    return DeviceDraft(
        name=form.name.strip(),
        # this machine has no other, and the command line wants none either
        address=form.address.strip() or ("localhost" if transport is TransportKind.LOCAL else ""),
        port=port,
        user=form.user.strip() or None,
        transport=transport,
        key_file=form.key_file.strip() or None,
        credentials=_credentials(form.credentials, credentials),
        jump=_jump(form.jump.strip(), devices),
        host_key_policy=None if form.policy == BY_GROUP else HostKeyPolicy(form.policy),
        tags=frozenset(form.tags.replace(",", " ").split()),
        groups=_ids(form.groups, groups, "groups"),
        description=form.description.strip(),
    )


def _credentials(names: str, credentials: Sequence[Credential]) -> tuple[CredentialId, ...]:
    by_name = {one.name: one.id for one in credentials}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in by_name:
            remedy = f"say one of {', '.join(sorted(by_name))}" if by_name else "c on Devices makes one"
            raise InvalidInput.of("credentials", f"no credential is called {name}", remedy)
    return tuple(by_name[name] for name in wanted)


def _jump(name: str, devices: Mapping[DeviceId, str]) -> DeviceId | None:
    if not name:
        return None
    found = next((device for device, other in devices.items() if name in (other, str(device))), None)
    if found is None:
        problem = Problem(field="jump", message=f"there is no device {name}", remedy="write the name of a device")
        raise InvalidInput([problem])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupForm:
    name: str = ""
    kind: str = "fixed"
    #: names of devices, with kind "fixed"
    devices: str = ""
    #: names of groups, with kind "fixed"
    groups: str = ""
    #: with kind "by rule"
    selector: str = ""
    protected: str = "no"
    policy: str = BY_GROUP
    description: str = ""


def group_form(draft: GroupDraft, devices: Mapping[DeviceId, str], groups: Mapping[GroupId, Group]) -> GroupForm:
    return GroupForm(
        name=draft.name,
        kind="fixed" if draft.selector is None else "by rule",
        devices=" ".join(devices[each] for each in draft.devices if each in devices),
        groups=" ".join(groups[each].name for each in draft.groups if each in groups),
        selector=draft.selector or "",
        protected="yes" if draft.protected else "no",
        policy=BY_GROUP if draft.host_key_policy is None else draft.host_key_policy.value,
        description=draft.description,
    )


def group_draft(form: GroupForm, devices: Mapping[DeviceId, str], groups: Sequence[Group], color: str) -> GroupDraft:
    """InvalidInput for names that are none; the rest is judged by the engine."""
    by_rule = form.kind == "by rule"
    by_name = {name: device for device, name in devices.items()}
    members: list[DeviceId] = []
    if not by_rule:
        for name in form.devices.replace(",", " ").split():
            if name not in by_name:
                raise InvalidInput(
                    [
                        Problem(
                            field="devices", message=f"no device is called {name}", remedy="names with spaces between"
                        )
                    ]
                )
            members.append(by_name[name])
    return GroupDraft(
        name=form.name.strip(),
        description=form.description.strip(),
        color=color,
        selector=form.selector.strip() if by_rule else None,
        devices=tuple(members),
        groups=() if by_rule else _ids(form.groups, groups, "groups"),
        protected=form.protected == "yes",
        host_key_policy=None if form.policy == BY_GROUP else HostKeyPolicy(form.policy),
    )


def _ids(text: str, groups: Sequence[Group], field: str) -> tuple[GroupId, ...]:
    by_name = {group.name: group.id for group in groups}
    found: list[GroupId] = []
    for name in text.replace(",", " ").split():
        if name.removeprefix("@") not in by_name:
            raise InvalidInput(
                [Problem(field=field, message=f"no group is called {name}", remedy="names with spaces between")]
            )
        found.append(by_name[name.removeprefix("@")])
    return tuple(found)
