"""What a task of commands does on a target. The union of all payloads is `model/payloads.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployx_tui.model.parameter import Parameter


class TaskType(StrEnum):
    COMMAND = "command"
    SOFTWARE_DEPLOYMENT = "software_deployment"
    FILE_DEPLOYMENT = "file_deployment"


class Shell(StrEnum):
    """The interpreter on the target. A device that lacks it is a failed target, never a refusal."""

    SH = "sh"
    BASH = "bash"
    ZSH = "zsh"
    CMD = "cmd"
    POWERSHELL = "powershell"
    PWSH = "pwsh"


#: what this release can start: every target is POSIX
POSIX_SHELLS = (Shell.SH, Shell.BASH, Shell.ZSH)


class Reboot(StrEnum):
    """Whether the first command restarts its target."""

    NEVER = "never"
    #: it does: the rest waits until the target answers from another boot
    EXPECTED = "expected"


class BecomeMethod(StrEnum):
    """How one account on a target becomes another."""

    SUDO = "sudo"
    SU = "su"
    DOAS = "doas"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAs:
    """The account that the command runs as, and the way from the login's account to it."""

    method: BecomeMethod = BecomeMethod.SUDO
    user: str = "root"


@dataclass(frozen=True, slots=True)
class Line:
    """One command line."""

    command: str


@dataclass(frozen=True, slots=True)
class Script:
    """A script of several lines; it ends as its shell says."""

    text: str


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands one after the other, each its own step with its own exit code.

    With `stop_on_failure` the first failing one ends the target; else the target fails at the end.
    """

    commands: tuple[str, ...]
    stop_on_failure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPayload:
    body: Line | Script | Commands
    shell: Shell = Shell.SH
    #: names match [A-Z][A-Z0-9_]{0,63}; dangerous names are refused (TRUST, "Parameters and shells")
    environment: tuple[tuple[str, str], ...] = ()
    #: None: the home of the account that it runs as
    working_directory: str | None = None
    success_codes: frozenset[int] = frozenset({0})
    #: in the order of forms; what a run gives for them are variables of the command
    parameters: tuple[Parameter, ...] = ()
    #: it runs on when the connection breaks or the engine ends, and is taken up again
    durable: bool = False
    #: only with `durable`
    reboot: Reboot = Reboot.NEVER
    #: None: the account that logs in
    run_as: RunAs | None = None
    #: of the command, such as 0o027; None: the account's own
    umask: int | None = None
    #: it gets a terminal: its two streams come as one, and it can't be told to read from a file
    tty: bool = False
