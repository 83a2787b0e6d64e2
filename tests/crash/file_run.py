"""One file run over SSH in a process of its own, to be killed; standard input says which, as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.files import FileItem
from deployx_tui.model.ids import DeviceId
from deployx_tui.transports.base import Endpoint, Unreached
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.contract.transport.site import CONNECT
from tests.support.file_runs import Ran, Target

#: what a run puts there: one large file, some small ones, or a tree of both
KINDS = ("one", "some", "tree")


def content(name: str, version: str) -> bytes:
    """Of a file in a version, the same in every process."""
    line = f"{name} {version}\n".encode()
    return line * (200_000 if name == "large" else 500)


def files(kind: str) -> tuple[str, ...]:
    return {"one": ("large",), "some": ("a", "b", "c"), "tree": ("large", "d/a", "d/b", "c")}[kind]


def carry_out(kind: str, folder: str, version: str, nonce: str, way: Mapping[str, str]) -> Ran:
    """To its end, over a connection of its own."""
    transport = SshTransport(SshSettings(known_hosts=Path(way["scratch"]), known_hosts_beside=(Path(way["known"]),)))
    endpoint = Endpoint(
        device_id=DeviceId(1),
        name="web01",
        address=way["address"],
        port=int(way["port"]),
        user=way["user"],
        transport=TransportKind.SSH,
        key_file=way["key"],
        host_key_policy=HostKeyPolicy.STRICT,
    )
    try:
        connection = transport.connect(endpoint, CONNECT, Event())
        if isinstance(connection, Unreached):
            raise SystemExit(connection.message)
        target = Target(connection)
        if kind == "tree":
            tree = target.artifacts.tree({name: content(name, version) for name in files(kind)})
            return target.run(tree, folder, nonce=nonce)
        items = tuple(FileItem(artifact=target.artifacts.file(content(name, version), name)) for name in files(kind))
        return target.run(target_path=f"{folder}/", items=items, nonce=nonce)
    finally:
        transport.shutdown()


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print("begun", flush=True)
    told = carry_out(**given)
    print(told.facts.state.value, told.message, flush=True)
