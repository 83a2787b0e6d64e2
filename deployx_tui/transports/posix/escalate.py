"""From the account that logs in to another one: a Carrier to the one's `sh` becomes a Carrier to the other's.

sudo, su or doas is only another way to reach a `sh` that reads its input: what starts, follows, attaches and kills is
the same text afterwards and knows nothing of it. Shells read ahead, so nothing follows a line from here until its mark
has come back. Until then nothing of the command was sent: every failure here is a Refused.

The password goes over the input of the Carrier, once, after the prompt and before the mark; never into a line.
A terminal is asked for where the command wants one, and for su and doas with a password, which read it from nothing
else. It echoes nothing: with `stty -echo` before anything is typed, and raw before the command's text is sent.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass

from deployx_tui.model.execution import Cause
from deployx_tui.model.payload import BecomeMethod
from deployx_tui.transports.base import Become, Exited, Refused
from deployx_tui.transports.posix.carrier import Broken, Carrier
from deployx_tui.transports.posix.heard import Heard
from deployx_tui.transports.posix.wrapper import quote

#: to root, where that is allowed without a password: for a look at what a command's own sudo has left
ROOT_UNASKED = Become()

#: what su and doas ask with; sudo is told a prompt of ours
_PROMPTS = {
    BecomeMethod.SU: re.compile(rb"(?i)password[^\n:]{0,80}: ?\Z"),
    BecomeMethod.DOAS: re.compile(rb"(?i)password[^\n:]{0,80}: ?\Z"),
}
#: what an administrator reads of a long refusal
_SAID = 120


def escalate(carrier: Carrier, become: Become | None, patience: float, *, terminal: bool) -> Refused | None:
    """Until a `sh` of the wanted account reads the Carrier's input; `terminal`: the Carrier has one."""
    try:
        if terminal:
            # lines still end with a line feed: su reads what it gets at once
            refused = _settle(carrier, "-echo -isig -ixon -icrnl -opost" if become else "raw -echo", patience)
            if refused is not None or become is None:
                return refused
        if become is not None:
            refused = _become(carrier, become, patience, terminal=terminal)
            if refused is not None or not terminal:
                return refused
        return _settle(carrier, "raw -echo", patience) if terminal else None
    except Broken as error:
        return Refused(Cause.LOST, f"the connection broke before the command was sent: {error}", "run it again")


def _settle(carrier: Carrier, mode: str, patience: float) -> Refused | None:
    """Set the terminal, and wait until it is set."""
    nonce = secrets.token_hex(16)
    # of an echo of this line nothing looks like the mark
    carrier.feed(f"exec 2>&1; stty {mode} || exit 95; printf 'dx0 %s\\n' {nonce}\n".encode())
    heard = Heard()
    until = time.monotonic() + patience
    while f"dx0 {nonce}".encode() not in heard.stdout:
        if heard.take(carrier, until):
            continue
        if carrier.lost is not None:
            message = f"the connection was lost before the command was sent: {carrier.lost}"
            return Refused(Cause.LOST, message, "run it again")
        message = f"the target gives no terminal{_told(heard.stdout + heard.stderr)}"
        return Refused(Cause.SHELL, message, "see PermitTTY in its sshd_config and that stty is installed")
    return None


def _become(carrier: Carrier, become: Become, patience: float, *, terminal: bool) -> Refused | None:
    password = None if become.password is None else become.password.reveal()
    if password is not None and re.search(rb"[\0\r\n]", password):
        return Refused(Cause.SUDO, "the password has a line end in it, which can't be typed", "set another password")
    words = _Words.new(become.method)
    carrier.feed(_line(become, words, terminal=terminal))
    heard = Heard()
    is_typed = False
    until = time.monotonic() + patience
    while words.mark not in heard.stdout:
        said = heard.stdout if terminal else heard.stderr
        if password is None:
            if words.prompts_in(said):
                return _not_given(become)
        elif words.prompts_in(said) > is_typed:
            if is_typed:
                return _wrong(become)
            carrier.feed(password + b"\n")
            is_typed = True
            until = time.monotonic() + patience
            if become.method is not BecomeMethod.SUDO:
                # theirs has no nonce: what is said from now on is not searched for it
                words = words.without_prompt()
        if not heard.take(carrier, until):
            return _failed(carrier, become, words.plain(heard.stdout + heard.stderr), patience, is_typed=is_typed)
    return None


@dataclass(frozen=True, slots=True)
class _Words:
    """What is looked for: random, so that nothing else looks like it."""

    nonce: str
    #: the prompt; None: it is not accepted any more
    prompt: re.Pattern[bytes] | None

    @classmethod
    def new(cls, method: BecomeMethod) -> _Words:
        nonce = secrets.token_hex(16)
        return cls(nonce, _PROMPTS.get(method, re.compile(f"{nonce}:".encode())))

    @property
    def mark(self) -> bytes:
        return f"dxu {self.nonce}".encode()

    def prompts_in(self, said: bytes | bytearray) -> int:
        return 0 if self.prompt is None else len(self.prompt.findall(said))

    def without_prompt(self) -> _Words:
        return _Words(self.nonce, None)

    def plain(self, said: bytes | bytearray) -> bytes:
        """Without our own prompt."""
        return bytes(said).replace(f"{self.nonce}:".encode(), b"\n")


