"""Files over one SSH connection: which way they go, and what is told of it.

SFTP writes, because it is told what became of each piece; `sh` does where there is no SFTP. `sh` reads, because that
costs both sides less; SFTP does for an account that has no shell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Event

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Broke, ByteSource, Refused, Sent, TransferProgress
from deployx_tui.transports.pace import Paced
from deployx_tui.transports.posix import files
from deployx_tui.transports.posix.carrier import Broken
from deployx_tui.transports.posix.heard import LOOK
from deployx_tui.transports.ssh import by_sftp
from deployx_tui.transports.ssh.by_sh import Sh
from deployx_tui.transports.ssh.channel import SshChannel
from deployx_tui.transports.ssh.guard import Guarded
from deployx_tui.transports.ssh.link import Link
from deployx_tui.transports.ssh.sftp import Cancelled, NoSftp, Sftp

_CANCELLED = Broke(Cause.KILLED, "cancelled; a part of the file may be on the target")
_Told = Sent | Refused | Broke


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a connection lends to its transfers. Times in seconds."""

    #: a session on which the SFTP server was asked for
    sftp: Callable[[], SshChannel | Refused]
    #: a session in which `sh` of the account that logs in reads; after Refused it is closed
    sh: Callable[[], SshChannel | Refused]
    #: shared by all connections of a transport
    places: BoundedSemaphore
    patience: float
    silence: float


class Mover:
    """See FileMover. Several threads may move files over one connection."""

    def __init__(self, means: Means) -> None:
        self._means = means
        #: until it is known that the server has none
        self._has_sftp = True

    def put(self, source: ByteSource, path: str, offset: int, progress: TransferProgress, cancel: Event) -> _Told:
        """See FileMover."""
        paced = Paced(progress)

        def by_sftp_put(sftp: Sftp, link: Link) -> _Told:
            return by_sftp.put(sftp, source, path, offset, paced, piece=_piece(link), patience=self._means.patience)

        with self._place(path, cancel) as refused:
            if refused is not None:
                return refused
            told = self._by_sftp(by_sftp_put, cancel) if self._has_sftp else None
            if told is None:
                told = self._by_sh(lambda sh: sh.put(source, path, offset, paced), cancel)
        if isinstance(told, Sent):
            paced.end(offset + told.size)
        return told

    def get(self, path: str, offset: int, sink: Callable[[bytes], None], cancel: Event) -> _Told:
        """See FileMover. A file may have no end: what bounds it is the sink, whose exceptions pass through."""
        with self._place(path, cancel) as refused:
            if refused is not None:
                return refused
            told = self._by_sh(lambda sh: sh.get(path, offset, sink), cancel)
            if isinstance(told, Refused) and told.cause is Cause.SHELL:
                patience = self._means.patience
                again = self._by_sftp(lambda sftp, _: by_sftp.get(sftp, path, offset, sink, patience=patience), cancel)
                return told if again is None else again
            return told

    @contextmanager
    def _place(self, path: str, cancel: Event) -> Iterator[Refused | Broke | None]:
        """One of the places for transfers. Yields why there is nothing to do with it."""
        unfit = files.unfit(path)
        if unfit is not None:
            yield unfit
            return
        places = self._means.places
        while not cancel.is_set():
            if places.acquire(timeout=LOOK):
                try:
                    yield None
                finally:
                    places.release()
                return
        yield _CANCELLED

    def _by_sftp(self, act: Callable[[Sftp, Link], _Told], cancel: Event) -> _Told | None:
        """None: the server has no SFTP, and nothing was done."""
        channel = self._means.sftp()
        if isinstance(channel, Refused):
            return _refused(channel)
        with Guarded(channel, cancel, self._means.silence) as guarded:
            sftp = Sftp(guarded, cancel)
            try:
                sftp.greet(self._means.patience)
                return act(sftp, channel.link)
            except NoSftp:
                self._has_sftp = False
                return None
            except Cancelled:
                return _CANCELLED
            except Broken as error:
                return _broke(error, channel, cancel)

    def _by_sh(self, act: Callable[[Sh], _Told], cancel: Event) -> _Told:
        channel = self._means.sh()
        if isinstance(channel, Refused):
            return _refused(channel)
        with Guarded(channel, cancel, self._means.silence) as guarded:
            try:
                return act(Sh(guarded, cancel, self._means.patience))
            except Cancelled:
                return _CANCELLED
            except Broken as error:
                return _broke(error, channel, cancel)


def _piece(link: Link) -> int:
    is_openssh = link.remote_version.startswith("SSH-2.0-OpenSSH")
    return by_sftp.LARGE_PIECE if is_openssh else by_sftp.PIECE


def _refused(refused: Refused) -> Refused | Broke:
    """A connection that is gone is no answer of the target's."""
    return Broke(Cause.LOST, refused.message) if refused.cause is Cause.LOST else refused


def _broke(error: Broken, channel: SshChannel, cancel: Event) -> Broke:
    if cancel.is_set():
        return _CANCELLED
    ended_itself = channel.lost is None and channel.ended is not None
    return Broke(Cause.EXIT if ended_itself else Cause.LOST, f"the transfer broke: {error}")
