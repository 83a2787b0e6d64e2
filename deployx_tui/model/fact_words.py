"""What a device told of itself, for people: the same words on the screen and on the command line."""

from __future__ import annotations

from deployx_tui.model.facts import Disk, Facts
from deployx_tui.model.words import counted

UNKNOWN = "unknown"


def rows(facts: Facts) -> tuple[tuple[str, str], ...]:
    """(label, value) of everything; what is not known says so."""
    like = f", like {' '.join(facts.os_like)}" if facts.os_like else ""
    name = f", {facts.os_name}" if facts.os_name else ""
    cpus = f"{UNKNOWN} cpus" if facts.cpus is None else counted(facts.cpus, "cpu")
    memory = UNKNOWN if facts.memory is None else sized(facts.memory)
    kernel = " ".join(filter(None, (facts.kernel, facts.kernel_release))) or UNKNOWN
    return (
        ("system", f"{facts.system or UNKNOWN}{name}{like}"),
        ("kernel", f"{kernel}, {facts.arch or f'architecture {UNKNOWN}'}"),
        ("size", f"{cpus}, memory {memory}"),
        ("disk", f"{disk_words('/', facts.root)}, {disk_words('temporary files', facts.temporary)}"),
        ("shell", f"{facts.login_shell or UNKNOWN}, sh is {facts.sh or UNKNOWN}"),
        ("boot", facts.boot_id or UNKNOWN),
    )


def disk_words(what: str, disk: Disk | None) -> str:
    if disk is None:
        return f"{what} {UNKNOWN}"
    return f"{disk.folder} {sized(disk.free)} of {sized(disk.total)} free"


def sized(count: int) -> str:
    """ "3.9 GiB"."""
    size, units = count / 1024, iter(("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))
    unit = next(units)
    while size >= 1000 and unit != "EiB":
        size, unit = size / 1024, next(units)
    return f"{size:.0f} {unit}" if size >= 100 or size == int(size) else f"{size:.1f} {unit}"


def unknown_words(count: int) -> str:
    """Of the devices that a selector left out because it asks what they never told; "" for none."""
    if not count:
        return ""
    return f"{counted(count, 'device')} left out: the system or architecture is unknown"
