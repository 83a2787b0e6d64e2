"""How a person hands over a secret: at a prompt that shows nothing, or on standard input. Never as an argument."""

from __future__ import annotations

import sys
import termios
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.invocation import Invocation
from deployx_tui.cli.standard_input import standard_input
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.model.secret import CredentialKind, NewSecret, Secret
    from deployx_tui.service.backend import Backend

T = TypeVar("T")

#: the last line of a private key
_END = "-----END "


def read_secret(call: Invocation, kind: CredentialKind, *, stdin: bool) -> NewSecret:
    """What is to be kept. Raises InvalidInput when nobody can be asked and --stdin was not given."""
    from deployx_tui.model.secret import CredentialKind, NewSecret, Secret

    is_key = kind is CredentialKind.SSH_KEY
    if stdin:
        text = _piped()
        if not is_key:
            return NewSecret(value=Secret.of(_line(text)))
        key, passphrase = _split_key(text)
        return NewSecret(value=Secret.of(key), passphrase=None if passphrase is None else Secret.of(passphrase))
    _refuse_unasked(call)
    if is_key:
        return NewSecret(value=Secret.of(_pasted()))
    word = {CredentialKind.PARAMETER: "Value"}.get(kind, "Password")
    return NewSecret(value=Secret.of(_prompt(word, twice=True)))


def read_passphrase(call: Invocation, words: str, *, stdin: bool, twice: bool) -> Secret:
    """A passphrase, as `read_secret`."""
    from deployx_tui.model.secret import Secret

    if stdin:
        return Secret.of(_line(_piped()))
    _refuse_unasked(call)
    return Secret.of(_prompt(words, twice=twice))


def _refuse_unasked(call: Invocation) -> None:
    if not call.can_ask:
        raise InvalidInput.of(
            "--stdin", "the secret is missing, and nobody is there to ask", "pipe it into the command and add --stdin"
        )


def _piped() -> str:
    if sys.stdin.isatty():
        raise InvalidInput.of("--stdin", "standard input is a terminal, which shows what is typed", "leave --stdin out")
    text = standard_input("--stdin")
    if not text.strip():
        raise InvalidInput.of("--stdin", "standard input is empty", "pipe the secret into the command")
    return text


def _line(text: str) -> str:
    """Without the line end that `echo` and editors put."""
    return text.removesuffix("\n").removesuffix("\r")


def _split_key(text: str) -> tuple[str, str | None]:
    """A key, and its passphrase if a line follows its last one."""
    lines = text.splitlines()
    last = next((number for number, line in enumerate(lines) if line.startswith(_END)), len(lines) - 1)
    rest = [line for line in lines[last + 1 :] if line]
    return "\n".join(lines[: last + 1]) + "\n", rest[0] if rest else None


def _prompt(words: str, *, twice: bool) -> str:
    given: str = click.prompt(words, hide_input=True, confirmation_prompt=twice, err=True)
    return given


def _pasted() -> str:
    """Lines until that of the end. Not by `getpass`: it throws away what was pasted while it began."""
    lines: list[str] = []
    with without_echo():
        # asked when nothing is shown any more: who pastes at once shall not see it
        click.echo("Paste the private key, up to its END line (nothing is shown):", err=True)
        while not lines or not lines[-1].startswith(_END):
            line = sys.stdin.readline()
            if not line:
                raise click.Abort
            if line.strip() or lines:
                lines.append(line.rstrip("\r\n"))
    click.echo(err=True)
    return "\n".join(lines) + "\n"


@contextmanager
def without_echo() -> Iterator[None]:
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def kept(call: Invocation, secret: NewSecret, keep: Callable[[Backend, NewSecret], Awaitable[T]], *, stdin: bool) -> T:
    """What `keep` gives; asked once more with its passphrase, when the key turns out to be encrypted."""
    from deployx_tui.model.secret import NewSecret

    try:
        return with_backend(call, lambda backend: keep(backend, secret))
    except InvalidInput as error:
        is_asked_for = [problem.field for problem in error.problems] == ["passphrase"]
        if secret.passphrase is not None or not is_asked_for or stdin or not call.can_ask:
            raise
    passphrase = read_passphrase(call, "Passphrase of the key", stdin=False, twice=False)
    whole = NewSecret(value=secret.value, passphrase=passphrase)
    return with_backend(call, lambda backend: keep(backend, whole))
