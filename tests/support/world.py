"""The world of the design's mock-ups, for UI tests. 42 devices, their groups, 52 tasks, some runs, on Tue 3 Mar."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from deployx_tui.model.device import Contact, Device, DeviceDraft, Group, GroupDraft
from deployx_tui.model.execution import (
    Cause,
    Execution,
    ExecutionStatus,
    TargetCounts,
    TargetResult,
    TargetState,
    Trigger,
)
from deployx_tui.model.facts import Disk, Facts, KnownFacts
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TargetId, TaskId, UserId
from deployx_tui.model.payload import CommandPayload, Commands, Line, Script, Shell
from deployx_tui.model.payloads import Payload, one_line
from deployx_tui.model.schedule import Cron, Daily, Monthly, Once, Overlap, OverlapKind, Recurrence, Schedule, Weekly
from deployx_tui.model.task import LastRun, Task, TaskDraft, TaskState

ZONE = ZoneInfo("Europe/Berlin")
#: the frozen clock: 15:00:48 CET
NOW = datetime(2026, 3, 3, 14, 0, 48, tzinfo=UTC)

S = ExecutionStatus

_NAMES = {
    "web": [f"web{n:02d}" for n in range(1, 23)],
    "web-win": [f"web-win{n:02d}" for n in range(1, 10)],
    "db": [f"db{n:02d}" for n in range(1, 10)],
    "nas": [f"nas{n:02d}" for n in range(1, 3)],
}


def local(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """An instant by the wall clock of Berlin."""
    return datetime(year, month, day, hour, minute, second, tzinfo=ZONE).astimezone(UTC)


def devices() -> dict[DeviceId, Device]:
    made: dict[DeviceId, Device] = {}
    number = 0
    for net, (group, names) in enumerate(_NAMES.items(), start=2):
        for index, name in enumerate(names, start=1):
            number += 1
            contact, at = Contact.OK, local(2026, 3, 3, 15, 0, 2)
            if name == "web19":
                contact, at = Contact.UNREACHABLE, local(2026, 3, 3, 14, 41, 7)
            if name == "db05":
                contact = Contact.HOST_KEY
            inside = ["all", group]
            if group == "db":
                inside.append("db-pg" if index <= 7 else "db-redis")
            tags = frozenset({"staging"} if name in ("web21", "web22", "db08", "db09") else {"prod"})
            made[DeviceId(number)] = Device(
                id=DeviceId(number),
                draft=DeviceDraft(name=name, address=f"10.4.{net}.{index}", user="deploy", tags=tags),
                version=1,
                contact=contact,
                contact_at=at,
                member_of=tuple(sorted(inside)),
                facts=None if group == "web-win" or name == "web22" else told(group),
            )
    return made


def told(group: str) -> KnownFacts:
    """What a device of the group says of itself."""
    facts = Facts(
        kernel="Linux",
        kernel_release="6.1.0-27-amd64",
        os_id="debian" if group != "nas" else "alpine",
        os_version="12" if group != "nas" else "3.20.3",
        os_name="Debian GNU/Linux 12 (bookworm)" if group != "nas" else "Alpine Linux v3.20",
        arch="x86_64" if group != "nas" else "aarch64",
        login_shell="/bin/bash" if group != "nas" else "/bin/ash",
        sh="/usr/bin/dash" if group != "nas" else "/bin/busybox",
        boot_id="3b8e0f06-8a3c-4f3a-9a1f-0c9f5a7b6d21",
        cpus=8 if group != "nas" else 4,
        memory=32 << 30 if group != "nas" else None,
        root=Disk("/", 40 << 30, 13 << 30),
        temporary=Disk("/tmp", 16 << 30, 15 << 30) if group != "nas" else None,
    )
    return KnownFacts(facts=facts, seen_at=local(2026, 3, 3, 4, 0, 11), seen_by="run 8790")


def groups(fleet: dict[DeviceId, Device]) -> dict[GroupId, Group]:
    layout: list[tuple[str, tuple[str, ...], bool]] = [
        ("all", ("web", "web-win", "db", "nas"), False),
        ("web", (), False),
        ("web-win", (), False),
        ("db", ("db-pg", "db-redis"), True),
        ("db-pg", (), False),
        ("db-redis", (), False),
        ("nas", (), False),
    ]
    ids = {name: GroupId(number) for number, (name, _, _) in enumerate(layout, start=1)}
    made: dict[GroupId, Group] = {}
    for name, inside, protected in layout:
        members = tuple(d.id for d in fleet.values() if name in d.member_of)
        made[ids[name]] = Group(
            id=ids[name],
            draft=GroupDraft(
                name=name,
                devices=() if inside else members,
                groups=tuple(ids[child] for child in inside),
                protected=protected,
            ),
            version=1,
            members=members,
        )
    return made


def counts(total: int, good: int = 0, *, failed: int = 0, unreachable: int = 0, running: int = 0) -> TargetCounts:
    return TargetCounts(
        total=total,
        succeeded=good,
        failed=failed,
        unreachable=unreachable,
        running=running,
        waiting=total - good - failed - unreachable - running,
    )


#: name, recurrence, selector, targets, command, recent, last run (status, good, why, started), next, owner
_G, _B, _P, _R = S.SUCCEEDED, S.FAILED, S.PARTIALLY_SUCCEEDED, S.RUNNING
_ROWS: list[
    tuple[str, Recurrence, str, int, str, tuple[S, ...], tuple[S, int, str, datetime] | None, datetime | None, str]
] = [
    (
        "web-cert-renew", Cron("*/30 8-18 * * 1-5"), "@web,web-win01,web-win02", 24,
        "certbot renew --quiet --deploy-hook /opt/hook.sh", (_G,) * 11 + (_R,),
        (_R, 16, "✗ 2 so far", local(2026, 3, 3, 15, 0, 0)), local(2026, 3, 3, 15, 30), "alice",
    ),
    (
        "web-disk-check", Cron("*/15 * * * *"), "@web,@db", 31, "df -h / /var | awk '$5+0 > 85'", (_G,) * 11 + (_R,),
        (_R, 3, "✗ 1 so far", local(2026, 3, 3, 15, 0, 0)), local(2026, 3, 3, 15, 15), "bob",
    ),
    (
        "nginx-reload", Weekly((1,), (time(15, 30),)), "@web", 22, "nginx -t && systemctl reload nginx",
        (_G,) * 4 + (_P,) + (_G,) * 7, (_G, 22, "", local(2026, 2, 24, 15, 30, 0)), local(2026, 3, 3, 15, 30), "alice",
    ),
    (
        "db-vacuum", Cron("0 */4 * * *"), "@db-pg", 7, "vacuumdb --all --analyze-in-stages", (_G,) * 12,
        (_G, 7, "", local(2026, 3, 3, 12, 0, 0)), local(2026, 3, 3, 16, 0), "carol",
    ),
    (
        "report-mail", Daily((time(18, 30),)), "nas01", 1, "/usr/local/bin/report --mail ops", (_G,) * 12,
        (_G, 1, "", local(2026, 3, 2, 18, 30, 0)), local(2026, 3, 3, 18, 30), "alice",
    ),
    (
        "web-config-sync", Daily((time(1, 0),)), "@web", 22, "rsync -a conf.example:/srv/web/ /etc/web/",
        (_G,) * 8 + (_P, _G, _G, _P), (_P, 21, "1 unreachable", local(2026, 3, 3, 1, 0, 0)),
        local(2026, 3, 4, 1, 0), "alice",
    ),
    (
        "web-log-rotate", Cron("0 2 * * *"), "@web", 22, "logrotate --force /etc/logrotate.d/web",
        (_G,) * 10 + (_B, _B), (_B, 0, "exit 127", local(2026, 3, 3, 2, 0, 0)), local(2026, 3, 4, 2, 0), "bob",
    ),
    (
        "db-dump", Daily((time(2, 0),)), "@db-pg", 7, "pg_dumpall | zstd > /backup/all.zst", (_G,) * 12,
        (_G, 7, "", local(2026, 3, 3, 2, 0, 0)), local(2026, 3, 4, 2, 0), "carol",
    ),
    (
        "iis-app-pool-recycle", Daily((time(3, 15),)), "@web-win", 9, "Restart-WebAppPool -Name shop", (_G,) * 12,
        (_G, 9, "", local(2026, 3, 3, 3, 15, 0)), local(2026, 3, 4, 3, 15), "dave",
    ),
    (
        "backup-offsite", Daily((time(4, 30),)), "@nas", 2, "restic backup /srv", (_G,) * 12,
        (_G, 2, "", local(2026, 3, 3, 4, 30, 0)), local(2026, 3, 4, 4, 30), "alice",
    ),
    (
        "web-kernel-upgrade", Once(local(2026, 3, 7, 22, 0)), "@web", 22, "apt-get -y full-upgrade && reboot", (),
        None, local(2026, 3, 7, 22, 0), "alice",
    ),
    (
        "patch-tuesday-web", Monthly((10,), (time(2, 0),)), "@web-win", 9, "Install-WindowsUpdate -AcceptAll",
        (_G, _G, _P) + (_G,) * 9, (_G, 9, "", local(2026, 2, 10, 2, 0, 0)), local(2026, 3, 10, 2, 0), "dave",
    ),
    (
        "web-backup-verify", Monthly((1,), (time(4, 0),)), "@web,@nas", 24, "restic check --read-data-subset=1%",
        (_G,) * 12, (_G, 24, "", local(2026, 3, 1, 4, 0, 0)), None, "alice",
    ),
    (
        "pg-config-reload", Once(local(2026, 3, 2, 21, 40)), "@db-pg", 7, "systemctl reload postgresql", (_G,),
        (_G, 7, "", local(2026, 3, 2, 21, 40, 2)), None, "alice",
    ),
]  # fmt: skip


def tasks() -> dict[TaskId, Task]:
    made: dict[TaskId, Task] = {}
    for number, (name, rule, selector, total, command, recent, last, following, owner) in enumerate(_ROWS, start=1):
        state = TaskState.ACTIVE
        if following is None:
            state = TaskState.FINISHED if isinstance(rule, Once) else TaskState.PAUSED
        made[TaskId(number)] = _task(
            TaskId(number), name, rule, selector, total, command, recent, last, following, owner, state
        )
    for number in range(len(_ROWS) + 1, 53):
        minute = number * 7 % 60
        hour = number % 24
        following = local(2026, 3, 4, hour, minute)
        made[TaskId(number)] = _task(
            TaskId(number), f"audit-{number:02d}-packages", Daily((time(hour, minute),)), "@nas", 2,
            "dpkg -l | sha256sum", (_G,) * 12, (_G, 2, "", following - timedelta(days=1)), following, "bob",
            TaskState.ACTIVE,
        )  # fmt: skip
    return made


def _task(
    task_id: TaskId,
    name: str,
    rule: Recurrence,
    selector: str,
    total: int,
    command: str,
    recent: tuple[S, ...],
    last: tuple[S, int, str, datetime] | None,
    following: datetime | None,
    owner: str,
    state: TaskState,
) -> Task:
    body: Line | Script | Commands = Line(command)
    if name == "web-kernel-upgrade":
        body = Commands(("apt-get update", "apt-get -y full-upgrade", "systemctl reboot"))
    if name == "db-dump":
        body = Script("set -eu\ncd /backup\npg_dumpall | zstd > all.zst.new\nmv all.zst.new all.zst\n")
    last_run = None
    if last is not None:
        status, good, why, started = last
        bad = total - good
        if status is S.RUNNING:
            target_counts = counts(total, good, failed=2 if good > 10 else 1, running=4)
        elif status is S.PARTIALLY_SUCCEEDED:
            target_counts = counts(total, good, unreachable=bad)
        else:
            target_counts = counts(total, good, failed=bad)
        last_run = LastRun(
            id=ExecutionId(8841 if name == "web-cert-renew" else 8842 if name == "web-disk-check" else 8000 + task_id),
            status=status,
            targets=target_counts,
            started_at=started,
            finished_at=None if status is S.RUNNING else started + timedelta(seconds=271),
            why=why,
        )
    draft = TaskDraft(
        name=name,
        schedule=Schedule(recurrence=rule, zone="Europe/Berlin"),
        payload=CommandPayload(
            body=body,
            shell=Shell.POWERSHELL if selector == "@web-win" else Shell.SH,
            environment=(("LC_ALL", "C"),) if name == "nginx-reload" else (),
            working_directory="/srv/web" if name == "nginx-reload" else None,
        ),
        selector=selector,
        tags=frozenset({"prod"}),
        timeout=timedelta(minutes=10) if name == "nginx-reload" else None,
        overlap=Overlap(OverlapKind.PARALLEL, 3) if name == "web-disk-check" else Overlap(),
    )
    return Task(
        id=task_id,
        draft=draft,
        state=state,
        version=7 if name == "nginx-reload" else 1,
        owner_id=UserId({"alice": 1, "bob": 2, "carol": 3, "dave": 4}[owner]),
        owner=owner,
        created_at=local(2025, 11, 3, 9, 12),
        updated_at=local(2026, 3, 1, 14, 0),
        next_execution=following,
        last_execution=None if last_run is None else last_run.started_at,
        execution_count=len(recent),
        last=last_run,
        recent=recent,
        target_count=total,
    )


def executions(all_tasks: dict[TaskId, Task]) -> dict[ExecutionId, Execution]:
    """The last run of each task, newest ids for the two that run."""
    made: dict[ExecutionId, Execution] = {}
    for task in all_tasks.values():
        if task.last is None:
            continue
        last = task.last
        started = last.started_at or NOW
        made[last.id] = Execution(
            id=last.id,
            task_id=task.id,
            task_name=task.name,
            started_by=task.owner,
            trigger=Trigger.SCHEDULE,
            status=last.status,
            scheduled_for=started,
            due_at=started,
            created_at=started,
            started_at=started,
            finished_at=last.finished_at,
            targets=last.targets,
            error_message=last.why if last.status in (S.FAILED, S.PARTIALLY_SUCCEEDED) else "",
            wait_reason=None,
            plan_sha256="5be2" + "0" * 56 + "77c0",
            summary=summary_of(task.draft.payload),
        )
    return made


def summary_of(payload: Payload) -> str:
    if not isinstance(payload, CommandPayload):
        return one_line(payload)
    match payload.body:
        case Line(command):
            return command
        case Script(text):
            return text.split("\n", maxsplit=1)[0]
        case Commands(commands):
            return commands[0]


def targets(execution: Execution, chosen: list[tuple[DeviceId, str, str]]) -> tuple[TargetResult, ...]:
    """One result per target, in the states that the execution's counts say."""
    states: list[TargetState] = []
    for state in TargetState:
        states.extend([state] * int(getattr(execution.targets, state.value)))
    # what wants a person is spread as in the mock-ups: web19 is the unreachable one
    results: list[TargetResult] = []
    for index, (device_id, name, _) in enumerate(chosen):
        state = states[index] if index < len(states) else TargetState.WAITING
        started = execution.started_at if state is not TargetState.WAITING else None
        seconds = 48 if name == "web03" else 11 + index % 4
        failed = state in (TargetState.FAILED, TargetState.UNREACHABLE)
        results.append(
            TargetResult(
                id=TargetId(execution.id * 1000 + index),
                execution_id=execution.id,
                device_id=device_id,
                device=name,
                state=state,
                exit_code=0 if state is TargetState.SUCCEEDED else 127 if state is TargetState.FAILED else None,
                cause=(Cause.EXIT if state is TargetState.FAILED else Cause.CONNECT_TIMEOUT) if failed else None,
                attempts=1 if started else 0,
                started_at=started,
                finished_at=started + timedelta(seconds=seconds) if started and state.is_over else None,
                stdout_bytes=120 if started else 0,
                error_message=("exit 127: command not found" if state is TargetState.FAILED else "connection timed out")
                if failed
                else "",
            )
        )
    return tuple(results)
