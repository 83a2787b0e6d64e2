"""The keyring of the account (Secret Service, KWallet, macOS Keychain) as the place of the master key.

The library `keyring` is an extra and is loaded by the first use. Its calls may open a window that asks a person for
the keyring's password, and then take as long as the person: so each is waited for a bounded time, and after one that
failed the person is left alone for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

from deployx_tui.model.secret import Secret
from deployx_tui.vault.envelope import MasterKey
from deployx_tui.vault.shelves import NoKey, fresh_key, parse_key

SERVICE = "deployx"
#: seconds until one call counts as unanswered
_PATIENCE = 10.0
#: seconds between two calls when the first one failed: a window that was closed is not opened by the next run
_QUIET = 60.0
_REMEDY = "unlock it, or name a key file instead: vault_key = PATH"

T = TypeVar("T")


class KeyringShelf:
    """One entry of the keyring; what waits has the same name and `.new`, what stays beside its id. Thread-safe."""

    def __init__(self, name: str, patience: float = _PATIENCE, quiet: float = _QUIET) -> None:
        """`name`: of the entry within the service; another one for each configuration folder."""
        self._name, self._patience, self._quiet = name, patience, quiet
        self._lock = threading.Lock()
        #: the last call that failed, when it did, and the thread in which it may still go on
        self._refusal: NoKey | None = None
        self._refused_at = 0.0
        self._unanswered: threading.Thread | None = None

    @property
    def source(self) -> str:
        return f"keyring, entry {self._name} of {SERVICE}"

    @property
    def back_up(self) -> str:
        return f"what `keyring get {SERVICE} {self._name}` prints"

    @property
    def _waiting(self) -> str:
        return f"{self._name}.new"

    def read(self) -> MasterKey | None:
        return self._read(self._name)

    def read_waiting(self) -> MasterKey | None:
        return self._read(self._waiting)

    def make(self) -> None:
        if self.read() is None:
            self._write(self._name, fresh_key())

    def make_waiting(self) -> None:
        self._keep(self._waiting)
        self._write(self._waiting, fresh_key())

    def drop_waiting(self, key_id: str) -> None:
        waiting = self.read_waiting()
        if waiting is not None and waiting.id == key_id:
            self._drop(self._waiting)

    def settle(self) -> None:
        """A crash between the two steps leaves the key in both places, which is one too many and no harm."""
        found = self._text(self._waiting)
        if found is not None:
            if found != self._text(self._name):
                self._keep(self._name)
            self._write(self._name, found)
            self._drop(self._waiting)

    def beside(self, key_id: str) -> KeyringShelf:
        return KeyringShelf(f"{self._name}.{key_id}", self._patience, self._quiet)

    def _keep(self, name: str) -> None:
        """Its key, if it has one, stays under its id."""
        found = self._text(name)
        if found is not None:
            self._write(f"{self._name}.{_parsed(found, name).id}", found)

    def _drop(self, name: str) -> None:
        self._asked(lambda keyring: keyring.delete_password(SERVICE, name))

    def _text(self, name: str) -> str | None:
        def read(keyring: ModuleType) -> str | None:
            found: str | None = keyring.get_password(SERVICE, name)
            return found

        return self._asked(read)

    def _read(self, name: str) -> MasterKey | None:
        found = self._text(name)
        return None if found is None else _parsed(found, name)

    def _write(self, name: str, key: str) -> None:
        def write(keyring: ModuleType) -> bool:
            keyring.set_password(SERVICE, name, key)
            # a keyring that is switched off takes everything and keeps nothing
            return bool(keyring.get_password(SERVICE, name) == key)

        if not self._asked(write):
            raise NoKey(f"the keyring did not keep the key that was put into it; {_REMEDY}")

    def _asked(self, call: Callable[[ModuleType], T]) -> T:
        with self._lock:
            self._refuse_too_soon()
            answers: list[T | NoKey] = []
            thread = threading.Thread(target=lambda: answers.append(_called(call)), name="keyring", daemon=True)
            thread.start()
            thread.join(self._patience)
            answer = answers[0] if answers else _no_answer(self._patience)
            if isinstance(answer, NoKey):
                again = NoKey(f"{answer} (it is asked again {self._quiet:g} s after that)")
                self._refusal, self._refused_at = again, time.monotonic()
                self._unanswered = None if answers else thread
                raise answer
            return answer

    def _refuse_too_soon(self) -> None:
        if self._unanswered is not None:
            if self._unanswered.is_alive():
                raise _no_answer(self._patience)
            # it was answered at last: whatever it said, the keyring can be asked again
            self._unanswered = self._refusal = None
        if self._refusal is not None and time.monotonic() - self._refused_at < self._quiet:
            raise self._refusal
        self._refusal = None


def _parsed(found: str, name: str) -> MasterKey:
    return parse_key(Secret.of(found), f"the keyring's entry {name} of {SERVICE}")


def _no_answer(patience: float) -> NoKey:
    return NoKey(f"the keyring did not answer within {patience:g} s; it may be asking for its password: {_REMEDY}")


def _called(call: Callable[[ModuleType], T]) -> T | NoKey:
    """In the thread that may block."""
    try:
        import keyring  # noqa: PLC0415 - an extra
        from keyring import errors  # noqa: PLC0415
    except ImportError:
        return NoKey("the library for the keyring is not installed: pip install 'deployx-tui[keyring]'")
    try:
        return call(keyring)
    except errors.NoKeyringError:
        return NoKey(
            "this account has no keyring here (a desktop's Secret Service, KWallet, macOS Keychain): run deployx "
            "inside the session that has one, or name a key file instead: vault_key = PATH"
        )
    except errors.KeyringLocked:
        return NoKey(f"the keyring is locked; {_REMEDY}")
    except Exception as error:  # noqa: BLE001 - backends raise what the libraries below them do
        # its class alone: what a backend says may hold what it was given
        return NoKey(f"the keyring failed ({type(error).__name__}); {_REMEDY}")
