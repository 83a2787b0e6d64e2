"""The one text that goes over standard input to `sh` on a target, and the marks that come back. Pure.

The remote line is exactly `exec sh`: the only string that a login shell parses. The text is function definitions and
assignments, and as its last line one call whose last argument is the nonce (remote.sh says why). The script travels in
the environment of its interpreter: constant argument vector, no file, no fork, standard input free, and gone from the
script's own environment before its first line.
"""

from __future__ import annotations

import importlib.resources
import re
from dataclasses import dataclass
from datetime import timedelta

from deployx_tui.model.execution import Cause, KillReport, KillVerdict
from deployx_tui.model.parameter import LARGEST_TOGETHER, LARGEST_VALUE
from deployx_tui.model.payload import POSIX_SHELLS
from deployx_tui.model.secret import Secret
from deployx_tui.transports.base import CommandSpec, Refused, RemoteHandle

#: an environment string may have 128 KiB on Linux (MAX_ARG_STRLEN); characters, at most 4 bytes each, stay below
_PIECE = 30_000
#: argument and environment space is a quarter of the stack limit: 2 MiB on Linux, 1 MiB on macOS
_SCRIPT_BYTES = 768 * 1024
#: the watch on the target leaves the client so much time to cancel first
WATCH_AFTER = 10

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_RESERVED = re.compile(r"dx_|DEPLOYX_(RUN|S\d*)\Z")
_NONCE = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Mark:
    """The wrapper's first output: the command runs as this process from here on."""

    handle: RemoteHandle


@dataclass(frozen=True, slots=True)
class Rejection:
    """The wrapper's first output when it did not start the command."""

    reason: str
    #: of the target's present boot, where that is told; "-" where it is not
    boot_id: str = "-"


def functions(file: str) -> dict[str, str]:
    """Name -> definition, from a file of this package, without comments and indentation."""
    source = importlib.resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    lines = [line.strip() for line in source.splitlines()]
    text = "\n".join(line for line in lines if line and not line.startswith("#")) + "\n"
    starts = [found.start() for found in re.finditer(r"^dx_\w+\(\) \{$", text, re.MULTILINE)]
    pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return {piece.partition("(")[0]: piece for piece in pieces}


FUNCTIONS = functions("remote.sh")
KILL = ("dx_rows", "dx_above", "dx_scan", "dx_nap", "dx_gone", "dx_kill", "dx_astray", "dx_say")
LOOK = ("dx_boot", "dx_read", "dx_past", "dx_stat")
_START = "".join(FUNCTIONS[name] for name in (*LOOK, "dx_direct"))
_WATCH = "".join(FUNCTIONS[name] for name in (*KILL, "dx_self", "dx_watch"))
_CANCEL = "".join(FUNCTIONS[name] for name in (*LOOK, *KILL, "dx_cancel"))


def quote(value: str) -> str:
    """One word of any POSIX shell, whatever is in it (but NUL, which no shell can hold)."""
    return "'" + value.replace("'", "'\\''") + "'"


def hello_line(nonce: str) -> bytes:
    """First contact: a line that changes nothing, to see that `sh` reads it and nobody else does."""
    return f"printf 'dx0 %s\\n' {nonce}\n".encode()


def hello_mark(nonce: str) -> bytes:
    return f"dx0 {nonce}\n".encode()


def start_text(spec: CommandSpec) -> bytes | Refused:
    """The text that starts a direct run; Refused when no shell could carry it unchanged."""
    refusal = unfit(spec)
    if refusal is not None:
        return refusal
    if spec.timeout is None:
        watch, library = "", _START
    else:
        watch, library = str(whole_seconds(spec.timeout) + WATCH_AFTER), _START + _WATCH
    settings = (
        f"dx_n={spec.nonce} dx_i={spec.shell.value} dx_w={watch} dx_gr={tenths(spec.grace)} dx_me=\n"
        f"dx_d={quote(folder(spec.working_directory))} dx_y={_terminal(spec)}\n"
    )
    source = "null" if spec.stdin is None and not spec.tty else "stream"
    return f"{library}{settings}{run_functions(spec)}dx_direct {source} {spec.nonce}\n".encode()


def cancel_text(handle: RemoteHandle, grace: timedelta) -> bytes:
    """The text that ends a run from another channel; answered by one line, see `kill_report`."""
    return (
        f"{_CANCEL}dx_n={handle.nonce}\n"
        f"dx_cancel {handle.pid} {handle.start} {handle.boot_id} {tenths(grace)} {handle.nonce}\n"
    ).encode()


def saw_others(output: bytes, nonce: str) -> bool:
    """Whether the answer to a kill text was given by somebody who saw processes that he has no power over."""
    line = output.partition(f"dxk {nonce} ".encode())[2].partition(b"\n")[0]
    return line.endswith(b" others")


def read_mark(line: bytes, nonce: str) -> Mark | Rejection | None:
    """What a line of the target's standard output says; None: it is login noise."""
    _, found, rest = line.partition(f"dx1 {nonce} ".encode())
    words = rest.decode("ascii", "replace").split()
    if not found:
        return None
    if words[:1] == ["refused"] and len(words) in (2, 3):
        return Rejection(*words[1:])
    if len(words) == 3 and words[0].isdigit():
        return Mark(RemoteHandle(nonce=nonce, pid=int(words[0]), start=words[1], boot_id=words[2]))
    return None


def error_mark(nonce: str) -> bytes:
    """What the wrapper writes on standard error before the command's first byte there."""
    return f"dx1 {nonce}\n".encode()


