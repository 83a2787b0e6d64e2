"""What the demo's fleet is called, and what is scheduled on it. Pure: drafts only.

Twenty hosts answer. Two do not, so that there is something to look into: nothing listens on web19's port, and db09
answers with another host key than the one that is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

from deployx_tui.demo.fleet import FleetHost
from deployx_tui.model.device import DeviceDraft, GroupDraft, HostKeyPolicy
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.payload import CommandPayload, Commands, Line, Script
from deployx_tui.model.schedule import (
    Cron,
    Daily,
    Fold,
    Monthly,
    Once,
    Overlap,
    OverlapKind,
    Recurrence,
    Schedule,
    ShortMonth,
    Weekly,
)
from deployx_tui.model.secret import CredentialDraft, CredentialKind
from deployx_tui.model.task import TaskDraft

#: hosts that answer, with their tags
HOSTS: dict[str, frozenset[str]] = {
    **{f"web{n:02}": frozenset({"prod", "web"}) for n in range(1, 11)},
    **{f"web{n:02}": frozenset({"staging", "web"}) for n in range(11, 13)},
    **{f"db{n:02}": frozenset({"prod", "db"}) for n in range(1, 4)},
    "db04": frozenset({"staging", "db"}),
    "cache01": frozenset({"prod"}),
    "cache02": frozenset({"prod"}),
    "nas01": frozenset({"prod", "storage"}),
    "edge01": frozenset({"edge"}),
}
#: a host of the fleet more than answers properly: db09 has its address and another's key
FLEET_SIZE = len(HOSTS) + 1
SILENT, REINSTALLED = "web19", "db09"
#: the discard port: reserved, and nothing listens there
CLOSED_PORT = 9


def device_drafts(hosts: Sequence[FleetHost]) -> tuple[DeviceDraft, ...]:
    """A device per name; `hosts` has FLEET_SIZE of them."""
    drafts = [_device(name, host, tags) for (name, tags), host in zip(HOSTS.items(), hosts, strict=False)]
    silent = DeviceDraft(
        name=SILENT,
        address=hosts[0].address,
        port=CLOSED_PORT,
        user=hosts[0].user,
        key_file=hosts[0].key_file,
        host_key_policy=HostKeyPolicy.STRICT,
        tags=frozenset({"prod", "web"}),
        description="nothing listens on its port",
    )
    return (
        *drafts,
        silent,
        _device(REINSTALLED, hosts[-1], frozenset({"db"}), "was installed anew: its host key changed"),
    )


def _device(name: str, host: FleetHost, tags: frozenset[str], description: str = "") -> DeviceDraft:
    return DeviceDraft(
        name=name,
        address=host.address,
        port=host.port,
        user=host.user,
        key_file=host.key_file,
        host_key_policy=HostKeyPolicy.STRICT,
        tags=tags,
        description=description,
    )


def known_hosts(hosts: Sequence[FleetHost]) -> str:
    """The known_hosts file that the demo starts with: each host's key, but an old one for db09."""
    lines = [f"[{host.address}]:{host.port} {host.host_key}" for host in hosts[: len(HOSTS)]]
    stranger = hosts[-1]
    other = next(host.host_key for host in hosts if host.host_key != stranger.host_key)
    return "\n".join([*lines, f"[{stranger.address}]:{stranger.port} {other}"]) + "\n"


def static_groups(devices: Mapping[str, DeviceId]) -> tuple[GroupDraft, ...]:
    def those(prefix: str) -> tuple[DeviceId, ...]:
        return tuple(number for name, number in sorted(devices.items()) if name.startswith(prefix))

    return (
        GroupDraft(name="web", description="web servers", color="#2f81f7", devices=those("web")),
        GroupDraft(name="db", description="databases", color="#d29922", devices=those("db"), protected=True),
        GroupDraft(name="cache", description="caches", color="#3fb950", devices=those("cache")),
    )


def credential(groups: Mapping[str, GroupId], user: str) -> CredentialDraft:
    """What opens the databases."""
    return CredentialDraft(
        name="db-login",
        kind=CredentialKind.SSH_KEY,
        user=user,
        groups=(groups["db"],),
        description="the key of the database hosts, kept in the vault",
    )


def later_groups(groups: Mapping[str, GroupId]) -> tuple[GroupDraft, ...]:
    """Groups that stand on others: by nesting, and by a selector."""
    return (
        GroupDraft(name="backend", description="all that keeps state", groups=(groups["db"], groups["cache"])),
        GroupDraft(name="production", description="whatever is tagged prod", color="#f85149", selector="tag:prod"),
    )


# ---- tasks

BERLIN, NEW_YORK, TOKYO = "Europe/Berlin", "America/New_York", "Asia/Tokyo"

DISK = 'df -P / | awk \'NR==2 {print "/ is " $5 " full, " $4 " KiB free"}\''

#: sshd says in SSH_CONNECTION which of the fleet's addresses this is
HEALTH = """set -- ${SSH_CONNECTION:-x x here x}; here=$3
echo "checking http on $here"
case $here in
    *.7) echo "GET / 503 Service Unavailable" >&2; exit 2 ;;
    *) echo "GET / 200 OK" ;;
esac
"""

