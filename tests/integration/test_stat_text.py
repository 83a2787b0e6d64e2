"""What the text reads of a process, in each shell, whatever the process calls itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployx_tui.transports.posix import wrapper

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
#: of at most 15 characters; a reader that stops at the first bracket takes its Z for the state of a dead process
NAMES = ["plain", "x) Z 1 (y", "a) b) Z ", "((", ") "]
CHILD = "import sys; open('/proc/self/comm', 'w').write(sys.argv[1]); print(flush=True); sys.stdin.read()"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_does_not_pass_for_what_follows_it(shell: str, name: str) -> None:
    command = [sys.executable, "-c", CHILD, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        # fields 6 and 22 of proc_pid_stat(5): session and start time
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        text = "".join(wrapper.FUNCTIONS[each] for each in wrapper.LOOK)
        text += f'dx_stat {child.pid} && echo "$dx_st/$dx_si"\n'
        argv = [shell, "sh"] if shell == "busybox" else [shell]
        said = subprocess.run(argv, input=text, capture_output=True, text=True, check=True)
        child.communicate()
    assert said.stdout == f"{fields[19]}/{fields[3]}\n"
