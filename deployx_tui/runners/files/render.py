"""What of a text file is made for one target: `${name}` and line endings. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deployx_tui.model.facts import Facts
from deployx_tui.model.files import FileItem, LineEndings
from deployx_tui.model.secret import Secret

#: bytes of a file that is substituted in
LARGEST = 1 << 20

#: `$${` is `${`; a name; or a `${` that begins no name
_PLACE = re.compile(rb"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]{0,63})\}|\$\{")


class Unfit(Exception):
    """Says what is wrong and what to do instead."""


def facts_by_name(facts: Facts | None, device: str) -> dict[str, str | None]:
    """What `${name}` may stand for beside parameters; None: not known of this device."""
    known = facts or Facts()
    return {
        "device": device,
        "os_id": known.os_id,
        "os_version": known.os_version,
        "arch": known.arch,
        "kernel": known.kernel,
        "kernel_release": known.kernel_release,
    }


def substitute(content: bytes, parameters: Mapping[str, str | Secret], facts: Mapping[str, str | None]) -> bytes:
    """Each `${name}` replaced by its value, once: a value is not looked into. Unfit: a name that stands for nothing."""
    try:
        content.decode()
    except UnicodeDecodeError:
        raise Unfit("it is not UTF-8 text, so nothing can be substituted in it (leave the substitution out)") from None

    def value(found: re.Match[bytes]) -> bytes:
        if found[0] == b"$${":
            return b"${"
        if found[1] is None:
            line = content.count(b"\n", 0, found.start()) + 1
            raise Unfit(f"line {line} has a ${{ that begins no name (write $${{ for the characters themselves)")
        name = found[1].decode()
        if name in parameters:
            given = parameters[name]
            return given.reveal() if isinstance(given, Secret) else given.encode()
        if name not in facts:
            raise Unfit(f"${{{name}}} is no parameter of this task and no fact (declare it, or write $${{{name}}})")
        fact = facts[name]
        if fact is None:
            raise Unfit(f"${{{name}}} is not known of this device (deployx device facts asks it)")
        return fact.encode()

    return _PLACE.sub(value, content)


def with_endings(content: bytes, endings: LineEndings) -> bytes:
    """Each line end, CR LF or LF, as wanted; a lone CR is none."""
    match endings:
        case LineEndings.AS_IS:
            return content
        case LineEndings.LF:
            return content.replace(b"\r\n", b"\n")
        case LineEndings.CRLF:
            return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def is_rendered(item: FileItem) -> bool:
    return item.substitute or item.line_endings is not LineEndings.AS_IS


def rendered(
    content: bytes, item: FileItem, parameters: Mapping[str, str | Secret], facts: Mapping[str, str | None]
) -> bytes:
    if len(content) > LARGEST:
        raise Unfit(f"it has more than {LARGEST} bytes, which is the limit where a text is changed for each target")
    if item.substitute:
        content = substitute(content, parameters, facts)
    return with_endings(content, item.line_endings)
