"""Why a target did not succeed: said whole where it is looked at, and counted by class."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from deployx_tui.model.execution import Cause, CauseCount, TargetResult, TargetState
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.tui.render.execution import tail_words
from deployx_tui.tui.render.line import plain
from deployx_tui.tui.render.safe import SafeText, cells
from deployx_tui.tui.render.why import cause_lines, class_of, split_remedy, why_lines
from deployx_tui.tui.render.words import wrap
from tests.support.fake_backend import FakeBackend
from tests.support.history_world import watched_targets, with_history
from tests.support.screen import press, screen_text, until
from tests.support.world import local
from tests.tui.conftest import Open

KEY = "SHA256:Jw5Hc9sYp2LxQe0aVtM7rFzKd4nUoG1bTi8mSyXv3Rg"
CHANGED = (
    f"THE HOST KEY OF [10.2.0.19]:2222 HAS CHANGED: ssh-ed25519 {KEY} was offered, "
    "SHA256:q8Zr1uTn0VfJ4yKcW2mXe7LbGh5sPdA9oRi3tUvN6Bk is known; somebody may be listening in, or it was installed "
    f"anew (compare {KEY} with the machine itself, then: deployx device trust web19)"
)
TARGET = TargetResult(
    id=TargetId(1),
    execution_id=ExecutionId(1),
    device_id=DeviceId(1),
    device="web19",
    state=TargetState.UNREACHABLE,
    cause=Cause.HOST_KEY,
    started_at=local(2026, 3, 3, 15, 0, 0),
    error_message=CHANGED,
)


@pytest.fixture
def backend() -> FakeBackend:
    backend = watched_targets(with_history(FakeBackend()))
    run = ExecutionId(8841)
    ends = {
        "web19": {"cause": Cause.HOST_KEY, "error_message": CHANGED},
        "web21": {"state": TargetState.SKIPPED, "error_message": "the canary batch failed: 2 of 2 targets"},
    }
    backend.target_rows[run] = tuple(
        replace(target, **ends.get(target.device, {}))  # type: ignore[arg-type]  # named above
        for target in backend.target_rows[run]
    )
    for target in backend.target_rows[run]:
        if target.device in ends:
            backend.outputs[run, target.device_id] = b""
    return backend


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_target_without_output_says_whole_why_and_what_to_do(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size, first="history") as pilot:
        await press(pilot, "down", "enter", "down")
        text = screen_text(pilot)
        assert "web19 ─ ✗ unreachable ─ host key refused" in text
        message, remedy = split_remedy(CHANGED)
        pane = " ".join(line[54 if size[0] == 120 else 0 :].strip(" │▌") for line in text.splitlines())
        assert message in pane
        assert remedy in pane
        assert "no output" in text
        # keys that want output are not offered where there is none; the footer follows a moment later
        await until(pilot, lambda: "full log" not in screen_text(pilot), "a footer without keys for output")
        assert "/ find" not in screen_text(pilot)


async def test_a_target_that_was_never_started_says_why(open_app: Open) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter", *["down"] * 7)
        text = screen_text(pilot)
        assert "web21 ─ " in text
        assert "the canary batch failed: 2 of 2 targets" in text
        assert "it was not started, so there is no output" in text


def test_the_title_says_that_the_streams_of_a_durable_run_stand_as_they_were_polled() -> None:
    plain = replace(TARGET, state=TargetState.SUCCEEDED, cause=None, error_message="")
    assert tail_words(replace(plain, durable=True), UTC) == (
        *tail_words(plain, UTC),
        "durable: its streams as they were polled",
    )


def test_a_title_has_the_class_and_never_the_message() -> None:
    assert tail_words(TARGET, UTC) == ("web19", "✗ unreachable", "host key refused")
    assert class_of(replace(TARGET, cause=Cause.EXIT, state=TargetState.FAILED, exit_code=127)) == "exit 127"
    late = replace(TARGET, cause=Cause.TIMEOUT, state=TargetState.TIMED_OUT, error_message="timed out after 30s; dead")
    assert class_of(late) == ""


def test_what_the_title_says_already_is_not_said_again() -> None:
    failed = replace(TARGET, cause=Cause.EXIT, state=TargetState.FAILED, exit_code=1, error_message="exit 1")
    assert why_lines(failed, 60, has_output=True) == ()
    step = replace(failed, error_message="command 2 of 3 (make): exit 1")
    assert [plain(each) for each in why_lines(step, 60, has_output=True)] == ["command 2 of 3 (make): exit 1", ""]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("refused (start it)", ("refused", "start it")),
        ("refused (try b (or c))", ("refused", "try b (or c)")),
        ("call()", ("call()", "")),
        ("(all of it)", ("(all of it)", "")),
        ("no :)", ("no :)", "")),
        ("", ("", "")),
    ],
)
def test_what_to_do_is_the_bracket_at_the_end(message: str, parts: tuple[str, str]) -> None:
    assert split_remedy(message) == parts


def test_causes_are_counted_by_class_with_a_message_below() -> None:
    causes = (
        CauseCount(cause=Cause.EXIT, message="exit 127", devices=("db01",)),
        *(
            CauseCount(
                cause=Cause.REFUSED, message=f"10.0.0.{n} port 22: Connection refused (start it)", devices=(f"web{n}",)
            )
            for n in (1, 2, 3)
        ),
        CauseCount(cause=Cause.LOST, message="the connection broke; it may have run", devices=("nas",)),
    )
    assert [plain(each).rstrip() for each in cause_lines(causes, 60)] == [
        "  3  connection refused                            web1-web3",
        "     10.0.0.1 port 22: Connection refused (and 2 more like",
        "     it)",
        "  1  exit 127                                           db01",
        "  1  the connection broke; it may have run               nas",
    ]


def test_a_cause_is_never_cut_in_its_class_however_narrow_the_column() -> None:
    lines = cause_lines((CauseCount(cause=Cause.HOST_KEY, message=CHANGED, devices=("db09",)),), 38)
    assert plain(lines[0]).split() == ["1", "host", "key", "refused", "db09"]
    assert len(lines) == 3
    assert lines[-1][-1].text.endswith("…")


def test_wide_characters_are_wrapped_by_the_cells_they_take() -> None:
    pieces = wrap(SafeText("接続が拒否されました " * 6), 20)
    assert "".join(pieces) == "接続が拒否されました " * 6
    assert all(cells(piece) <= 21 for piece in pieces)  # a space may hang over
