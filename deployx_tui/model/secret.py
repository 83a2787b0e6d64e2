"""Secrets and the credentials that carry them: a value that shows itself to nobody, and what is known of it.

`reveal()` is for transports, the output mask, notify and the vault; a test looks for other callers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NoReturn

from deployx_tui.model.ids import CredentialId, GroupId

SHOWN = "[secret]"


class Secret:
    """Bytes that no text, log, traceback, JSON or pickle shows. Two secrets are equal only when they are one object."""

    __slots__ = ("__value",)

    def __init__(self, value: bytes) -> None:
        self.__value = bytes(value)

    @classmethod
    def of(cls, value: str | bytes) -> Secret:
        """Text as UTF-8."""
        return cls(value.encode() if isinstance(value, str) else value)

    def reveal(self) -> bytes:
        """The value itself."""
        return self.__value

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return SHOWN

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Purpose(StrEnum):
    """What a secret may be used for; it is used for nothing else."""

    SSH_LOGIN = "ssh login"
    SUDO = "sudo"
    WINRM = "winrm"
    PARAMETER = "parameter"


class CredentialKind(StrEnum):
    SSH_KEY = "ssh-key"  # the text of a private key, with or without a passphrase
    PASSWORD = "password"  # noqa: S105 - of an ssh login; the word, not one
    SUDO = "sudo"
    WINRM = "winrm"
    PARAMETER = "parameter"

    @property
    def purpose(self) -> Purpose:
        return _PURPOSES[self]


_PURPOSES = {
    CredentialKind.SSH_KEY: Purpose.SSH_LOGIN,
    CredentialKind.PASSWORD: Purpose.SSH_LOGIN,
    CredentialKind.SUDO: Purpose.SUDO,
    CredentialKind.WINRM: Purpose.WINRM,
    CredentialKind.PARAMETER: Purpose.PARAMETER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialDraft:
    """What a person says of a credential, but for its secret."""

    name: str
    #: never changes: it decides the purpose
    kind: CredentialKind
    #: the account that it opens; None: the device's own user
    user: str | None = None
    #: it goes to devices in one of these only; (): to devices that name it only
    groups: tuple[GroupId, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """What is put into the vault for a credential."""

    value: Secret
    #: of an ssh-key that is encrypted; None: it is not, and no other kind has one
    passphrase: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    id: CredentialId
    draft: CredentialDraft
    version: int
    #: grows with each rotation; a run's plan names it
    secret_version: int
    created_at: datetime
    #: when the present secret was put in
    rotated_at: datetime
    #: when a run or a test last took it; None: never
    last_used_at: datetime | None
    #: names of the devices that it goes to now, sorted
    used_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.draft.name


class VaultState(StrEnum):
    """Whether secrets can be read."""

    EMPTY = "empty"  # no secret was ever kept, so there need be no key yet
    OPEN = "open"
    LOCKED = "locked"  # its key is not there
    WRONG_KEY = "wrong_key"  # a key is there, and it is another one


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultStatus:
    state: VaultState
    #: where the master key comes from ("key file /home/ada/.config/deployx/vault.key"); "" when none is there yet
    source: str
    #: which master key the secrets are sealed with, hex; "" before the first one
    key_id: str
    #: how many credentials are kept
    secrets: int
    #: what is wrong and what helps; "" when nothing is
    message: str
    #: what to keep a copy of; "" when there is nothing, as while the key is in memory and no more in its place
    back_up: str
    #: of the answer to a rotation: where the master key before stays; "" when it has no place
    kept: str = ""

    @property
    def is_key_gone(self) -> bool:
        """Secrets can be read, and no more once the engine ends: there is no key to keep a copy of."""
        return self.state is VaultState.OPEN and not self.back_up


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialCheck:
    """What a look at a credential's secret found; never anything of it."""

    ok: bool
    #: "the ssh-ed25519 key opens, SHA256:...", or what is wrong
    message: str
    #: what to do; "" when ok
    remedy: str = ""
