"""Devices: what tasks run on. Groups and tags at the left, the table, what is known of one device below."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.device import Contact, Device, Group
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.secret import Credential
from deployx_tui.model.task import Task, TaskQuery
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import DEVICES, bindings
from deployx_tui.tui.pace import Pace
from deployx_tui.tui.render import devices as draw
from deployx_tui.tui.render.devices import Branch, DeviceRow
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.screens import device_acts
from deployx_tui.tui.screens.connection_test import ConnectionTest
from deployx_tui.tui.screens.credentials import CredentialsPlace
from deployx_tui.tui.screens.device_editor import DeviceEditor, GroupEditor
from deployx_tui.tui.screens.import_hosts import ImportHosts
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Prose, TitleBar
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable

EVERY = 0.5
STILL = 0.12
#: devices that are held; more are found by `/` on the engine's side of the selector
_MOST = 20_000

COLUMNS: tuple[Column[DeviceRow], ...] = (
    Column(key="contact", title="", width=1, cell=draw.glyph_cell),
    Column(key="name", title="DEVICE", width=8, flex=2, cell=draw.name_cell, identity=True),
    Column(key="address", title="ADDRESS", width=10, flex=2, cell=draw.address_cell, identity=True),
    Column(key="via", title="VIA", width=5, cell=draw.via_cell, priority=4),
    Column(key="system", title="SYSTEM", width=13, cell=draw.system_cell, priority=2),
    Column(key="user", title="USER", width=9, cell=draw.user_cell, priority=5),
    Column(key="key", title="SIGN-IN", width=12, flex=1, cell=draw.key_cell, priority=3),
    Column(key="at", title="CONTACT", width=8, cell=draw.contact_cell, priority=1),
    Column(key="state", title="STATE", width=16, cell=draw.state_cell),
    Column(key="tags", title="TAGS", width=8, flex=1, cell=draw.tags_cell, priority=6),
)


class DevicesPlace(Place):
    tab = "devices"
    keys = "devices"
    AUTO_FOCUS = "#devices"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(DEVICES)]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - the framework's attribute
    DEFAULT_CSS = """
    DevicesPlace #groups { width: 27; }
    DevicesPlace #right { width: 1fr; border-left: solid $panel; }
    DevicesPlace #filter { display: none; margin: 0 0 0 1; }
    DevicesPlace #detail { height: 9; }
    DevicesPlace.-short #detail { height: 4; }
    DevicesPlace.-zoom #detail { height: 1fr; }
    DevicesPlace.-zoom #groups { display: none; }
    DevicesPlace.-zoom #devices { display: none; }
    DevicesPlace.-zoom #right { border-left: none; }
    DevicesPlace.-narrow #right { border-left: none; }
    DevicesPlace.-narrow #groups { width: 100%; display: none; }
    DevicesPlace.-narrow.-groups #groups { display: block; }
    DevicesPlace.-narrow.-groups #right { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._devices: dict[DeviceId, Device] = {}
        self._groups: tuple[Group, ...] = ()
        self._credentials: tuple[Credential, ...] = ()
        self._words = ""
        #: the device that the cursor goes to as soon as it is there
        self._wanted: Hashable | None = None
        self._is_read = False
        self._tasks: tuple[DeviceId, tuple[Task, ...]] | None = None
        self._pace = Pace(self._read, EVERY)

    def body(self) -> Iterable[Widget]:
        self.branches = LineTable[Branch](
            (Column(key="name", title="GROUPS", width=10, flex=1, cell=lambda row: draw.place_line(row, 10)),),
            key=lambda row: row.key,
            whole=draw.place_line,
            selectable=lambda row: row.kind != "head",
            can_mark=False,
            id="groups",
        )
        self.table = LineTable[DeviceRow](
            COLUMNS,
            key=lambda row: row.key,
            empty=(line(span("the devices come with the engine", "dim")),),
            id="devices",
        )
        with Vertical(id="body"), Horizontal(id="panes"):
            yield self.branches
            with Vertical(id="right"):
                yield self.table
                yield Field(
                    prompt="/", hint="words over name, address, tags, groups, system, state; !word", id="filter"
                )
                yield TitleBar(id="detail-title")
                yield Prose(hang=draw.LABELS, id="detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._pace.run(), group="follow")

    # reading

    def reload(self) -> None:
        self._pace.want()

    def tick(self) -> None:
        self._show()

    def changed(self, change: Changed) -> None:
        if change.touches("device.", "group.", "credential.", "execution.finished"):
            self._pace.want()

    async def _read(self) -> None:
        if not self.bridge.is_up:
            return
        found: dict[DeviceId, Device] = {}
        cursor: str | None = None
        try:
            while len(found) < _MOST:
                page = await self.bridge.backend.devices.list(cursor=cursor)
                found.update({device.id: device for device in page.items})
                cursor = page.next_cursor
                if cursor is None:
                    break
            groups = (await self.bridge.backend.groups.list()).items
            credentials = (await self.bridge.backend.credentials.list()).items
        except DeployxError as error:
            if self.bridge.is_up:
                self.tell_error(error)
            return
        if cursor is not None:
            self.tell(f"the first {_MOST:,} devices are shown", "warn")
        self._devices, self._groups, self._credentials, self._tasks = found, groups, credentials, None
        self._is_read = True
        self._show()
        self._read_tasks()

    # showing

    @property
    def place_here(self) -> Branch | None:
        return self.branches.row

    @property
    def device_here(self) -> Device | None:
        row = self.table.row
        return None if row is None else row.device

    def _show(self) -> None:
        self.branches.set_rows(draw.tree(self._groups, self._devices))
        self._show_devices()

    def _show_devices(self) -> None:
        now, zone, place = self.bridge.now(), self.bridge.zone, self.place_here
        members = frozenset(self._devices) if place is None else place.members
        found = draw.shown(list(self._devices.values()), members, self._words)
        logins = draw.logins(self._credentials)
        self.table.set_rows([DeviceRow(device, now, zone, logins.get(device.name, "")) for device in found])
        if self._wanted is not None and self.table.move_to_key(self._wanted):
            self._wanted = None
        if not self._is_read:
            # nothing is said that is not known
            self.table.set_empty((line(span("the devices come with the engine", "dim")),))
            self.say_title(("Devices",))
            self._show_detail()
            self.refresh_frame()
            return
        if not self._devices:
            empty = line(
                span("no device yet: "),
                span("n", "key"),
                span(" adds one, "),
                span("I", "key"),
                span(" takes hosts of ~/.ssh/config"),
            )
        else:
            empty = line(span("no device fits", "dim"))
        self.table.set_empty((empty,))
        where = "Devices" if place is None or place.kind == "all" else f"Devices ▸ {place.name}"
        right: list[str] = []
        if place is not None and place.group is not None and place.group.draft.protected:
            right.append("protected group")
        if self.table.marked:
            right.append(f"{len(self.table.marked)} marked")
        self.say_title(
            (where, f"{len(found)} of {len(self._devices)}", f"filter: {self._words or 'none'}"), right, "warn"
        )
        self._show_detail()
        self.refresh_frame()

    def _show_detail(self) -> None:
        device, bar, lines = (
            self.device_here,
            self.query_one("#detail-title", TitleBar),
            self.query_one("#detail", Prose),
        )
        if device is None:
            bar.say(())
            lines.tell(())
            return
        tasks: Sequence[Task] | None = None
        if self._tasks is not None and self._tasks[0] == device.id:
            tasks = self._tasks[1]
        age = draw.facts_age(device, self.bridge.now(), self.bridge.zone)
        bar.say((device.name,), (*((age,) if age else ()), f"v{device.version}"))
        kept = [one for one in self._credentials if device.name in one.used_by]
        lines.tell(draw.detail_lines(device, tasks, self.bridge.now(), self.bridge.zone, kept), draw.LABELS)

    def on_resize(self) -> None:
        self._show_detail()

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()
        if message.table is self.branches:
            self._show_devices()
        else:
            self._show_detail()
            self._read_tasks()
            self.refresh_frame()

    def on_line_table_marks_changed(self, message: LineTable.MarksChanged) -> None:
        message.stop()
        self._show_devices()

    @work(exclusive=True, group="detail")
    async def _read_tasks(self) -> None:
        device = self.device_here
        if device is None or (self._tasks is not None and self._tasks[0] == device.id):
            return
        await asyncio.sleep(STILL)
        try:
            page = await self.bridge.backend.tasks.list(TaskQuery(device_id=device.id, limit=6))
        except DeployxError:
            return  # who may not read tasks sees none here; a lost engine is told by the frame
        self._tasks = (device.id, page.items)
        self._show_detail()

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "test":
                return self.device_here is not None
            case "host_key":
                return self.device_here is not None and self.device_here.contact is Contact.HOST_KEY
            case "zoom":
                return self.device_here is not None and not self.branches.has_focus
            case "ad_hoc":
                return bool(self._devices)
            case "edit" | "delete":
                place = self.place_here
                if self.branches.has_focus:
                    return place is not None and place.group is not None
                return self.device_here is not None
            case _:
                return super().check_action(action, parameters)

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        if message.table is self.branches:
            self.action_pane()
        else:
            self.action_edit()

    def action_pane(self) -> None:
        if self.has_class("-zoom"):
            return
        to_tree = not self.branches.has_focus
        self.set_class(to_tree, "-groups")
        (self.branches if to_tree else self.table).focus()
        self.call_after_refresh(self.refresh_frame)

    def action_zoom(self) -> None:
        """The detail over the whole screen, and back."""
        zoomed = not self.has_class("-zoom")
        self.set_class(zoomed, "-zoom")
        if not zoomed:
            self.table.focus()
        self.call_after_refresh(self.refresh_frame)

    def action_test(self) -> None:
        if (device := self.device_here) is not None:
            self.app.push_screen(ConnectionTest(device))

    def action_host_key(self) -> None:
        self.action_test()

    @property
    def _names(self) -> Mapping[DeviceId, str]:
        return {device.id: device.name for device in self._devices.values()}

    def action_new(self) -> None:
        if self.branches.has_focus:
            self.action_new_group()
        else:
            self.app.push_screen(DeviceEditor(None, self._groups, self._credentials, self._names, self.go_to))

    def action_new_group(self) -> None:
        chosen = [row.device.id for row in self.table.marked]
        self.app.push_screen(GroupEditor(None, self._groups, self._names, chosen))

    def action_edit(self) -> None:
        place, device = self.place_here, self.device_here
        if self.branches.has_focus:
            if place is not None and place.group is not None:
                self.app.push_screen(GroupEditor(place.group, self._groups, self._names, ()))
        elif device is not None:
            self.app.push_screen(DeviceEditor(device, self._groups, self._credentials, self._names, self.go_to))

    def go_to(self, key: Hashable) -> None:
        self._wanted = key

    def action_credentials(self) -> None:
        self.app.push_screen(CredentialsPlace())

    def action_import(self) -> None:
        self.app.push_screen(ImportHosts())

    @work(group="act", exclusive=True)
    async def action_delete(self) -> None:
        place = self.place_here
        if self.branches.has_focus:
            if place is not None and place.group is not None:
                await device_acts.delete_group(self, place.group)
            return
        chosen = [row.device for row in self.table.chosen()]
        protected = {each for group in self._groups if group.draft.protected for each in group.members}
        if await device_acts.delete_devices(self, chosen, protected):
            self.table.clear_marks()
            self.reload()

    @work(group="act", exclusive=True)
    async def action_ad_hoc(self) -> None:
        await device_acts.run_once(self, [row.device for row in self.table.chosen()])

    def action_filter(self) -> None:
        field = self.query_one("#filter", Field)
        field.display = True
        field.focus()
        field.choose_all()

    def filter_by(self, text: str) -> None:
        field = self.query_one("#filter", Field)
        field.set_value(text)
        field.display = bool(text)
        self._words = text
        self._show_devices()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        self._words = message.field.value
        self._show_devices()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        message.field.display = bool(message.field.value)
        self.table.focus()

    def can_go_out(self) -> bool:
        is_open = self.has_class("-groups") or self.has_class("-zoom")
        return is_open or self.query_one("#filter", Field).display or super().can_go_out()

    def go_out(self) -> None:
        if self.has_class("-zoom"):
            self.action_zoom()
        elif self.query_one("#filter", Field).display:
            self.filter_by("")
            self.table.focus()
        elif self.has_class("-groups"):
            self.action_pane()
        else:
            super().go_out()

    def copy_text(self) -> str:
        device = self.device_here
        return "" if device is None else device.name
