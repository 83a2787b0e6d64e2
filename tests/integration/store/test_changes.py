"""What runs changed on their targets: kept with the end, read by execution, gone with it. On both databases."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from deployx_tui.model.change_json import changes_from_json, changes_to_json
from deployx_tui.model.changes import ChangeKind, FileChange, PackageChange, TargetChanges
from deployx_tui.model.execution import ExecutionStatus, TargetCounts, TargetState, TransferProgress
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.store import changes, endings, events, executions, history, results, targets
from deployx_tui.store.database import Database
from deployx_tui.store.schema import target_changes
from deployx_tui.store.targets import Progress, TargetEnd
from tests.support.rows import NOW_MS, add_device, add_engine, add_run, add_user, plan

_FILE = FileChange(path="/etc/motd", kind=ChangeKind.REPLACED, before="a" * 64, after="b" * 64, kept="/etc/.motd.1")
ONE = TargetChanges(files=(_FILE,))


class Fleet:
    """A run on three devices, all started."""

    def __init__(self, c: Connection) -> None:
        owner, engine = add_user(c), add_engine(c)
        self.id = add_run(c, owner, engine=engine)
        self.devices = [add_device(c, owner, f"web{n}") for n in (1, 2, 3)]
        batch = plan(c, self.id, [(device, f"web{n}") for n, device in enumerate(self.devices, start=1)])
        executions.set_running(c, self.id, NOW_MS)
        self.targets = [row.id for row in targets.of_batch(c, batch)]
        for target in self.targets:
            assert targets.start(c, target, engine, f"t{target}", NOW_MS)

    def end(self, c: Connection, number: int, made: TargetChanges, state: TargetState = TargetState.SUCCEEDED) -> bool:
        target = self.targets[number]
        end = TargetEnd(state=state, at_ms=NOW_MS + 1, changed=bool(made), changes=changes.packed(made))
        return targets.finish(c, target, f"t{target}", end)


def test_what_a_target_changed_is_kept_with_its_end_and_found_by_execution(database: Database) -> None:
    with database.write() as c:
        fleet = Fleet(c)
        for number, made in enumerate((ONE, TargetChanges(), TargetChanges(files=(_FILE, _FILE)))):
            assert fleet.end(c, number, made)
        assert not fleet.end(c, 1, ONE), "who does not own a target any more changes nothing"
    with database.read() as c:
        found = changes.of_execution(c, fleet.id)
        assert [(each.name, each.device, each.count, each.rolled_back_by) for each in found] == [
            ("web1", fleet.devices[0], 1, None),
            ("web3", fleet.devices[2], 2, None),
        ]
        assert changes.load(c, fleet.id, fleet.devices[0]) == ONE
        assert changes.load(c, fleet.id, fleet.devices[1]) == TargetChanges()
        assert changes.of_execution(c, ExecutionId(999)) == ()
        assert changes.load(c, ExecutionId(999), DeviceId(1)) == TargetChanges()


def test_what_was_taken_back_says_by_which_execution(database: Database) -> None:
    with database.write() as c:
        fleet = Fleet(c)
        for number in range(3):
            fleet.end(c, number, ONE)
        changes.taken_back(c, fleet.id, fleet.devices[1:], ExecutionId(77))
        assert [each.rolled_back_by for each in changes.of_execution(c, fleet.id)] == [None, 77, 77]


def test_a_target_that_was_lost_and_ends_after_all_has_what_it_says_last(database: Database) -> None:
    with database.write() as c:
        fleet = Fleet(c)
        assert fleet.end(c, 0, ONE, TargetState.LOST)
        both = TargetChanges(files=(_FILE, _FILE))
        assert fleet.end(c, 0, both)
        assert changes.load(c, fleet.id, fleet.devices[0]) == both


def test_changes_go_with_their_execution(database: Database) -> None:
    with database.write() as c:
        fleet = Fleet(c)
        for number in range(3):
            fleet.end(c, number, ONE)
        endings.finish(c, fleet.id, NOW_MS + 2)
        assert executions.forget_before(c, NOW_MS + 10**6, 10) == (fleet.id,)
        assert c.scalar(sa.select(sa.func.count()).select_from(target_changes)) == 0


def test_a_hundred_thousand_changes_are_kept_small_and_whole(database: Database) -> None:
    def one(number: int) -> FileChange:
        before, after = (hashlib.sha256(f"{side}{number}".encode()).hexdigest() for side in "ab")
        path = f"/srv/www/releases/site/{number // 1000:03d}/{number}.html"
        return FileChange(path=path, kind=ChangeKind.REPLACED, before=before, after=after, kept=f"{path}.deployx-1")

    made = TargetChanges(files=tuple(map(one, range(100_000))))
    with database.write() as c:
        fleet = Fleet(c)
        assert fleet.end(c, 0, made)
    with database.read() as c:
        assert changes.load(c, fleet.id, fleet.devices[0]) == made
        assert [each.count for each in changes.of_execution(c, fleet.id)] == [100_000]
        size = c.scalar(sa.select(sa.func.length(target_changes.c.changes)))
    assert size is not None
    assert size < 12 << 20, "of 28 MB of text"


_texts = st.text(max_size=30)


@given(
    st.builds(
        TargetChanges,
        files=st.lists(
            st.builds(
                FileChange, path=_texts, kind=st.sampled_from(ChangeKind), before=_texts, after=_texts, kept=_texts
            ),
            max_size=3,
        ).map(tuple),
        packages=st.lists(
            st.builds(PackageChange, package=_texts, installer=_texts, before=_texts, after=_texts), max_size=3
        ).map(tuple),
    )
)
def test_changes_come_back_from_json_as_they_went(made: TargetChanges) -> None:
    text = changes_to_json(made)
    assert text.isascii(), "a name that is no UTF-8 must not break the database"
    assert changes_from_json(text) == made


def test_a_name_that_is_no_text_is_kept_too(database: Database) -> None:
    strange = b"/srv/\xff\x00\n".decode("utf-8", "surrogateescape")
    made = TargetChanges(files=(FileChange(path=strange, kind=ChangeKind.CREATED, after="c" * 64),))
    with database.write() as c:
        fleet = Fleet(c)
        fleet.end(c, 0, made)
        assert changes.load(c, fleet.id, fleet.devices[0]) == made


# ---- counts, and how far files are over


def test_how_many_were_changed_is_counted_while_it_runs_and_afterwards(database: Database) -> None:
    with database.write() as c:
        fleet = Fleet(c)
        fleet.end(c, 0, ONE)
        fleet.end(c, 1, TargetChanges())
        counts = history.get(c, fleet.id).targets
        assert counts == TargetCounts(total=3, running=1, succeeded=2, changed=1, unchanged=1)
        fleet.end(c, 2, ONE, TargetState.FAILED)
        assert endings.finish(c, fleet.id, NOW_MS + 2) is ExecutionStatus.PARTIALLY_SUCCEEDED
        counts = history.get(c, fleet.id).targets
        assert counts == TargetCounts(total=3, failed=1, succeeded=2, changed=2, unchanged=1)


@pytest.mark.parametrize("state", [TargetState.FAILED, TargetState.UNREACHABLE])
def test_what_did_not_succeed_does_not_count_as_unchanged(database: Database, state: TargetState) -> None:
    with database.write() as c:
        fleet = Fleet(c)
        fleet.end(c, 0, TargetChanges(), state)
        assert history.get(c, fleet.id).targets.unchanged == 0


def test_how_far_files_are_over_stands_in_running_targets_and_is_told(database: Database) -> None:
    moved = TransferProgress(done=3 << 30, total=10 << 30, rate=90 << 20)
    with database.write() as c:
        fleet = Fleet(c)
        first, other, _ = fleet.targets
        targets.progress(c, [Progress(first, fleet.id, f"t{first}", 5, 0, moved)], NOW_MS)
        targets.progress(c, [Progress(other, fleet.id, "not its token", 5, 0, moved)], NOW_MS)
        assert [each.progress for each in results.every(c, fleet.id)] == [moved, None, None]
    with database.write() as c:
        told = [dict(event.facts) for event in events.after(c, "x", 0, 1000) if event.type == "output.grew"]
        assert [(each["done"], each["total"], each["offset"]) for each in told] == [(3 << 30, 10 << 30, 5)]
        fleet.end(c, 0, ONE)
        assert results.every(c, fleet.id)[0].progress is None, "it is over"
