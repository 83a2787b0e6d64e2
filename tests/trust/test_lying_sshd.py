"""TRUST, "Targets are hostile": a server that breaks SSH's rules costs its own connection and nothing else."""

from __future__ import annotations

import socket
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
from deployx_tui.transports.base import Endpoint, Signalled, Unreached
from deployx_tui.transports.ssh.link import Link
from deployx_tui.transports.ssh.session import Session
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.support.lying_sshd import Lie, after_login, end_by, endless, lying_sshd, send_unasked

#: a test that waits longer has failed; nothing is measured by it
PATIENCE = 60.0


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        pytest.param(endless(b"", b"A" * 4096), "said more than", id="a version line without end"),
        pytest.param(endless(b"SSH-2.0-", b"\x1b]0;owned\x07" * 400), "said more than", id="escapes without end"),
        pytest.param(
            endless(b"SSH-2.0-x\r\n\xff\xff\xff\xf4" + b"\x00" * 4, b"\x00" * 65536),
            "announced a packet",
            id="a packet of 4 GiB",
        ),
    ],
)
def test_a_greeting_or_packet_without_end_is_cut_off(tmp_path: Path, lie: Lie, said: str) -> None:
    transport = SshTransport(SshSettings(known_hosts=tmp_path / "known_hosts"))
    with lying_sshd(lie) as port:
        answer = transport.connect(endpoint(port), timedelta(seconds=PATIENCE), Event())
    transport.shutdown()
    assert isinstance(answer, Unreached)
    assert answer.cause is Cause.UNREACHABLE
    assert said in answer.message
    assert len(answer.message) < 1000


def test_a_server_that_ignores_the_window_loses_its_connection(key: paramiko.PKey) -> None:
    lie = after_login(key, lambda transport, channel: send_unasked(transport, channel, 64 << 20))
    with lying_sshd(lie) as port, logged_in(port) as link:
        session = opened(link)
        session.execute(b"exec sh")
        link.join(PATIENCE)
        assert not link.is_active()
        assert "more than it was allowed" in str(link.get_exception())
        # nobody read, and no more than a window and a packet was kept
        assert sum(len(piece) for _, piece in iter(session.read, None)) < 256 << 10


def test_the_name_of_a_signal_is_short_and_printable_whatever_the_server_says(key: paramiko.PKey) -> None:
    hostile = b"KILL\x1b]0;owned\x07\x00\xff" + b"A" * 30_000
    lie = after_login(key, lambda transport, channel: end_by(transport, channel, hostile))
    with lying_sshd(lie) as port, logged_in(port) as link:
        session = opened(link)
        session.execute(b"exec sh")
        while session.status is None and not session.closed:
            session.news.wait(PATIENCE)
        assert isinstance(session.status, Signalled)
        name = session.status.signal
    assert name.startswith("KILL?]0;owned??")
    assert name.isprintable()
    assert len(name) <= 40


def endpoint(port: int) -> Endpoint:
    return Endpoint(
        device_id=DeviceId(1), name="liar", address="127.0.0.1", port=port, user="root",
        transport=TransportKind.SSH, key_file="/dev/null", host_key_policy=HostKeyPolicy.STRICT,
    )  # fmt: skip


def opened(link: Link) -> Session:
    session = link.ask_for_session()
    assert session.await_answer(PATIENCE)
    assert session.is_open
    return session


@contextmanager
def logged_in(port: int) -> Iterator[Link]:
    link = Link(socket.create_connection(("127.0.0.1", port)))
    try:
        assert link.greet(PATIENCE, lambda: False) is None
        link.auth_publickey("root", paramiko.ECDSAKey.generate())
        yield link
    finally:
        link.end()
