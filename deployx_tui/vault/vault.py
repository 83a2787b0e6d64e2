"""The vault: seals and opens the secrets of a database, once its master key is there. Thread-safe.

Locked or under a wrong key it opens nothing and, above all, writes nothing.
"""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from threading import Lock

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput, VaultClosed
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.secret import Secret, VaultState, VaultStatus
from deployx_tui.store import credentials, sealed
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.store.sealed import SealedRow, VaultRow
from deployx_tui.vault.envelope import MasterKey, Place, Sealed
from deployx_tui.vault.keys import FoundKey, KeyPlaces
from deployx_tui.vault.shelves import NoKey, Shelf

#: fields of a credential's secret
VALUE, PASSPHRASE = "value", "passphrase"


class Vault:
    """The secrets of one database. Made without a look at any key."""

    def __init__(self, database: Database, places: KeyPlaces, revealed: Callable[[Secret], None]) -> None:
        """`revealed` is told each secret that came in or out, so that logs and messages can be kept free of it."""
        self._database, self._places, self._revealed = database, places, revealed
        self._lock = Lock()
        #: by their ids: a transaction that began before a rotation still reads what the key before it sealed
        self._keys: dict[str, FoundKey] = {}
        self._found: FoundKey | None = None
        self._state = VaultState.LOCKED
        self._trouble = ""

    # -- its key

    def open(self) -> VaultState:
        """Look for the key, again if need be; cheap when it is there. Never raises for want of one: see `status`."""
        with self._database.read() as c:
            return self.look(c)

    def look(self, c: Connection) -> VaultState:
        """`open` in the caller's transaction."""
        with self._lock:
            row = sealed.vault_row(c)
            if row is None:
                self._found, self._state, self._trouble = None, VaultState.EMPTY, ""
                return self._state
            if (known := self._keys.get(row.key_id)) is not None:
                self._found, self._state, self._trouble = known, VaultState.OPEN, ""
                return self._state
            try:
                candidates = self._places.candidates(row.salt, row.key_id)
            except NoKey as error:
                return self._closed(c, VaultState.LOCKED, str(error))
            fitting = _fitting(candidates, row)
            if fitting is None:
                return self._closed(c, VaultState.WRONG_KEY, _another(candidates, row))
            self._found, self._state, self._trouble = self._settled(fitting), VaultState.OPEN, ""
            self._keys[row.key_id] = self._found
            return self._state

    def _closed(self, c: Connection, state: VaultState, trouble: str) -> VaultState:
        """Holds the lock. A key that nothing is sealed with any more is not missed: the next secret makes another."""
        if not sealed.has_any(c):
            state, trouble = VaultState.EMPTY, ""
        self._found, self._state, self._trouble = None, state, trouble
        return state

    @property
    def is_open(self) -> bool:
        """Secrets can be read, as far as the last look knew."""
        return self._state is VaultState.OPEN

    @property
    def trouble(self) -> str:
        """Why it is not open; "" when it is, or when there is nothing in it."""
        return self._trouble

    def prepare(self) -> None:
        """Have the key at hand before a transaction that seals begins: a keyring may have to ask a person first.

        Raises VaultClosed.
        """
        if self._places.may_ask and self.open() is VaultState.EMPTY:
            try:
                self._places.first()
            except NoKey as error:
                raise VaultClosed(f"the vault can't be opened: {error}") from error

    def status(self, c: Connection) -> VaultStatus:
        state = self.look(c)
        row, found = sealed.vault_row(c), self._found
        gone = "" if row is None or state is not VaultState.OPEN else self._gone(row)
        return VaultStatus(
            state=state,
            source="" if found is None else found.source,
            key_id="" if row is None else row.key_id,
            secrets=credentials.count(c),
            message=gone or self._trouble or ("" if found is None else found.warning),
            back_up="" if found is None or gone or state is not VaultState.OPEN else found.back_up,
        )

    def require_key(self, c: Connection) -> None:
        """Raises VaultClosed unless secrets can be read now and after the next start too; an empty vault is fine."""
        row = sealed.vault_row(c)
        if row is None:
            return
        match self.look(c):
            case VaultState.EMPTY:
                return
            case VaultState.LOCKED | VaultState.WRONG_KEY:
                raise VaultClosed(f"the vault is closed: {self._trouble}")
        if gone := self._gone(row):
            raise VaultClosed(gone)

    def unlock(self, passphrase: Secret) -> VaultState:
        """Give the passphrase that the settings say opens it; the first time, choose it.

        Raises InvalidInput when it is the wrong one or too short, Conflict when the key is not a passphrase's.
        """
        if not self._places.wants_passphrase:
            raise Conflict(
                'the vault\'s key is not a passphrase; vault_key = "passphrase" in the settings makes it one'
            )
        with self._database.read() as c:
            row = sealed.vault_row(c)
        if row is None and len(passphrase.reveal()) < 12:
            raise InvalidInput.of(
                "passphrase", "it is shorter than 12 bytes", "choose a longer one: it opens everything"
            )
        if row is not None and row.salt is None:
            raise Conflict("the secrets are sealed with a key, not a passphrase; set vault_key back to where it lies")
        salt = self._places.give_passphrase(passphrase, None if row is None else row.salt)
        with self._database.read() as c:
            state = self.look(c)
        if state is VaultState.WRONG_KEY:
            self._places.forget_passphrase(salt)
            raise InvalidInput.of("passphrase", "it is not this vault's", "type it again")
        return state

    # -- secrets

    def seal(self, c: Connection, credential: CredentialId, version: int, field: str, secret: Secret) -> None:
        """Keep a secret. In the caller's transaction, which ends here when what was written can't be read back.

        Raises VaultClosed: nothing was written.
        """
        key = self._key_to_write(c)
        place = Place(credential, version, field)
        made = key.seal(place, secret)
        sealed.put(c, _row(place, made), now_ms())
        # encryption that silently does nothing is a known failure of such stores
        stored = sealed.get(c, credential, version, field)
        if stored is None or not _is_kept(key, place, _sealed(stored), secret):
            raise RuntimeError("a sealed secret did not come back as it went in")
        self._revealed(secret)

    def reveal(self, c: Connection, credential: CredentialId, version: int, field: str = VALUE) -> Secret | None:
        """The secret of this version; None: the credential has no such field, or the version was dropped.

        Raises VaultClosed, and Damaged when this very row was changed or moved.
        """
        row = sealed.get(c, credential, version, field)
        if row is None:
            return None
        found = self._keys.get(row.key_id)
        if found is None:
            self.look(c)
            found = self._keys.get(row.key_id)
        if found is None:
            raise VaultClosed(f"the vault is closed: {self._trouble or 'its key is another one'}")
        secret = found.key.open(Place(credential, version, field), _sealed(row))
        self._revealed(secret)
        return secret

    # -- another master key

    def new_master(self, passphrase: Secret | None = None) -> NewMaster:
        """Prepare to seal everything with a fresh key.

        Raises VaultClosed; Conflict where the key is not ours to change; InvalidInput for want of a new passphrase.
        """
        if self.open() is not VaultState.OPEN or self._found is None:
            raise VaultClosed(f"the vault is closed: {self._trouble or 'there is nothing in it yet'}")
        if self._places.wants_passphrase:
            if passphrase is None:
                raise InvalidInput.of("passphrase", "the new one is missing", "give the new passphrase")
            if len(passphrase.reveal()) < 12:
                raise InvalidInput.of("passphrase", "it is shorter than 12 bytes", "choose a longer one")
            salt = self._places.give_passphrase(passphrase, None)
            return NewMaster(self, self._found.key, self._places.candidates(salt)[0], None, salt)
        found = self._found
        if found.shelf is None:
            raise Conflict(
                f"the key comes from {found.source}, which deployx can't change; "
                "move it into a key file (vault_key = PATH), rotate it there, and put it back"
            )
        try:
            if found.is_waiting:
                # the present key lies where the new one would wait
                found.shelf.settle()
            present = found.shelf.read()
            if present is None or present.id != found.key.id:
                raise Conflict(
                    f"{found.shelf.source} {'is missing' if present is None else 'holds another key'}: it is not "
                    f"replaced; put the key {found.key.id} back, or name a file of its own for this database "
                    "(vault_key = PATH) that holds it"
                )
            found.shelf.make_waiting()
            key = found.shelf.read_waiting()
        except NoKey as error:
            raise Conflict(str(error)) from error
        if key is None:
            raise Conflict(f"a new key was put beside that of {found.source}, and is not there")
        new = replace(found, key=key, is_waiting=True)
        return NewMaster(self, found.key, new, found.shelf, None)

    def _settled(self, found: FoundKey) -> FoundKey:
        """The new key of a rotation takes its place once the secrets are sealed with it, also after a crash."""
        if found.is_waiting and found.shelf is not None:
            try:
                found.shelf.settle()
            except NoKey as error:
                # it opens the vault from where it is
                return replace(found, warning=f"the new key waits beside its place: {error}")
            return replace(found, is_waiting=False)
        return found

    def _gone(self, row: VaultRow) -> str:
        """Why the next start would not find the key that is in memory, and what helps; "" when it would.

        A keyring is not asked: that may ask a person.
        """
        if self._places.may_ask:
            return ""
        try:
            candidates = self._places.candidates(row.salt, row.key_id)
        except NoKey as error:
            why = str(error)
        else:
            why = "" if _fitting(candidates, row) is not None else _another(candidates, row)
        return f"{why}; until then secrets are used from memory, and none is taken or changed" if why else ""

    def _key_to_write(self, c: Connection) -> MasterKey:
        row = sealed.vault_row(c, shared=True)
        if row is None or self.look(c) is VaultState.EMPTY:
            try:
                found, salt = self._places.first()
            except NoKey as error:
                raise VaultClosed(f"the vault can't be opened: {error}") from error
            row = VaultRow(key_id=found.key.id, check_value=found.key.check_value(), salt=salt)
            sealed.put_vault_row(c, row, now_ms())
            return found.key
        self.require_key(c)
        return self._keys[row.key_id].key


