"""Whether a task of files can be meant as it stands. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from deployx_tui.errors import Problem
from deployx_tui.model.artifact import ArtifactKind, ArtifactRef
from deployx_tui.model.facts import word_or_none
from deployx_tui.model.files import FileItem, FilePayload, LineEndings
from deployx_tui.model.payloads import Stock, artifacts_of
from deployx_tui.planning.names import validate_name
from deployx_tui.planning.parameters import validate_parameters
from deployx_tui.planning.problems import (
    LONGEST_PATH,
    LONGEST_SCRIPT,
    problem_of,
    validate_ids,
    validate_login,
    validate_plain,
    validate_run_as,
)

#: one task; more wants a folder
MOST_ITEMS = 1000
MOST_BACKUPS = 50
#: of a file whose text is made per target
LARGEST_TEXT = 1 << 20
#: bytes of one name in a path
LONGEST_NAME = 255
#: of a list that a person writes
MOST_PATTERNS = 200

_FIELD = "file_payload"
#: "C:\Config", "C:/Config", "\\server\share"
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\]")


def is_windows_path(path: str) -> bool:
    """Whether it can be no path on a POSIX target."""
    return _WINDOWS.match(path) is not None


def validate_files(payload: FilePayload, stock: Stock) -> tuple[Problem, ...]:
    """Problems of what is to be sent, where to and how."""
    return (
        *_items(payload, stock),
        *_paths(payload),
        *_manner(payload),
        *_trees(payload, stock),
        *_command(payload.pre_check, "pre_check"),
        *_command(payload.post_command, "post_command"),
        *validate_run_as(payload.run_as, f"{_FIELD}.run_as"),
        *validate_parameters(payload),
        *_deployment_name(payload),
    )


# ---- what is sent


def _items(payload: FilePayload, stock: Stock) -> list[Problem]:
    if not payload.items:
        return [problem_of(f"{_FIELD}.file_ids", "there is nothing to send", "give at least one artifact")]
    if len(payload.items) > MOST_ITEMS:
        message = f"there are {len(payload.items)} of them"
        return [problem_of(f"{_FIELD}.items", message, f"give at most {MOST_ITEMS}, or a folder")]
    problems = validate_ids(f"{_FIELD}.file_ids", artifacts_of(payload), stock.artifacts)
    for number, item in enumerate(payload.items):
        problems += _item(item, stock.artifacts.get(item.artifact), f"{_FIELD}.items.{number}")
    return problems + _twice(payload.items, stock)


def _item(item: FileItem, artifact: ArtifactRef | None, field: str) -> list[Problem]:
    problems = _mode(item.mode, field)
    if item.name is not None:
        problems += _relative(item.name, f"{field}.name")
    elif artifact is not None and artifact.kind is ArtifactKind.FILE and not _is_name(artifact.name):
        message = f"{artifact.name[:80]!r}, the artifact's own name, can be no file's"
        problems.append(problem_of(f"{field}.name", message, "give the item a name"))
    if artifact is None:
        return problems
    if artifact.kind is ArtifactKind.TREE:
        if item.substitute:
            problems.append(
                problem_of(f"{field}.substitute", "it is a folder", "send such files as items of their own")
            )
        if item.line_endings is not LineEndings.AS_IS:
            problems.append(
                problem_of(f"{field}.line_endings", "it is a folder", "send such files as items of their own")
            )
    elif item.substitute and artifact.size > LARGEST_TEXT:
        problems.append(
            problem_of(f"{field}.substitute", f"the file has {artifact.size} bytes", "it is for texts up to 1 MiB")
        )
    return problems


def _twice(items: Iterable[FileItem], stock: Stock) -> list[Problem]:
    names = Counter(name for item in items if (name := _destination(item, stock)) is not None)
    return [
        problem_of(
            f"{_FIELD}.items",
            f"two of them would be {name!r}" if name else "two folders would lie in the same place",
            "give one of them another name",
        )
        for name, count in names.items()
        if count > 1
    ]


def _destination(item: FileItem, stock: Stock) -> str | None:
    """Below the target path; "": a tree whose content lies directly in it; None: not known."""
    if item.name is not None:
        return item.name
    artifact = stock.artifacts.get(item.artifact)
    if artifact is None:
        return None
    return "" if artifact.kind is ArtifactKind.TREE else artifact.name


def _relative(name: str, field: str) -> list[Problem]:
    """A path below the target path."""
    if not name:
        return [problem_of(field, "it is empty", "give a name, or leave it out")]
    if len(name) > LONGEST_PATH:
        return [problem_of(field, f"it is longer than {LONGEST_PATH} characters", "give a shorter name")]
    if name.startswith("/"):
        return [problem_of(field, "it is absolute", "give it relative to the target path")]
    if any(part in ("", ".", "..") for part in name.split("/")):
        return [problem_of(field, "it leads out of the target path, or goes round", "leave out empty parts, . and ..")]
    return validate_plain(name, field) or _long_names(name, field)


def _long_names(path: str, field: str) -> list[Problem]:
    """Parts that no file system holds."""
    return [
        problem_of(field, f"{part[:40]!r}... has more than {LONGEST_NAME} bytes", "give a shorter name")
        for part in path.split("/")
        if len(part.encode("utf-8", "surrogateescape")) > LONGEST_NAME
    ]


def _is_name(name: str) -> bool:
    fits = len(name.encode("utf-8", "surrogateescape")) <= LONGEST_NAME
    return fits and "/" not in name and "\0" not in name and name not in ("", ".", "..")


# ---- where to


def _paths(payload: FilePayload) -> list[Problem]:
    problems = _path(payload.target_path, f"{_FIELD}.target_path", payload)
    words = Counter(word for word, _ in payload.platform_paths)
    for number, (word, path) in enumerate(payload.platform_paths):
        field = f"{_FIELD}.platform_paths.{number}"
        if word_or_none(word) is None or word != word.lower():
            message = f"{word[:40]!r} is no system"
            problems.append(problem_of(f"{field}.os", message, "give a word of os: selectors, such as debian or linux"))
        elif words[word] > 1:
            problems.append(problem_of(f"{field}.os", f"{word} is there twice", "leave one out"))
        problems += _path(path, f"{field}.path", payload)
    return problems


def _path(path: str, field: str, payload: FilePayload) -> list[Problem]:
    if not path.strip():
        return [problem_of(field, "it is blank", "give an absolute path, such as /etc/nginx/")]
    if problems := validate_plain(path, field):
        return problems
    if len(path) > LONGEST_PATH:
        return [problem_of(field, f"it is longer than {LONGEST_PATH} characters", "give a shorter path")]
    is_windows = is_windows_path(path)
    if not is_windows and not path.startswith(("/", "~/")):
        return [problem_of(field, "it is not an absolute path", "begin it with /, or with ~/ for the account's home")]
    parts = re.split(r"[\\/]" if is_windows else "/", path)
    if ".." in parts:
        return [problem_of(field, "it holds a part ..", "write the path without it")]
    if (payload.delete_extra or payload.swap) and not "".join(parts[1:]):
        what = "delete_extra" if payload.delete_extra else "swap"
        return [problem_of(field, f"{what} would be about everything there is", "give a folder of its own")]
    return [] if is_windows else _long_names(path, field)


# ---- how


def _manner(payload: FilePayload) -> list[Problem]:
    problems = [
        *_mode(payload.mode, _FIELD),
        *validate_login(payload.owner, f"{_FIELD}.owner"),
        *validate_login(payload.group, f"{_FIELD}.group"),
    ]
    if not 0 <= payload.backups <= MOST_BACKUPS:
        message = f"{payload.backups} is out of range"
        problems.append(problem_of(f"{_FIELD}.backups", message, f"give 0 to {MOST_BACKUPS}"))
    if payload.rollback_on_failure and payload.backups == 0:
        message = "there would be nothing to take back"
        problems.append(problem_of(f"{_FIELD}.rollback_on_failure", message, "keep at least one backup"))
    if not 0 <= payload.most_deletions <= 100:
        message = f"{payload.most_deletions} is out of range"
        problems.append(problem_of(f"{_FIELD}.most_deletions", message, "give 0 to 100 per cent"))
    if len(payload.protected) > MOST_PATTERNS:
        message = f"there are {len(payload.protected)} of them"
        problems.append(problem_of(f"{_FIELD}.protected", message, f"give at most {MOST_PATTERNS}"))
    for pattern in payload.protected[:MOST_PATTERNS]:
        problems += _pattern(pattern)
    return problems


def _pattern(pattern: str) -> list[Problem]:
    field = f"{_FIELD}.protected"
    if not pattern.strip() or pattern.startswith("/"):
        message = f"{pattern[:80]!r} fits nothing"
        return [problem_of(field, message, "give patterns relative to the target path, such as logs/*")]
    if len(pattern) > LONGEST_PATH:
        return [problem_of(field, f"one is longer than {LONGEST_PATH} characters", "give a shorter pattern")]
    return validate_plain(pattern, field)


def _mode(mode: int | None, field: str) -> list[Problem]:
    if mode is None or 0 <= mode <= 0o7777:
        return []
    return [problem_of(f"{field}.mode", "it is no file mode", "give three or four octal digits, such as 0644")]


def _trees(payload: FilePayload, stock: Stock) -> list[Problem]:
    """What is said of a tree, where no tree is sent, or not it alone."""
    kinds = [artifact.kind for item in payload.items if (artifact := stock.artifacts.get(item.artifact)) is not None]
    if len(kinds) < len(payload.items) or kinds == [ArtifactKind.TREE]:
        return []
    remedy = "send one folder and nothing else, or leave it out"
    return [
        problem_of(f"{_FIELD}.{name}", "it is for a folder", remedy)
        for name, is_wanted in (("delete_extra", payload.delete_extra), ("swap", payload.swap))
        if is_wanted and kinds
    ]


def _command(command: str | None, name: str) -> list[Problem]:
    field = f"{_FIELD}.{name}"
    if command is None:
        return []
    if not command.strip():
        return [problem_of(field, "there is nothing to run", "give a command, or leave it out")]
    if "\n" in command.strip("\n"):
        return [problem_of(field, "it has several lines", "join them with && or ;")]
    if len(command) > LONGEST_SCRIPT:
        return [problem_of(field, "it is longer than 512 KiB", "put it into a file on the targets")]
    return validate_plain(command, field)


def _deployment_name(payload: FilePayload) -> tuple[Problem, ...]:
    if payload.deployment_name is None:
        return ()
    return validate_name(payload.deployment_name, f"{_FIELD}.deployment_name", limit=200)
