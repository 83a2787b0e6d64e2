"""Where the claims are tried: an account for each login shell behind a real sshd, a vault, devices, an engine.

As root each account is a new one of this machine, with its own login shell and a password for sudo. Without root the
commands run as the caller, sshd starts the login shell in place of the account's own, and nothing is said of sudo.
All of it is gone afterwards, also after SIGINT, SIGTERM and SIGHUP.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from deployx_tui.demo.fleet import FleetHost
from deployx_tui.demo.lodging import Ended, Lodging
from tests.proof.program import Engine, Program
from tests.proof.search import processes
from tests.proof.transcript import Transcript
from tests.support.accounts import Accounts
from tests.support.ssh import Fleets

#: the login shells, and the program that is each
SHELLS = {"dash": "dash", "bash": "bash", "fish": "fish", "tcsh": "tcsh", "zsh": "zsh", "ash": "busybox"}
SELECTOR = "tag:proof"


@dataclass(frozen=True)
class Target:
    """A device of deployx, called as its login shell."""

    name: str
    account: str
    host: FleetHost


@dataclass
class Ground:
    """What the claims stand on."""

    transcript: Transcript
    deployx: Program
    engine: Engine
    #: deployx's own folders
    home: Path
    #: it is called by the second line of the control, so that a log which names it has that
    database: Path
    #: a folder in which targets may write
    common: Path
    #: no secret, of the same kind as one, and to be found wherever a secret is searched
    control: str
    targets: tuple[Target, ...]
    #: of every account, for sudo; None: without root there is none
    password: str | None
    #: kept here to end what carries them
    needles: list[str]

    def needle(self) -> str:
        """A number of seconds that no other process of this machine sleeps for."""
        self.needles.append(f"{secrets.randbelow(5000) + 3000}.{secrets.randbelow(9 * 10**8) + 10**8}")
        return self.needles[-1]

    def start(self, name: str, script: str, *options: str) -> str:
        """Make a task of a script for every host, and run it; the run's id."""
        self.transcript.say("")
        add = ["task", "add", name, "--on", SELECTOR, *options, "--at", "2099-12-31T00:00", "--script"]
        self.deployx(*add, "-", stdin=script, typed=shlex.join(["deployx", *add, f"{name}.sh"]), most=0)
        return self.deployx("task", "run", name, "--detach").decode().strip()


@dataclass(frozen=True)
class Process:
    """As `ps` lists it."""

    pid: int
    account: str
    arguments: str


def living(needle: str = "", accounts: Sequence[str] = ()) -> list[Process]:
    """Those with the needle in their arguments, or of one of the accounts; not zombies, and not sshd's own."""
    found = []
    for line in processes():
        pid, _, account, state, *arguments = line.decode(errors="replace").split(None, 4)
        words = "".join(arguments)
        is_wanted = account in accounts or (needle and needle in words)
        if is_wanted and not state.startswith("Z") and not words.startswith("sshd"):
            found.append(Process(int(pid), account, words))
    return found


@contextlib.contextmanager
def made(transcript: Transcript, wanted: Sequence[str]) -> Iterator[Ground]:
    """The ground, for those login shells that are installed. That nothing of it is left afterwards is a claim too."""
    left = _Remains()
    try:
        with Lodging() as lodging, _one_interrupt(), contextlib.ExitStack() as stack:
            left.lodging = lodging.folder
            left.common = common = stack.enter_context(_common_folder())
            accounts = stack.enter_context(Accounts()) if os.geteuid() == 0 else None
            if accounts:
                left.accounts, left.rules = accounts.names, accounts.rules
            # after the servers' end and before the accounts': nobody may live who belongs to one
            stack.callback(left.end_processes)
            fleets = stack.enter_context(Fleets())
            password = secrets.token_urlsafe(12) if accounts else None
            targets = tuple(_targets(transcript, wanted, common, accounts, password, fleets))
            lodging.known_hosts.write_text(
                "".join(f"[{each.host.address}]:{each.host.port} {each.host.host_key}\n" for each in targets)
            )
            control = hostile("control")
            database = lodging.folder / "data" / f"{control.splitlines()[1]}.db"
            os.environ["DEPLOYX_DB"] = f"sqlite:///{database}"
            os.environ["DEPLOYX_TIMEZONE"] = "UTC"
            os.environ["DEPLOYX_DRAIN"] = "0s"
            os.environ["DEPLOYX_SPOOL_FOLDERS"] = str(common / "spools")
            engine = stack.enter_context(Engine(lodging.folder / "logs"))
            engine.start()
            yield Ground(
                transcript=transcript,
                deployx=Program(transcript),
                engine=engine,
                home=lodging.folder,
                database=database,
                common=common,
                control=control,
                targets=targets,
                password=password,
                needles=left.needles,
            )
    finally:
        transcript.head("Afterwards")
        found = left.found()
        transcript.claim("no account, sudo rule, process and folder of this is left", not found, found)


