"""Parameters: values that a run gives to a command as data. Declared with the command, given at a start, never spliced.

A declaration says name, type and default. What a person gives is read against it (`read_value`) and reaches the command
as an exported variable of that name. Which declarations can be meant is asked in `planning.parameters`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from deployx_tui.errors import InvalidInput
from deployx_tui.model.ids import CredentialId

#: of one value, in bytes of UTF-8; an environment string may have 128 KiB on Linux (MAX_ARG_STRLEN)
LARGEST_VALUE = 100 * 1024
#: of all values and the environment of one command together
LARGEST_TOGETHER = 128 * 1024

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
#: names by which a value becomes code, or decides which code runs
_DECIDES = frozenset({"PATH", "IFS", "ENV", "BASH_ENV", "PS4", "SHELLOPTS", "RUBYOPT", "NODE_OPTIONS"})
_DECIDES_BEGINNINGS = ("LD_", "DYLD_", "PYTHON", "PERL5", "GIT_")
#: the same in a shell that a person may choose, or in what a script is likely to call
_DECIDES_TOO = frozenset(
    {"ZDOTDIR", "FPATH", "CDPATH", "PROMPT_COMMAND", "GLOBIGNORE", "PERLLIB", "RUBYLIB", "NODE_PATH"}
)
#: dash, bash, busybox or zsh set these themselves, take only some values, or refuse any: tried one by one
_SHELLS_OWN = frozenset({
    "UID", "EUID", "GID", "EGID", "PPID", "USERNAME", "PWD", "OLDPWD", "SHLVL", "OPTIND", "OPTARG", "OPTERR", "LINENO",
    "RANDOM", "SRANDOM", "SECONDS", "COLUMNS", "LINES", "EPOCHSECONDS", "EPOCHREALTIME", "FUNCNAME", "FUNCNEST",
    "GROUPS", "DIRSTACK", "HISTCMD", "HISTSIZE", "HISTCHARS", "SAVEHIST", "ARGC", "ERRNO", "PS1", "PS2", "PS3",
    "KEYTIMEOUT", "LISTMAX", "MAILCHECK", "MACHTYPE", "OSTYPE", "HOSTTYPE", "CPUTYPE", "VENDOR", "MODULE_PATH", "TTY",
    "TTYIDLE", "POSIXLY_CORRECT", "TMOUT",
})  # fmt: skip
_SHELLS_OWN_BEGINNINGS = ("BASH", "ZSH_")
#: of deployx on the target: the mark of a run, the script on its way
_OURS = "DEPLOYX_"


class ParameterType(StrEnum):
    TEXT = "text"  # one line
    NUMBER = "number"  # decimal, as it was typed
    CHOICE = "choice"
    BOOLEAN = "boolean"  # the command sees true or false
    FILE = "file"  # a path where the engine runs; the command sees the content
    SECRET = "secret"  # noqa: S105 - the name of a credential of kind parameter; the command sees its secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A declaration."""

    name: str
    type: ParameterType = ParameterType.TEXT
    #: what a run takes that is not told otherwise, of a file its path, of a secret its credential's name; None: the
    #: empty text, of a boolean false
    default: str | None = None
    #: of a choice; empty for every other type
    choices: tuple[str, ...] = ()
    #: a run needs a value that is not empty; then there is no default
    required: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """A secret of the vault, named and never held: what plans and screens know of it."""

    credential: CredentialId
    #: the credential's, when it was chosen
    name: str
    #: of its secret
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What a run gives to its command under a name."""

    name: str
    #: "" of a secret
    value: str
    #: where it was read from; None: it was given as it is
    file: str | None = None
    #: None: it is no secret, or an optional one that was not given
    secret: SecretRef | None = None
    #: nobody gave it: it is what the declaration says
    is_default: bool = False


def name_problem(name: str) -> tuple[str, str] | None:
    """Why a variable of the environment can't have this name, and what helps; None: it can."""
    if not _NAME.fullmatch(name):
        return f"{name[:80]!r} is not a name for it", "use capitals, digits and _: up to 64, a letter first"
    if name in _DECIDES or name.startswith(_DECIDES_BEGINNINGS):
        return f"{name} decides which code runs", "set it inside the command instead"
    return None


