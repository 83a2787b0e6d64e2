"""What is wrong, in the words that a person typed: a problem of a field on the wire names its flag. One place for all.

`Command` asks here for every InvalidInput that leaves a command; nobody else needs to.
"""

from __future__ import annotations

import click

from deployx_tui.errors import InvalidInput, Problem

#: a task's rules; the one that was typed is meant by every `recurrence...` field
RECURRENCES = ("at", "daily", "weekly", "monthly", "cron")

#: field on the wire -> the flag or argument, the first that the command has
_WORDS: dict[str, tuple[str, ...]] = {
    # tasks
    "task_name": ("--name", "NEW", "NAME"),
    "selector": ("--on", "--selector"),
    "targets": ("--on",),
    "device_ids": ("--device", "--on"),
    "group_ids": ("--group", "--on"),
    "timezone": ("--zone",),
    "start": ("--start",),
    "end": ("--end",),
    "gap": ("--gap",),
    "fold": ("--fold",),
    "short_month": ("--short-month",),
    "overlap": ("--overlap",),
    "grace_seconds": ("--grace",),
    "timeout_seconds": ("--timeout",),
    "tags": ("--tag",),
    "description": ("--description",),
    "count": ("--count",),
    "command_payload.command": ("--command", "COMMAND"),
    "command_payload.commands": ("--command",),
    "command_payload.script": ("--script",),
    "command_payload.shell": ("--shell",),
    "command_payload.environment": ("--env",),
    "command_payload.working_directory": ("--cwd",),
    "command_payload.run_as": ("--run-as", "--sudo"),
    "command_payload.umask": ("--umask",),
    "command_payload.tty": ("--tty",),
    "command_payload.success_codes": ("--success-codes",),
    "parameters": ("--param",),
    "file_payload.file_ids": ("--push", "FILE"),
    "file_payload.items": ("--push", "FILE"),
    "file_payload.target_path": ("--to",),
    "file_payload.platform_paths": ("--to-on",),
    "file_payload.mode": ("--mode",),
    "file_payload.owner": ("--owner",),
    "file_payload.group": ("--owner",),
    "file_payload.backups": ("--backups",),
    "file_payload.pre_check": ("--pre-check",),
    "file_payload.post_command": ("--post",),
    "file_payload.rollback_on_failure": ("--rollback-on-failure",),
    "file_payload.delete_extra": ("--delete-extra",),
    "file_payload.protected": ("--protect",),
    "file_payload.most_deletions": ("--max-deletions",),
    "file_payload.swap": ("--swap",),
    "file_payload.run_as": ("--run-as", "--sudo"),
    "software_payload.software_ids": ("--install", "--uninstall", "PACKAGE"),
    "software_payload.versions": ("--install", "--uninstall", "PACKAGE"),
    "software_payload.custom_software": ("--install", "--uninstall", "PACKAGE"),
    "software_payload.run_as": ("--run-as", "--sudo"),
    "software_payload.reboot": ("--restart",),
    "file_payload.deployment_name": ("--deployment-name",),
    "command_payload.stop_on_failure": ("--keep-going",),
    "command_payload.durable": ("--durable",),
    "command_payload.reboot": ("--reboot",),
    # devices and groups
    "device_name": ("--name", "NAME"),
    "group_name": ("--name", "NAME"),
    "address": ("--address",),
    "port": ("--address",),
    "user": ("--user",),
    "protocol": ("--transport",),
    "key_file": ("--key",),
    "jump_id": ("--jump",),
    "host_key_policy": ("--host-key-policy",),
    # artifacts
    "name": ("--name", "NAME", "FILE"),
    "file": ("--push", "FILE"),
    "artifact": ("FILE", "NAME"),
    # packages
    "version": ("--version",),
    "depends": ("--depends",),
    "variants": ("--variant",),
    "packages": ("FILE",),
    # credentials
    "credential_name": ("NAME",),
    "credential_ids": ("--credential",),
    "kind": ("--kind",),
    "secret": ("--stdin",),
    "passphrase": ("--stdin",),
    "fingerprint": ("--fingerprint",),
    "color": ("--color",),
    "path": ("--file",),
    # lists and outputs
    "cursor": ("--cursor",),
    "limit": ("--limit",),
    "status": ("--status",),
    "tail": ("--tail",),
    "text": ("--text", "TEXT"),
}


def in_flags(error: InvalidInput, context: click.Context) -> InvalidInput:
    """The same problems; a field that the command has no flag for keeps its name."""
    words = words_of(context.command)
    rule = next((f"--{name}" for name in RECURRENCES if context.params.get(name) is not None), "--cron")

    def word(field: str) -> str:
        if field.startswith("parameters.") and "--param" in words:
            return _of_parameter(field.split(".")[1])
        if field.startswith(("recurrence", "scheduled_time")):
            wanted: tuple[str, ...] = (rule,)
        else:
            # of one item and of one platform too: a flag is for all of them
            wanted = _WORDS.get(field) or _WORDS.get(".".join(field.split(".")[:2]), ())
        return next((each for each in wanted if each in words), field)

    return InvalidInput(Problem(field=word(p.field), message=p.message, remedy=p.remedy) for p in error.problems)


def _of_parameter(part: str) -> str:
    """A value's field has its name; a declaration's its place in the list, and its message the name."""
    return "--param" if part.isdigit() else f"--param {part}"


def words_of_all_fields() -> set[str]:
    """Every word that a field may be named by."""
    return {word for words in _WORDS.values() for word in words}


def words_of(command: click.Command) -> set[str]:
    """The flags and arguments of a command."""
    found: set[str] = set()
    for parameter in command.params:
        found.update(parameter.opts if isinstance(parameter, click.Option) else [_shown(parameter)])
    return found


def _shown(argument: click.Parameter) -> str:
    """An argument as its command's help writes it, without the signs: NAME, NEW, COMMAND."""
    return (argument.metavar or argument.human_readable_name.upper()).strip("[].").partition("[")[0]
