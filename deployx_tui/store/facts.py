"""What devices told of themselves, in the database: the last answer of each, whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from deployx_tui.model.device import TransportKind
from deployx_tui.model.facts import Disk, Facts, KnownFacts, canonical_arch
from deployx_tui.model.ids import DeviceId
from deployx_tui.store import counters
from deployx_tui.store.clock import from_ms
from deployx_tui.store.dialects import sets
from deployx_tui.store.dialects.insert import insert_or_replace
from deployx_tui.store.schema import device_facts, devices

#: what selectors see of a device: the names of its system, and its architecture
System = tuple[frozenset[str], str | None]
NO_SYSTEM: System = (frozenset(), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer, and where it came from."""

    device: DeviceId
    facts: Facts
    address: str
    port: int | None
    user: str | None
    transport: TransportKind
    #: the contact that brought it
    by: str


def keep(c: Connection, answers: Iterable[Told], now_ms: int) -> frozenset[DeviceId]:
    """Put them in the place of what was known. Returns the devices of which it was kept.

    Left out: one that is deleted, or reached elsewhere or otherwise by now.
    """
    told = {each.device: each for each in answers}
    wanted = devices.c.id.in_(sets.ids(c, told))
    alive = c.execute(
        select(devices.c.id, devices.c.address, devices.c.port, devices.c.login, devices.c.transport).where(
            wanted, devices.c.deleted_at.is_(None)
        )
    )
    kept: list[Told] = []
    for row in alive:
        each = told[DeviceId(row.id)]
        if (each.address, each.port, each.user, each.transport.value) == (
            row.address, row.port, row.login, row.transport,
        ):  # fmt: skip
            kept.append(each)
    if not kept:
        return frozenset()
    before = systems(c, [each.device for each in kept])
    if any(_system(each.facts) != before.get(each.device, NO_SYSTEM) for each in kept):
        counters.grow(c, counters.INVENTORY)  # selectors see another world
    c.execute(insert_or_replace(c, device_facts, ["device_id"]), [_columns(each, now_ms) for each in kept])
    return frozenset(each.device for each in kept)


def forget(c: Connection, device: DeviceId) -> None:
    """Nothing is known of it any more."""
    c.execute(delete(device_facts).where(device_facts.c.device_id == device))


def by_devices(c: Connection, wanted: Iterable[DeviceId]) -> Mapping[DeviceId, KnownFacts]:
    rows = c.execute(select(device_facts).where(device_facts.c.device_id.in_(sets.ids(c, wanted))))
    return {DeviceId(row.device_id): _known(row) for row in rows}


def systems(c: Connection, wanted: Iterable[DeviceId] | None = None) -> Mapping[DeviceId, System]:
    """Of all devices that told, or of these."""
    query = select(device_facts.c.device_id, device_facts.c.kernel, device_facts.c.os_id, device_facts.c.arch)
    if wanted is not None:
        query = query.where(device_facts.c.device_id.in_(sets.ids(c, wanted)))
    return {
        DeviceId(row.device_id): _system(Facts(kernel=row.kernel, os_id=row.os_id, arch=row.arch))
        for row in c.execute(query)
    }


def _system(facts: Facts) -> System:
    return facts.os_words, None if facts.arch is None else canonical_arch(facts.arch)


def _columns(told: Told, now_ms: int) -> dict[str, str | int | None]:
    facts = told.facts
    return {
        "device_id": told.device,
        "seen_at": now_ms,
        "seen_by": told.by,
        "kernel": facts.kernel,
        "kernel_release": facts.kernel_release,
        "os_id": facts.os_id,
        "os_like": " ".join(facts.os_like),
        "os_version": facts.os_version,
        "os_name": facts.os_name,
        "arch": facts.arch,
        "login_shell": facts.login_shell,
        "sh": facts.sh,
        "boot_id": facts.boot_id,
        "cpus": facts.cpus,
        "memory": facts.memory,
        "root_total": facts.root.total if facts.root else None,
        "root_free": facts.root.free if facts.root else None,
        "temporary_folder": facts.temporary.folder if facts.temporary else None,
        "temporary_total": facts.temporary.total if facts.temporary else None,
        "temporary_free": facts.temporary.free if facts.temporary else None,
    }


def _known(row: Row[Any]) -> KnownFacts:
    return KnownFacts(
        facts=Facts(
            kernel=row.kernel,
            kernel_release=row.kernel_release,
            os_id=row.os_id,
            os_like=tuple(row.os_like.split()),
            os_version=row.os_version,
            os_name=row.os_name,
            arch=row.arch,
            login_shell=row.login_shell,
            sh=row.sh,
            boot_id=row.boot_id,
            cpus=row.cpus,
            memory=row.memory,
            root=_disk("/", row.root_total, row.root_free),
            temporary=_disk(row.temporary_folder, row.temporary_total, row.temporary_free),
        ),
        seen_at=from_ms(row.seen_at),
        seen_by=row.seen_by,
    )


def _disk(folder: str | None, total: int | None, free: int | None) -> Disk | None:
    return None if folder is None or total is None or free is None else Disk(folder, total, free)
