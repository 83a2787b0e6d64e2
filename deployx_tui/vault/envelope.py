"""How a secret is sealed: an own random data key, used once, itself sealed with the master key. AES-256-GCM for both.

The associated data names the place: without it a ciphertext that is moved to another row, version or field still opens.
Pure; knows neither files nor database.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployx_tui.model.ids import CredentialId
from deployx_tui.model.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
#: a fresh key for each version means that a random nonce can't repeat under it
_NONCE_BYTES = 12


class Damaged(Exception):
    """It does not open: another key sealed it, it lay elsewhere, or it was changed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed secret lies; it opens nowhere else."""

    credential: CredentialId
    version: int
    field: str

    def named(self, key_id: str) -> bytes:
        return f"deployx/v1|secret|{self.credential}|{self.version}|{self.field}|{key_id}".encode()


@dataclass(frozen=True, slots=True)
class Sealed:
    key_id: str
    #: the data key
    wrapped: bytes
    value: bytes


def is_key_id(text: str) -> bool:
    """What a database says may be anything; an id becomes part of a file's name."""
    return re.fullmatch(r"[0-9a-f]{16}", text) is not None


class MasterKey:
    """What opens everything else. Shows itself to nobody."""

    __slots__ = ("_aead", "id")

    def __init__(self, value: Secret) -> None:
        raw = value.reveal()
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        #: tells keys apart and gives nothing away: a keyed hash
        self.id = hmac.new(raw, b"deployx/v1|key id", hashlib.sha256).hexdigest()[:16]
        self._aead = _aead(raw)

    def __repr__(self) -> str:
        return f"<master key {self.id}>"

    def seal(self, place: Place, secret: Secret) -> Sealed:
        data_key = secrets.token_bytes(KEY_BYTES)
        named = place.named(self.id)
        return Sealed(self.id, _encrypt(self._aead, data_key, named), _encrypt(_aead(data_key), secret.reveal(), named))

    def open(self, place: Place, sealed: Sealed) -> Secret:
        """Raises Damaged."""
        named = place.named(self.id)
        data_key = _decrypt(self._aead, sealed.wrapped, named)
        if len(data_key) != KEY_BYTES:
            raise Damaged
        return Secret(_decrypt(_aead(data_key), sealed.value, named))

    def check_value(self) -> bytes:
        """To be kept: this key alone opens it, so a wrong key is told from a damaged secret."""
        return _encrypt(self._aead, b"deployx", self._check_name())

    def fits(self, check_value: bytes) -> bool:
        try:
            return _decrypt(self._aead, check_value, self._check_name()) == b"deployx"
        except Damaged:
            return False

    def _check_name(self) -> bytes:
        return f"deployx/v1|check|{self.id}".encode()


def _aead(key: bytes) -> AESGCM:
    """The library is loaded with the first key: an engine without secrets starts without it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - see above

    return AESGCM(key)


def _encrypt(aead: AESGCM, plain: bytes, named: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + aead.encrypt(nonce, plain, named)


def _decrypt(aead: AESGCM, sealed: bytes, named: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see `_aead`

    try:
        return aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], named)
    except (InvalidTag, ValueError):
        # from None: a trace must not lead to what was at hand
        raise Damaged from None
