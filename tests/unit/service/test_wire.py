from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployx_tui.errors import (
    Ambiguous,
    Conflict,
    DatabaseRefused,
    DeployxError,
    EngineUnreachable,
    InvalidInput,
    NotFound,
    NotPermitted,
    Problem,
    Unavailable,
    VersionMismatch,
)
from deployx_tui.model.artifact import Artifact, TreeEntry
from deployx_tui.model.calendar import AgendaEntry, Month
from deployx_tui.model.device import Device, DeviceDraft, Group, GroupDraft, OfferedKey, SelectorMatch, TestStep
from deployx_tui.model.engine import EngineStatus, StopAllReport
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.execution import (
    CauseCount,
    Execution,
    ExecutionQuery,
    ExecutionStatus,
    OutputGroup,
    OutputSlice,
    TargetCounts,
    TargetResult,
)
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.importing import HostSource, ImportPlan
from deployx_tui.model.json_reader import JSON
from deployx_tui.model.package import InstalledPackage, Taken
from deployx_tui.model.page import Page
from deployx_tui.model.question import Question, Withdrawn
from deployx_tui.model.schedule import Fire
from deployx_tui.model.secret import Credential, CredentialCheck, CredentialDraft, VaultStatus
from deployx_tui.model.task import LastRun, Task, TaskPreview, TaskQuery, TaskState
from deployx_tui.model.user import Actor
from deployx_tui.service.backend.artifacts import ArtifactUse, Collected
from deployx_tui.service.wire import (
    artifacts,
    credentials,
    devices,
    executions,
    imports,
    packages,
    problems,
    questions,
    rest,
    tasks,
    values,
)
from deployx_tui.service.wire.executions import execution_word
from deployx_tui.service.wire.params import (
    ParamReader,
    execution_query_from_params,
    execution_query_to_params,
    task_query_from_params,
    task_query_to_params,
)
from deployx_tui.service.wire.tasks import task_word
from tests.unit.service.nouns import any_of

NOUNS: list[tuple[type[Any], Callable[[Any], JSON], Callable[[JSON], Any]]] = [
    (Task, tasks.task_to_json, tasks.task_from_json),
    (Fire, tasks.fire_to_json, tasks.fire_from_json),
    (TaskPreview, tasks.preview_to_json, tasks.preview_from_json),
    (Execution, executions.execution_to_json, executions.execution_from_json),
    (TargetResult, executions.target_to_json, executions.target_from_json),
    (CauseCount, executions.cause_to_json, executions.cause_from_json),
    (OutputSlice, executions.slice_to_json, executions.slice_from_json),
    (OutputGroup, executions.group_to_json, executions.group_from_json),
    (Device, lambda device: devices.device_to_json(device, {}), devices.device_from_json),
    (DeviceDraft, devices.device_draft_to_json, devices.device_draft_from_json),
    (Group, lambda group: devices.group_to_json(group, {}), devices.group_from_json),
    (GroupDraft, devices.group_draft_to_json, devices.group_draft_from_json),
    (Credential, credentials.credential_to_json, credentials.credential_from_json),
    (CredentialDraft, credentials.credential_draft_to_json, credentials.credential_draft_from_json),
    (CredentialCheck, credentials.check_to_json, credentials.check_from_json),
    (VaultStatus, credentials.vault_to_json, credentials.vault_from_json),
    (Artifact, artifacts.artifact_to_json, artifacts.artifact_from_json),
    (TreeEntry, artifacts.entry_to_json, artifacts.entry_from_json),
    (ArtifactUse, artifacts.use_to_json, artifacts.use_from_json),
    (Collected, artifacts.collected_to_json, artifacts.collected_from_json),
    (InstalledPackage, packages.installed_to_json, packages.installed_from_json),
    (Taken, packages.taken_to_json, packages.taken_from_json),
    (Question, questions.heard_to_json, questions.heard_from_json),
    (Withdrawn, questions.heard_to_json, questions.heard_from_json),
    (HostSource, imports.source_to_json, imports.source_from_json),
    (ImportPlan, imports.plan_to_json, imports.plan_from_json),
    (SelectorMatch, devices.match_to_json, devices.match_from_json),
    (TestStep, devices.step_to_json, devices.step_from_json),
    (OfferedKey, devices.key_to_json, devices.key_from_json),
    (Month, rest.month_to_json, rest.month_from_json),
    (AgendaEntry, rest.agenda_to_json, rest.agenda_from_json),
    (EngineStatus, rest.engine_to_json, rest.engine_from_json),
    (StopAllReport, rest.stop_all_to_json, rest.stop_all_from_json),
    (Actor, rest.actor_to_json, rest.actor_from_json),
]

