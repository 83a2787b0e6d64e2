"""Whether a task, a device or a group can be meant as it stands. Pure; every problem is told, each with its remedy.

What a payload may say is asked of `validate_command.py` and its like, the rule of a schedule of
`scheduling.recurrence`; uniqueness of names is asked of the inventory given, and once more by the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import assert_never

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.device import DeviceDraft, GroupDraft
from deployx_tui.model.files import FilePayload
from deployx_tui.model.hosts import is_host, is_login
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.inventory import Inventory, jumps_of
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.payloads import NO_STOCK, Payload, Stock
from deployx_tui.model.schedule import Once, OverlapKind
from deployx_tui.model.secret import CredentialDraft, Purpose
from deployx_tui.model.software import SoftwarePayload
from deployx_tui.model.task import TaskDraft
from deployx_tui.planning.names import validate_name, validate_prose, validate_selectable
from deployx_tui.planning.problems import problem_of, validate_ids, validate_plain, validate_run_as
from deployx_tui.planning.selectors import (
    FailedOf,
    mentioned_groups,
    parse,
    resolve,
    would_cycle,
)
from deployx_tui.planning.validate_command import validate_command
from deployx_tui.planning.validate_files import validate_files
from deployx_tui.planning.validate_software import validate_software
from deployx_tui.scheduling.recurrence import compile_schedule

#: groups in groups in groups
DEEPEST_NESTING = 32

_COLOR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


# ---- tasks


def validate_task(
    draft: TaskDraft, inventory: Inventory, now: datetime, stock: Stock = NO_STOCK
) -> tuple[Problem, ...]:
    """Problems of a draft that is to be saved at `now`; none: it can be.

    `stock`: what is there of the artifacts and packages that it names.
    """
    return (
        *validate_name(draft.name, "task_name", limit=200),
        *validate_prose(draft.description, "description"),
        *_tags(draft.tags),
        *_task_targets(draft, inventory),
        *_task_schedule(draft, now),
        *_task_payload(draft.payload, stock),
        *_durations(draft),
    )


def _task_targets(draft: TaskDraft, inventory: Inventory) -> list[Problem]:
    problems: list[Problem] = []
    if draft.selector.strip():
        try:
            # what failed in a run is looked up when it starts; here only the words are asked
            resolve(draft.selector, inventory, failed=lambda _: frozenset())
        except InvalidInput as error:
            problems.extend(error.problems)
    elif not draft.device_ids and not draft.group_ids:
        problems.append(problem_of("selector", "there is nothing to run on", "give a selector, devices or groups"))
    problems.extend(validate_ids("device_ids", draft.device_ids, inventory.devices))
    problems.extend(validate_ids("group_ids", draft.group_ids, inventory.groups))
    return problems


def _task_schedule(draft: TaskDraft, now: datetime) -> list[Problem]:
    try:
        rule = compile_schedule(draft.schedule)
    except InvalidInput as error:
        return list(error.problems)
    if rule.next_after(now) is not None:
        return []
    if isinstance(draft.schedule.recurrence, Once):
        return [problem_of("scheduled_time", "it is in the past", "give a time to come, or run it now by hand")]
    return [problem_of("end", "no run is left before it", "give a later end, or none")]


def _durations(draft: TaskDraft) -> list[Problem]:
    problems = []
    if draft.timeout is not None and draft.timeout < timedelta(seconds=1):
        problems.append(problem_of("timeout_seconds", "it is shorter than a second", "give 1s or more, or none"))
    if draft.grace < timedelta():
        problems.append(problem_of("grace_seconds", "it is negative", "give 0s or more"))
    parallel = draft.overlap.kind is OverlapKind.PARALLEL
    if (parallel and not 2 <= draft.overlap.limit <= 1000) or (not parallel and draft.overlap.limit != 1):
        problems.append(problem_of("overlap", "it allows no such number of runs", "say skip, or parallel:3"))
    return problems


def _tags(tags: Iterable[str]) -> list[Problem]:
    return [problem for tag in sorted(tags) for problem in validate_selectable(tag, "tags", limit=64)]


def validate_payload(payload: Payload, stock: Stock = NO_STOCK) -> tuple[Problem, ...]:
    """Problems of what is to run. `stock`: what is there of the artifacts and packages that it names."""
    match payload:
        case CommandPayload():
            return validate_command(payload)
        case FilePayload():
            return validate_files(payload, stock)
        case SoftwarePayload():
            return validate_software(payload, stock)
        case RollbackPayload():
            return validate_run_as(payload.run_as, "rollback_payload.run_as")
    assert_never(payload)


def _task_payload(payload: Payload, stock: Stock) -> tuple[Problem, ...]:
    if isinstance(payload, RollbackPayload):
        remedy = f"deployx execution rollback {payload.execution}"
        return (problem_of("rollback_payload", "a run is taken back once, not by a task", remedy),)
    return validate_payload(payload, stock)


# ---- devices and groups


def validate_device(draft: DeviceDraft, inventory: Inventory, device: DeviceId | None = None) -> tuple[Problem, ...]:
    """Problems of a device; `device` is its id when it exists already."""
    problems = [*validate_selectable(draft.name, "device_name"), *validate_prose(draft.description, "description")]
    if any(other.name == draft.name and other.id != device for other in inventory.devices.values()):
        problems.append(problem_of("device_name", f"there is a device {draft.name!r} already", "choose another name"))
    problems.extend(_address(draft.address))
    if draft.port is not None and not 1 <= draft.port <= 65535:
        problems.append(problem_of("port", f"{draft.port} is not a port", "give 1 to 65535"))
    if draft.user is not None and not is_login(draft.user):
        problems.append(problem_of("user", "it is not a login name", "use letters, digits, . _ @ + and -, up to 64"))
    if draft.key_file is not None:
        problems.extend(_key_file(draft.key_file))
    if draft.jump is not None:
        problems.extend(_jump(draft.jump, inventory, device))
    problems.extend(_tags(draft.tags))
    problems.extend(validate_ids("group_ids", draft.groups, inventory.groups))
    for group in draft.groups:
        if group in inventory.groups and inventory.groups[group].selector is not None:
            name = inventory.groups[group].name
            problems.append(
                problem_of("group_ids", f"{name} chooses its members by a selector", "give the device a tag")
            )
    return tuple(problems)


def validate_credential(
    draft: CredentialDraft, inventory: Inventory, bound: Iterable[GroupId] = ()
) -> tuple[Problem, ...]:
    """Problems of a credential, but for its secret. `bound`: the groups that it is bound to already, deleted or not."""
    problems = [*validate_name(draft.name, "credential_name"), *validate_prose(draft.description, "description")]
    if draft.user is not None and not is_login(draft.user):
        problems.append(problem_of("user", "it is not a login name", "use letters, digits, . _ @ + and -, up to 64"))
    problems.extend(validate_ids("group_ids", draft.groups, {*inventory.groups, *bound}))
    return tuple(problems)


def validate_naming(named: Iterable[tuple[str, Purpose]]) -> tuple[Problem, ...]:
    """Problems of the credentials that a device names, each by its name and purpose."""
    by_purpose: dict[Purpose, list[str]] = {}
    for name, purpose in named:
        by_purpose.setdefault(purpose, []).append(name)
    return tuple(
        problem_of("credential_ids", f"{' and '.join(sorted(names))} are both for {purpose.value}", "name one of them")
        for purpose, names in by_purpose.items()
        if len(names) > 1
    )


def _address(address: str) -> list[Problem]:
    if is_host(address):
        return []
    return [
        problem_of(
            "address", "it is not a host name or an IP address", "give for example web01.example.com or 10.0.0.7"
        )
    ]


def _key_file(path: str) -> list[Problem]:
    if not path.startswith(("/", "~/")) or len(path) > 4096:
        return [problem_of("key_file", "it is not an absolute path", "give for example ~/.ssh/id_ed25519")]
    return [*validate_plain(path, "key_file"), *validate_prose(path.replace("\n", "\0"), "key_file")]


def _jump(jump: DeviceId, inventory: Inventory, device: DeviceId | None) -> list[Problem]:
    problems = validate_ids("jump_id", (jump,), inventory.devices)
    way = jumps_of(inventory, jump)
    if device is not None and device in way:
        names = [inventory.devices[each].name for each in (device, *way[: way.index(device) + 1])]
        problems.append(
            problem_of(
                "jump_id", f"the jump hosts would go round in a circle: {' > '.join(names)}", "choose another one"
            )
        )
    return problems


def validate_group(draft: GroupDraft, inventory: Inventory, group: GroupId | None = None) -> tuple[Problem, ...]:
    """Problems of a group; `group` is its id when it exists already."""
    problems = [*validate_selectable(draft.name, "group_name"), *validate_prose(draft.description, "description")]
    if any(other.name == draft.name and other.id != group for other in inventory.groups.values()):
        problems.append(problem_of("group_name", f"there is a group {draft.name!r} already", "choose another name"))
    if not _COLOR.fullmatch(draft.color):
        problems.append(problem_of("color", f"{draft.color[:20]!r} is not a colour", "give #rrggbb, such as #2f81f7"))
    problems.extend(validate_ids("device_ids", draft.devices, inventory.devices))
    problems.extend(validate_ids("group_ids", draft.groups, inventory.groups))
    children: frozenset[GroupId] = frozenset(draft.groups)
    field = "group_ids"
    if draft.selector is not None:
        field = "selector"
        if draft.devices or draft.groups:
            problems.append(problem_of("selector", "a group has members or a selector", "leave one of them out"))
        try:
            problems.extend(_group_selector(draft.selector, inventory))
            children |= mentioned_groups(draft.selector, inventory)
        except InvalidInput as error:
            problems.extend(error.problems)
    problems.extend(_nesting(inventory, group, children, draft.name, field))
    return tuple(problems)


def _group_selector(selector: str, inventory: Inventory) -> list[Problem]:
    parsed = parse(selector)
    if any(isinstance(term, FailedOf) for term in parsed.terms):
        return [problem_of("selector", "a group can't be what failed in a run", "use failed: with run instead")]
    resolve(selector, inventory)
    return []


def _nesting(
    inventory: Inventory, group: GroupId | None, children: frozenset[GroupId], name: str, field: str
) -> list[Problem]:
    if group is not None and (way := would_cycle(inventory, group, children)):
        return [problem_of(field, f"{name} would be inside itself: {' > '.join(way)}", "take one of them out")]

    @cache
    def height(at: GroupId) -> int:
        found = inventory.groups.get(at)
        return 1 + max((height(child) for child in found.groups), default=0) if found is not None else 0

    @cache
    def depth(at: GroupId) -> int:
        return 1 + max((depth(other.id) for other in inventory.groups.values() if at in other.groups), default=0)

    above = 0 if group is None else depth(group) - 1
    if above + 1 + max((height(child) for child in children), default=0) > DEEPEST_NESTING:
        return [problem_of(field, f"groups would nest more than {DEEPEST_NESTING} deep", "flatten some of them")]
    return []
