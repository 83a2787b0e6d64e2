"""sudo, su and doas on a real sshd: who runs, what is told when nobody does, and where the password is not."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.execution import Cause, KillVerdict, Stream
from deployx_tui.model.payload import BecomeMethod
from deployx_tui.model.secret import Secret
from deployx_tui.transports.base import Become, CommandSpec, Exited, Killed, Refused, Signalled, TimedOut, run
from tests.contract.transport.site import CONNECT, Recorder, Site, Told, alive, nap
from tests.integration.test_local_transport import here
from tests.support.accounts import Accounts
from tests.support.require import require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to

PASSWORD = "correct horse 9 staple"
SUDO, SU, DOAS = BecomeMethod


@dataclasses.dataclass
class World:
    """Accounts of this machine, by what they may do, and the way to each."""

    site: Site
    accounts: Accounts
    #: may do everything by sudo, after its password
    asked: str
    #: without one
    free: str
    #: is nobody of sudo's
    stranger: str
    #: may only list files
    lister: str
    #: another one to become; its password is PASSWORD too
    app: str

    def run(self, login: str, script: str, become: Become | None = None, **more: object) -> Told:
        """To the end; `cancel_at`: cancelled when that has come."""
        cancel_at = more.pop("cancel_at", None)
        assert cancel_at is None or isinstance(cancel_at, bytes)
        sink = Recorder(cancel_at)
        endpoint = dataclasses.replace(self.site.endpoint, user=login)
        spec = CommandSpec(script=script, become=become, **more)  # type: ignore[arg-type]  # the spec's own fields
        stop = Event() if cancel_at is None else sink.seen
        outcome = run(self.site.transport, endpoint, spec, sink, stop, CONNECT)
        return Told(outcome, *(bytes(piece) for piece in sink.pieces.values()))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Accounts() as accounts, Fleets() as fleets:
        asked, free, stranger, lister, app = (accounts.add(PASSWORD) for _ in range(5))
        accounts.allow(
            f"{asked} ALL=(ALL) ALL", f"{free} ALL=(ALL) NOPASSWD: ALL", f"{lister} ALL=(ALL) NOPASSWD: /bin/ls"
        )
        fleet = fleets.get()
        transport = transport_to(fleet, tmp_path_factory.mktemp("escalation"))
        site = Site(transport, endpoint_of(fleet.hosts[0]))
        yield World(site, accounts, asked, free, stranger, lister, app)
        transport.shutdown()


def by(method: BecomeMethod, user: str = "root", password: str | None = PASSWORD) -> Become:
    return Become(method=method, user=user, password=None if password is None else Secret.of(password))


WHO = 'id -un; pwd; echo "$HOME"; echo err >&2; exit 3'


def test_sudo_with_the_password_runs_as_root_with_two_streams_and_its_own_exit_code(world: World) -> None:
    for _ in range(2):  # a ticket of the first time changes nothing
        told = world.run(world.asked, WHO, by(SUDO))
        assert told == Told(Exited(3), b"root\n/root\n/root\n", b"err\n")
    assert world.run(world.asked, "kill -TERM $$", by(SUDO)).outcome == Signalled("TERM")


def test_without_a_password_none_is_written(world: World) -> None:
    """Where sudo does not ask, its input stays the command's: a password would be read as a line of the text."""
    told = world.run(world.free, "cat; id -un", by(SUDO), stdin=b"data\n")
    assert told == Told(Exited(0), b"data\nroot\n", b"")
    assert world.run(world.free, "id -un", by(SUDO, password=None)).stdout == b"root\n"


def test_another_account_than_root_starts_in_its_own_home(world: World) -> None:
    home = f"/home/{world.app}"
    told = world.run(world.free, WHO, by(SUDO, world.app, None))
    assert told == Told(Exited(3), f"{world.app}\n{home}\n{home}\n".encode(), b"err\n")
    told = world.run(world.asked, WHO, by(SUDO, world.app), working_directory="/")
    assert told.stdout == f"{world.app}\n/\n{home}\n".encode()


def test_the_text_arrives_whole_whatever_is_in_it(world: World) -> None:
    value = 'it\'s "$HOME" `x` \\ \n é \x01\x03\x04\x1b \t%s'
    script = f'printf %s "$V"; : {"x" * 200_000}'
    for method in (SUDO, SU):  # over pipes, and over a terminal
        told = world.run(world.asked, script, by(method, world.app), environment={"V": value})
        assert told == Told(Exited(0), value.encode(), b"")


