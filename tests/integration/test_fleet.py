"""The loopback fleet: it answers, it keeps to itself, and it is gone afterwards."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet, FleetHost, FleetRefused, Kind

KINDS: tuple[Kind, ...] = ("sshd", "asyncssh")


def ssh(fleet: Fleet, host: FleetHost, command: str) -> subprocess.CompletedProcess[bytes]:
    """OpenSSH's client: an independent look at what the fleet serves."""
    options = [
        "-F", "none", "-i", host.key_file, "-p", str(host.port), "-o", "BatchMode=yes",
        "-o", f"UserKnownHostsFile={fleet.known_hosts}", "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none",
    ]  # fmt: skip
    return subprocess.run(
        ["ssh", *options, f"{host.user}@{host.address}", command], capture_output=True, check=False, timeout=60
    )


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def marked(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_host_of_a_fleet_runs_commands_with_its_own_key(tmp_path: Path, kind: Kind) -> None:
    with Fleet.start(18, tmp_path / "fleet", kind) as fleet:
        assert len(fleet.hosts) == 18
        assert len({host.address for host in fleet.hosts}) == 18
        assert all(host.address.startswith("127.") for host in fleet.hosts)
        assert len(fleet.pids) == 2
        assert len({host.home for host in fleet.hosts}) == 18
        for host in (fleet.hosts[0], fleet.hosts[17]):
            answer = ssh(fleet, host, 'printf "%s|" "$HOME"; echo err >&2; exit 7')
            assert answer.returncode == 7
            assert answer.stdout == f"{host.home}|".encode()
            assert answer.stderr.endswith(b"err\n")


def test_a_session_left_behind_ends_with_the_fleet(tmp_path: Path) -> None:
    with Fleet.start(1, tmp_path / "fleet", "sshd") as fleet:
        answer = ssh(fleet, fleet.hosts[0], "setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $!")
        assert answer.returncode == 0
        assert marked(fleet._mark)
        pids = fleet.pids
    assert not marked(fleet._mark)
    assert not any(alive(pid) for pid in pids)


def test_the_servers_end_when_the_starter_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from deployx_tui.demo.fleet import Fleet\n"
        f"fleet = Fleet.start(2, Path({str(tmp_path / 'fleet')!r}), 'sshd', per_server=1)\n"
        "print(*fleet.pids, fleet._keeper.process.pid, flush=True); sys.stdin.read()"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert starter.stdin is not None and starter.stdout is not None
    pids = [int(word) for word in starter.stdout.readline().split()]
    assert len(pids) == 3
    ends = [os.pidfd_open(pid) for pid in pids]
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    for end in ends:  # readable when the process has ended; a hang here is the failure
        assert select.select([end], [], [], 60)[0]
        os.close(end)
    starter.stdin.close()
    starter.stdout.close()


def test_sshd_options_of_a_test_win_over_the_fleets_own(tmp_path: Path) -> None:
    with Fleet.start(1, tmp_path / "fleet", "sshd", options={"ForceCommand": "echo forced"}) as fleet:
        assert ssh(fleet, fleet.hosts[0], "echo asked").stdout == b"forced\n"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root to become another account")
def test_an_ordinary_account_can_have_a_fleet(tmp_path: Path) -> None:
    # it may read this checkout and its interpreter, which can lie below a folder of root's own, and nothing else
    reading = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    become = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *reading]
    folder = Path(tempfile.mkdtemp(prefix="deployx-fleet-"))  # tmp_path lies below a folder of root's own
    code = (
        "import sys; from pathlib import Path; from deployx_tui.demo.fleet import Fleet\n"
        "with Fleet.start(1, Path(sys.argv[1]), 'sshd') as fleet: print(fleet.notice, fleet.hosts[0].user)"
    )
    try:
        shutil.chown(folder, "nobody")
        answer = subprocess.run(
            [*become, sys.executable, "-c", code, str(folder / "fleet")],
            capture_output=True, text=True, check=False, cwd="/", env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        assert answer.stdout.strip().endswith("as nobody. nobody"), answer.stderr
    finally:
        shutil.rmtree(folder)


def test_a_fleet_that_can_not_be_had_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployx_tui.demo.fleet._find_sshd", lambda: None)
    with pytest.raises(FleetRefused, match="openssh-server"):
        Fleet.start(1, tmp_path / "fleet", "sshd")


def test_a_fleet_ends_where_no_program_but_the_interpreter_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small Debian has no ps."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with Fleet.start(1, tmp_path / "fleet", "asyncssh") as fleet:
        ends = [os.pidfd_open(pid) for pid in fleet.pids]
    for end in ends:
        assert select.select([end], [], [], 60)[0]
        os.close(end)
