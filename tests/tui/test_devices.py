"""Devices and groups, by keys alone: look, filter, edit, delete with undo, test, decide about a host key, import."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from deployx_tui.errors import InvalidInput
from deployx_tui.model.device import HostKeyPolicy, TestStep, TestStepName
from deployx_tui.model.facts import Disk, Facts, KnownFacts
from deployx_tui.model.ids import CredentialId, DeviceId, GroupId
from deployx_tui.model.question import QuestionId, Withdrawn
from deployx_tui.tui.device_forms import (
    DeviceForm,
    GroupForm,
    device_draft,
    device_form,
    group_draft,
    group_form,
)
from deployx_tui.tui.render.connection import step_lines
from deployx_tui.tui.render.devices import shown, tree
from deployx_tui.tui.render.line import plain
from deployx_tui.tui.screens.devices import DevicesPlace
from tests.support.fake_backend import FakeBackend
from tests.support.hostile import HOSTILE
from tests.support.screen import check_snapshot, press, screen_text
from tests.support.world import NOW
from tests.tui.conftest import Open
from tests.tui.test_history import harmless

SIZES = pytest.mark.parametrize("size", [(120, 36), (80, 24)])


def named(backend: FakeBackend, name: str) -> DeviceId:
    return next(device.id for device in backend.device_rows.values() if device.name == name)


def devices_of(pilot: Pilot[int]) -> DevicesPlace:
    screen = pilot.app.screen
    assert isinstance(screen, DevicesPlace)
    return screen


@SIZES
async def test_the_devices_and_a_connection_test_look_like_this(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    async with open_app(*size, first="devices") as pilot:
        devices_of(pilot).table.move_to_key(named(backend, "db05"))
        await press(pilot, "space", "up")
        check_snapshot(pilot, "devices")
        await press(pilot, "t")
        check_snapshot(pilot, "connection_test")


@SIZES
async def test_an_address_is_whole_in_the_table_and_in_the_detail(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    address = "db05.backend.eu-central.example.net"
    here = named(backend, "db05")
    device = backend.device_rows[here]
    backend.device_rows[here] = replace(device, draft=replace(device.draft, address=address, port=2222))
    async with open_app(*size, first="devices") as pilot:
        devices_of(pilot).table.move_to_key(here)
        await press(pilot)
        rows = screen_text(pilot).splitlines()
        assert any("db05" in row and f"{address}:2222" in row and "host key refused" in row for row in rows)
        assert any(f"reach     deploy, {address} port 2222, ssh" in row for row in rows)


@SIZES
async def test_z_shows_all_that_is_known_of_a_device_and_cuts_nothing(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    about = "the second database of the shop; ask the people of the warehouse before anything is restarted on it"
    here = named(backend, "db05")
    device = backend.device_rows[here]
    backend.device_rows[here] = replace(device, draft=replace(device.draft, description=about))
    async with open_app(*size, first="devices") as pilot:
        devices_of(pilot).table.move_to_key(here)
        await press(pilot, "z")
        text = screen_text(pilot)
        assert "DEVICE" not in text
        assert "…" not in text
        assert about.replace(" ", "") in "".join(text.split())
        await press(pilot, "t", "escape")  # what it can do stays at hand
        assert devices_of(pilot).has_class("-zoom")
        await press(pilot, "escape")
        assert "DEVICE" in screen_text(pilot)
        assert devices_of(pilot).table.has_focus


@SIZES
async def test_what_a_device_told_of_itself_is_shown_with_its_age(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size, first="devices") as pilot:
        devices = devices_of(pilot)
        devices.table.move_to_key(DeviceId(1))
        await pilot.pause()
        shown_ = screen_text(pilot)
        assert "debian 12, x86_64, 8 cpus, 32 GiB, Linux 6.1.0-27-amd64" in shown_
        assert "/ 13 GiB of 40 GiB free" in shown_
        assert "facts of Tue  3 Mar 04:00, 11h ago, run 8790" in shown_
        # part of an answer is part of the facts
        await press(pilot, "slash", *"alpine", "enter")
        assert "2 of 42" in screen_text(pilot)
        assert "alpine 3.20.3, aarch64, 4 cpus, unknown, Linux" in screen_text(pilot)
        assert "temporary files unknown" in screen_text(pilot)
        await press(pilot, "escape", "slash", *"web-win01", "enter")
        assert "system    unknown: it was not asked yet" in screen_text(pilot)
        assert "facts of" not in screen_text(pilot)


async def test_a_run_by_a_fact_says_who_is_left_out(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "colon", *"run web2*&os:debian -- uptime", "enter")
        assert "! 1 device left out: the system or architecture is unknown" in screen_text(pilot)
        await press(pilot, "escape")
        await press(pilot, "colon", *"run web22&os:debian -- uptime", "enter")
        assert "matches no device; 1 device left out" in screen_text(pilot)


async def test_a_group_and_a_tag_narrow_the_table_and_words_do(open_app: Open) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "tab", "down", "down")
        assert "Devices ▸ db ─ 9 of 42" in screen_text(pilot)
        assert "protected group" in screen_text(pilot)
        await press(pilot, "end")
        assert "Devices ▸ staging ─ 4 of 42" in screen_text(pilot)
        await press(pilot, "home", "tab", "slash", *"web !win staging")
        assert "2 of 42 ─ filter: web !win staging" in screen_text(pilot)
        await press(pilot, "ctrl+u", *"host key")
        assert "1 of 42" in screen_text(pilot)
        await press(pilot, "escape")
        assert "42 of 42" in screen_text(pilot)


async def test_a_changed_host_key_is_refused_unless_its_name_is_typed(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        devices_of(pilot).table.move_to_key(named(backend, "db05"))
        await press(pilot, "H", "H")
        text = screen_text(pilot)
        assert "SHA256:q8Zr1uTn0VfJ4yKcW2mXe7LbGh5sPdA9oRi3tUvN6Bk" in text
        assert "SHA256:Jw5Hc9sYp2LxQe0aVtM7rFzKd4nUoG1bTi8mSyXv3Rg" in text
        await press(pilot, "enter")
        assert "! nothing is done before db05 is typed" in screen_text(pilot)
        await press(pilot, "escape")
        assert "refused: no run talks to db05" in screen_text(pilot)
        await press(pilot, "H", "y", "e", "s", "enter", "escape")
        assert "devices.trust" not in backend.calls
        await press(pilot, "H", *"db05", "enter")
        assert "devices.trust" in backend.calls


async def test_a_good_test_says_so_step_by_step(open_app: Open) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "t")
        text = screen_text(pilot)
        assert "✓ all steps" in text
        assert text.count("✓ ") >= 6
        assert "H decide" not in text


async def test_a_device_is_edited_and_what_is_wrong_stands_below_its_field(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "e", "ctrl+u")
        assert "esc back" in screen_text(pilot) and "q back" not in screen_text(pilot)
        await press(pilot, *"db-one", "down", "down", "down", *"x", "ctrl+s")
        text = screen_text(pilot)
        assert "✗ a port is a number" in text
        assert "✗ 1 field to mend" in text
        await press(pilot, "ctrl+u", *"2222", "ctrl+s")
        assert "db-one saved" in screen_text(pilot)
        changed = backend.device_rows[named(backend, "db-one")]
        assert (changed.draft.port, changed.draft.user) == (2222, "deploy")


async def test_a_new_device_and_a_new_group_of_the_marks(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "n", *"fresh", "down", *"10.1.1.1", "ctrl+s")
        assert backend.device_rows[named(backend, "fresh")].draft.address == "10.1.1.1"
        await press(pilot, "home", "space", "space", "N", *"pair", "ctrl+s")
        made = next(group for group in backend.group_rows.values() if group.name == "pair")
        assert len(made.draft.devices) == 2


async def test_a_group_by_rule_shows_its_matches_as_one_types(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "tab", "n", *"rule", "down", "right", "down", *"web0*,!web07")
        assert "8 devices" in screen_text(pilot)
        await press(pilot, "ctrl+u", *"nonsense")
        assert "nothing is called nonsense" in screen_text(pilot)
        await press(pilot, "ctrl+u", *"@db", "ctrl+s")
        made = next(group for group in backend.group_rows.values() if group.name == "rule")
        assert made.draft.selector == "@db"


async def test_a_delete_can_be_taken_back_and_protected_ones_want_their_name(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app(first="devices") as pilot:
        screen = devices_of(pilot)
        screen.table.move_to_key(named(backend, "web01"))
        await press(pilot, "ctrl+d")
        assert "web01" not in {device.name for device in backend.device_rows.values()}
        await press(pilot, "down", "u")
        assert "web01" in {device.name for device in backend.device_rows.values()}
        here = screen.device_here
        assert here is not None and here.name == "web01"  # the next key means what came back
        screen.table.move_to_key(named(backend, "db05"))
        await press(pilot, "ctrl+d", "enter")
        assert "db05" in {device.name for device in backend.device_rows.values()}
        await press(pilot, *"db05", "enter")
        assert "db05" not in {device.name for device in backend.device_rows.values()}


async def test_a_question_of_a_delete_names_the_tasks_that_lose_the_devices(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app(first="devices") as pilot:
        screen = devices_of(pilot)
        screen.table.move_to_key(named(backend, "db05"))
        await press(pilot, "ctrl+d")
        for name in ("web-disk-check", "no longer will"):
            assert name in screen_text(pilot)
        await press(pilot, "escape")
        screen.table.move_to_key(named(backend, "web01"))
        await press(pilot, "ctrl+d")
        assert "tasks ran there; u takes it back" in screen_text(pilot)


async def test_a_group_that_tasks_name_asks_and_says_which(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        screen = devices_of(pilot)
        await press(pilot, "tab")
        nas = next(group for group in backend.group_rows.values() if group.name == "nas")
        assert not nas.draft.protected
        at = next(at for at, row in enumerate(screen.branches.rows) if getattr(row.group, "id", None) == nas.id)
        screen.branches.move_to(at)
        await press(pilot, "ctrl+d")
        assert "Delete the group nas" in screen_text(pilot)
        assert "-packages" in screen_text(pilot) and "find them through it" in screen_text(pilot)
        await press(pilot, "up", "enter")
        assert nas.id not in backend.group_rows
        await press(pilot, "u")
        assert nas.id in backend.group_rows


async def test_marks_are_what_a_command_runs_on_and_it_is_asked_once_more(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "space", "space", "x")
        assert "db01,db02" in screen_text(pilot)
        assert "2 devices" in screen_text(pilot)
        await press(pilot, *"uptime", "enter")
        assert "on 2 targets" in screen_text(pilot)
        assert "protected: db" in screen_text(pilot)
        await press(pilot, "enter")
        assert "executions.run_ad_hoc" not in backend.calls
        await press(pilot, "2", "enter")
        assert "executions.run_ad_hoc" in backend.calls


async def test_hosts_of_the_ssh_config_are_taken_over_by_choice(open_app: Open, backend: FakeBackend) -> None:
    before = len(backend.device_rows)
    async with open_app(80, 24, first="devices") as pilot:
        await press(pilot, "I")
        assert "3 hosts, 3 new" in screen_text(pilot)
        assert len(backend.device_rows) == before
        await press(pilot, "down", "space", "enter")
        assert "1 device added" in screen_text(pilot)
        assert named(backend, "jump2")
        await press(pilot, "I")
        assert "3 hosts, 2 new" in screen_text(pilot)
        await press(pilot, "a", "enter")
        assert len(backend.device_rows) == before + 3


async def test_no_device_says_what_to_do(open_app: Open, backend: FakeBackend) -> None:
    backend.device_rows.clear()
    backend.group_rows.clear()
    backend.execution_rows.clear()
    async with open_app(80, 24, first="devices") as pilot:
        assert "n adds one, I takes hosts of ~/.ssh/config" in screen_text(pilot)


async def test_hostile_devices_and_groups_stay_text(open_app: Open, backend: FakeBackend) -> None:
    for number, text in enumerate(HOSTILE, start=1):
        device = backend.device_rows[DeviceId(number)]
        draft = replace(
            device.draft, name=text, address=text, user=text, key_file=text, description=text, tags=frozenset({text})
        )
        disk = Disk(text, 2, 1)
        facts = Facts(
            kernel=text, kernel_release=text, os_id=text, os_version=text, arch=text, login_shell=text, root=disk,
            temporary=disk,
        )  # fmt: skip
        known = KnownFacts(facts=facts, seen_at=NOW, seen_by=text)
        backend.device_rows[DeviceId(number)] = replace(device, draft=draft, member_of=(text,), facts=known)
    group = backend.group_rows[GroupId(1)]
    backend.group_rows[GroupId(1)] = replace(group, draft=replace(group.draft, name=HOSTILE[0], description=HOSTILE[1]))
    async with open_app(first="devices") as pilot:
        for _ in range(3):
            harmless(screen_text(pilot))
            await press(pilot, "pagedown")
        for key in ("e", "escape", "t", "escape", "x", "escape", "tab", "e", "escape"):
            await press(pilot, key)
            harmless(screen_text(pilot))


def test_a_step_that_this_machine_does_not_need_is_not_called_untried() -> None:
    step = TestStep(name=TestStepName.RUN, ok=True, message="sh runs", remedy="", elapsed_ms=16)
    said = [plain(each).split() for each in step_lines((step,), False, 80)]
    assert [words[-3:] for words in said[:4]] == [["not", "needed", "here"]] * 4
    assert said[4] == ["✓", "command", "sh", "runs", "16", "ms"]
    assert plain(step_lines((), True, 80)[0]).split()[:2] == ["▸", "name"]


@pytest.mark.parametrize("width", [80, 120])
def test_no_fingerprint_of_a_step_is_cut_or_broken(width: int) -> None:
    offered, known = f"SHA256:{'o' * 43}", f"SHA256:{'k' * 43}"
    step = TestStep(
        name=TestStepName.HOST_KEY,
        ok=False,
        message=f"THE HOST KEY OF [127.1.2.3]:48897 HAS CHANGED: ssh-ed25519 {offered} was offered, {known} is known",
        remedy=f"compare {offered} with the machine itself, then: deployx device trust db09 --fingerprint {offered}",
        elapsed_ms=0,
    )
    said = [plain(each) for each in step_lines((step,), False, width)]
    assert sum(offered in row for row in said) == 3
    assert any(known in row for row in said)
    assert all(len(row) <= width and "…" not in row for row in said)


def test_each_jump_host_has_its_own_steps() -> None:
    def step(name: TestStepName, hop: str, ok: bool = True) -> TestStep:
        return TestStep(name=name, ok=ok, message="said", remedy="" if ok else "mend", elapsed_ms=1, hop=hop)

    four = list(TestStepName)[:4]
    steps = [*(step(name, "outer") for name in four), step(TestStepName.RESOLVE, "")]
    said = [plain(each).strip() for each in step_lines(steps, True, 80)]
    assert [words.split()[0] for words in said] == ["through", *["✓"] * 4, "then", "✓", "▸", "·", "·", "·"]
    failed = step_lines([step(TestStepName.RESOLVE, "outer", ok=False)], False, 80)
    assert [plain(each).split()[:2] for each in failed][:3] == [["through", "outer"], ["✗", "name"], ["→", "mend"]]
    assert "command" not in " ".join(plain(each) for each in failed)


def test_the_tree_shows_a_group_in_each_place_and_ends_in_a_cycle() -> None:
    backend = FakeBackend()
    rows = tree(tuple(backend.group_rows.values()), backend.device_rows)
    assert [(row.name, row.depth) for row in rows[:6]] == [
        ("all devices", 0), ("all", 0), ("db", 1), ("db-pg", 2), ("db-redis", 2), ("nas", 1),
    ]  # fmt: skip
    loop = dict(backend.group_rows)
    inner = loop[GroupId(5)]
    loop[GroupId(5)] = replace(inner, draft=replace(inner.draft, groups=(GroupId(4),)))
    assert len(tree(tuple(loop.values()), backend.device_rows)) < 40


def test_devices_sort_as_people_count() -> None:
    backend = FakeBackend()
    devices = [
        replace(device, draft=replace(device.draft, name=name))
        for device, name in zip(backend.device_rows.values(), ("n10", "n9", "n1"), strict=False)
    ]
    found = shown(devices, frozenset(device.id for device in devices), "")
    assert [device.name for device in found] == ["n1", "n9", "n10"]


def test_forms_give_back_the_drafts_they_were_made_of() -> None:
    backend = FakeBackend()
    groups = backend.group_rows
    names = {device.id: device.name for device in backend.device_rows.values()}
    draft = replace(
        backend.device_rows[DeviceId(1)].draft, port=22, key_file="/k", jump=DeviceId(2), groups=(GroupId(2),),
        host_key_policy=HostKeyPolicy.STRICT, description="about", credentials=(CredentialId(1), CredentialId(2)),
    )  # fmt: skip
    kept = backend.credentials.rows
    form = device_form(draft, groups, kept, names)
    assert device_draft(form, tuple(groups.values()), tuple(kept.values()), names) == draft
    for group in groups.values():
        assert (
            group_draft(group_form(group.draft, names, groups), names, tuple(groups.values()), "#808080") == group.draft
        )


def test_names_that_are_none_are_refused_by_field() -> None:
    with pytest.raises(InvalidInput) as refused:
        device_draft(DeviceForm(name="a", address="b", groups="nowhere"), (), (), {})
    assert [problem.field for problem in refused.value.problems] == ["groups"]
    with pytest.raises(InvalidInput) as refused:
        device_draft(DeviceForm(name="a", address="b", credentials="nothing"), (), (), {})
    assert [problem.field for problem in refused.value.problems] == ["credentials"]
    with pytest.raises(InvalidInput) as refused:
        device_draft(DeviceForm(name="a", address="b", jump="nobody"), (), (), {DeviceId(1): "web01"})
    assert [problem.field for problem in refused.value.problems] == ["jump"]
    with pytest.raises(InvalidInput) as refused:
        group_draft(GroupForm(name="a", devices="nobody"), {}, (), "#808080")
    assert [problem.field for problem in refused.value.problems] == ["devices"]


INVENTORY = b"""\
[web]
new[1:3] ansible_host=10.0.0.7
win1 ansible_connection=winrm
box ansible_password=hunter2
[fresh:children]
web
"""


async def test_hosts_of_another_file_are_taken_over_with_what_is_left_out_in_sight(
    open_app: Open, backend: FakeBackend
) -> None:
    backend.files["/srv/hosts"] = INVENTORY
    before = len(backend.device_rows)
    async with open_app(first="devices") as pilot:
        await press(pilot, "I", "o", *"/srv/nothing", "enter")
        assert "there is no /srv/nothing" in screen_text(pilot)
        await press(pilot, "o", *"/srv/hosts", "tab", *"frogs", "enter")
        assert "frogs is no format" in screen_text(pilot)
        for _ in "frogs":
            await press(pilot, "backspace")
        await press(pilot, "enter")
        assert "hosts of /srv/hosts" in screen_text(pilot)
        assert "5 hosts, 4 new" in screen_text(pilot)
        await press(pilot, "home", "down", "down", "down")
        assert "it is reached by winrm" in screen_text(pilot)
        await press(pilot, "down")
        assert "ansible_password: passwords and keys are never imported" in screen_text(pilot)
        assert "hunter2" not in screen_text(pilot)
        await press(pilot, "a", "enter")
        assert "4 devices" in screen_text(pilot)
        assert len(backend.device_rows) == before + 4


async def test_what_a_server_asks_is_asked_over_the_place_and_not_shown(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(80, 24, first="devices") as pilot:
        backend.questions.ask("q1", ("\x1b[31mUser: ", True), ("Code: ", False), title="Two factors")

        await pilot.pause(0.4)  # the deaf time
        shown = screen_text(pilot)
        harmless(shown)
        assert "bastion asks deploy" in shown
        assert "on the way to web01" in shown
        assert "Two factors" in shown
        await press(pilot, *"ops", "enter", *"918273", "enter")
        assert "918273" not in screen_text(pilot)
        assert backend.answered == {"q1": ("ops", "918273")}
        backend.questions.ask("q2", ("Code: ", False), again=True)
        await pilot.pause(0.4)
        assert "what was answered before was refused" in screen_text(pilot)
        await press(pilot, "escape")
        assert backend.answered[QuestionId("q2")] is None


async def test_a_question_that_was_answered_elsewhere_goes_away(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(80, 24, first="devices") as pilot:
        backend.questions.ask("q1", ("Code: ", False))
        await pilot.pause(0.4)
        assert "bastion asks deploy" in screen_text(pilot)
        backend.questions.heard.put_nowait(Withdrawn(QuestionId("q1")))
        await pilot.pause()
        await pilot.pause()
        assert "bastion asks deploy" not in screen_text(pilot)
        assert backend.answered == {}