def test_su_and_doas_read_the_password_from_a_terminal(world: World) -> None:
    told = world.run(world.stranger, WHO, by(SU, world.app))
    home = f"/home/{world.app}"
    # a terminal has one stream
    assert told == Told(Exited(3), f"{world.app}\n{home}\n{home}\nerr\n".encode(), b"")
    world.accounts.allow_doas(f"permit {world.asked}", f"permit nopass {world.free}")
    assert world.run(world.asked, "id -un", by(DOAS)).stdout == b"root\n"
    told = world.run(world.free, WHO, by(DOAS, password=None))
    assert told == Told(Exited(3), b"root\n/root\n/root\n", b"err\n")
    assert world.run("root", "id -un", by(SU, world.app, None)).stdout == f"{world.app}\n".encode()


def refusal(told: Told) -> Refused:
    assert isinstance(told.outcome, Refused), told
    assert told.outcome.cause is Cause.SUDO
    assert told.outcome.remedy
    assert told.stdout + told.stderr == b""
    return told.outcome


def test_a_wrong_password_is_told_from_a_command_that_fails(world: World, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    world.accounts.allow_doas(f"permit {world.asked}")
    for become in (by(SUDO, password="wrong one"), by(SU, password="wrong one"), by(DOAS, password="wrong one")):
        told = world.run(world.asked, f"touch {ran}; exit 1", become)
        assert "the password is wrong" in refusal(told).message
    assert world.run(world.asked, "exit 1", by(SUDO)).outcome == Exited(1)
    assert not ran.exists()


def test_why_nobody_is_become_is_told_with_what_helps(world: World) -> None:
    world.accounts.allow_doas(f"permit {world.asked}")
    nobody = "dxsudonobody"
    cases = [
        (world.asked, by(SUDO, password=None), "asks for a password"),
        (world.asked, by(SU, password=None), "asks for a password"),
        (world.asked, by(DOAS, password=None), "asks for a password"),
        (world.stranger, by(SUDO), "may not use sudo"),
        (world.stranger, by(DOAS), "does not let this account run sh"),
        (world.lister, by(SUDO), "does not let this account run sh"),
        (world.free, by(SUDO, nobody), f"no account {nobody}"),
        (world.asked, by(SUDO, password="two\nlines"), "line end"),
    ]
    for login, become, said in cases:
        found = refusal(world.run(login, "echo ran", become))
        assert said in found.message, (found, said)
        assert PASSWORD not in f"{found}"


def test_a_machine_without_sudo_is_told_as_that(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    sink = Recorder()
    site = here()
    outcome = run(site.transport, site.endpoint, CommandSpec(script="", become=by(SUDO)), sink, Event(), CONNECT)
    assert "there is no sudo" in refusal(Told(outcome, b"", b"")).message


def test_the_words_of_sudo_are_known_in_every_language(world: World) -> None:
    """The account's locale is set aside for sudo's messages, and given back to the command."""
    fleet_site = world.run(world.free, 'echo "${LC_ALL-unset}"', by(SUDO, password=None))
    assert fleet_site.stdout == b"unset\n"


def test_a_terminal_is_given_on_demand_and_changes_no_line_end(world: World) -> None:
    assert world.run(world.free, "tty", None).stdout == b"not a tty\n"
    for become in (None, by(SUDO)):
        told = world.run(world.asked, "test -t 0 -a -t 1 -a -t 2 && echo a terminal; stty size", become, tty=True)
        assert told == Told(Exited(0), b"a terminal\n24 80\n", b"")
    outcome = world.run(world.free, "cat", None, tty=True, stdin=b"x").outcome
    assert isinstance(outcome, Refused)


def test_requiretty_is_told_and_a_terminal_helps(world: World) -> None:
    login = world.accounts.add(PASSWORD)
    world.accounts.allow(f"{login} ALL=(ALL) ALL", f"Defaults:{login} requiretty")
    assert "wants a terminal" in refusal(world.run(login, "id -un", by(SUDO))).message
    assert world.run(login, "id -un", by(SUDO), tty=True).stdout == b"root\n"


@pytest.mark.parametrize("tty", [False, True], ids=["pipes", "terminal"])
def test_use_pty_changes_nothing(world: World, tty: bool) -> None:
    login = world.accounts.add(PASSWORD)
    world.accounts.allow(f"{login} ALL=(ALL) ALL", f"Defaults:{login} use_pty")
    assert world.run(login, "id -un; exit 4", by(SUDO), tty=tty) == Told(Exited(4), b"root\n", b"")


@pytest.mark.parametrize("shell", ["fish", "csh", "zsh", "bash"])
def test_any_login_shell_will_do(world: World, shell: str) -> None:
    path = require_program(shell)
    login = world.accounts.add(PASSWORD, shell=path)
    world.accounts.allow(f"{login} ALL=(ALL) ALL")
    for become in (by(SUDO), by(SU, login)):  # su: its own shell reads what is after -c
        told = world.run(login, "id -un; exit 5", become)
        assert (told.outcome, told.stdout) == (Exited(5), f"{become.user}\n".encode())
    assert world.run(login, "tty >/dev/null; echo $?", tty=True).stdout == b"0\n"


@pytest.mark.parametrize("umask", [None, 0o027, 0o777])
def test_the_umask_is_the_commands_alone(world: World, umask: int | None) -> None:
    own = world.run(world.free, "umask").stdout
    told = world.run(world.free, "umask", by(SUDO, password=None), umask=umask)
    assert told.stdout == (own if umask is None else f"{umask:04o}\n".encode())


def test_this_machine_knows_sudo_too(world: World) -> None:
    site = here()
    for tty in (False, True):
        sink = Recorder()
        spec = CommandSpec(script="id -un; exit 3", become=Become(user=world.app), tty=tty)
        assert run(site.transport, site.endpoint, spec, sink, Event(), CONNECT) == Exited(3)
        assert sink.pieces[Stream.STDOUT] == f"{world.app}\n".encode()


def test_the_password_is_seen_nowhere(world: World) -> None:
    """In no argument and no environment of any process while the run is on, and not in what it says."""
    needle, control = PASSWORD.encode(), nap().encode()
    seen: list[Path] = []
    controls: list[Path] = []
    over = Event()

    def look() -> None:
        while not over.is_set():
            for name in ("cmdline", "environ"):
                for path in Path("/proc").glob(f"[0-9]*/{name}"):
                    try:
                        held = path.read_bytes()
                        seen.extend([path] if needle in held else [])
                        controls.extend([path] if control in held else [])
                    except OSError:
                        continue  # it has ended

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        world.accounts.allow_doas(f"permit {world.asked}")
        for become in (by(SUDO), by(SU, world.app), by(DOAS)):
            script = f"ps -A -ww -o args; env; stty -a; CONTROL={control.decode()} sleep 0.5; exit"
            told = world.run(world.asked, script, become)
            assert isinstance(told.outcome, Exited)
            assert needle not in told.stdout + told.stderr
            assert f"{become}".count("[secret]") == 1
    finally:
        over.set()
        watcher.join()
    assert seen == []
    assert controls, "the look itself sees nothing"


def test_a_deadline_ends_what_root_runs(world: World) -> None:
    seconds = nap()
    told = world.run(world.asked, f"sleep {seconds} | cat", by(SUDO), timeout=timedelta(seconds=1))
    assert isinstance(told.outcome, TimedOut)
    assert told.outcome.kill.verdict is KillVerdict.KILLED
    assert alive(seconds) == []


def test_a_cancel_without_a_way_to_see_root_is_unknown_or_alive_never_killed(world: World) -> None:
    """The login's account loses its sudo while the command runs: what is left of root's can't be looked for."""
    login = world.accounts.add(PASSWORD)
    world.accounts.allow(f"{login} ALL=(ALL) ALL")
    seconds = nap()
    rules = world.accounts.rules[-1]
    script = f"trap '' TERM; rm {rules}; echo ready; sleep {seconds}; sleep {seconds}"
    told = world.run(login, script, by(SUDO), cancel_at=b"ready", grace=timedelta(seconds=1))
    try:
        assert isinstance(told.outcome, Killed)
        assert told.outcome.kill.verdict in (KillVerdict.ALIVE, KillVerdict.UNKNOWN)
        assert alive(seconds)
    finally:
        world.accounts.kill(seconds)


def test_a_durable_run_belongs_to_the_other_account(world: World) -> None:
    told = world.run(world.asked, "id -un; umask; exit 3", by(SUDO, world.app), durable=True, umask=0o027)
    assert (told.outcome, told.stdout) == (Exited(3), f"{world.app}\n0027\n".encode())
    seconds = nap()
    told = world.run(world.asked, f"echo ready; sleep {seconds}", by(SUDO), durable=True, cancel_at=b"ready")
    assert isinstance(told.outcome, Killed)
    assert told.outcome.kill.verdict is KillVerdict.KILLED
    assert alive(seconds) == []
    assert isinstance(world.run(world.asked, "true", by(SU, world.app), durable=True).outcome, Refused)
