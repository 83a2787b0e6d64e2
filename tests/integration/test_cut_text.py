"""The text for `sh`, cut anywhere, runs nothing; whole, it runs once. With every POSIX shell that is installed."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployx_tui.model.payload import Shell
from deployx_tui.transports.base import CommandSpec, Refused, RemoteHandle
from deployx_tui.transports.posix import wrapper

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
#: one for each test run and worker: a kill finds its run by it, on the whole machine
NONCE = secrets.token_hex(16)


def text_of(oracle: Path, *, timeout: timedelta | None = None, stdin: bytes | None = None) -> bytes:
    spec = CommandSpec(
        script=f"echo ran >> {oracle}\necho 'done'\nexit 0\n",
        environment={"A": "it's", "B": f"x\necho ran >> {oracle}\n", "C": f"'; echo ran >> {oracle}; '"},
        working_directory="/",
        timeout=timeout,
        stdin=stdin,
        nonce=NONCE,
    )
    text = wrapper.start_text(spec)
    assert not isinstance(text, Refused)
    return text


def feed(shell: str, text: bytes) -> subprocess.CompletedProcess[bytes]:
    argv = [shell, "sh"] if shell == "busybox" else [shell]
    return subprocess.run(argv, input=text, capture_output=True, check=False, timeout=60)


def ran(oracle: Path) -> int:
    return len(oracle.read_text().splitlines()) if oracle.exists() else 0


@pytest.mark.parametrize("shell", SHELLS)
def test_the_whole_text_runs_once(shell: str, tmp_path: Path) -> None:
    answer = feed(shell, text_of(tmp_path / "ran"))
    assert ran(tmp_path / "ran") == 1
    assert answer.returncode == 0
    assert answer.stdout.endswith(b"done\n")
    assert wrapper.read_mark(answer.stdout.splitlines()[0], NONCE) is not None


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_text_cut_anywhere_runs_nothing(shell: str, tmp_path: Path, data: st.DataObject) -> None:
    text = text_of(tmp_path / "ran")
    # up to the nonce's last digit; without the last newline alone the text is whole
    feed(shell, text[: data.draw(st.integers(0, len(text) - 2))])
    assert ran(tmp_path / "ran") == 0


@pytest.mark.long
@pytest.mark.parametrize("timeout", [None, timedelta(seconds=1)], ids=["no deadline", "deadline"])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_text_cut_at_every_byte_runs_nothing(shell: str, tmp_path: Path, timeout: timedelta | None) -> None:
    text = text_of(tmp_path / "ran", timeout=timeout, stdin=b"")
    for length in range(len(text) - 1):
        feed(shell, text[:length])
        assert ran(tmp_path / "ran") == 0, length


@pytest.mark.parametrize("shell", SHELLS)
def test_a_kill_text_cut_anywhere_kills_nothing(shell: str) -> None:
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True, env={"DEPLOYX_RUN": NONCE})
    try:
        stat = Path(f"/proc/{bystander.pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        handle = RemoteHandle(nonce=NONCE, pid=bystander.pid, start=f"{stat[19]}/{stat[3]}", boot_id=boot)
        text = wrapper.cancel_text(handle, timedelta(seconds=1))
        cuts = [*range(0, len(text) - 2, max(1, len(text) // 12)), *range(len(text) - 36, len(text) - 2, 5)]
        for length in cuts:
            feed(shell, text[:length])
            assert bystander.poll() is None, length
        report = wrapper.kill_report(feed(shell, text).stdout, NONCE)
        assert report is not None
        assert bystander.wait(60) == -signal.SIGTERM
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_handle_of_another_boot_or_a_reused_pid_kills_nobody(shell: str) -> None:
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        other_boot = RemoteHandle(nonce=NONCE, pid=bystander.pid, start=f"1/{bystander.pid}", boot_id="another")
        other_start = RemoteHandle(nonce=NONCE, pid=bystander.pid, start=f"1/{bystander.pid}", boot_id=boot)
        for handle in (other_boot, other_start):
            answer = feed(shell, wrapper.cancel_text(handle, timedelta(seconds=1)))
            assert wrapper.kill_report(answer.stdout, NONCE) is not None
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root to become another account")
@pytest.mark.parametrize("shell", SHELLS)
def test_a_death_that_can_not_be_seen_is_not_claimed(shell: str) -> None:
    """Part of the run belongs to another account: the killer may neither signal it nor look for its children."""
    tree = subprocess.Popen(
        ["sh", "-c", "sleep 600 & exec setpriv --reuid nobody --clear-groups sh -c 'sleep 600 & wait'"],
        start_new_session=True,
        env={"DEPLOYX_RUN": NONCE, "PATH": os.environ["PATH"]},
    )
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        stat = Path(f"/proc/{tree.pid}/stat").read_text().rpartition(")")[2].split()
        handle = RemoteHandle(nonce=NONCE, pid=tree.pid, start=f"{stat[19]}/{stat[3]}", boot_id=boot)
        become = ["setpriv", "--reuid", "daemon", "--regid", "daemon", "--clear-groups"]
        argv = [shutil.which(shell) or shell, *(["sh"] if shell == "busybox" else [])]
        text = wrapper.cancel_text(handle, timedelta(0))
        answer = subprocess.run([*become, *argv], input=text, capture_output=True, check=False, cwd="/")
        report = wrapper.kill_report(answer.stdout, NONCE)
        assert report is not None
        assert report[0].verdict.value == "alive"
        assert tree.pid in report[0].pids
        assert tree.poll() is None
    finally:
        os.killpg(tree.pid, signal.SIGKILL)
        tree.wait()


@pytest.mark.parametrize("shell", [Shell.SH, Shell.BASH])
@settings(max_examples=25, deadline=None)
@given(value=st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=200))
def test_any_value_arrives_byte_for_byte(shell: Shell, value: str) -> None:
    spec = CommandSpec(script='printf %s "$V"; printf %s "$0"', environment={"V": value}, shell=shell, nonce=NONCE)
    text = wrapper.start_text(spec)
    assert not isinstance(text, Refused)
    output = feed("dash" if "dash" in SHELLS else "sh", text).stdout
    assert output.partition(b"\n")[2] == value.encode() + b"deployx"
