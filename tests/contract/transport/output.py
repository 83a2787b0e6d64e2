"""What a command says arrives whole, at once and no faster than it is taken."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import (
    CommandSpec,
    Exited,
    Outcome,
    run,
)
from tests.contract.transport.site import CONNECT, Recorder, Site, Told


class OutputContract:
    """Part of TransportContract."""

    def test_output_of_any_bytes_arrives_as_it_is(self, site: Site) -> None:
        octal = "".join(f"\\{byte:03o}" for byte in range(256))
        told = site.run(f"printf '{octal}'")
        assert told.stdout == bytes(range(256))

    def test_output_that_is_not_utf_8_arrives_as_it_is(self, site: Site) -> None:
        assert site.run(r"printf '\377\376caf\351'").stdout == b"\xff\xfecaf\xe9"

    def test_output_without_a_last_newline_arrives_whole(self, site: Site) -> None:
        assert site.run("printf 'no newline'; printf 'here neither' >&2") == Told(
            Exited(0), b"no newline", b"here neither"
        )

    def test_8_mb_of_output_arrive_unharmed(self, site: Site) -> None:
        self._much_output(site, 8_000_000)

    @pytest.mark.long
    def test_100_mb_of_output_arrive_unharmed(self, site: Site) -> None:
        self._much_output(site, 100_000_000)

    def _much_output(self, site: Site, size: int) -> None:
        digest, count = hashlib.sha256(), 0

        def sink(stream: Stream, data: bytes, at: datetime) -> None:
            nonlocal count
            digest.update(data)
            count += len(data)

        # openssl's keystream: incompressible, the same on both sides
        spec = CommandSpec(
            script=f"head -c {size} /dev/zero | openssl enc -aes-128-ctr -nosalt -k deployx -md sha256 2>/dev/null"
        )
        assert run(site.transport, site.endpoint, spec, sink, Event(), CONNECT) == Exited(0)
        expected = subprocess.run(["sh", "-c", spec.script + " | sha256sum"], capture_output=True, check=True).stdout
        assert count == size
        assert digest.hexdigest() == expected.split()[0].decode()

    def test_output_comes_while_the_command_still_runs(self, site: Site) -> None:
        """The command waits for a line that is written only when its first output has arrived."""
        sink = Recorder(b"first")
        folder = Path(f"/tmp/deployx-{os.getpid()}-{random.getrandbits(64):x}")
        folder.mkdir()
        os.mkfifo(folder / "go")
        writer = threading.Thread(target=lambda: (sink.seen.wait(60), (folder / "go").write_text("second\n")))
        writer.start()
        try:
            spec = CommandSpec(script=f"echo first; cat {folder / 'go'}")
            outcome = run(site.transport, site.endpoint, spec, sink, Event(), CONNECT)
        finally:
            writer.join()
            shutil.rmtree(folder)
        assert outcome == Exited(0)
        assert sink.pieces[Stream.STDOUT] == b"first\nsecond\n"
        assert all(at.tzinfo is UTC for at in sink.arrivals)

    def test_a_sink_that_blocks_slows_the_command_down(self, site: Site, tmp_path: Path) -> None:
        """Of 64 MB, the command can't have written all while the sink has not taken its first piece."""
        written = tmp_path / "written"
        release, blocked = Event(), Event()

        def sink(stream: Stream, data: bytes, at: datetime) -> None:
            blocked.set()
            release.wait(60)

        spec = CommandSpec(script=f"head -c 64000000 /dev/zero; echo all > {written}")
        result: list[Outcome] = []
        arguments = (site.transport, site.endpoint, spec, sink, Event(), CONNECT)
        runner = threading.Thread(target=lambda: result.append(run(*arguments)))
        runner.start()
        assert blocked.wait(60)
        # another whole run on the same machine takes longer than 64 MB would, if they were buffered here
        assert site.run("head -c 64000000 /dev/zero | cksum").outcome == Exited(0)
        assert not written.exists()
        release.set()
        runner.join()
        assert result == [Exited(0)]
        assert written.exists()

    def test_an_exception_of_the_sink_passes_through(self, site: Site) -> None:
        class DiskFull(Exception):
            pass

        def sink(stream: Stream, data: bytes, at: datetime) -> None:
            raise DiskFull

        with pytest.raises(DiskFull):
            run(site.transport, site.endpoint, CommandSpec(script="echo x"), sink, Event(), CONNECT)
        assert site.run("echo next").stdout == b"next\n"
