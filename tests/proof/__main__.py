"""`python -m tests.proof [--shells dash,fish] [--only secret] [--to FILE]`; exit status 0: every claim is so."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.proof import cancel, durable, ground, secret
from tests.proof.ground import SHELLS, Ground
from tests.proof.program import Stopped
from tests.proof.transcript import Transcript


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    arguments.add_argument("--shells", default=",".join(SHELLS), help="login shells, such as dash,fish")
    arguments.add_argument("--only", help="some of it: secret, cancel, durable")
    arguments.add_argument("--kills", type=int, default=3, help="how often the engine is killed with signal 9")
    arguments.add_argument("--to", type=Path, help="write the transcript there, too")
    given = arguments.parse_args()
    claims: dict[str, Callable[[Ground], None]] = {
        "secret": secret.show,
        "cancel": cancel.show,
        "durable": lambda made: durable.show(made, given.kills),
    }
    wanted, only = given.shells.split(","), given.only.split(",") if given.only else [*claims]
    for option, names, known in (("--shells", wanted, SHELLS), ("--only", only, claims)):
        if unknown := [name for name in names if name not in known]:
            arguments.error(f"{option}: {unknown[0]!r} is not one of {', '.join(known)}")
    transcript = Transcript()
    try:
        with ground.made(transcript, wanted) as made:
            introduce(made)
            try:
                for name in only:
                    claims[name](made)
            except Stopped:
                transcript.say(f"the log of the engine:\n{made.engine.said()}")
                raise
    except Stopped as stopped:
        transcript.claim("it went on to its end", False, stopped)
    status = transcript.verdict()
    if given.to is not None:
        transcript.write(given.to)
    return status


def introduce(made: Ground) -> None:
    t = made.transcript
    t.head("deployx: certainty on a host")
    version = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr.strip()
    t.explain(
        f"Real sshd ({version}) on loopback addresses of this machine, one for each login shell. deployx is the "
        "installed command, its engine `deployx --serve`. What it says is not believed: disks are searched, `ps` is "
        "asked, files are compared. A line [so] is a claim that was held against the world."
    )
    if made.password:
        made.deployx(
            *["credential", "add", "sudo-password", "--kind", "sudo", "--stdin"],
            stdin=made.password,
            typed="deployx credential add sudo-password --kind sudo --stdin <password.txt",
        )
    for target in made.targets:
        words = ["--address", f"{target.host.address}:{target.host.port}", "--user", target.account, "--tag", "proof"]
        words += ["--key", target.host.key_file, "--host-key-policy", "strict"]
        words += ["--credential", "sudo-password"] if made.password else []
        made.deployx("device", "add", target.name, *words, quiet=True)
    made.deployx("device", "list")
    shells = subprocess.run(
        ["getent", "passwd", *(target.account for target in made.targets)], capture_output=True, text=True, check=True
    )
    t.command("getent passwd ...", shells.stdout)


if __name__ == "__main__":
    sys.exit(main())
