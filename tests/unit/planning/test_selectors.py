"""The selector grammar: what each form means, what is refused, and groups that name themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId
from deployx_tui.model.inventory import Inventory, InventoryDevice, InventoryGroup
from deployx_tui.planning.selectors import members, mentioned_groups, parse, resolve, would_cycle
from deployx_tui.planning.targets import resolve_targets
from tests.unit.planning.world import DEVICES, IDS, group, inventory


def names(selector: str) -> list[str]:
    return [name for _, name, _ in resolve(selector, inventory(), failed=lambda _: frozenset({IDS["db01"]})).devices]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("web01", ["web01"]),
        ("web01,db01", ["db01", "web01"]),
        (" web01 , db01 ", ["db01", "web01"]),
        ("web01,web01", ["web01"]),
        ("@web", ["web01", "web02", "web07"]),
        ("web", ["web01", "web02", "web07"]),
        ("data", ["db01"]),
        ("@all-of-it", ["db01", "web01", "web02", "web07"]),
        ("@production", ["db01", "web01", "web02"]),
        ("tag:prod", ["db01", "web01", "web02"]),
        ("tag:nobody", []),
        ("web*", ["web01", "web02", "web07"]),
        ("web0?", ["web01", "web02", "web07"]),
        ("*", ["cache", "db01", "web01", "web02", "web07"]),
        ("nothing*", []),
        ("@*a*", ["db01", "web01", "web02", "web07"]),
        ("!web07", ["cache", "db01", "web01", "web02"]),
        ("web*,!web07", ["web01", "web02"]),
        ("!web07,web*", ["web01", "web02"]),
        ("!web07,!db01", ["cache", "web01", "web02"]),
        ("!web07&!db01", ["cache", "web01", "web02"]),
        ("@web&tag:prod&!web02", ["web01"]),
        ("db01,@web&!tag:prod", ["db01", "web07"]),
        ("failed:8841", ["db01"]),
        ("failed:8841&!db01", []),
        ("1", ["web01"]),
        ("1,4", ["db01", "web01"]),
    ],
)
def test_a_selector_means_these_devices(selector: str, expected: list[str]) -> None:
    assert names(selector) == expected


@pytest.mark.parametrize(
    ("selector", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("web01,", "missing"),
        ("web01&", "missing"),
        ("&", "missing"),
        ("!", "missing"),
        ("!!web01", "'!' has no place"),
        ("@", "names no group"),
        ("tag:", "names no tag"),
        ("failed:", "names no execution"),
        ("failed:x", "names no execution"),
        ("failed:0", "names no execution"),
        ("failed:08841", "names no execution"),
        ("os:", "the name after os: is missing"),
        ("arch:", "the name after arch: is missing"),
        ("os:debian*", "the name after os:"),
        ("arch:@web", "the name after arch:"),
        ("(web01)", "has no place"),
        ("web[1-3]", "has no place"),
        ("web01 & @web @data", "'@' has no place"),
        ("cache", "is a device and a group: write|device's id 5"),
        ("web99", "did you mean web or web07"),
        ("@webb", "did you mean web"),
        ("zzzzzz", "device list"),
        ("99", "there is no device or group"),
        ("01", "there is no device or group"),
    ],
)
def test_a_selector_that_means_nothing_is_refused(selector: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        names(selector)
    assert caught.value.problems[0].field == "selector"


def test_a_failed_term_needs_someone_who_knows() -> None:
    with pytest.raises(InvalidInput, match="can't be used here"):
        resolve("failed:1", inventory())


def test_each_device_says_what_brought_it_in() -> None:
    assert [term for _, _, term in resolve("@data,web*,!web07", inventory()).devices] == ["@data", "web*", "web*"]


def test_typed_accents_find_the_stored_name() -> None:
    assert parse("cafe\u0301").items[0].text == "caf\u00e9"


any_name = st.sampled_from([*DEVICES][:4])


@given(st.lists(st.lists(st.tuples(any_name, st.booleans()), min_size=1, max_size=3), min_size=1, max_size=3))
def test_the_grammar_is_plain_set_algebra(items: list[list[tuple[str, bool]]]) -> None:
    every = set(DEVICES)
    included: set[str] = set()
    kept = set(every)
    has_choice = False
    for item in items:
        found = set(every)
        for name, negated in item:
            found &= every - {name} if negated else {name}
        if all(negated for _, negated in item):
            kept &= found
        else:
            has_choice = True
            included |= found
    expected = (included if has_choice else every) & kept
    text = ",".join("&".join(f"{'!' if negated else ''}{name}" for name, negated in item) for item in items)
    assert names(text) == sorted(expected)


@given(st.text(st.sampled_from("web01@!&,*?tag:os arch:debian failed-()[]\u0301"), max_size=20))
def test_any_text_is_a_selector_or_invalid_input(text: str) -> None:
    try:
        names(text)
    except InvalidInput as error:
        assert all(problem.remedy for problem in error.problems)


# ---- facts

#: web07 and cache told nothing; db01 did not say on what it runs
FACTS = {
    "web01": (frozenset({"debian", "linux"}), "x86_64"),
    "web02": (frozenset({"alpine", "linux"}), "aarch64"),
    "db01": (frozenset({"freebsd"}), None),
}


def told(*more: InventoryGroup) -> Inventory:
    plain = inventory(*more)
    devices = {
        id_: InventoryDevice(id_, one.name, one.tags, *FACTS.get(one.name, (frozenset(), None)))
        for id_, one in plain.devices.items()
    }
    return Inventory(devices, plain.groups)


@pytest.mark.parametrize(
    ("selector", "expected", "unknown"),
    [
        ("os:debian", ["web01"], 2),
        ("os:linux", ["web01", "web02"], 2),
        ("os:Debian", ["web01"], 2),
        ("os:windows", [], 2),
        ("!os:debian", ["db01", "web02"], 2),
        ("!os:linux", ["db01"], 2),
        ("arch:x86_64", ["web01"], 3),
        ("arch:amd64", ["web01"], 3),
        ("arch:arm64", ["web02"], 3),
        ("arch:AARCH64", ["web02"], 3),
        ("!arch:arm64", ["web01"], 3),
        ("os:linux&!arch:arm64", ["web01"], 2),
        ("@web&os:linux", ["web01", "web02"], 1),
        ("os:linux&@web", ["web01", "web02"], 1),
        ("web*,!os:debian", ["web02"], 1),
        ("tag:stage&os:debian", [], 1),
        # it is in by its name: nothing is left out
        ("web07,os:debian", ["web01", "web07"], 1),
        ("*,os:debian", ["cache", "db01", "web01", "web02", "web07"], 0),
        ("web01", ["web01"], 0),
    ],
)
def test_facts_choose_devices_that_told_and_count_those_that_did_not(
    selector: str, expected: list[str], unknown: int
) -> None:
    found = resolve(selector, told())
    assert [name for _, name, _ in found.devices] == expected
    assert found.unknown == unknown


def test_a_group_by_a_fact_counts_who_is_left_out_of_it_too() -> None:
    world = told(group(6, "debians", selector="os:debian"))
    found = resolve("@debians,db01", world)
    assert [name for _, name, _ in found.devices] == ["db01", "web01"]
    assert found.unknown == 2
    assert members(world, GroupId(6)) == (1,)


@given(st.lists(st.sampled_from(["os:debian", "!os:debian", "!arch:x86_64", "arch:arm64"]), min_size=1, max_size=4))
def test_who_told_nothing_matches_no_term_about_facts(terms: list[str]) -> None:
    for joined in ("&".join(terms), ",".join(terms)):
        assert not {"web07", "cache"} & {name for _, name, _ in resolve(joined, told()).devices}


# ---- groups


def test_members_go_through_nesting_and_selectors() -> None:
    world = inventory(group(6, "six", "cache", groups=(3,)), group(7, "seven", selector="@six&!@production"))
    assert members(world, GroupId(6)) == (1, 2, 3, 4, 5)
    assert members(world, GroupId(7)) == (3, 5)
    assert members(world, GroupId(99)) == ()


def test_a_stored_selector_may_outlive_what_it_names() -> None:
    world = inventory(group(6, "old", selector="web01,gone99,@gone,cache"), group(7, "broken", selector="&&"))
    # `cache` is a device and a group by now: the device is meant
    assert members(world, GroupId(6)) == (1, 5)
    assert members(world, GroupId(7)) == ()


def test_groups_that_name_themselves_end() -> None:
    world = inventory(
        group(6, "self", selector="@self,web01"),
        group(7, "ping", "web01", groups=(8,)),
        group(8, "pong", "web02", groups=(7,)),
        group(9, "not-me", selector="!@not-me"),
    )
    assert members(world, GroupId(6)) == (1,)
    assert members(world, GroupId(7)) == (1, 2)
    assert members(world, GroupId(8)) == (1, 2)
    assert members(world, GroupId(9)) == (1, 2, 3, 4, 5)


def test_a_cycle_is_found_with_its_way() -> None:
    world = inventory(group(6, "six", groups=(3,)), group(7, "seven", selector="@six"))
    assert would_cycle(world, GroupId(1), {GroupId(1)}) == ("web", "web")
    assert would_cycle(world, GroupId(1), {GroupId(6)}) == ("web", "six", "all-of-it", "web")
    assert would_cycle(world, GroupId(1), {GroupId(7)}) == ("web", "seven", "six", "all-of-it", "web")
    assert would_cycle(world, GroupId(6), {GroupId(1), GroupId(2), GroupId(3)}) == ()


def test_a_selector_mentions_groups_by_word_and_pattern() -> None:
    assert mentioned_groups("web,db01,@d*,!@production", inventory()) == {1, 2, 4}


# ---- targets


def test_targets_are_the_selector_the_devices_and_the_groups_together() -> None:
    found = resolve_targets("tag:stage", [IDS["cache"], DeviceId(99)], [GroupId(2), GroupId(99)], inventory())
    assert [(name, term) for _, name, term in found] == [("cache", "cache"), ("db01", "@data"), ("web07", "tag:stage")]
    assert resolve_targets("", [], [], inventory()) == ()


def test_a_failed_selector_asks_for_that_execution() -> None:
    asked: list[ExecutionId] = []

    def failed(execution: ExecutionId) -> frozenset[DeviceId]:
        asked.append(execution)
        return frozenset({IDS["web01"], DeviceId(99)})

    assert [name for _, name, _ in resolve_targets("failed:7", [], [], inventory(), failed)] == ["web01"]
    assert asked == [7]


def test_lenient_targets_leave_out_what_is_gone() -> None:
    with pytest.raises(InvalidInput):
        resolve_targets("web01,gone", [], [], inventory())
    assert [name for _, name, _ in resolve_targets("web01,gone", [], [], inventory(), lenient=True)] == ["web01"]


@pytest.mark.parametrize(
    "text",
    [
        "a," * 50_000 + "a",
        "a" * 501,
        ",".join(f"web{number}*" for number in range(501)),
        ",".join(f"!web{number}" for number in range(501)),
        ",".join(f"@web&web{number}" for number in range(501)),
        "web&" * 600 + "web",
    ],
    ids=["long", "a long word", "patterns", "exclusions", "conditions", "a long condition"],
)
def test_a_selector_that_would_take_long_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert [problem.field for problem in refused.value.problems] == ["selector"]
    assert len(str(refused.value)) < 200


def test_a_selector_may_name_thousands_of_devices() -> None:
    assert len(parse(",".join(f"web{number:04}.example.com" for number in range(5_000))).items) == 5_000