settings.register_profile("wire", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(("kind", "encode", "decode"), NOUNS, ids=[noun[0].__name__ for noun in NOUNS])
def test_every_noun_survives_the_wire_unchanged(
    kind: type[Any], encode: Callable[[Any], JSON], decode: Callable[[JSON], Any]
) -> None:
    @settings(settings.get_profile("wire"))
    @given(any_of(kind))
    def holds(noun: Any) -> None:
        assert decode(json.loads(json.dumps(encode(noun), allow_nan=False))) == noun

    holds()


@settings(settings.get_profile("wire"))
@given(st.builds(EventId, st.text("0123456789abcdef", min_size=1), st.integers(0, 2**62)).flatmap(
    lambda at: st.just(Reset(at)) | any_of(Event).map(lambda event: _numbered(event, at))
))  # fmt: skip
def test_events_survive_the_wire_unchanged(item: Event | Reset) -> None:
    if isinstance(item, Reset):
        assert rest.event_from_json(str(item.id), rest.RESET, {}) == item
    else:
        data = json.loads(json.dumps(rest.event_to_json(item)))
        assert rest.event_from_json(str(item.id), item.type, data) == item


def _numbered(event: Event, at: EventId) -> Event:
    # a fact stands once
    return Event(
        id=at,
        type=event.type or "task.changed",
        at=event.at,
        task_id=event.task_id,
        execution_id=event.execution_id,
        facts=tuple(dict(event.facts).items()),
    )


@settings(settings.get_profile("wire"))
@given(any_of(TaskQuery).filter(lambda query: 1 <= query.limit <= 1000) | st.just(TaskQuery()))
def test_task_queries_survive_as_parameters(query: TaskQuery) -> None:
    reader = ParamReader(task_query_to_params(query))
    read, status, kind = task_query_from_params(reader)
    reader.finish()
    assert (read, status, kind) == (query, None, None)


@settings(settings.get_profile("wire"))
@given(any_of(ExecutionQuery).filter(lambda query: 1 <= query.limit <= 1000) | st.just(ExecutionQuery()))
def test_execution_queries_survive_as_parameters(query: ExecutionQuery) -> None:
    reader = ParamReader(execution_query_to_params(query))
    read = execution_query_from_params(reader)
    reader.finish()
    assert read == query


def test_a_page_is_read_with_what_follows_it() -> None:
    for page in (Page(("a", "b"), "next", 7), Page((), None)):
        letters: list[JSON] = [{"letter": letter} for letter in page.items]
        data: JSON = {"letters": letters, "next_cursor": page.next_cursor, "total": page.total}
        assert values.page_from_json(data, "letters", lambda item: values.text(values.fields(item), "letter")) == page


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput([Problem(field="command_payload.environment", message="bad", remedy="mend")]),
        InvalidInput([Problem(field=field, message="bad", remedy="mend") for field in ("?limit", "")]),
        NotFound("task", "12"),
        Ambiguous("device", "web", ["web (1)", "web (2)"]),
        NotPermitted("no tasks.write"),
        Conflict("it runs"),
        Conflict("version 3 is old", stale=True),
        DatabaseRefused("held"),
        VersionMismatch("old"),
        EngineUnreachable("gone"),
        Unavailable("full"),
        DeployxError("odd"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_every_error_survives_as_a_problem(error: DeployxError) -> None:
    status, body = problems.problem_to_json(error, instance="/x")
    body = json.loads(json.dumps(body))
    assert body["status"] == status >= 400
    assert isinstance(body["detail"], str)
    back = problems.error_from_json(status, body)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_a_problem_points_into_the_body_or_at_the_parameter() -> None:
    error = InvalidInput.of("recurrence_config.time", "it is missing", 'give "03:00"')
    _, body = problems.problem_to_json(error, instance="/api/schedule/tasks")
    assert body["errors"] == [
        {
            "pointer": "/recurrence_config/time",
            "loc": ["body", "recurrence_config", "time"],
            "msg": "it is missing",
            "remedy": 'give "03:00"',
            "field": "recurrence_config.time",
        }
    ]
    _, body = problems.problem_to_json(InvalidInput.of("?limit", "no", "yes"), instance="/")
    assert body["errors"][0]["pointer"] == "?limit"  # type: ignore[index,call-overload]  # JSON is not typed by key


def test_an_answer_of_another_version_is_said_to_be_one() -> None:
    with pytest.raises(VersionMismatch, match="another version"):
        executions.target_from_json({"id": 1})
    with pytest.raises(VersionMismatch, match="new to this version"):
        tasks.fire_from_json({"at": "2026-01-01T00:00:00+00:00", "note": "leap second"})


@pytest.mark.parametrize(
    ("status", "started", "word"),
    [
        (ExecutionStatus.QUEUED, False, "pending"),
        (ExecutionStatus.WAITING, False, "pending"),
        (ExecutionStatus.AWAITING_APPROVAL, False, "pending"),
        (ExecutionStatus.AWAITING_APPROVAL, True, "running"),
        (ExecutionStatus.RUNNING, True, "running"),
        (ExecutionStatus.SUCCEEDED, True, "completed"),
        (ExecutionStatus.PARTIALLY_SUCCEEDED, True, "failed"),
        (ExecutionStatus.FAILED, True, "failed"),
        (ExecutionStatus.LOST, True, "failed"),
        (ExecutionStatus.MISSED, False, "cancelled"),
        (ExecutionStatus.SKIPPED, False, "cancelled"),
        (ExecutionStatus.CANCELLED, True, "cancelled"),
    ],
)
def test_the_contracts_word_of_an_execution(status: ExecutionStatus, started: bool, word: str) -> None:
    assert execution_word(status, started=started) == word


NOW = datetime(2026, 3, 1, tzinfo=UTC)


def last(status: ExecutionStatus) -> LastRun:
    return LastRun(
        id=ExecutionId(1), status=status, targets=TargetCounts(), started_at=NOW, finished_at=None, why="web19 exit 1"
    )


@pytest.mark.parametrize(
    ("state", "outcome", "word"),
    [
        (TaskState.ACTIVE, None, "pending"),
        (TaskState.ACTIVE, ExecutionStatus.SUCCEEDED, "pending"),
        (TaskState.ACTIVE, ExecutionStatus.PARTIALLY_SUCCEEDED, "failed"),
        (TaskState.ACTIVE, ExecutionStatus.RUNNING, "running"),
        (TaskState.ACTIVE, ExecutionStatus.SKIPPED, "pending"),
        (TaskState.PAUSED, ExecutionStatus.FAILED, "paused"),
        (TaskState.CANCELLED, ExecutionStatus.RUNNING, "cancelled"),
        (TaskState.FINISHED, ExecutionStatus.SUCCEEDED, "completed"),
        (TaskState.FINISHED, ExecutionStatus.RUNNING, "running"),
        (TaskState.FINISHED, ExecutionStatus.LOST, "failed"),
        (TaskState.FINISHED, ExecutionStatus.MISSED, "failed"),
        (TaskState.FINISHED, None, "completed"),
    ],
)
def test_the_contracts_word_of_a_task(state: TaskState, outcome: ExecutionStatus | None, word: str) -> None:
    assert task_word(state, None if outcome is None else last(outcome)) == word


@pytest.mark.parametrize(
    ("given_params", "field", "remedy"),
    [
        ([("statsu", "failed")], "?statsu", "did you mean status?"),
        ([("status", "faild")], "?status", "did you mean failed?"),
        ([("status", "")], "?status", "say pending"),
        ([("limit", "0")], "?limit", "1 to 1000"),
        ([("limit", "-1")], "?limit", "1 to 1000"),
        ([("limit", "5"), ("limit", "6")], "?limit", "once"),
        ([("due_before", "tomorrow")], "?due_before", "2026-12-24T03:00"),
        ([("descending", "yes")], "?descending", "true or false"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_name_and_a_remedy(
    given_params: list[tuple[str, str]], field: str, remedy: str
) -> None:
    reader = ParamReader(given_params)
    task_query_from_params(reader)
    with pytest.raises(InvalidInput) as caught:
        reader.finish()
    assert [problem.field for problem in caught.value.problems] == [field]
    assert remedy in caught.value.problems[0].remedy


def test_an_unescaped_plus_in_a_parameter_is_understood() -> None:
    reader = ParamReader([("due_before", "2026-12-24T03:00:00 01:00")])
    query, _, _ = task_query_from_params(reader)
    reader.finish()
    assert query.due_before == datetime(2026, 12, 24, 2, tzinfo=UTC)
    assert query.due_before.utcoffset() == timedelta(0)


def test_a_cursor_is_refused_as_the_parameter_that_it_is() -> None:
    _, body = problems.problem_to_json(InvalidInput.of("cursor", "it is not one", ""), instance="/x")
    assert body["errors"] == [
        {"pointer": "?cursor", "loc": ["query", "cursor"], "msg": "it is not one", "remedy": "", "field": "cursor"}
    ]
