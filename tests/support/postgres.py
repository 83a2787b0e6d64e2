"""A private PostgreSQL server for tests: on a Unix socket only, shared by the workers of one run, gone afterwards."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg

from tests.support.require import require

#: options that make it quick; a test's server never has to survive a power loss
_FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=200", "log_min_messages=fatal")


def programs() -> Path | None:
    """The folder of initdb and postgres; None when PostgreSQL's server is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return candidates[-1].parent if candidates else None


class Server:
    """A running cluster. `database()` makes an empty database in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, name: str) -> str:
        return f"postgresql://deployx@/{name}?host={self.folder}"

    def database(self, template: str = "template1") -> str:
        """URL of a new database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, url: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{url.split("/")[3].partition("?")[0]}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def shared_server(meeting: Path) -> Iterator[Server]:
    """The server of this test run: the first worker starts it, the last one ends it.

    `meeting`: a file that all workers of the run name alike.
    """
    bin_folder = programs()
    require(bin_folder is not None, "PostgreSQL's server")
    assert bin_folder is not None
    with _locked(meeting) as file:
        words = file.read().split()
        folder, users = (Path(words[0]), int(words[1])) if words else (_start(bin_folder), 0)
        _write(file, f"{folder} {users + 1}")
    try:
        yield Server(folder)
    finally:
        with _locked(meeting) as file:
            users = int(file.read().split()[1]) - 1
            _write(file, f"{folder} {users}" if users else "")
            if not users:
                _stop(folder)


def _start(bin_folder: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="deployx-pg-", dir="/tmp"))
    account: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        account = {"user": "postgres", "group": "postgres"}
    cluster = folder / "cluster"
    initdb: list[str] = [str(bin_folder / "initdb"), "-D", str(cluster), "-U", "deployx", "-A", "trust", "--no-sync"]
    subprocess.run([*initdb, "-E", "UTF8", "--locale=C"], check=True, capture_output=True, cwd="/", **account)
    command = [str(bin_folder / "postgres"), "-D", str(cluster), "-k", str(folder), "-c", "listen_addresses="]
    for option in _FAST:
        command += ["-c", option]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True, **account
        )
    pg_isready = [str(bin_folder / "pg_isready"), "-q", "-h", str(folder)]
    while subprocess.run(pg_isready, check=False).returncode != 0:
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended at start: {(folder / 'log').read_text()}")
    return folder


def _stop(folder: Path) -> None:
    pid = int((folder / "cluster" / "postmaster.pid").read_text().split()[0])
    handle = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGINT)  # "fast": connections are cut
        select.select([handle], [], [], 30)
    finally:
        os.close(handle)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(meeting: Path) -> Iterator[IO[str]]:
    with meeting.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield file
        file.flush()


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
