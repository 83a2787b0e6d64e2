"""Where a rollback goes: exactly where something is to be taken back, or nowhere, with the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import ChangedTarget
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.planning.plan import PlannedTarget
from deployx_tui.planning.rollback import rollback_targets

RUN = ExecutionId(7)
DONE = ExecutionStatus.SUCCEEDED


def changed(device: int, by: int | None = None, count: int = 1) -> ChangedTarget:
    return ChangedTarget(
        target=TargetId(device + 100),
        device=DeviceId(device),
        name=f"web{device}",
        count=count,
        rolled_back_by=None if by is None else ExecutionId(by),
    )


def there(*devices: int) -> frozenset[DeviceId]:
    return frozenset(DeviceId(each) for each in devices)


def refused(*arguments: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        rollback_targets(RUN, *arguments)  # type: ignore[arg-type]  # as the test says
    (problem,) = caught.value.problems
    assert problem.field == "execution"
    assert problem.remedy
    return problem.message


def test_it_goes_where_something_was_changed_and_nowhere_else() -> None:
    found = rollback_targets(RUN, DONE, [changed(1, count=3), changed(2, by=9), changed(3)], there(1, 2, 3, 4))
    assert found == (
        PlannedTarget(DeviceId(1), "web1", "3 changes there"),
        PlannedTarget(DeviceId(3), "web3", "1 change there"),
    )


@pytest.mark.parametrize("status", [each for each in ExecutionStatus if not each.is_alive])
def test_whatever_ended_can_be_taken_back(status: ExecutionStatus) -> None:
    assert len(rollback_targets(RUN, status, [changed(1)], there(1))) == 1


@pytest.mark.parametrize("status", [each for each in ExecutionStatus if each.is_alive])
def test_what_is_not_over_is_refused(status: ExecutionStatus) -> None:
    assert refused(status, [changed(1)], there(1)) == f"execution 7 is {status.value}"


def test_what_is_not_there_or_changed_nothing_is_refused() -> None:
    assert refused(None, [], there(1)) == "there is no execution 7"
    assert refused(DONE, [], there(1)) == "execution 7 changed nothing that could be taken back"


def test_what_was_taken_back_is_refused_and_says_by_what() -> None:
    message = refused(DONE, [changed(1, by=9), changed(2, by=11), changed(3, by=9)], there(1, 2, 3))
    assert message == "all that execution 7 changed was rolled back by executions 9, 11"


def test_deleted_devices_and_ones_that_were_not_chosen_are_left_out() -> None:
    both = [changed(1), changed(2)]
    assert [each.name for each in rollback_targets(RUN, DONE, both, there(2))] == ["web2"]
    assert [each.name for each in rollback_targets(RUN, DONE, both, there(1, 2), there(1))] == ["web1"]
    assert "lies on web1, web2: deleted" in refused(DONE, both, there())
    assert "not among the chosen devices" in refused(DONE, both, there(1, 2), there(3))


_DEVICES = st.integers(1, 9)


@given(
    st.lists(st.tuples(_DEVICES, st.booleans()), unique_by=lambda each: each[0]),
    st.frozensets(_DEVICES),
    st.none() | st.frozensets(_DEVICES),
)
def test_targets_are_those_that_a_sentence_names(
    made: list[tuple[int, bool]], alive: frozenset[int], chosen: frozenset[int] | None
) -> None:
    rows = [changed(device, 9 if is_back else None) for device, is_back in made]
    wanted = None if chosen is None else there(*chosen)
    expected = [
        device for device, is_back in made if not is_back and device in alive and (chosen is None or device in chosen)
    ]
    if expected:
        found = rollback_targets(RUN, DONE, rows, there(*alive), wanted)
        assert [each.device for each in found] == expected
    else:
        refused(DONE, rows, there(*alive), wanted)
