"""Payloads as JSON and back: one field of a task's draft, of a run's and of a plan for each kind.

Which fields a kind has is said here only. A file's mode is octal text ("0644"): as a number nobody could tell 644 from
0644.
"""

from __future__ import annotations

from typing import TypeVar, assert_never

from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.files import Existing, FileItem, FilePayload, LineEndings
from deployx_tui.model.ids import ArtifactId, ExecutionId, PackageId, id_of
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.parse import format_mode, format_umask, parse_mode, parse_umask
from deployx_tui.model.payload import (
    BecomeMethod,
    CommandPayload,
    Commands,
    Line,
    Reboot,
    RunAs,
    Script,
    Shell,
)
from deployx_tui.model.payloads import Payload
from deployx_tui.model.software import PackageChoice, RebootPolicy, SoftwareAction, SoftwarePayload

COMMAND, FILES, SOFTWARE, ROLLBACK = "command_payload", "file_payload", "software_payload", "rollback_payload"
#: the fields of a draft that hold a payload; exactly one is there
PAYLOADS = (COMMAND, FILES, SOFTWARE, ROLLBACK)

T = TypeVar("T")


def field_of(payload: Payload) -> str:
    """The field that holds it."""
    match payload:
        case CommandPayload():
            return COMMAND
        case FilePayload():
            return FILES
        case SoftwarePayload():
            return SOFTWARE
        case RollbackPayload():
            return ROLLBACK
    assert_never(payload)


def payload_field(payload: Payload) -> dict[str, JSON]:
    """`{"command_payload": {...}}` or its like, to be put into a draft or a plan."""
    return {field_of(payload): payload_to_json(payload)}


def payload_to_json(payload: Payload) -> dict[str, JSON]:
    """But for its parameters, which stand beside it: `parameters_to_json`."""
    match payload:
        case CommandPayload():
            return _command_to_json(payload)
        case FilePayload():
            return _files_to_json(payload)
        case SoftwarePayload():
            return _software_to_json(payload)
        case RollbackPayload():
            return _rollback_to_json(payload)
    assert_never(payload)


def payload_from_json(data: JSON, field: str = COMMAND) -> Payload:
    """What stands in the field of that name."""
    reader = Reader(data, field)
    payload = _payload(reader, field)
    reader.finish()
    if payload is None:
        raise InvalidInput.of(field, "the payload is incomplete", "give what it is to do")
    return payload


def read_payload(reader: Reader, expected: str | None = None) -> Payload | None:
    """The one payload of an object; None after noting a problem. `expected`: the field that it must stand in; None: any
    one."""
    given = [name for name in PAYLOADS if reader.has(name)]
    wanted = expected or (given[0] if given else COMMAND)
    for name in given:
        if name != wanted:
            reader.problem(name, "it is the payload of another type of task", f"give {wanted}, and leave this out")
    nested = reader.object(wanted, required=True)
    return None if nested is None else _payload(nested, wanted)


def _payload(reader: Reader, field: str) -> Payload | None:
    match field:
        case "file_payload":
            return _files(reader)
        case "software_payload":
            return _software(reader)
        case "rollback_payload":
            return _rollback(reader)
        case _:
            return _command(reader)


# ---- commands


def _command_to_json(payload: CommandPayload) -> dict[str, JSON]:
    result: dict[str, JSON] = {
        "shell": payload.shell.value,
        "environment": dict(payload.environment),
        "working_directory": payload.working_directory,
        "success_codes": [*sorted(payload.success_codes)],
    }
    match payload.body:
        case Line(command):
            result["command"] = command
        case Script(text):
            result["script"] = text
        case Commands(commands, stop_on_failure):
            result["commands"] = [*commands]
            result["stop_on_failure"] = stop_on_failure
    # left out where they are not wanted: the hashes of plans that were made before they existed stay true
    result |= _run_as_to_json(payload.run_as)
    if payload.umask is not None:
        result["umask"] = format_umask(payload.umask)
    if payload.tty:
        result["tty"] = True
    if payload.durable:
        result["durable"] = True
    if payload.reboot is not Reboot.NEVER:
        result["reboot"] = payload.reboot.value
    return result