def parameter_name_problem(name: str) -> tuple[str, str] | None:
    """The same for a parameter, whose value comes from whoever starts a run: stricter."""
    if (found := name_problem(name)) is not None:
        return found
    if name in _DECIDES_TOO:
        return f"{name} decides which code runs", "set it inside the command instead"
    if name in _SHELLS_OWN or name.startswith(_SHELLS_OWN_BEGINNINGS):
        return f"{name} is a shell's own, and would not arrive as it was given", f"choose another, such as MY_{name}"
    if name.startswith(_OURS):
        return f"{name}: names with {_OURS} are deployx's own", "choose another beginning"
    return None


_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


def read_value(parameter: Parameter, text: str, field: str) -> str:
    """What the command will see of a value that a person gave; of a file, its path. InvalidInput by `field`."""
    match parameter.type:
        case ParameterType.NUMBER:
            if not _NUMBER.fullmatch(text):
                raise InvalidInput.of(field, f"{text[:60]!r} is not a number", "give for example 3, -1 or 0.5")
        case ParameterType.CHOICE:
            if text not in parameter.choices:
                raise InvalidInput.of(
                    field, f"{text[:60]!r} is not one of its choices", f"say {' | '.join(parameter.choices)}"[:400]
                )
        case ParameterType.BOOLEAN:
            word = text.lower()
            if word not in _YES | _NO:
                raise InvalidInput.of(field, f"{text[:60]!r} is neither true nor false", "say true or false")
            return "true" if word in _YES else "false"
        case ParameterType.FILE:
            if not text.startswith(("/", "~/")):
                raise InvalidInput.of(
                    field,
                    f"{text[:60]!r} is not an absolute path",
                    "give for example /etc/motd",
                )
        case ParameterType.TEXT | ParameterType.SECRET:
            if "\n" in text or "\r" in text:
                raise InvalidInput.of(field, "it has several lines", "give one line, or declare it as a file")
    refuse_uncarriable(text, field)
    return text


def refuse_uncarriable(text: str, field: str) -> None:
    """InvalidInput for what no variable can hold: NUL, what is not UTF-8, too much."""
    if "\0" in text:
        raise InvalidInput.of(field, "it holds a NUL character, which no variable can", "take it out")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput.of(field, "it holds bytes that are not UTF-8", "give valid UTF-8 text") from None
    if size > LARGEST_VALUE:
        raise InvalidInput.of(
            field, f"it has {size} bytes; {LARGEST_VALUE} are the limit", "put it into a file on the targets"
        )


# ---- as they are shown and typed

#: of a value's first line
_SHOWN = 100


def value_words(value: Value) -> str:
    """A value on one line; of a secret its credential's name, of a file where it came from and how long it is."""
    if value.secret is not None:
        return f"credential {value.secret.name}, its secret of version {value.secret.version}"
    if value.file is not None:
        return f"{value.file} ({len(value.value.encode())} bytes)"
    first, broken, _ = value.value.partition("\n")
    return first[:_SHOWN] + ("…" if broken or len(first) > _SHOWN else "")


def parse_declaration(text: str, present: Parameter | None = None, field: str = "parameters") -> Parameter:
    """Read `NAME[:TYPE[:CHOICE,CHOICE]][=DEFAULT]`; without `=` a run needs a value. InvalidInput by `field`.

    `present`: the declaration that is there already. Without a type in the text it keeps its type and choices.
    """
    head, equals, default = text.partition("=")
    name, colon, rest = head.partition(":")
    word, _, listed = rest.partition(":")
    if not name:
        raise InvalidInput.of(field, f"{text[:60]!r} is no parameter", "say REGION=eu or COUNT:number=3")
    kind, choices = ParameterType.TEXT, tuple(part for part in listed.split(",") if part)
    description = "" if present is None else present.description
    if colon:
        try:
            kind = ParameterType(word)
        except ValueError:
            raise InvalidInput.of(
                field, f"{name[:80]}: {word[:40]!r} is not a type", f"say one of {', '.join(ParameterType)}"
            ) from None
    elif present is not None:
        kind, choices = present.type, present.choices
    return Parameter(
        name=name,
        type=kind,
        default=default or None,
        choices=choices,
        required=not equals,
        description=description,
    )


def format_declaration(parameter: Parameter) -> str:
    """The text that `parse_declaration` reads; of one without default that is not required, `NAME=`."""
    kind = "" if parameter.type is ParameterType.TEXT else f":{parameter.type.value}"
    choices = f":{','.join(parameter.choices)}" if parameter.choices else ""
    default = "" if parameter.required else f"={parameter.default or ''}"
    return f"{parameter.name}{kind}{choices}{default}"