class NewMaster:
    """A change of the master key: `reseal` in one transaction, then `settle`; or `discard`."""

    def __init__(self, vault: Vault, old: MasterKey, found: FoundKey, shelf: Shelf | None, salt: bytes | None) -> None:
        self._vault, self._old, self._new, self._shelf, self._salt = vault, old, found, shelf, salt

    @property
    def key_id(self) -> str:
        return self._new.key.id

    def reseal(self, c: Connection) -> int:
        """Every secret, with fresh data keys: what is sealed names the master key. Returns how many.

        Raises Damaged when one does not open; then the transaction must not be committed.
        """
        row = sealed.vault_row(c, for_change=True)
        if row is None or row.key_id != self._old.id:
            raise Conflict("the master key was changed meanwhile; look at deployx vault status")
        rows = sealed.every(c)
        for each in rows:
            place = Place(each.credential, each.version, each.field)
            secret = self._old.open(place, _sealed(each))
            made = self._new.key.seal(place, secret)
            if not _is_kept(self._new.key, place, made, secret):
                raise RuntimeError("a sealed secret did not come back as it went in")
            sealed.replace(c, _row(place, made))
        made_row = VaultRow(key_id=self.key_id, check_value=self._new.key.check_value(), salt=self._salt)
        sealed.put_vault_row(c, made_row, now_ms())
        return len(rows)

    def settle(self) -> None:
        """The transaction stands: the new key takes the old one's place."""
        self._vault.open()

    @property
    def kept(self) -> str:
        """Where the key before stays; "" when it has no place, or stands in its own still."""
        beside = None if self._shelf is None else self._shelf.beside(self._old.id)
        try:
            return "" if beside is None or beside.read() is None else beside.back_up
        except NoKey:
            return ""  # the rotation stands all the same; `vault status` says what is wrong with the place

    def discard(self) -> None:
        """The transaction was rolled back."""
        if self._shelf is not None:
            # one that stays is one too many and no harm; why the rotation failed is what counts
            with contextlib.suppress(NoKey):
                self._shelf.drop_waiting(self.key_id)
        elif self._salt is not None:
            self._vault._places.forget_passphrase(self._salt)


def _fitting(candidates: Iterable[FoundKey], row: VaultRow) -> FoundKey | None:
    return next((one for one in candidates if one.key.id == row.key_id and one.key.fits(row.check_value)), None)


def _another(candidates: Sequence[FoundKey], row: VaultRow) -> str:
    return (
        f"the key of {candidates[0].source} is not the one that the secrets are sealed with; "
        f"put that one, {row.key_id}, back from its copy"
    )


def _is_kept(key: MasterKey, place: Place, made: Sealed, secret: Secret) -> bool:
    """It opens to what it should, and does not lie there for everybody to read."""
    plain = secret.reveal()
    return hmac.compare_digest(key.open(place, made).reveal(), plain) and plain not in made.value


def _row(place: Place, made: Sealed) -> SealedRow:
    return SealedRow(
        credential=place.credential,
        version=place.version,
        field=place.field,
        key_id=made.key_id,
        wrapped=made.wrapped,
        sealed=made.value,
    )


def _sealed(row: SealedRow) -> Sealed:
    return Sealed(row.key_id, row.wrapped, row.sealed)