def _command(reader: Reader) -> CommandPayload | None:
    line = reader.text("command")
    script = reader.text("script")
    commands = reader.texts("commands") if reader.has("commands") else None
    stop = reader.flag("stop_on_failure")
    shell = reader.word("shell", Shell, Shell.SH)
    environment = reader.mapping("environment")
    folder = reader.text("working_directory")
    codes = reader.numbers("success_codes") if reader.has("success_codes") else (0,)
    durable = reader.flag("durable")
    reboot = reader.word("reboot", Reboot, Reboot.NEVER)
    run_as = _run_as(reader.object("run_as"))
    umask_text = reader.text("umask")
    umask = None if umask_text is None else reader.attempt(lambda: parse_umask(umask_text, reader.path("umask")), None)
    tty = reader.flag("tty")
    reader.close()
    bodies = {"command": line, "script": script, "commands": commands}
    given = [name for name, value in bodies.items() if value is not None]
    if len(given) != 1:
        reader.problem(
            given[1] if given else "",
            f"{' and '.join(given)} are both there" if given else "there is nothing to run",
            "give exactly one of command, commands or script",
        )
        return None
    body: Line | Script | Commands
    if line is not None:
        body = Line(line)
    elif script is not None:
        body = Script(script)
    else:
        body = Commands(tuple(commands or ()), True if stop is None else stop)
    return CommandPayload(
        body=body,
        shell=shell,
        # the order of names means nothing; sorted, so that equal payloads are equal
        environment=tuple(sorted(environment.items())),
        working_directory=folder,
        success_codes=frozenset(codes),
        durable=bool(durable),
        reboot=reboot,
        run_as=run_as,
        umask=umask,
        tty=bool(tty),
    )


# ---- files


def _files_to_json(payload: FilePayload) -> dict[str, JSON]:
    return {
        "items": [_item_to_json(item) for item in payload.items],
        "target_path": payload.target_path,
        # a list: the first that fits is meant, and the names of an object have no order
        "platform_paths": [{"os": word, "path": path} for word, path in payload.platform_paths],
        "create_path_if_not_exists": payload.create_folders,
        "mode": None if payload.mode is None else format_mode(payload.mode),
        "owner": payload.owner,
        "group": payload.group,
        "existing": payload.existing.value,
        "backups": payload.backups,
        "pre_check": payload.pre_check,
        "post_command": payload.post_command,
        "rollback_on_failure": payload.rollback_on_failure,
        "delete_extra": payload.delete_extra,
        "protected": [*payload.protected],
        "most_deletions": payload.most_deletions,
        "swap": payload.swap,
        "quick": payload.quick,
        "check": payload.check,
        "deployment_name": payload.deployment_name,
        **_run_as_to_json(payload.run_as),
    }


def _item_to_json(item: FileItem) -> dict[str, JSON]:
    return {
        "artifact_id": item.artifact,
        "newest": item.newest,
        "name": item.name,
        "mode": None if item.mode is None else format_mode(item.mode),
        "line_endings": item.line_endings.value,
        "substitute": item.substitute,
    }


def _files(reader: Reader) -> FilePayload | None:
    items = _items(reader)
    target_path = reader.text("target_path", required=True)
    payload = FilePayload(
        items=items,
        target_path=target_path or "",
        platform_paths=_platform_paths(reader),
        create_folders=_or(reader.flag("create_path_if_not_exists"), True),
        mode=_mode(reader),
        owner=reader.text("owner"),
        group=reader.text("group"),
        existing=reader.word("existing", Existing, Existing.REPLACE),
        backups=_or(reader.number("backups"), 1),
        pre_check=reader.text("pre_check"),
        post_command=reader.text("post_command"),
        rollback_on_failure=_rolls_back(reader),
        delete_extra=bool(reader.flag("delete_extra")),
        protected=tuple(reader.texts("protected")),
        most_deletions=_or(reader.number("most_deletions"), 10),
        swap=bool(reader.flag("swap")),
        quick=bool(reader.flag("quick")),
        check=bool(reader.flag("check")),
        run_as=_run_as(reader.object("run_as")),
        deployment_name=reader.text("deployment_name"),
    )
    reader.close()
    return None if target_path is None else payload


def _items(reader: Reader) -> tuple[FileItem, ...]:
    """`items`, or the original's `file_ids`; both only where they say the same."""
    ids = tuple(ArtifactId(number) for number in reader.ids("file_ids"))
    if not reader.has("items"):
        if not reader.has("file_ids"):
            reader.problem("file_ids", "it is missing", "give the ids of artifacts, or items with an artifact_id each")
        return tuple(FileItem(artifact=artifact) for artifact in ids)
    rows = enumerate(reader.items("items"))
    items = tuple(item for number, row in rows if (item := _item(reader.nested(f"items.{number}", row))) is not None)
    if reader.has("file_ids") and ids != tuple(dict.fromkeys(item.artifact for item in items)):
        reader.problem("file_ids", "it differs from items", "give one of them")
    return items


