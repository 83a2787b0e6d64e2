"""Credentials: what devices are logged in to with. Secrets are put in here, and never come out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.model.device import Group
from deployx_tui.model.guard import MANY
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.secret import Credential, VaultStatus
from deployx_tui.model.words import counted
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import CREDENTIALS, bindings
from deployx_tui.tui.render import credentials as draw
from deployx_tui.tui.render.credentials import CredentialRow
from deployx_tui.tui.render.line import StyleName, line, span
from deployx_tui.tui.screens.credential_editor import CredentialEditor, Rotation
from deployx_tui.tui.screens.dialogs import confirm, names_line
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Prose, TitleBar
from deployx_tui.tui.widgets.line_table import Column, LineTable

COLUMNS: tuple[Column[CredentialRow], ...] = (
    Column(key="name", title="CREDENTIAL", width=14, cell=draw.name_cell, identity=True),
    Column(key="kind", title="KIND", width=9, cell=draw.kind_cell),
    Column(key="user", title="USER", width=12, cell=draw.user_cell, priority=2),
    Column(key="groups", title="ONLY IN", width=13, cell=draw.groups_cell, priority=3, identity=True),
    Column(key="devices", title="DEVICES", width=7, cell=draw.devices_cell, align=">"),
    Column(key="rotated", title="ROTATED", width=9, cell=draw.rotated_cell),
    Column(key="used", title="LAST USED", width=9, cell=draw.used_cell),
)


class CredentialsPlace(Place):
    tab = "devices"
    keys = "credentials"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(CREDENTIALS)]
    AUTO_FOCUS = "#credentials"
    DEFAULT_CSS = "CredentialsPlace #detail { height: 7; }"

    def __init__(self) -> None:
        super().__init__()
        self._credentials: tuple[Credential, ...] = ()
        self._groups: tuple[Group, ...] = ()
        self._vault: VaultStatus | None = None
        #: what a test found of which
        self._said: tuple[CredentialId, str, StyleName] | None = None

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[CredentialRow](
            COLUMNS,
            key=lambda row: row.key,
            empty=(line(span("the credentials come with the engine", "dim")),),
            can_mark=False,
            id="credentials",
        )
        with Vertical(id="body"):
            yield self.table
            yield TitleBar(id="detail-title")
            yield Prose(hang=draw.LABELS, id="detail")

    def reload(self) -> None:
        self._load()

    def tick(self) -> None:
        self._show()

    def changed(self, change: Changed) -> None:
        if change.touches("credential.", "vault.", "device.", "group."):
            self._load()

    @work(exclusive=True, group="credentials")
    async def _load(self) -> None:
        backend = self.bridge.backend
        found = await self.attempt(backend.credentials.list())
        groups = await self.attempt(backend.groups.list())
        vault = await self.attempt(backend.vault.status())
        if found is None or groups is None or vault is None:
            return
        self._credentials, self._groups, self._vault = found.items, groups.items, vault
        self._show()

    # showing

    @property
    def here(self) -> Credential | None:
        row = self.table.row
        return None if row is None else row.credential

    def _show(self) -> None:
        if self._vault is None:
            self.say_title(("Devices ▸ credentials",))
            return
        names = {group.id: group.name for group in self._groups}
        now, zone = self.bridge.now(), self.bridge.zone
        self.table.set_rows([CredentialRow(one, names, now, zone) for one in self._credentials])
        self.table.set_empty(
            (line(span("no credential yet: "), span("n", "key"), span(" keeps a key or a password in the vault")),)
        )
        words, style = draw.vault_words(self._vault)
        right = [words, self._vault.source] if self._vault.source and not self.is_narrow else [words]
        self.say_title(("Devices ▸ credentials", f"{len(self._credentials)} kept"), right, style)
        if self._vault.message and style:
            self.tell(f"! {self._vault.message}", "bad")
        self._show_detail()
        self.refresh_frame()

    def _show_detail(self) -> None:
        bar, lines, row = self.query_one("#detail-title", TitleBar), self.query_one("#detail", Prose), self.table.row
        if row is None:
            bar.say(())
            lines.tell(())
            return
        said = self._said[1:] if self._said is not None and self._said[0] == row.credential.id else None
        bar.say((row.credential.name,), (f"v{row.credential.version}",))
        lines.tell(draw.detail_lines(row, said), draw.LABELS)

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()
        self._show_detail()
        self.refresh_frame()

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self.action_edit()

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("test", "rotate", "edit", "erase"):
            return self.here is not None
        return super().check_action(action, parameters)

    def action_new(self) -> None:
        self.app.push_screen(CredentialEditor(None, self._groups))

    def action_edit(self) -> None:
        if (one := self.here) is not None:
            self.app.push_screen(CredentialEditor(one, self._groups))

    def action_rotate(self) -> None:
        if (one := self.here) is not None:
            self.app.push_screen(Rotation(one))

    @work(group="act", exclusive=True)
    async def action_test(self) -> None:
        one = self.here
        if one is None:
            return
        check = await self.attempt(self.bridge.backend.credentials.check(one.id))
        if check is None:
            return
        words = f"✓ {check.message}" if check.ok else f"✗ {check.message}: {check.remedy}"
        self._said = (one.id, words, "good" if check.ok else "bad")
        self._show_detail()

    @work(group="act", exclusive=True)
    async def action_erase(self) -> None:
        one = self.here
        if one is None:
            return
        count = len(one.used_by)
        lines = [line("Its secret is erased with it. It can't be taken back.")]
        if count:
            lines.append(line(span("! ", "warn"), f"{counted(count, 'device')} will do without it:"))
            lines.append(names_line(one.used_by))
        typed = str(count) if count > MANY else ""
        question = confirm(f"Erase the credential {one.name}", lines, "erase", "for ever", typed=typed)
        if not await self.app.push_screen_wait(question):
            return
        if await self.attempt_done(self.bridge.backend.credentials.delete(one.id, one.version)):
            self.tell(f"credential {one.name} and its secret are erased", "warn")
            self.reload()