def _line(become: Become, words: _Words, *, terminal: bool) -> bytes:
    """The line for the login account's `sh`. Messages are asked for in English; the locale is given back."""
    # with a terminal `sh` would take its input for a person, unless it is told otherwise: dash and busybox by +i, bash
    # by the other error stream. -- /dev/tty does not exist where su has made a new session
    shell = "exec sh +i -s 2>/dev/null" if terminal else "exec sh"
    inner = (
        'if [ "$DXL" ]; then LC_ALL=$DXL; else unset LC_ALL; fi; unset DXL; '
        'cd "${HOME:-/}" 2>/dev/null || cd /; '
        f'printf "dxu %s\\n" {words.nonce}; {shell}'
    )
    user = quote(become.user)
    match become.method:
        case BecomeMethod.SUDO:
            # -k: a password is asked for although one was given lately, else what is sent would depend on the hour
            asks = "-n" if become.password is None else f"-S -p {words.nonce}:"
            how = f'sudo -k {asks} -u {user} -- sh -c {quote("DXL=$1; " + inner)} sh "$DXL"'
        case BecomeMethod.DOAS:
            asks = "-n " if become.password is None else ""
            how = f'doas {asks}-u {user} -- sh -c {quote("DXL=$1; " + inner)} sh "$DXL"'
        case BecomeMethod.SU:
            # its -c is read by the other account's login shell, which may be any
            how = f"su {user} -c {quote(f'exec sh -c {quote(inner)}')}"
    return f"DXL=${{LC_ALL-}} LC_ALL=C; export DXL LC_ALL; exec {how}\n".encode()


# ---- what went wrong; in each of these cases nothing has run


def _not_given(become: Become) -> Refused:
    if become.method is BecomeMethod.SU:
        remedy = f"bind a credential of kind sudo with the password of {become.user}, or log in as {become.user}"
    else:
        remedy = "bind a credential of kind sudo to it or its group, or allow sh without one (NOPASSWD)"
    return Refused(
        Cause.SUDO, f"{become.method} asks for a password to become {become.user}, and none is known here", remedy
    )


def _wrong(become: Become) -> Refused:
    return Refused(
        Cause.SUDO,
        f"{become.method} says that the password is wrong; nothing has run",
        "rotate the credential of kind sudo",
    )


#: (what is said, what it means, what helps), the first that fits
_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (
        r"incorrect password|Sorry, try again|Authentication (failure|failed)",
        "{method} says that the password is wrong; nothing has run",
        "rotate the credential of kind sudo",
    ),
    (
        r"a password is required|Authentication required|a terminal is required to (read|authenticate)",
        "{method} asks for a password to become {user}, and none is known here",
        "bind a credential of kind sudo to it or its group, or allow sh without one (NOPASSWD)",
    ),
    (
        r"not in the sudoers|may not run sudo",
        "the login's account may not use sudo on the target",
        "allow it in its sudoers: sh as {user}",
    ),
    (
        r"is not allowed to (execute|run)|Operation not permitted",
        "{method} does not let this account run sh as {user}",
        "allow it: deployx sends the command over standard input of sh, and so needs sh",
    ),
    (r"must have a tty|a tty is required", "{method} wants a terminal", "run it with --tty, or take requiretty away"),
    (
        r"unknown user|user .{1,80} does not exist|[Nn]o passwd entry|no such user",
        "there is no account {user} on the target",
        "make it, or name another",
    ),
    (
        r"effective uid is not 0|must be (owned by uid 0|setuid|suid)|no new privileges|not installed setuid",
        "{method} can't become anybody on the target",
        "see that it is installed setuid root and not forbidden for the service",
    ),
    (r"not found|No such file", "there is no {method} on the target", "install {method}, or become {user} otherwise"),
    (
        r"expired|is locked|account validation failure|not available",
        "{method} does not let this account in",
        "look at the accounts on the target",
    ),
)


def _failed(carrier: Carrier, become: Become, said: bytes, patience: float, *, is_typed: bool) -> Refused:
    if carrier.lost is not None:
        return Refused(
            Cause.LOST, f"the connection was lost before the command was sent: {carrier.lost}", "run it again"
        )
    text = said.decode("utf-8", "replace")
    told = _told(said)
    if not carrier.is_over:
        return Refused(
            Cause.SUDO,
            f"{become.method} has not come to an end within {patience:g} s{told}",
            "it may ask for something else than a password, such as a one-time code",
        )
    if become.method is BecomeMethod.SUDO and is_typed and isinstance(carrier.ended, Exited) and not told:
        return _wrong(become)
    for pattern, message, remedy in _MEANINGS:
        found = re.search(f".*({pattern}).*", text)
        if found:
            names = {"method": become.method, "user": become.user}
            told = _told(found.group().encode())
            return Refused(Cause.SUDO, message.format(**names) + told, remedy.format(**names))
    remedy = f"try it there by hand: {become.method} to {become.user}"
    return Refused(Cause.SUDO, f"{become.method} ended without becoming {become.user}{told}", remedy)


def _told(said: bytes | bytearray) -> str:
    """The last thing that was said; sudo's lecture comes before it."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return f"; it said: {lines[-1][:_SAID]}" if lines else ""
