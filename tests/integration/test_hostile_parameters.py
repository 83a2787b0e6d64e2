"""Values of parameters come to the command byte for byte, whatever is in them and whatever shell the account has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from deployx_tui.model.payload import Shell
from deployx_tui.model.secret import Secret
from deployx_tui.transports.base import Exited, Refused
from tests.contract.transport.site import Site, Told
from tests.support.hostile_values import HOW_MANY, hostile_values
from tests.support.require import require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to

LOGIN_SHELLS = ["dash", "bash", "busybox sh", "fish", "csh"]
#: values in one command: together they stay far below what an environment may have
AT_ONCE = 40


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture
def site(fleets: Fleets, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """An account with this login shell behind a real sshd."""
    shell: str = request.param
    require_program(shell.split(maxsplit=1)[0])
    fleet = fleets.get({"ForceCommand": f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"'})
    site = Site(transport_to(fleet, tmp_path), endpoint_of(fleet.hosts[0]))
    yield site
    site.transport.shutdown()


def came_back(site: Site, values: Sequence[str], interpreter: Shell = Shell.SH) -> list[bytes]:
    """What the command finds under the names, each ended by a NUL on its way back."""
    parameters = {f"P{number}": value for number, value in enumerate(values)}
    names = " ".join(f'"${name}"' for name in parameters)
    told = site.run(f"printf '%s\\0' {names}", shell=interpreter, parameters=parameters)
    assert (told.outcome, told.stderr) == (Exited(0), b"")
    return told.stdout.split(b"\0")[:-1]


def test_there_are_four_hundred_distinct_values() -> None:
    assert len(set(hostile_values())) == HOW_MANY == 400


@pytest.mark.parametrize("site", LOGIN_SHELLS, indirect=True)
def test_four_hundred_hostile_values_come_back_byte_for_byte(site: Site) -> None:
    values = hostile_values()
    for start in range(0, len(values), AT_ONCE):
        some = values[start : start + AT_ONCE]
        assert came_back(site, some) == [value.encode() for value in some]


@pytest.mark.long
@pytest.mark.parametrize("interpreter", [Shell.SH, Shell.BASH, Shell.ZSH])
@pytest.mark.parametrize("site", LOGIN_SHELLS, indirect=True)
def test_each_of_them_comes_back_alone_too(site: Site, interpreter: Shell) -> None:
    require_program(interpreter.value)
    for value in hostile_values():
        assert came_back(site, [value], interpreter) == [value.encode()], repr(value)


@pytest.mark.parametrize("site", ["fish"], indirect=True)
def test_no_value_stands_in_the_arguments_of_any_process(site: Site) -> None:
    needle = "needle-3f1c9a"
    arguments = "cat /proc/[0-9]*/cmdline 2>/dev/null"
    # the target's own look, while the command that got the value is alive
    told = site.run(f'[ "$P" ] || exit 9; {arguments}; :', parameters={"P": needle})
    assert told.outcome == Exited(0)
    assert b"sshd" in told.stdout
    assert needle.encode() not in told.stdout


@pytest.mark.parametrize("site", ["csh"], indirect=True)
def test_a_secret_comes_as_a_value_does_and_what_is_no_text_is_refused_without_showing_it(site: Site) -> None:
    for value in hostile_values()[:AT_ONCE]:
        told = site.run('printf %s "$P"', parameters={"P": Secret.of(value)})
        assert told == Told(Exited(0), value.encode(), b"")
    refused = site.run("echo ran", parameters={"P": Secret(b"abc\xffdef")}).outcome
    assert isinstance(refused, Refused)
    assert "abc" not in repr(refused)


@pytest.mark.parametrize("site", ["dash"], indirect=True)
def test_a_parameter_stands_before_a_variable_and_each_command_sees_it(site: Site) -> None:
    told = site.run('echo "$A $B"', environment={"A": "variable", "B": "kept"}, parameters={"A": "given"})
    assert told == Told(Exited(0), b"given kept\n", b"")


@pytest.mark.parametrize("site", ["dash"], indirect=True)
def test_what_no_variable_can_hold_is_refused_before_anything_runs(site: Site) -> None:
    for parameters in ({"P": "a\0b"}, {"P": "\ud800"}, {"P": "x" * 102_401}, {"A": "x" * 102_000, "B": "x" * 102_000}):
        refused = site.run("echo ran", parameters=parameters)
        assert isinstance(refused.outcome, Refused)
        assert refused.outcome.remedy
        assert refused.stdout == b""
    assert site.run('printf %s "$P" | wc -c', parameters={"P": "x" * 102_400}).stdout.strip() == b"102400"
