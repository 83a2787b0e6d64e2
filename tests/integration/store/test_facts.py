"""What devices told of themselves: the last answer whole, of the device as it is reached now."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.facts import Disk, Facts
from deployx_tui.model.ids import DeviceId, UserId
from deployx_tui.store import devices, facts, inventory
from deployx_tui.store.facts import Told

DRAFT = DeviceDraft(name="web01", address="10.0.0.1", user="ops")
WHOLE = Facts(
    kernel="Linux",
    kernel_release="6.1.0-27-amd64",
    os_id="debian",
    os_like=("one", "two"),
    os_version="12",
    os_name="Debian GNU/Linux 12 (bookworm)",
    arch="arm64",
    login_shell="/bin/bash",
    sh="/usr/bin/dash",
    boot_id="3b8e0f06-8a3c-4f3a-9a1f-0c9f5a7b6d21",
    cpus=8,
    memory=1 << 45,
    root=Disk("/", 1 << 50, 1 << 49),
    temporary=Disk("/var/tmp", 1 << 40, 0),
)


def device(c: Connection, draft: DeviceDraft = DRAFT) -> DeviceId:
    return devices.add(c, draft, UserId(1), 1000)


def told(number: DeviceId, said: Facts = WHOLE, draft: DeviceDraft = DRAFT) -> Told:
    return Told(
        device=number,
        facts=said,
        address=draft.address,
        port=draft.port,
        user=draft.user,
        transport=draft.transport,
        by="run 7",
    )


def test_an_answer_is_kept_whole_with_its_age_and_replaced_whole(c: Connection) -> None:
    number = device(c)
    assert devices.get(c, number).facts is None
    assert facts.keep(c, [told(number)], 5000) == {number}
    known = devices.get(c, number).facts
    assert known is not None
    assert known.facts == WHOLE
    assert (known.seen_at.timestamp(), known.seen_by) == (5.0, "run 7")
    # what it does not say any more is unknown, not as it was
    facts.keep(c, [told(number, Facts(kernel="Linux"))], 6000)
    known = devices.get(c, number).facts
    assert known is not None
    assert known.facts == Facts(kernel="Linux")


def test_selectors_see_the_system_by_its_one_name(c: Connection) -> None:
    number, other = device(c), device(c, replace(DRAFT, name="web02"))
    before = inventory.version(c)
    facts.keep(c, [told(number)], 5000)
    assert inventory.version(c) > before
    seen = inventory.load_inventory(c).devices
    assert (seen[number].os, seen[number].arch) == (frozenset({"debian", "linux"}), "aarch64")
    assert (seen[other].os, seen[other].arch) == (frozenset(), None)
    # a snapshot is still true when only a disk filled up
    same = inventory.version(c)
    facts.keep(c, [told(number, replace(WHOLE, root=Disk("/", 1 << 50, 0)))], 6000)
    assert inventory.version(c) == same


def test_facts_of_a_device_that_is_reached_elsewhere_now_are_forgotten(c: Connection) -> None:
    number = device(c)
    for changed in (
        replace(DRAFT, address="10.0.0.2"),
        replace(DRAFT, address="10.0.0.2", port=2222),
        replace(DRAFT, address="10.0.0.2", port=2222, user="root"),
    ):
        before = devices.get(c, number).draft
        facts.keep(c, [told(number, draft=before)], 5000)
        assert devices.get(c, number).facts is not None
        devices.change(c, number, changed, None, 6000)
        assert devices.get(c, number).facts is None
        # an answer that was on its way from there is not of it
        assert facts.keep(c, [told(number, draft=before)], 7000) == frozenset()
        assert devices.get(c, number).facts is None


def test_facts_stay_when_a_device_is_only_named_otherwise(c: Connection) -> None:
    number = device(c)
    facts.keep(c, [told(number)], 5000)
    devices.change(c, number, replace(DRAFT, name="web99", tags=frozenset({"x"})), None, 6000)
    assert devices.get(c, number).facts is not None


def test_a_deleted_device_tells_nothing_more(c: Connection) -> None:
    number = device(c)
    devices.remove(c, number, None, 2000)
    assert facts.keep(c, [told(number), told(DeviceId(99))], 5000) == frozenset()
    assert facts.keep(c, [], 5000) == frozenset()
