"""The form of a credential, and the one that puts another secret in. What is typed as a secret is not shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import VerticalScroll
from textual.widget import Widget

from deployx_tui.errors import InvalidInput
from deployx_tui.model.device import Group
from deployx_tui.model.ids import GroupId
from deployx_tui.model.secret import Credential, CredentialDraft, CredentialKind, NewSecret, Secret, VaultState
from deployx_tui.model.words import counted
from deployx_tui.tui.render.credentials import back_up_lines
from deployx_tui.tui.screens.dialogs import Choice, Question
from deployx_tui.tui.screens.form_place import FormPlace
from deployx_tui.tui.widgets.choices import Choices, Chosen
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import FormRow


class _SecretForm(FormPlace):
    """The fields of a secret, for both forms."""

    @property
    def kind(self) -> CredentialKind:
        raise NotImplementedError

    def secret_rows(self) -> Iterable[Widget]:
        yield FormRow(
            "secret", Field(framed=True, secret=True, hint="typed or pasted, not shown", id="secret"), required=True
        )
        yield FormRow("once more", Field(framed=True, secret=True, hint="the same again", id="again"), required=True)
        yield FormRow(
            "passphrase", Field(framed=True, secret=True, hint="of an encrypted key; else empty", id="passphrase")
        )

    def fit_kind(self) -> None:
        """A key is pasted, so it is not asked for twice; and it alone may have a passphrase."""
        is_key = self.kind is CredentialKind.SSH_KEY
        for row in self.query(FormRow):
            if row.fields_of[0] == "passphrase":
                row.display = is_key
            elif row.fields_of[0] == "again":
                row.display = not is_key

    def typed(self) -> NewSecret:
        """Raises InvalidInput when the two differ."""
        value, is_key = self.field("secret"), self.kind is CredentialKind.SSH_KEY
        if not value:
            raise InvalidInput.of("secret", "it is empty", "type or paste it")
        if not is_key and value != self.field("again"):
            raise InvalidInput.of("again", "the two differ", "type both again")
        passphrase = self.field("passphrase") if is_key else ""
        return NewSecret(value=Secret.of(value), passphrase=Secret.of(passphrase) if passphrase else None)

    def on_mount(self) -> None:
        super().on_mount()
        self.fit_kind()


class CredentialEditor(_SecretForm):
    """A new credential with its secret; or the rest of one that is kept."""

    def __init__(self, credential: Credential | None, groups: Sequence[Group]) -> None:
        super().__init__()
        self._edited, self._groups = credential, tuple(groups)

    def words(self) -> tuple[str, ...]:
        return (f"Devices ▸ credentials ▸ {self._edited.name if self._edited else 'new credential'}",)

    @property
    def kind(self) -> CredentialKind:
        return self._edited.draft.kind if self._edited is not None else CredentialKind(self.field("kind"))

    def body(self) -> Iterable[Widget]:
        draft = self._edited.draft if self._edited else CredentialDraft(name="", kind=CredentialKind.SSH_KEY)
        names = {group.id: group.name for group in self._groups}
        groups = " ".join(names[group] for group in draft.groups if group in names)
        with VerticalScroll(id="body", can_focus=False):
            yield FormRow("name", Field(draft.name, framed=True, hint="prod-ed25519", id="name"), required=True)
            if self._edited is None:
                kinds = tuple(kind.value for kind in CredentialKind)
                yield FormRow("kind", Choices(kinds, draft.kind.value, id="kind"))
            yield FormRow("user", Field(draft.user or "", framed=True, hint="the device's own", id="user"))
            yield FormRow(
                "only in", Field(groups, framed=True, hint="groups; empty: devices that name it", id="groups")
            )
            yield FormRow(
                "about",
                Field(draft.description, framed=True, hint="for whoever reads it at 3 a.m.", id="description"),
            )
            if self._edited is None:
                yield from self.secret_rows()

    def on_chosen(self, message: Chosen) -> None:
        message.stop()
        self.fit_kind()

    async def save(self) -> str:
        backend = self.bridge.backend
        draft = CredentialDraft(
            name=self.field("name").strip(),
            kind=self.kind,
            user=self.field("user").strip() or None,
            groups=self._group_ids(),
            description=self.field("description").strip(),
        )
        if self._edited is not None:
            made = await backend.credentials.update(self._edited.id, draft, self._edited.version)
            return f"✓ credential {made.name} saved"
        secret = self.typed()
        was_empty = (await backend.vault.status()).state is VaultState.EMPTY
        made = await backend.credentials.create(draft, secret)
        if was_empty:
            status = await backend.vault.status()
            await self.app.push_screen_wait(
                Question(
                    "The vault is made",
                    back_up_lines(status),
                    (Choice(True, "understood", "this is said once"),),
                    cancel="later",
                )
            )
        return f"✓ credential {made.name} kept"

    def _group_ids(self) -> tuple[GroupId, ...]:
        by_name = {group.name: group.id for group in self._groups}
        names = self.field("groups").replace(",", " ").split()
        for name in names:
            if name not in by_name:
                raise InvalidInput.of("groups", f"no group is called {name}", "names with spaces between")
        gone = () if self._edited is None else self._edited.draft.groups
        # a deleted group stays bound: without it the credential might go further than before
        kept = tuple(group for group in gone if group not in by_name.values())
        return (*(by_name[name] for name in names), *kept)


class Rotation(_SecretForm):
    """Another secret for a credential."""

    AUTO_FOCUS = "#secret"

    def __init__(self, credential: Credential) -> None:
        super().__init__()
        self._credential = credential

    def words(self) -> tuple[str, ...]:
        return (f"Devices ▸ credentials ▸ another secret for {self._credential.name}",)

    @property
    def kind(self) -> CredentialKind:
        return self._credential.draft.kind

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="body", can_focus=False):
            yield from self.secret_rows()

    async def save(self) -> str:
        made = await self.bridge.backend.credentials.rotate(self._credential.id, self.typed(), self._credential.version)
        count = len(made.used_by)
        where = f"; {counted(count, 'device')} get it" if count else ""
        return f"✓ {made.name} has a new secret, version {made.secret_version}{where}"