def _item(reader: Reader) -> FileItem | None:
    found = reader.id("artifact_id", "an artifact")
    item = FileItem(
        artifact=ArtifactId(found or 0),
        newest=bool(reader.flag("newest")),
        name=reader.text("name"),
        mode=_mode(reader),
        line_endings=reader.word("line_endings", LineEndings, LineEndings.AS_IS),
        substitute=bool(reader.flag("substitute")),
    )
    reader.close()
    return None if found is None else item


def _platform_paths(reader: Reader) -> tuple[tuple[str, str], ...]:
    found = []
    for number, row in enumerate(reader.items("platform_paths")):
        each = reader.nested(f"platform_paths.{number}", row)
        word, path = each.text("os", required=True), each.text("path", required=True)
        each.close()
        found.append((word or "", path or ""))
    return tuple(found)


def _mode(reader: Reader) -> int | None:
    text = reader.text("mode")
    return None if text is None else reader.attempt(lambda: parse_mode(text, reader.path("mode")), None)


def _rolls_back(reader: Reader) -> bool:
    """`rollback` is the contract's short word for it."""
    whole, short = reader.flag("rollback_on_failure"), reader.flag("rollback")
    if whole is not None and short is not None and whole is not short:
        reader.problem("rollback", "it differs from rollback_on_failure", "give one of them")
    return bool(short if whole is None else whole)


# ---- software


def _software_to_json(payload: SoftwarePayload) -> dict[str, JSON]:
    return {
        "software_ids": [choice.package for choice in payload.packages],
        "versions": {str(choice.package): choice.version for choice in payload.packages if choice.version is not None},
        "custom_software": payload.custom,
        "action": payload.action.value,
        "all_or_nothing": payload.all_or_nothing,
        "reboot": payload.reboot.value,
        "repair": payload.repair,
        "deployment_name": payload.deployment_name,
        **_run_as_to_json(payload.run_as),
    }


def _software(reader: Reader) -> SoftwarePayload:
    ids = tuple(PackageId(number) for number in reader.ids("software_ids"))
    versions = {_package(reader, name): version for name, version in reader.mapping("versions").items()}
    for stray in sorted(number for number in versions if number is not None and number not in ids):
        reader.problem(f"versions.{stray}", "software_ids does not name it", "name the package there too")
    payload = SoftwarePayload(
        packages=tuple(PackageChoice(package=package, version=versions.get(package)) for package in ids),
        custom=reader.text("custom_software"),
        action=reader.word("action", SoftwareAction, SoftwareAction.INSTALL),
        all_or_nothing=bool(reader.flag("all_or_nothing")),
        reboot=reader.word("reboot", RebootPolicy, RebootPolicy.NEVER),
        repair=bool(reader.flag("repair")),
        run_as=_run_as(reader.object("run_as")),
        deployment_name=reader.text("deployment_name"),
    )
    reader.close()
    return payload


def _package(reader: Reader, name: str) -> int | None:
    number = id_of(name)
    if number is None:
        reader.problem(f"versions.{name[:80]}", "it is not an id of software", 'give {"5": "1.24.0"}')
    return number


# ---- rollbacks


def _rollback_to_json(payload: RollbackPayload) -> dict[str, JSON]:
    return {"execution_id": payload.execution, "force": payload.force, **_run_as_to_json(payload.run_as)}


def _rollback(reader: Reader) -> RollbackPayload | None:
    execution = reader.id("execution_id", "an execution")
    force, run_as = bool(reader.flag("force")), _run_as(reader.object("run_as"))
    reader.close()
    if execution is None:
        return None
    return RollbackPayload(execution=ExecutionId(execution), force=force, run_as=run_as)


# ---- what several have


def _run_as_to_json(run_as: RunAs | None) -> dict[str, JSON]:
    return {} if run_as is None else {"run_as": {"method": run_as.method.value, "user": run_as.user}}


def _run_as(reader: Reader | None) -> RunAs | None:
    if reader is None:
        return None
    method = reader.word("method", BecomeMethod, BecomeMethod.SUDO)
    user = reader.text("user")
    reader.close()
    return RunAs(method=method, user="root" if user is None else user)


def _or(value: T | None, default: T) -> T:
    return default if value is None else value
