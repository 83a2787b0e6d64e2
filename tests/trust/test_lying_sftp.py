"""TRUST, "Targets are hostile": an SFTP server that breaks the rules costs its own transfer, told as a value."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event

import paramiko
import pytest

from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.execution import Cause
from deployx_tui.model.ids import DeviceId
from deployx_tui.transports.base import Broke, Endpoint, FileMover, Refused
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.support.lying_sshd import Words, after_login, lying_sshd, send_unasked, speak_sftp
from tests.support.sources import Source, nothing

OPEN, CLOSE, WRITE, STAT, FSTAT = 3, 4, 6, 17, 8
_OK = struct.pack(">III", 0, 0, 0)


def status(number: bytes, code: int, words: bytes = b"") -> bytes:
    return b"\x65" + number + struct.pack(">II", code, len(words)) + words + struct.pack(">I", 0)


def attributes(number: bytes, size: int) -> bytes:
    return b"\x69" + number + struct.pack(">IQ", 1, size)


def honest(kind: int, number: bytes, body: bytes, size: int) -> list[bytes]:
    """What a true one says to a put of `size` bytes."""
    match kind:
        case 17:
            return [attributes(number, 0)]
        case 8:
            return [attributes(number, size)]
        case 3:
            return [b"\x66" + number + struct.pack(">I", 1) + b"h"]
        case _:
            return [status(number, 0)]


def lies_at(wanted: int, *lies: bytes) -> Words:
    """True but for the answers to one kind of request; NNNN in them stands for its number."""

    def words(kind: int, number: bytes, body: bytes) -> list[bytes]:
        if kind == wanted:
            return [lie.replace(b"NNNN", number) for lie in lies]
        return honest(kind, number, body, 100)

    return words


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


@contextmanager
def put_to(key: paramiko.PKey, folder: Path, words: Words, size: int = 100) -> Iterator[object]:
    """What a put of so many bytes to such a server gives."""
    with _mover(key, folder, lambda transport, channel: speak_sftp(channel, words)) as mover:
        yield mover.put(Source(size), "/x", 0, nothing, Event())


@contextmanager
def _mover(key: paramiko.PKey, folder: Path, act: object) -> Iterator[FileMover]:
    login = folder / "client"
    paramiko.ECDSAKey.generate().write_private_key_file(str(login))
    transport = SshTransport(SshSettings(known_hosts=folder / "known_hosts", patience=1.0))
    with lying_sshd(after_login(key, act)) as port:  # type: ignore[arg-type]  # each test's own
        endpoint = Endpoint(
            device_id=DeviceId(1),
            name="liar",
            address="127.0.0.1",
            port=port,
            user="root",
            transport=TransportKind.SSH,
            key_file=str(login),
            host_key_policy=HostKeyPolicy.ACCEPT_NEW,
        )
        connection = transport.connect(endpoint, timedelta(seconds=30), Event())
        assert isinstance(connection, FileMover), connection
        yield connection
        transport.shutdown()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (lies_at(STAT, status(b"\xff\xff\xff\xff", 0)), "nobody asked"),
        (lies_at(STAT, b"\x69"), "an answer that is none"),
        (lies_at(STAT, b"\x69NNNN"), "attributes that are none"),
        (lies_at(STAT, b"\x69NNNN" + b"\xff\xff\xff\xff\x00"), "attributes that are none"),
        (lies_at(STAT, b"\x69NNNN" + b"A" * 70_000), "announced an answer of 70005 bytes"),
        (lies_at(STAT, b"\x66NNNN\0\0\0\1h"), "not asked for"),
        (lies_at(OPEN, b"\x66NNNN" + struct.pack(">I", 9000) + b"h" * 9000), "a handle that is none"),
        (lies_at(OPEN, b"\x66NNNN\xff\xff\xff\xffh"), "a handle that is none"),
        (lies_at(WRITE, b"\x67NNNN\0\0\0\1x"), "something else than a status"),
        (lies_at(WRITE, b"\x65NNNN"), "something else than a status"),
        (lies_at(WRITE, b"\x65NNNN\0\0\0\0", b"\x65NNNN\0\0\0\0"), "nobody asked"),
        (lies_at(STAT), "did not answer within 1 s"),
        (lies_at(OPEN), "did not answer within 1 s"),
    ],
)
def test_an_answer_that_is_none_ends_the_transfer(key: paramiko.PKey, tmp_path: Path, words: Words, said: str) -> None:
    with put_to(key, tmp_path, words) as told:
        assert isinstance(told, Broke)
        assert told.cause is Cause.LOST
        assert said in told.message
        assert len(told.message) < 500


@pytest.mark.parametrize(
    ("words", "cause", "said"),
    [
        (lies_at(WRITE, status(b"NNNN", 4, b"quota\x1b[31m")), Cause.EXIT, "quota?[31m"),
        (lies_at(WRITE, status(b"NNNN", 4)), Cause.EXIT, "Failure"),
        (lies_at(WRITE, status(b"NNNN", 99, b"A" * 9000)), Cause.EXIT, "AAAA"),
        (lies_at(FSTAT, attributes(b"NNNN", 99)), Cause.VERIFY, "has 99 bytes"),
        (lies_at(FSTAT, status(b"NNNN", 4, b"gone")), Cause.EXIT, "gone"),
        (lies_at(CLOSE, status(b"NNNN", 4, b"over quota")), Cause.EXIT, "over quota"),
    ],
)
def test_a_file_is_sent_only_when_each_answer_says_so(
    key: paramiko.PKey, tmp_path: Path, words: Words, cause: Cause, said: str
) -> None:
    with put_to(key, tmp_path, words) as told:
        assert isinstance(told, Broke)
        assert told.cause is cause
        assert said in told.message
        assert told.message.isprintable()
        assert len(told.message) < 500


def test_one_write_of_many_that_failed_is_not_lost_among_those_that_did_not(key: paramiko.PKey, tmp_path: Path) -> None:
    size, seen = 1 << 20, 0

    def words(kind: int, number: bytes, body: bytes) -> list[bytes]:
        nonlocal seen
        if kind == WRITE:
            seen += 1
            return [status(number, 4 if seen == 7 else 0)]
        return honest(kind, number, body, size)

    with put_to(key, tmp_path, words, size) as told:
        assert isinstance(told, Broke)
        assert told.cause is Cause.EXIT


def test_answers_may_come_in_any_order(key: paramiko.PKey, tmp_path: Path) -> None:
    size, late = 100_000, list[bytes]()

    def words(kind: int, number: bytes, body: bytes) -> list[bytes]:
        if kind != WRITE:
            return honest(kind, number, body, size)
        late.insert(0, status(number, 0))
        return late if len(late) == 4 else []

    with put_to(key, tmp_path, words, size) as told:
        assert getattr(told, "size", None) == size


@pytest.mark.parametrize("words", [b"Welcome to the machine\n", b"\0\0\0\5\x03\0\0\0\3", b"\xff\xff\xff\xff"])
def test_what_is_no_sftp_is_not_spoken_to_further(key: paramiko.PKey, tmp_path: Path, words: bytes) -> None:
    """sh is asked for then, and this server has none either."""

    def act(transport: paramiko.Transport, channel: paramiko.Channel) -> None:
        channel.sendall(words)
        channel.recv(1)
        while transport.is_active() and (other := transport.accept(30)) is not None:
            other.recv(1)
            other.sendall(b"what?\n" * 100_000)

    with _mover(key, tmp_path, act) as mover:
        told = mover.put(Source(100), "/x", 0, nothing, Event())
        assert isinstance(told, Refused)
        assert told.cause is Cause.SHELL
        assert len(told.message) < 700


def test_output_beyond_the_window_ends_the_connection(key: paramiko.PKey, tmp_path: Path) -> None:
    with _mover(key, tmp_path, lambda transport, channel: send_unasked(transport, channel, 64 << 20)) as mover:
        told = mover.put(Source(100), "/x", 0, nothing, Event())
        assert isinstance(told, Broke | Refused)