def kill_report(output: bytes, nonce: str) -> tuple[KillReport, bool] | None:
    """(what became of the run, whether it was already over before the kill); None: no answer in there."""
    _, found, rest = output.partition(f"dxk {nonce} ".encode())
    line, ended, _ = rest.partition(b"\n")
    if not found or not ended:
        return None
    match line.decode("ascii", "replace").split():
        case ["killed", *_] | ["rebooted"]:
            return KillReport(KillVerdict.KILLED), False
        case ["none"]:
            return KillReport(KillVerdict.KILLED), True
        case ["alive", *pids]:
            return KillReport(KillVerdict.ALIVE, tuple(int(pid) for pid in pids if pid.isdigit())), False
        case _:
            return KillReport(KillVerdict.UNKNOWN), False


def unfit(spec: CommandSpec) -> Refused | None:
    if spec.shell not in POSIX_SHELLS:
        return Refused(Cause.SHELL, f"{spec.shell} can't be started on a POSIX target", "choose sh, bash or zsh")
    if not _NONCE.match(spec.nonce):
        raise ValueError("a nonce is 32 hex digits")
    refused = _unfit_terminal(spec)
    if refused is not None:
        return refused
    try:
        variables = _variables(spec)
    except UnicodeDecodeError:  # its words would show a part of the secret
        return Refused(Cause.SHELL, "a secret is not UTF-8 text, which no variable carries", "encode it, as base64")
    texts = {"the script": spec.script, "the working directory": spec.working_directory or "", **variables}
    for name, text in texts.items():
        if "\0" in text:
            return Refused(Cause.SHELL, f"{name} holds a NUL character, which no shell can carry", "remove it")
    try:
        size = len(spec.script.encode())
        values = {name: len(value.encode()) for name, value in variables.items()}
    except UnicodeEncodeError as error:
        return Refused(Cause.SHELL, f"a text can't be written as UTF-8: {error.reason}", "mend the text")
    if size > _SCRIPT_BYTES:
        return Refused(
            Cause.SHELL,
            f"the script has {size} bytes; {_SCRIPT_BYTES} are the limit",
            "upload the script as a file and run that",
        )
    for name, length in values.items():
        if not _NAME.match(name) or _RESERVED.match(name):
            return Refused(Cause.SHELL, f"{name!r} can't be an environment variable here", "rename it")
        if length > LARGEST_VALUE:
            return Refused(
                Cause.SHELL, f"the value of {name} has {length} bytes; {LARGEST_VALUE} are the limit", "use a file"
            )
    if sum(values.values()) > LARGEST_TOGETHER:
        return Refused(Cause.SHELL, f"the environment is larger than {LARGEST_TOGETHER} bytes", "use a file")
    return None


def _unfit_terminal(spec: CommandSpec) -> Refused | None:
    if spec.durable and spec.needs_terminal:
        message = "a terminal ends with its connection, and so does what runs on it"
        return Refused(Cause.SHELL, message, "leave out --durable or --tty, or take sudo instead of su or doas")
    if spec.stdin is not None and spec.needs_terminal:
        return Refused(
            Cause.SHELL, "a terminal can't carry standard input unchanged", "leave out --tty, su's or doas's password"
        )
    return None


def _variables(spec: CommandSpec) -> dict[str, str]:
    """What the command finds in its environment; a parameter stands before a variable of the same name."""
    given = {
        name: value.reveal().decode() if isinstance(value, Secret) else value for name, value in spec.parameters.items()
    }
    return {**spec.environment, **given}


def _environment_function(spec: CommandSpec) -> str:
    """`dx_env`: export environment and parameters, each a quoted word: no shell looks into it."""
    lines = "".join(f"export {name}={quote(value)}\n" for name, value in _variables(spec).items())
    return f"dx_env() {{\n{lines}:\n}}\n"


def run_functions(spec: CommandSpec) -> str:
    """`dx_env`, and what calls it: `dx_run`, which becomes the interpreter."""
    return _environment_function(spec) + _run_function(spec)


def _run_function(spec: CommandSpec) -> str:
    """`dx_run`: set environment and script, become the interpreter."""
    pieces = [spec.script[start : start + _PIECE] for start in range(0, len(spec.script), _PIECE)] or [""]
    names = ["DEPLOYX_S" + (str(number) if number else "") for number in range(len(pieces))]
    lines = [f"export {name}={quote(piece)}" for name, piece in zip(names, pieces, strict=True)]
    lines += [] if spec.umask is None else [f"umask {spec.umask:04o}"]
    whole = "".join(f"${{{name}}}" for name in names)
    return (
        "dx_run() {\ndx_env\n" + "".join(f"{line}\n" for line in lines) + "export DEPLOYX_RUN=$dx_n\n"
        f'exec "$dx_i" -c \'eval "unset {" ".join(names)}\n{whole}"\' deployx\n'
        "}\n"
    )


def folder(path: str | None) -> str:
    # cd gives "-" and leading dashes a meaning of their own; a relative path is below the login's home
    if not path or path.startswith("/"):
        return path or ""
    return f"./{path}"


def _terminal(spec: CommandSpec) -> str:
    """For the command, or for what asked for the password alone; empty: there is none."""
    if spec.tty:
        return "tty"
    return "raw" if spec.needs_terminal else ""


def whole_seconds(duration: timedelta) -> int:
    return max(1, -(-duration // timedelta(seconds=1)))


def tenths(duration: timedelta) -> int:
    return max(0, duration // timedelta(milliseconds=100))
