"""New keys are exchanged in the middle of things: nothing is lost and nothing waits for itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from paramiko import Transport
from paramiko.packet import Packetizer

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import CommandSpec, Exited, run
from tests.contract.transport.site import CONNECT, Recorder
from tests.support.ssh import Fleets, endpoint_of, transport_to

EVERY_BYTE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[Transport]:
    """Grows by the connection for each exchange of keys that begins on our side or answers the server's."""
    seen: list[Transport] = []
    begin = Transport._send_kex_init  # type: ignore[attr-defined]  # not in the stubs

    def noted(transport: Transport) -> None:
        seen.append(transport)
        begin(transport)

    monkeypatch.setattr(Transport, "_send_kex_init", noted)
    return seen


def echo(fleets: Fleets, folder: Path, limit: str, ciphers: str = "aes128-gcm@openssh.com") -> None:
    """A megabyte there and back, then short commands, over one connection."""
    fleet = fleets.get({"RekeyLimit": limit, "Ciphers": ciphers})
    transport = transport_to(fleet, folder)
    endpoint = endpoint_of(fleet.hosts[0])
    sink = Recorder()
    assert run(transport, endpoint, CommandSpec(script="cat", stdin=EVERY_BYTE), sink, Event(), CONNECT) == Exited(0)
    assert sink.pieces[Stream.STDOUT] == EVERY_BYTE
    for number in range(20):
        sink = Recorder()
        spec = CommandSpec(script=f"echo {number}; exit {number}")
        assert run(transport, endpoint, spec, sink, Event(), CONNECT) == Exited(number)
        assert sink.pieces[Stream.STDOUT] == f"{number}\n".encode()
    transport.shutdown()


def test_a_server_that_asks_for_new_keys_every_few_packets(
    fleets: Fleets, tmp_path: Path, exchanges: list[Transport]
) -> None:
    echo(fleets, tmp_path, "20K")
    assert len(exchanges) > 20


def test_new_keys_of_our_own_wish(
    fleets: Fleets, tmp_path: Path, exchanges: list[Transport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Packetizer, "REKEY_BYTES", 20_000)
    echo(fleets, tmp_path, "1G")
    assert len(exchanges) > 4


@pytest.mark.parametrize("ciphers", ["aes128-ctr", "aes256-gcm@openssh.com"])
def test_every_size_of_packet_arrives_whole_with_other_ciphers(fleets: Fleets, tmp_path: Path, ciphers: str) -> None:
    echo(fleets, tmp_path, "100K", ciphers)
    fleet = fleets.get({"RekeyLimit": "100K", "Ciphers": ciphers})
    transport = transport_to(fleet, tmp_path)
    for size in range(40):
        sink = Recorder()
        spec = CommandSpec(script="cat", stdin=b"x" * size)
        assert run(transport, endpoint_of(fleet.hosts[0]), spec, sink, Event(), CONNECT) == Exited(0)
        assert sink.pieces[Stream.STDOUT] == b"x" * size
    transport.shutdown()
