"""Equal outputs are one group."""

from __future__ import annotations

from deployx_tui.model.ids import DeviceId
from deployx_tui.output.grouping import group


def test_targets_with_equal_output_are_one_group_and_the_largest_comes_first() -> None:
    digests = [(DeviceId(3), "c", "x"), (DeviceId(1), "a", "y"), (DeviceId(2), "b", "x")]
    asked: list[DeviceId] = []

    def sample(device: DeviceId) -> bytes:
        asked.append(device)
        return b"said by %d" % device

    groups = group(digests, sample)
    assert [(g.digest, g.devices, g.sample) for g in groups] == [
        ("x", ((DeviceId(2), "b"), (DeviceId(3), "c")), b"said by 2"),
        ("y", ((DeviceId(1), "a"),), b"said by 1"),
    ]
    assert asked == [2, 1]


def test_groups_of_one_size_stand_by_name() -> None:
    groups = group([(DeviceId(1), "web2", "x"), (DeviceId(2), "web1", "y")], lambda _: b"")
    assert [g.digest for g in groups] == ["y", "x"]
