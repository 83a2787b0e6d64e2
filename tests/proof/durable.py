"""A durable run while its engine is killed with signal 9, again and again: every byte, and no second start."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

from tests.proof.ground import Ground, Target, living
from tests.proof.program import until

#: what a target writes at least before a kill, and while no engine lives, in bytes
BETWEEN = 150_000

#: random bytes on both streams, and the same in two files of the target, until it may end. A host is called by the
#: address that sshd says it was reached at
FLOOD = """set -- $SSH_CONNECTION
kept={common}/$3
echo began >>"$kept.starts"
until [ -e {common}/enough ]; do
    head -c 60000 /dev/urandom | tee -a "$kept.stdout"
    head -c 9000 /dev/urandom | tee -a "$kept.stderr" >&2
    sleep 0.2
done
exit 7"""


def show(ground: Ground, kills: int) -> None:
    t, deployx = ground.transcript, ground.deployx
    t.head("3. A durable run survives a kill -9 of the engine with every byte")
    t.explain(
        f"The command writes random bytes to both streams, and the same bytes to two files of its host. The "
        f"engine is killed with signal 9 at a random moment ({kills}x), and the command writes on while there is none. "
        "In the end, what deployx keeps is compared with the files."
    )
    run = ground.start("flood", FLOOD.format(common=ground.common), "--durable")
    table = []
    for _ in range(kills):
        _await_kept(ground, run)
        # between any two bytes: the moment is not to depend on what was just seen
        time.sleep(random.uniform(0, 0.5))
        pid = ground.engine.kill()
        killed_at = _written(ground)
        kept = _sizes(ground, run)
        is_gone = not Path(f"/proc/{pid}").exists()
        _await_more(ground, "the command writes on without an engine")
        table += [
            (f"kill -9 {pid}", each.name, kept[each.name], killed_at[each.name], _written(ground)[each.name])
            for each in ground.targets
        ]
        t.command(f"kill -9 {pid}", "")
        t.claim(f"the engine {pid} is gone, and every command writes on", is_gone)
        t.command("deployx --serve &", f"ready, pid {ground.engine.start()}")
    t.say("\nBytes of standard output:")
    t.table(("", "host", "kept at the kill", "written at the kill", "when the next engine came"), table)
    _await_kept(ground, run)
    (ground.common / "enough").touch()
    deployx("execution", "follow", run, status=1, quiet=True)
    document = deployx.document("execution", "show", run)
    deployx("execution", "targets", run)
    t.say("\nSHA-256 of what the host kept and of what deployx kept:")
    sums = [*_sums(ground, run)]
    t.table(("host", "stream", "bytes", "SHA-256 on the host", "by deployx"), [row for row, _ in sums])
    t.claim("every byte of both streams is kept, in its order", all(same for _, same in sums))
    starts = {each.name: (ground.common / f"{each.host.address}.starts").read_text() for each in ground.targets}
    t.claim("no command was started twice", all(said == "began\n" for said in starts.values()), starts)
    codes = {each["device"]: (each["exit_code"], each["attempts"]) for each in document["targets"]}
    t.claim("its exit status 7 arrived, at the first attempt", {*codes.values()} == {(7, 1)}, codes)
    left = [path.name for path in (ground.common / "spools").iterdir()]
    t.claim("nothing of it is left on the hosts", not left, left)
    accounts = [target.account for target in ground.targets] if ground.password else []
    alive = living(str(ground.common), accounts)
    t.claim("no process of it is left", not alive, alive)


def _written(ground: Ground) -> dict[str, int]:
    """How many bytes each host has written to standard output."""
    files = {each.name: ground.common / f"{each.host.address}.stdout" for each in ground.targets}
    return {name: file.stat().st_size if file.exists() else 0 for name, file in files.items()}


def _await_more(ground: Ground, what: str) -> None:
    before = _written(ground)
    until(lambda: all(size > before[name] + BETWEEN for name, size in _written(ground).items()), what)


def _sizes(ground: Ground, run: str) -> dict[str, int]:
    """How many bytes of standard output of each host deployx keeps."""
    return {
        each["device"]: each["stdout_bytes"] for each in ground.deployx.document("execution", "show", run)["targets"]
    }


def _await_kept(ground: Ground, run: str) -> None:
    """Until deployx keeps what was written by now, and more."""
    now = _written(ground)
    until(
        lambda: all(size > now[name] + BETWEEN for name, size in _sizes(ground, run).items()),
        "deployx keeps what the command writes",
    )


def _kept(ground: Ground, run: str, target: Target, stream: str) -> bytes:
    return ground.deployx("execution", "output", run, target.name, "--raw", "--stream", stream, quiet=True)


def _sums(ground: Ground, run: str) -> Iterator[tuple[tuple[object, ...], bool]]:
    for target in ground.targets:
        for stream in ("stdout", "stderr"):
            there = (ground.common / f"{target.host.address}.{stream}").read_bytes()
            here = _kept(ground, run, target, stream)
            sums = [hashlib.sha256(data).hexdigest() for data in (there, here)]
            is_same = there == here and len(there) > 0
            yield (target.name, stream, len(there), sums[0][:32], "the same" if is_same else sums[1][:32]), is_same
