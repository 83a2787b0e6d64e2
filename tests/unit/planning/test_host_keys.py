"""The strictest group decides where the device itself says nothing."""

from __future__ import annotations

import pytest

from deployx_tui.model.device import HostKeyPolicy
from deployx_tui.planning.host_keys import effective_policy

ASK, NEW, STRICT = HostKeyPolicy.ASK, HostKeyPolicy.ACCEPT_NEW, HostKeyPolicy.STRICT


@pytest.mark.parametrize(
    ("own", "groups", "expected"),
    [
        (None, [], ASK),
        (None, [NEW], NEW),
        (None, [NEW, ASK], ASK),
        (None, [NEW, STRICT, ASK], STRICT),
        (NEW, [STRICT], NEW),
        (STRICT, [NEW], STRICT),
    ],
)
def test_the_strictest_group_decides_where_the_device_says_nothing(
    own: HostKeyPolicy | None, groups: list[HostKeyPolicy], expected: HostKeyPolicy
) -> None:
    assert effective_policy(own, groups) is expected