def hostile(word: str) -> str:
    """Two lines with what spellings differ in, long enough for several lines of base64; the second is plain."""
    return f'{word} "q" it\'s <b>&/+%\\ é {secrets.token_hex(24)}\n{word}-{secrets.token_hex(8)}'


def _targets(
    transcript: Transcript,
    wanted: Sequence[str],
    common: Path,
    accounts: Accounts | None,
    password: str | None,
    fleets: Fleets,
) -> Iterator[Target]:
    shells = {}
    for name in wanted:
        found = shutil.which(SHELLS[name])
        if found is None:
            transcript.leave_out(f"login shell {name}: {SHELLS[name]} is not installed")
            continue
        # busybox is the applet that it is called as
        shells[name] = common / "shells" / name
        shells[name].symlink_to(found)
    if accounts is None or password is None:
        transcript.leave_out("sudo, and accounts of the login shells' own: both need root")
        for name, shell in shells.items():
            fleet = fleets.get({"ForceCommand": f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"'})
            yield Target(name, getpass.getuser(), fleet.hosts[0])
        return
    for name, host in zip(shells, fleets.get(count=len(shells)).hosts, strict=True):
        account = accounts.add(password, shell=str(shells[name]))
        accounts.allow(f"{account} ALL=(ALL) ALL")
        yield Target(name, account, host)


@contextlib.contextmanager
def _common_folder() -> Iterator[Path]:
    """Every account may make files in it and nobody may list it, as in a mail drop."""
    # not below the private folder of deployx, which no other account may enter
    folder = Path(tempfile.mkdtemp(prefix="deployx-proof-", dir="/tmp"))
    try:
        (folder / "shells").mkdir()
        (folder / "spools").mkdir()
        for each in (folder, folder / "spools"):
            each.chmod(0o1733)
        (folder / "shells").chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _one_interrupt() -> Iterator[None]:
    """The first signal ends this program, a second one does not end its cleaning up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, _frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise Ended(128 + number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class _Remains:
    """What was made, to end it, and to look afterwards whether it is gone."""

    accounts: list[str] = field(default_factory=list)
    rules: list[Path] = field(default_factory=list)
    needles: list[str] = field(default_factory=list)
    common: Path | None = None
    lodging: Path | None = None

    def _processes(self) -> list[Process]:
        marks = [*self.needles, *(str(each) for each in (self.common, self.lodging) if each)]
        found = {each.pid: each for each in living(accounts=self.accounts)}
        return [*({each.pid: each for mark in marks for each in living(mark)} | found).values()]

    def end_processes(self) -> None:
        """Kill until a look finds nobody."""
        for _ in range(20):
            found = self._processes()
            for each in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGKILL)
            if not found:
                return

    def found(self) -> list[str]:
        return [
            *(str(each) for each in self._processes()),
            *(str(path) for path in (self.common, self.lodging, *self.rules) if path and path.exists()),
            *(name for name in self.accounts if _is_account(name)),
            *(f"/home/{name}" for name in self.accounts if Path(f"/home/{name}").exists()),
        ]


def _is_account(name: str) -> bool:
    return subprocess.run(["getent", "passwd", name], capture_output=True, check=False).returncode == 0
