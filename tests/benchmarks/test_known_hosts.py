"""10,000 known hosts, every second one hashed: until the first key is judged, and each one after it.

pytest -m benchmark -s tests/benchmarks/test_known_hosts.py, beside asyncssh's. paramiko's HostKeys would take minutes:
it compares each line with all lines before it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from deployx_tui.transports.hostkeys import KnownHosts, Standing
from tests.benchmarks.goals import say_goal

ENTRIES, LOOKED_UP = 10_000, 20
KIND = "ssh-ed25519"


def address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def key(number: int) -> bytes:
    """An Ed25519 key's blob; nobody signs with it."""
    point = hashlib.sha256(str(number).encode()).digest()
    return len(KIND).to_bytes(4, "big") + KIND.encode() + len(point).to_bytes(4, "big") + point


def line(number: int) -> str:
    name = address(number)
    if number % 2:
        salt = os.urandom(20)
        digest = hmac.digest(salt, name.encode(), "sha1")
        name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    return f"{name} {KIND} {base64.b64encode(key(number)).decode()}\n"


Judge = Callable[[int], bool]


def ours(file: Path) -> Judge:
    known = KnownHosts(file)
    return lambda number: known.standing(address(number), 22, key(number)) is Standing.KNOWN


def by_asyncssh(file: Path) -> Judge:
    known = asyncssh.read_known_hosts(str(file))
    return lambda number: any(
        found.public_data == key(number) for found in known.match(address(number), address(number), None)[0]
    )


@pytest.mark.benchmark
def test_10000_known_hosts_are_ready(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("".join(map(line, range(ENTRIES))))
    step = ENTRIES // LOOKED_UP | 1  # odd: plain and hashed ones in turn
    print()
    for name, make in (("deployx", ours), ("asyncssh", by_asyncssh)):
        begun = time.thread_time()
        judge = make(file)
        assert judge(ENTRIES - 1)
        ready = time.thread_time() - begun
        begun = time.thread_time()
        looked_up = range(0, ENTRIES, step)
        assert all(map(judge, looked_up))
        each = (time.thread_time() - begun) / len(looked_up)
        print(
            f"{name:9}: the first of {ENTRIES:,} judged after {ready:6.3f} s of CPU, "
            f"each other one after {each * 1000:7.3f} ms"
        )
        if name == "deployx":
            say_goal("seconds until known_hosts of 10,000 entries is ready", ready, at_most=0.2)
