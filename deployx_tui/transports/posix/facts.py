"""What a POSIX target is: one small script, run as any command is, and its answer made into Facts.

The answer is the target's own word: bounded, checked piece by piece, and what does not fit is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

from deployx_tui.model import facts as check
from deployx_tui.model.execution import Cause, Stream
from deployx_tui.model.facts import Disk, Facts
from deployx_tui.transports.base import CommandSpec, Exited, Killed, Process, Refused, TimedOut, Unknown
from deployx_tui.transports.facts import NoFacts
from deployx_tui.transports.posix import os_release

#: `df` hangs on a file system whose server is gone
_DEADLINE = timedelta(seconds=10)
#: bytes of an answer; a true one has about 1,000
_MOST_ANSWER = 16 * 1024

#: one line a fact, then os-release as it is. `$$` is this very sh. Tried with dash, bash and busybox
SCRIPT = """\
LC_ALL=C
export LC_ALL
dx_t=${TMPDIR:-/tmp}
printf 'uname %s\\n' "$(uname -srm 2>/dev/null)"
printf 'shell %s\\n' "$SHELL"
printf 'sh %s\\n' "$(readlink -f "$(command -v sh)" 2>/dev/null)"
printf 'cpus %s\\n' "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null)"
if [ -r /proc/meminfo ]; then
while read -r dx_k dx_v dx_x; do
[ "$dx_k" != MemTotal: ] || { printf 'memory %s\\n' "$dx_v"; break; }
done </proc/meminfo
fi
printf 'root %s\\n' "$(df -kP / 2>/dev/null | tail -n 1)"
printf 'folder %s\\n' "$dx_t"
printf 'temporary %s\\n' "$(df -kP "$dx_t" 2>/dev/null | tail -n 1)"
for dx_f in /etc/os-release /usr/lib/os-release; do
if [ -r "$dx_f" ]; then
printf 'os-release\\n'
dd bs=8192 count=1 <"$dx_f" 2>/dev/null
break
fi
done
exit 0
"""

#: total, used and free kilobytes, the share that is used, where it is mounted
_DF = re.compile(r"\s(\d{1,18})\s+\d{1,18}\s+(-?\d{1,18})\s+\d{1,3}%\s+/")


def spec() -> CommandSpec:
    return CommandSpec(script=SCRIPT, timeout=_DEADLINE, grace=timedelta(seconds=1))


def gather(start: Callable[[CommandSpec], Process | Refused | Unknown], cancel: Event) -> Facts | NoFacts:
    """Run the script by `start`, and read what it said."""
    started = start(spec())
    if isinstance(started, Refused):
        return NoFacts(started.cause, started.message, started.remedy)
    if isinstance(started, Unknown):
        return NoFacts(started.cause, started.message, "look at the login files of the account")
    said = bytearray()

    def keep(stream: Stream, data: bytes, at: datetime) -> None:
        if stream is Stream.STDOUT:
            said.extend(data[: _MOST_ANSWER - len(said)])

    outcome = started.stream(keep, cancel)
    match outcome:
        case Exited(0):
            return read(bytes(said), started.handle.boot_id)
        case Exited(code):
            return NoFacts(Cause.SHELL, f"sh ended with exit code {code}", "log in by hand and look")
        case TimedOut():
            seconds = int(_DEADLINE.total_seconds())
            return NoFacts(Cause.TIMEOUT, f"no answer within {seconds} s", "look whether df hangs there")
        case Killed():
            return NoFacts(Cause.KILLED, "it was not waited for")
        case _:
            return NoFacts(Cause.LOST, "the connection was lost while it answered", "ask again")


def read(answer: bytes, boot_id: str) -> Facts:
    """The facts in an answer; whatever is not there, or not as it must be, is unknown. Pure."""
    lines, has_release, release_text = answer.decode("utf-8", "replace").partition("\nos-release\n")
    said: dict[str, str] = {}
    for line in lines.split("\n"):
        name, _, value = line.partition(" ")
        said.setdefault(name, value)
    words = said.get("uname", "").split()
    kernel = check.word_or_none(words[0]) if len(words) >= 3 else None
    arch = check.word_or_none(words[-1]) if len(words) >= 3 else None
    release = os_release.parse(release_text) if has_release else {}
    kernel_id = None if kernel is None else kernel.lower()
    like = [word for word in release.get("ID_LIKE", "").split()[: check.MOST_LIKE] if check.word_or_none(word)]
    memory = check.number_or_none(said.get("memory"), check.MOST_BYTES >> 10)
    return Facts(
        kernel=kernel,
        kernel_release=check.text_or_none(" ".join(words[1:-1])),
        os_id=check.word_or_none(release.get("ID")) if has_release else kernel_id,
        os_like=tuple(like),
        os_version=check.text_or_none(release.get("VERSION_ID")),
        os_name=check.text_or_none(release.get("PRETTY_NAME")),
        arch=arch,
        login_shell=check.path_or_none(said.get("shell")),
        sh=check.path_or_none(said.get("sh")),
        boot_id=check.boot_id_or_none(boot_id),
        cpus=check.number_or_none(said.get("cpus"), check.MOST_CPUS),
        memory=None if memory is None else memory << 10,
        root=_disk("/", said.get("root")),
        temporary=_disk(check.path_or_none(said.get("folder")), said.get("temporary")),
    )


def _disk(folder: str | None, row: str | None) -> Disk | None:
    found = None if row is None else _DF.search(row)
    if folder is None or found is None:
        return None
    # a BSD keeps a reserve; when root has eaten from it, the rest have less than nothing
    total, free = int(found[1]) << 10, max(0, int(found[2])) << 10
    return Disk(folder, total, free) if 0 < total <= check.MOST_BYTES and free <= total else None