PATCHES = """i=1
for package in openssl curl libxml2 nginx sudo tzdata; do
    echo "[$i/6] $package: would be upgraded"
    i=$((i + 1))
    sleep 1
done
echo "reboot would be needed: no"
"""

SWEEP = """echo "looking for files older than 30 days"
find . -maxdepth 2 -type f -mtime +30 -print | head -20
echo "nothing is removed in a demo"
"""


def task_drafts(now: datetime, zone: str) -> tuple[TaskDraft, ...]:
    """All five recurrences, in several zones; `now` aware, `zone` the viewer's."""
    once = (now + timedelta(days=3)).replace(hour=22, minute=0, second=0, microsecond=0)
    soon = (now + timedelta(minutes=20)).replace(second=0, microsecond=0)

    def at(recurrence: Recurrence, where: str = zone, fold: Fold = Fold.FIRST) -> Schedule:
        return Schedule(recurrence=recurrence, zone=where, fold=fold)

    return (
        TaskDraft(
            name="fleet-uptime",
            schedule=at(Cron("*/2 * * * *")),
            payload=line("uptime 2>/dev/null || cat /proc/loadavg"),
            selector="@production&!web19",
            description="every two minutes: something to watch",
        ),
        TaskDraft(
            name="web-disk-check",
            schedule=at(Cron("*/15 * * * *")),
            payload=line(DISK),
            selector="@web",
            tags=frozenset({"check"}),
            description="web19 does not answer: look into its last run",
        ),
        TaskDraft(
            name="web-health",
            schedule=at(Cron("*/5 8-18 * * mon-fri"), BERLIN),
            payload=CommandPayload(body=Script(HEALTH)),
            selector="@web&!web19",
            tags=frozenset({"check"}),
            timeout=timedelta(seconds=30),
            overlap=Overlap(OverlapKind.PARALLEL, 3),
        ),
        TaskDraft(
            name="web-log-rotate",
            schedule=at(Daily((time(2, 30),)), BERLIN),
            payload=line("logrotate-of-ours /etc/logrotate.d/web"),
            selector="@web&!web19",
            description="fails everywhere: there is no such program",
        ),
        TaskDraft(
            name="db-backup",
            schedule=at(Daily((time(1, 30), time(13, 30))), BERLIN),
            payload=CommandPayload(
                body=Commands(("echo dumping $LEVEL", "sleep 1", "echo 'dump.sql: 48 MiB'; date -u")),
                environment=(("LEVEL", "full"),),
            ),
            selector="@db&!db09",
            timeout=timedelta(minutes=10),
            tags=frozenset({"backup"}),
        ),
        TaskDraft(
            name="db-vacuum",
            schedule=at(Weekly((5,), (time(23),)), BERLIN),
            payload=line("echo vacuum; sleep 2; echo 'pages removed: 0'"),
            selector="@db",
            description="db09 was installed anew: its changed key is refused",
        ),
        TaskDraft(
            name="kernel-report",
            schedule=at(Weekly((0, 3), (time(7),)), NEW_YORK),
            payload=line("uname -srm"),
            selector="@production&!web19",
        ),
        TaskDraft(
            name="month-end-report",
            schedule=at(Monthly(("last",), (time(22),)), TOKYO),
            payload=line("echo invoices: $(( $(date +%j) * 7 ))"),
            selector="db01,db02",
        ),
        TaskDraft(
            name="backup-verify",
            schedule=at(Monthly((1, 15, 31), (time(4),), ShortMonth.LAST)),
            payload=line("echo verifying; sleep 1; echo 'checksums: ok'"),
            selector="nas01,@db&!db09",
            tags=frozenset({"backup"}),
        ),
        TaskDraft(
            name="cache-warm",
            schedule=at(Daily((time(6), time(18)))),
            payload=line("for page in / /news /shop; do echo warmed $page; done"),
            selector="@cache",
        ),
        TaskDraft(
            name="patch-dry-run",
            schedule=at(Once(soon)),
            payload=CommandPayload(body=Script(PATCHES)),
            selector="@web&tag:staging,edge01",
            description="prints for six seconds: run it with x and watch; the demo cancels its first run",
        ),
        TaskDraft(
            name="maintenance-sweep",
            schedule=at(Once(once)),
            payload=CommandPayload(body=Script(SWEEP), working_directory="."),
            selector="@backend&!db09",
        ),
        TaskDraft(
            name="inventory",
            schedule=at(Cron("20 4 1 * *"), BERLIN),
            payload=line("uname -n; id -un; command -v sh"),
            selector="*",
            description="on everything, the two that do not work included",
        ),
    )


def line(command: str) -> CommandPayload:
    return CommandPayload(body=Line(command))


#: run once before the screens open, and again while they are open
FIRST_ROUND = (
    "kernel-report",
    "web-disk-check",
    "web-health",
    "web-log-rotate",
    "db-backup",
    "db-vacuum",
    "cache-warm",
    "web-config-sync",
)
LATER_ROUNDS = (
    "fleet-uptime", "web-disk-check", "web-health", "backup-verify", "cache-warm", "web-log-rotate", "db-backup",
    "month-end-report", "kernel-report", "inventory",
)  # fmt: skip
PAUSED = ("backup-verify",)
