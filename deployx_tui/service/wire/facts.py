"""What a device told of itself, as JSON and back. A fact that is unknown is null."""

from __future__ import annotations

from deployx_tui.model.facts import Disk, Facts, KnownFacts
from deployx_tui.model.json_reader import JSON
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Json


def known_to_json(known: KnownFacts) -> Json:
    return {"seen_at": values.instant(known.seen_at), "seen_by": known.seen_by, **facts_to_json(known.facts)}


def known_from_json(data: JSON) -> KnownFacts:
    row = values.fields(data)
    return KnownFacts(
        facts=facts_from_json(data), seen_at=values.when(row, "seen_at"), seen_by=values.text(row, "seen_by")
    )


def facts_to_json(facts: Facts) -> Json:
    return {
        "kernel": facts.kernel,
        "kernel_release": facts.kernel_release,
        "os_id": facts.os_id,
        "os_like": [*facts.os_like],
        "os_version": facts.os_version,
        "os_name": facts.os_name,
        "arch": facts.arch,
        "login_shell": facts.login_shell,
        "sh": facts.sh,
        "boot_id": facts.boot_id,
        "cpus": facts.cpus,
        "memory": facts.memory,
        "root": _disk_to_json(facts.root),
        "temporary": _disk_to_json(facts.temporary),
    }


def facts_from_json(data: JSON) -> Facts:
    row = values.fields(data)
    return Facts(
        kernel=values.text_or_none(row, "kernel"),
        kernel_release=values.text_or_none(row, "kernel_release"),
        os_id=values.text_or_none(row, "os_id"),
        os_like=values.texts(row, "os_like"),
        os_version=values.text_or_none(row, "os_version"),
        os_name=values.text_or_none(row, "os_name"),
        arch=values.text_or_none(row, "arch"),
        login_shell=values.text_or_none(row, "login_shell"),
        sh=values.text_or_none(row, "sh"),
        boot_id=values.text_or_none(row, "boot_id"),
        cpus=values.number_or_none(row, "cpus"),
        memory=values.number_or_none(row, "memory"),
        root=_disk_from_json(row.get("root")),
        temporary=_disk_from_json(row.get("temporary")),
    )


def _disk_to_json(disk: Disk | None) -> Json | None:
    return None if disk is None else {"folder": disk.folder, "total": disk.total, "free": disk.free}


def _disk_from_json(data: JSON) -> Disk | None:
    if data is None:
        return None
    row = values.fields(data)
    return Disk(values.text(row, "folder"), values.number(row, "total"), values.number(row, "free"))
