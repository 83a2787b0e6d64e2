"""The forms of a device and of a group: fields with what is wrong below them, ctrl+s saves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields

from textual import work
from textual.containers import VerticalScroll
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.device import Device, Group, HostKeyPolicy, TransportKind
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.secret import Credential
from deployx_tui.model.words import counted
from deployx_tui.tui.device_forms import (
    BY_GROUP,
    DeviceForm,
    GroupForm,
    device_draft,
    device_form,
    group_draft,
    group_form,
)
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.screens.ad_hoc import match_lines, problem_lines
from deployx_tui.tui.screens.form_place import FormPlace
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.choices import Choices, Chosen
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import FormRow

#: after the last key of a selector
STILL = 0.12
_POLICIES = (BY_GROUP, *(each.value for each in HostKeyPolicy))


class DeviceEditor(FormPlace):
    """A new device, or one that is changed."""

    def __init__(
        self,
        device: Device | None,
        groups: Sequence[Group],
        credentials: Sequence[Credential],
        devices: Mapping[DeviceId, str],
        saved: Callable[[DeviceId], None],
    ) -> None:
        super().__init__()
        self._edited, self._groups, self._credentials, self._saved = device, tuple(groups), tuple(credentials), saved
        self._devices = dict(devices)

    def words(self) -> tuple[str, ...]:
        return (f"Devices ▸ {self._edited.name if self._edited else 'new device'}",)

    def body(self) -> Iterable[Widget]:
        by_id: Mapping[GroupId, Group] = {group.id: group for group in self._groups}
        kept = {one.id: one for one in self._credentials}
        form = device_form(self._edited.draft, by_id, kept, self._devices) if self._edited is not None else DeviceForm()
        kinds = tuple(each.value for each in TransportKind)
        with VerticalScroll(id="body", can_focus=False):
            yield FormRow("name", Field(form.name, framed=True, hint="web01", id="name"), required=True)
            yield FormRow(
                "address",
                Field(form.address, framed=True, hint="web01.example.net or 10.4.2.1; nothing for local", id="address"),
                required=True,
            )
            yield FormRow(
                "reached by", Choices(kinds, form.transport, words=("ssh", "local: this machine"), id="transport")
            )
            yield FormRow("port", Field(form.port, framed=True, hint="what ~/.ssh/config says, else 22", id="port"))
            yield FormRow(
                "user", Field(form.user, framed=True, hint="what ~/.ssh/config says, else the engine's", id="user")
            )
            yield FormRow(
                "key file",
                Field(form.key_file, framed=True, hint="what ~/.ssh/config and the agent offer", id="key_file"),
            )
            yield FormRow(
                "credentials",
                Field(form.credentials, framed=True, hint="of its groups, if they have any", id="credentials"),
            )
            yield FormRow(
                "through", Field(form.jump, framed=True, hint="a device; else what ~/.ssh/config says", id="jump")
            )
            yield FormRow("host key", Choices(_POLICIES, form.policy, id="policy"))
            yield FormRow("groups", Field(form.groups, framed=True, hint="web prod", id="groups"))
            yield FormRow("tags", Field(form.tags, framed=True, hint="prod debian", id="tags"))
            yield FormRow(
                "about", Field(form.description, framed=True, hint="for whoever reads it at 3 a.m.", id="description")
            )

    async def save(self) -> str:
        names = [each.name for each in fields(DeviceForm)]
        form = DeviceForm(**{name: self.field(name) for name in names})
        draft = device_draft(form, self._groups, self._credentials, self._devices)
        devices = self.bridge.backend.devices
        if self._edited is None:
            device = await devices.create(draft)
        else:
            device = await devices.update(self._edited.id, draft, self._edited.version)
        self._saved(device.id)
        return f"✓ {device.name} saved; t tests the connection"


class GroupEditor(FormPlace):
    """A group: of chosen members, or by a rule whose matches are shown as one types."""

    def __init__(
        self, group: Group | None, groups: Sequence[Group], devices: Mapping[DeviceId, str], chosen: Sequence[DeviceId]
    ) -> None:
        """`chosen` are the first members of a new group."""
        super().__init__()
        self._edited, self._groups, self._devices, self._chosen = group, tuple(groups), dict(devices), tuple(chosen)

    def words(self) -> tuple[str, ...]:
        return (f"Devices ▸ {'group ' + self._edited.name if self._edited else 'new group'}",)

    def body(self) -> Iterable[Widget]:
        by_id = {group.id: group for group in self._groups}
        if self._edited is not None:
            form = group_form(self._edited.draft, self._devices, by_id)
        else:
            form = GroupForm(devices=" ".join(self._devices[each] for each in self._chosen))
        with VerticalScroll(id="body", can_focus=False):
            yield FormRow("name", Field(form.name, framed=True, hint="web", id="name"), required=True)
            yield FormRow("members", Choices(("fixed", "by rule"), form.kind, id="kind"))
            yield FormRow("devices", Field(form.devices, framed=True, hint="web01 web02", id="devices"))
            yield FormRow("groups", Field(form.groups, framed=True, hint="groups inside this one", id="groups"))
            yield FormRow(
                "rule", Field(form.selector, framed=True, hint="tag:prod&web*,!web07", id="selector"), required=True
            )
            yield Lines((), id="matches")
            yield FormRow(
                "protected",
                Choices(("no", "yes"), form.protected, words=("no", "yes: acts ask for the count"), id="protected"),
            )
            yield FormRow("host key", Choices(_POLICIES, form.policy, id="policy"))
            yield FormRow(
                "about", Field(form.description, framed=True, hint="for whoever reads it at 3 a.m.", id="description")
            )

    def on_mount(self) -> None:
        super().on_mount()
        self._fit_kind()

    def on_chosen(self, message: Chosen) -> None:
        message.stop()
        self._fit_kind()

    def _fit_kind(self) -> None:
        by_rule = self.field("kind") == "by rule"
        for row in self.query(FormRow):
            if row.fields_of[0] in ("devices", "groups"):
                row.display = not by_rule
            elif row.fields_of[0] == "selector":
                row.display = by_rule
        self.query_one("#matches", Lines).display = by_rule
        if by_rule:
            self._match()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        if message.field.id == "selector":
            self._match()

    @work(exclusive=True, group="match")
    async def _match(self) -> None:
        await asyncio.sleep(STILL)
        shown, selector = self.query_one("#matches", Lines), self.field("selector").strip()
        if not selector:
            shown.set_lines((line(span("  its matches are looked up at each use", "dim")),))
            return
        try:
            match = await self.bridge.backend.devices.match(selector)
        except DeployxError as error:
            shown.set_lines(problem_lines(error, 64))
        else:
            shown.set_lines(match_lines(match, 64))

    async def save(self) -> str:
        names = ("name", "kind", "devices", "groups", "selector", "protected", "policy", "description")
        form = GroupForm(**{name: self.field(name) for name in names})
        color = self._edited.draft.color if self._edited is not None else "#808080"
        draft = group_draft(form, self._devices, self._groups, color)
        groups = self.bridge.backend.groups
        if self._edited is None:
            group = await groups.create(draft)
        else:
            group = await groups.update(self._edited.id, draft, self._edited.version)
        return f"✓ group {group.name} saved: {counted(len(group.members), 'device')}"
