"""Credentials as rows, and what is known of one and of the vault. Pure; there is no value here to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from deployx_tui.model.ids import GroupId
from deployx_tui.model.secret import Credential, CredentialKind, Purpose, VaultState, VaultStatus
from deployx_tui.tui.render.line import Line, Span, StyleName, line, span
from deployx_tui.tui.render.when import ago, day_and_clock

_STATES: dict[VaultState, tuple[str, StyleName]] = {
    VaultState.EMPTY: ("no secret is kept yet", "dim"),
    VaultState.OPEN: ("vault open", ""),
    VaultState.LOCKED: ("! vault locked", "bad"),
    VaultState.WRONG_KEY: ("! wrong vault key", "bad"),
}
_USES: dict[Purpose, str] = {
    Purpose.SSH_LOGIN: "logs in over SSH",
    Purpose.SUDO: "is given to sudo",
    Purpose.WINRM: "logs in over WinRM",
    Purpose.PARAMETER: "is a parameter of tasks",
}
#: names of devices that are told of one credential
_NAMES = 12


@dataclass(frozen=True, slots=True)
class CredentialRow:
    credential: Credential
    groups: Mapping[GroupId, str]
    now: datetime
    zone: tzinfo

    @property
    def key(self) -> object:
        return self.credential.id

    @property
    def group_names(self) -> str:
        return ", ".join(self.groups.get(group, "a deleted group") for group in self.credential.draft.groups)


def vault_words(status: VaultStatus) -> tuple[str, StyleName]:
    """For the title's end."""
    return ("! vault key gone", "bad") if status.is_key_gone else _STATES[status.state]


def name_cell(row: CredentialRow) -> Line:
    return (span(row.credential.name),)


def kind_cell(row: CredentialRow) -> Line:
    return (span(row.credential.draft.kind.value),)


def user_cell(row: CredentialRow) -> Line:
    user = row.credential.draft.user
    return (span(user) if user else span("the device's", "dim"),)


def groups_cell(row: CredentialRow) -> Line:
    return (span(row.group_names) if row.credential.draft.groups else span("who names it", "dim"),)


def rotated_cell(row: CredentialRow) -> Line:
    return (span(ago(row.credential.rotated_at, row.now)),)


def used_cell(row: CredentialRow) -> Line:
    used = row.credential.last_used_at
    return (span("never", "dim") if used is None else span(ago(used, row.now)),)


def devices_cell(row: CredentialRow) -> Line:
    count = len(row.credential.used_by)
    return (span(str(count)) if count else span("none", "dim"),)


def detail_lines(row: CredentialRow, said: tuple[str, StyleName] | None) -> tuple[Line, ...]:
    """What is known of one. `said`: what a test found, if there was one."""
    one = row.credential
    names = ", ".join(one.used_by[:_NAMES])
    more = f" and {len(one.used_by) - _NAMES} more" if len(one.used_by) > _NAMES else ""
    rows = [
        _row("purpose", span(f"{_USES[one.draft.kind.purpose]}; {_whose(row)}")),
        _row("goes to", span(names + more if names else "no device now")),
        _row(
            "secret",
            span(f"version {one.secret_version}, put in {day_and_clock(one.rotated_at, row.zone)}; it is never shown"),
        ),
    ]
    if one.draft.description:
        rows.append(_row("about", span(one.draft.description)))
    if said is not None:
        rows.append(_row("test", span(*said)))
    return tuple(rows)


def _whose(row: CredentialRow) -> str:
    draft = row.credential.draft
    if draft.kind is CredentialKind.PARAMETER:
        return "who writes a task's command can read it"
    groups = f"to devices in {row.group_names} only" if draft.groups else "to devices that name it"
    return f"{groups}, as {draft.user}" if draft.user else f"{groups}, as the device's own user"


def back_up_lines(status: VaultStatus) -> Sequence[Line]:
    """What a person must know when the vault was just made."""
    return (
        line("The secrets are sealed with a key that was made now:"),
        line(span(f"  {status.back_up}", "bold")),
        line(""),
        line("Keep a copy of it, apart from copies of the database."),
        line("Without it no secret can be read again, by anybody."),
    )


#: cells of the labels' column
LABELS = 11


def _row(name: str, *spans: Span) -> Line:
    return (span(f" {name:<{LABELS - 1}}", "dim"), *spans)
