"""What a stored name may be. Pure."""

from __future__ import annotations

import unicodedata

from deployx_tui.errors import Problem
from deployx_tui.model.ids import DeviceId
from deployx_tui.planning.selectors import PREFIXES, SPECIAL

#: control, format, surrogate, private use, unassigned; line and paragraph separators
#: characters; PATH_MAX of Linux
MOST_PATH = 4096
_INVISIBLE = ("C", "Zl", "Zp")


def normal_name(text: str) -> str:
    """A name as it is stored: NFC, without blanks around it."""
    return unicodedata.normalize("NFC", text).strip()


def validate_name(name: str, field: str, *, limit: int = 120) -> tuple[Problem, ...]:
    """Names are NFC, 1 to `limit` characters, printable, without blanks at either end."""
    if not name.strip():
        return (Problem(field=field, message="it is empty", remedy="give a name"),)
    if len(name) > limit:
        message = f"it has {len(name)} characters"
        return (Problem(field=field, message=message, remedy=f"use at most {limit} characters"),)
    if (bad := _invisible(name)) is not None:
        message = f"it holds the invisible character U+{ord(bad):04X}"
        return (Problem(field=field, message=message, remedy="use letters, digits, blanks and signs"),)
    if name != normal_name(name):
        message = "it begins or ends with a blank, or is not in Unicode's normal form C"
        return (Problem(field=field, message=message, remedy="take the blanks away and type the accents anew"),)
    return ()


def validate_selectable(name: str, field: str, *, limit: int = 120) -> tuple[Problem, ...]:
    """A name that selectors can say: of a device, a group or a tag."""
    problems = validate_name(name, field, limit=limit)
    if problems:
        return problems
    if bad := next((character for character in name if character in SPECIAL), None):
        remedy = f"leave out {' '.join(SPECIAL)}"
        return (Problem(field=field, message=f"{bad!r} has a meaning in selectors", remedy=remedy),)
    if name.startswith(PREFIXES) or name == "-":
        message = f"{name!r} has another meaning in selectors"
        return (Problem(field=field, message=message, remedy="choose another beginning"),)
    return ()


def shared_name_words(name: str, device: DeviceId) -> str:
    """What it means that a device and a group have one name: legal, and a trap for whoever writes selectors."""
    return (
        f"{name} is a device and a group now: as a bare word in a selector it is ambiguous and refused; "
        f"write @{name} for the group, {device} for the device"
    )


def validate_artifact_name(name: str, field: str) -> tuple[Problem, ...]:
    """A label, which a file may be called on a target: no separators, and no name that means a folder."""
    problems = validate_name(name, field)
    if problems:
        return problems
    if bad := next((character for character in name if character in "/\\"), None):
        return (Problem(field=field, message=f"it holds {bad!r}", remedy="give a name, not a path"),)
    if name in (".", ".."):
        return (Problem(field=field, message=f"{name!r} means a folder", remedy="give another name"),)
    return ()


def validate_remote_path(path: str, field: str) -> tuple[Problem, ...]:
    """Of a file or folder on a device that has a name of its own: from the root on, and not the root."""
    remedy = "give a path from the root folder on, such as /var/log/syslog"
    if not path.startswith("/"):
        return (Problem(field=field, message=f"{path!r} does not begin with /", remedy=remedy),)
    if not remote_name(path) or "\0" in path or len(path) > MOST_PATH:
        return (Problem(field=field, message=f"{path[:200]!r} names no file or folder", remedy=remedy),)
    try:
        path.encode()
    except UnicodeEncodeError:
        return (Problem(field=field, message=f"{path!r} is not UTF-8", remedy="fetch the folder that it is in"),)
    return ()


def remote_name(path: str) -> str:
    """The last part of a path on a device; "" when that is no name."""
    name = path.rstrip("/").rpartition("/")[2]
    return "" if name in (".", "..") else name


def validate_prose(text: str, field: str, *, limit: int = 4000) -> tuple[Problem, ...]:
    """A description: several lines, no other control characters."""
    if len(text) > limit:
        return (Problem(field=field, message=f"it has {len(text)} characters", remedy=f"use at most {limit}"),)
    if (bad := _invisible(text.replace("\n", "").replace("\t", ""))) is not None:
        message = f"it holds the invisible character U+{ord(bad):04X}"
        return (Problem(field=field, message=message, remedy="take it out"),)
    return ()


def _invisible(text: str) -> str | None:
    return next((character for character in text if unicodedata.category(character).startswith(_INVISIBLE)), None)
