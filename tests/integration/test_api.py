"""What the wire says to clients that are not ours: shapes, codes, refusals."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.execution import OutputGap, OutputSlice
from deployx_tui.model.ids import TaskId
from tests.support.fake_backend import FakeBackend
from tests.support.served import Served, served

TASK: dict[str, Any] = {
    "task_name": "from the dialog",
    "task_type": "command",
    "scheduled_time": "2027-12-24T03:00:00.000Z",
    "recurrence_type": "once",
    "recurrence_config": None,
    "device_ids": [1],
    "group_ids": [],
    "command_payload": {"command": "true", "shell": "cmd"},
    "software_payload": None,
    "file_payload": None,
}


@pytest.fixture
def engine() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
async def api(engine: FakeBackend, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(engine, tmp_path) as running:
        yield running


@pytest.fixture
def http(api: Served) -> httpx.AsyncClient:
    return api.http


def refusal(response: httpx.Response, status: int, name: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert response.status_code == status == body["status"], body
    assert response.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:deployx:problem:{name}"
    assert isinstance(body["detail"], str)
    assert body["instance"] == response.request.url.path.rstrip("/")
    return body


async def test_a_body_that_is_too_long_is_taken_so_that_its_sender_reads_the_refusal(api: Served) -> None:
    length = 3 << 20
    head = "POST /api/schedule/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {length}\r\n"
    for framing in (head, head.replace(f"Content-Length: {length}", "Transfer-Encoding: chunked")):
        reader, writer = await asyncio.open_unix_connection(api.socket)
        writer.write(framing.encode() + b"\r\n")
        for _ in range(3):
            writer.write(b"100000\r\n" * ("chunked" in framing) + b" " * (1 << 20) + b"\r\n" * ("chunked" in framing))
            await writer.drain()
        writer.write(b"0\r\n\r\n" * ("chunked" in framing))
        await writer.drain()
        async with asyncio.timeout(60):
            assert b" 413 " in await reader.readline()
        writer.close()


async def test_what_is_wrong_with_a_query_is_not_said_of_a_body(
    http: httpx.AsyncClient, engine: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def month(*_: object) -> None:
        raise InvalidInput.of("month", "9999-12 is no month of ours", "give for example 2026 and 12")

    monkeypatch.setattr(engine.calendar, "month", month)
    body = refusal(await http.get("/api/schedule/calendar?month=9999-12"), 422, "invalid-input")
    assert (body["errors"][0]["pointer"], body["errors"][0]["loc"]) == ("?month", ["query", "month"])


TASK_KEYS = {
    "id", "task_name", "task_type", "status", "scheduled_time", "recurrence_type", "device_ids", "group_ids",
    "created_at", "updated_at", "last_execution", "next_execution", "execution_count", "created_by", "payload",
    "recurrence_config", "last_result", "error_message", "executions",
}  # fmt: skip
EXECUTION_KEYS = {
    "id", "task_id", "execution_time", "completed_time", "status", "deployment_id", "result", "error_message",
}  # fmt: skip


async def test_a_list_of_tasks_has_the_contracts_shape(http: httpx.AsyncClient) -> None:
    body = (await http.get("/api/schedule/tasks")).json()
    assert set(body) == {"tasks", "total", "total_pages", "page", "page_size", "next_cursor"}
    assert (body["page"], body["page_size"], body["total"]) == (1, 100, len(body["tasks"]))
    for task in body["tasks"]:
        assert set(task) >= TASK_KEYS
        assert task["executions"] == []
        assert task["recurrence_config"] is None or set(task["recurrence_config"]) >= {
            "type", "time", "days_of_week", "day_of_month", "cron_expression", "end_date",
        }  # fmt: skip
    created = [task["created_at"] for task in body["tasks"]]
    assert created == sorted(created, reverse=True)


async def test_times_of_a_task_are_of_its_zone_with_the_offset(http: httpx.AsyncClient) -> None:
    task = (await http.get("/api/schedule/tasks?limit=1&sort=next")).json()["tasks"][0]
    assert task["timezone"] == "Europe/Berlin"
    assert task["next_execution"].endswith(("+01:00", "+02:00"))
    assert len(task["next_executions"]) == 5


async def test_skip_and_limit_page_like_the_original(http: httpx.AsyncClient) -> None:
    everything = (await http.get("/api/schedule/tasks")).json()
    ids = [task["id"] for task in everything["tasks"]]
    body = (await http.get("/api/schedule/tasks?skip=4&limit=2")).json()
    assert [task["id"] for task in body["tasks"]] == ids[4:6]
    assert (body["page"], body["page_size"], body["total"]) == (3, 2, len(ids))
    assert body["total_pages"] == (len(ids) + 1) // 2


async def test_the_status_word_filters_and_its_pages_join(http: httpx.AsyncClient) -> None:
    everything = (await http.get("/api/schedule/tasks")).json()["tasks"]
    expected = [task["id"] for task in everything if task["status"] == "pending"]
    assert len(expected) > 2
    found: list[int] = []
    params: dict[str, str] = {"status": "pending", "limit": "2"}
    while True:
        body = (await http.get("/api/schedule/tasks", params=params)).json()
        assert body["total"] == len(expected)
        found += [task["id"] for task in body["tasks"]]
        if body["next_cursor"] is None:
            break
        params["cursor"] = body["next_cursor"]
    assert found == expected
    assert (await http.get("/api/schedule/tasks?task_type=file_deployment")).json()["tasks"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"command_payload": None}, 400),
        ({"command_payload": {"shell": "sh"}}, 400),
        ({"device_ids": [], "group_ids": []}, 400),
        ({"scheduled_time": "2020-01-01T00:00:00Z"}, 400),
        ({"device_ids": None}, 422),
        ({"recurrence_type": "daily", "recurrence_config": {"type": "daily", "time": "25:99"}}, 422),
        ({"recurrence_type": "hourly"}, 422),
        ({"task_nmae": "x"}, 422),
        ({"task_type": "reboot"}, 422),
    ],
)
async def test_a_bad_task_keeps_the_originals_code(
    http: httpx.AsyncClient, change: dict[str, Any], status: int
) -> None:
    body = refusal(await http.post("/api/schedule/tasks", json={**TASK, **change}), status, "invalid-input")
    assert body["errors"]
    assert all(set(error) == {"pointer", "loc", "msg", "remedy", "field"} for error in body["errors"])


async def test_an_unknown_field_or_parameter_says_what_was_meant(http: httpx.AsyncClient) -> None:
    body = refusal(await http.post("/api/schedule/tasks", json={**TASK, "tsak_name": "x"}), 422, "invalid-input")
    assert ("/tsak_name", "did you mean task_name?") in {
        (error["pointer"], error["remedy"]) for error in body["errors"]
    }
    body = refusal(await http.get("/api/schedule/tasks?statsu=failed"), 422, "invalid-input")
    assert [(error["pointer"], error["remedy"]) for error in body["errors"]] == [("?statsu", "did you mean status?")]
    refusal(await http.get("/api/schedule/tasks/1?x=1"), 422, "invalid-input")


async def test_a_tasks_executions_are_a_bare_array_with_a_link(http: httpx.AsyncClient, engine: FakeBackend) -> None:
    task = next(run.task_id for run in engine.execution_rows.values() if run.task_id)
    path = f"/api/schedule/tasks/{task}/executions"
    body = (await http.get(path)).json()
    assert isinstance(body, list)
    assert set(body[0]) >= EXECUTION_KEYS
    assert [run["id"] for run in body] == sorted((run["id"] for run in body), reverse=True)
    detail = (await http.get(f"/api/schedule/tasks/{task}")).json()
    assert [run["id"] for run in detail["executions"]] == [run["id"] for run in body][:10]
    assert all("task_id" not in run for run in detail["executions"])
    if len(body) > 1:
        first = await http.get(f"{path}?limit=1")
        second = await http.get(first.headers["link"].partition(">")[0][1:])
        assert [run["id"] for run in first.json() + second.json()] == [run["id"] for run in body][:2]


async def test_the_figures_add_up(http: httpx.AsyncClient) -> None:
    stats = (await http.get("/api/schedule/stats")).json()
    words = ("pending", "running", "completed", "failed", "paused", "cancelled")
    assert stats["total_tasks"] == sum(stats[f"{word}_tasks"] for word in words) > 0
    assert len(stats["upcoming_tasks"]) <= 5
    assert all(set(task) == {"id", "task_name", "task_type", "next_execution"} for task in stats["upcoming_tasks"])


async def test_output_is_bytes_with_where_to_read_on(http: httpx.AsyncClient, engine: FakeBackend) -> None:
    execution, device = next(iter(engine.outputs)) if engine.outputs else await _with_output(engine)
    answer = await http.get(f"/api/executions/{execution}/targets/{device}/output?offset=1&limit=3")
    assert answer.headers["content-type"] == "application/octet-stream"
    expected = await engine.executions.output(execution, device, offset=1, limit=3)
    assert answer.content == b"".join(chunk.data for chunk in expected.chunks)
    assert answer.headers["x-next-offset"] == str(expected.next_offset)
    assert answer.headers["x-complete"] == ("true" if expected.complete else "false")


async def test_output_says_how_much_of_it_cant_be_read(
    http: httpx.AsyncClient, engine: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution, device = next(iter(engine.outputs)) if engine.outputs else await _with_output(engine)
    why = "the output file is damaged: /d/1.pack"
    gaps = (OutputGap(0, 7), OutputGap(7, 12, why))

    async def output(*_: object) -> OutputSlice:
        return OutputSlice(chunks=(), next_offset=12, complete=True, total=12, gaps=gaps)

    monkeypatch.setattr(engine.executions, "output", output)
    path = f"/api/executions/{execution}/targets/{device}/output"
    assert (await http.get(path)).headers["x-unreadable"] == "5"
    told = (await http.get(path, headers={"accept": "application/json"})).json()
    assert told["gaps"] == [[0, 7, ""], [7, 12, why]]


async def _with_output(engine: FakeBackend) -> Any:
    for execution in engine.execution_rows.values():
        for target in (await engine.executions.targets(execution.id)).items:
            if (await engine.executions.output(execution.id, target.device_id)).chunks:
                return execution.id, target.device_id
    raise AssertionError("the made-up world has no output")


async def test_a_runs_whole_output_is_a_file_of_text_or_an_archive(http: httpx.AsyncClient) -> None:
    text = await http.get("/api/executions/8841/output")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.headers["content-disposition"] == 'attachment; filename="deployx-8841-web-cert-renew.txt"'
    assert text.text.count("\n=== ") == 24
    archive = await http.get("/api/executions/8841/output?format=archive")
    assert archive.headers["content-type"] == "application/zip"
    assert "execution.json" in zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    refusal(await http.get("/api/executions/999999/output"), 404, "not-found")
    assert (await http.get("/api/executions/8841/output?format=pdf")).status_code in (400, 422)


@pytest.mark.parametrize("path", ["/devices", "/groups", "/api/schedule/tasks", "/api/schedule/stats", "/healthz"])
async def test_every_path_works_with_and_without_its_slash(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == (await http.get(f"{path}/")).status_code == 200


async def test_unknown_paths_methods_and_ids_are_problems(http: httpx.AsyncClient) -> None:
    refusal(await http.get("/api/nothing"), 404, "unknown-path")
    refusal(await http.put("/api/schedule/stats", json={}), 405, "method")
    refusal(await http.get("/api/schedule/tasks/abc"), 422, "invalid-input")
    refusal(await http.get("/api/schedule/tasks/0"), 422, "invalid-input")
    refusal(await http.get("/api/schedule/tasks/424242"), 404, "not-found")


@pytest.mark.parametrize(
    "spelling", ["7.0", "+7", "%207", "7%20", "07", "1_0", "7e0", "%EF%BC%97", "9223372036854775808"]
)
async def test_an_id_has_one_spelling(http: httpx.AsyncClient, spelling: str) -> None:
    for method, path in (
        ("DELETE", "/devices/{}"),
        ("DELETE", "/groups/1/remove/{}"),
        ("DELETE", "/api/schedule/tasks/{}"),
        ("GET", "/api/executions/1/targets/{}/output"),
        ("GET", "/api/events?task={}"),
        ("GET", "/devices?group_id={}"),
        ("GET", "/api/executions?task_id={}"),
    ):
        refusal(await http.request(method, path.format(spelling.replace("+", "%2B"))), 422, "invalid-input")
    assert (await http.get("/devices/7")).status_code == 200


async def test_an_id_that_is_none_is_refused_in_our_own_words(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/schedule/tasks/abc")).json()["detail"] == "task_id: it is not an id"


async def test_a_client_of_plain_json_gets_problems_as_such(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/schedule/tasks/424242", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json()["detail"], str)


async def test_what_is_too_long_too_deep_or_no_json_is_refused(http: httpx.AsyncClient) -> None:
    path = "/api/schedule/tasks"
    as_json = {"Content-Type": "application/json"}
    refusal(await http.post(path, content=b" " * (1 << 20) + b"{}", headers=as_json), 413, "too-long")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * (64 << 10)

    refusal(await http.post(path, content=pieces(), headers=as_json), 413, "too-long")
    refusal(await http.post(path, content=b"[" * 5000, headers=as_json), 422, "invalid-input")
    refusal(await http.post(path, content=json.dumps(_nested(40)), headers=as_json), 422, "invalid-input")
    refusal(await http.post(path, content=b'{"a": NaN}', headers=as_json), 422, "invalid-input")
    refusal(await http.post(path, content=b"a=b", headers={"Content-Type": "text/plain"}), 415, "content-type")


async def test_half_a_surrogate_pair_and_endless_numbers_are_refused_by_field(http: httpx.AsyncClient) -> None:
    tasks, as_json = "/api/schedule/tasks", {"Content-Type": "application/json"}
    for path, body in (
        ("/devices", rb'{"\ud800": 1}'),
        (tasks, rb'{"command_payload": {"command": "true", "\udfff": {"\ud800": 1}}, "\ud800": 1}'),
        (tasks, rb'{"command_payload": {"command": "true", "environment": {"\ud800": 1, "A": "\ud800"}}}'),
        (f"{tasks}/1/execute", rb'{"targets": "\ud800"}'),
    ):
        body_of = refusal(await http.post(path, content=body, headers=as_json), 422, "invalid-input")
        assert body_of["errors"]
    for field in ("grace_seconds", "timeout_seconds", "scheduled_time"):
        for number in ("9" * 400, "-" + "9" * 400, "1e400"):
            body = json.dumps({**TASK, field: "here"}).replace('"here"', number).encode()
            answer = refusal(await http.post(tasks, content=body, headers=as_json), 422, "invalid-input")
            assert field in {error["field"] for error in answer["errors"]}


def _nested(levels: int) -> Any:
    return [] if levels == 0 else [_nested(levels - 1)]


async def test_a_web_pages_request_is_refused(http: httpx.AsyncClient) -> None:
    refusal(await http.get("/devices", headers={"Origin": "http://evil.example"}), 403, "origin")


async def test_an_error_of_ours_tells_a_number_and_nothing_else(
    api: Served, engine: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("secret of the inside")

    monkeypatch.setattr(engine.tasks, "get", broken)
    answer = await api.http.get("/api/schedule/tasks/1")
    body = refusal(answer, 500, "internal")
    assert len(body["request_id"]) == 32
    assert "secret" not in answer.text


async def test_it_says_whether_it_is_ready_and_why_not(engine: FakeBackend, tmp_path: Path) -> None:
    async with served(engine, tmp_path, reasons=("the engine lease is lost",)) as running:
        answer = await running.http.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["the engine lease is lost"])
        assert (await running.http.get("/healthz")).json()["status"] == "healthy"
        assert (await running.http.get("/health")).json()["status"] == "healthy"


async def test_the_stream_numbers_filters_and_resumes(http: httpx.AsyncClient, engine: FakeBackend) -> None:
    async with http.stream("GET", "/api/events?types=task.changed&task=3") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        reset = await _message(lines)
        assert reset["event"] == "reset"
        engine.emit("task.changed", TaskId(4))
        engine.emit("task.deleted", TaskId(3))
        engine.emit("task.changed", TaskId(3))
        event = await _message(lines)
        assert (event["event"], json.loads(event["data"])["task_id"]) == ("task.changed", 3)
        assert int(event["id"].rpartition("-")[2]) == int(reset["id"].rpartition("-")[2]) + 3
    async with http.stream("GET", "/api/events", headers={"Last-Event-ID": event["id"]}) as answer:
        lines = answer.aiter_lines()
        while not engine.followers:
            await asyncio.sleep(0.01)
        engine.emit("execution.started")
        assert (await _message(lines))["event"] == "execution.started"
    refusal(await http.get("/api/events", headers={"Last-Event-ID": "nonsense"}), 422, "invalid-input")


async def _message(lines: AsyncIterator[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    async for line in lines:
        if not line and "id" in fields:
            return fields
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
    raise AssertionError("the stream ended")


async def test_a_client_that_goes_is_let_go(api: Served, engine: FakeBackend) -> None:
    async with api.http.stream("GET", "/api/events") as answer:
        await _message(answer.aiter_lines())
        assert api.connections.clients == 1
        assert not api.connections.empty.is_set()
    await api.http.aclose()
    await asyncio.wait_for(api.connections.empty.wait(), 10)
    while engine.followers:
        await asyncio.sleep(0.01)


async def test_parameters_are_declared_replaced_and_given_with_problems_by_pointer(
    http: httpx.AsyncClient, engine: FakeBackend
) -> None:
    declared = [{"name": "N", "type": "number", "default": 3}, {"name": "DRY", "type": "boolean"}]
    task = {**TASK, "device_ids": [], "selector": "web01"}
    made = (await http.post("/api/schedule/tasks", json={**task, "parameters": declared})).json()
    assert [(each["name"], each["default"]) for each in made["parameters"]] == [("N", "3"), ("DRY", None)]
    path = f"/api/schedule/tasks/{made['id']}"
    changed = await http.put(path, json={"task_name": "other"})
    assert changed.json()["parameters"] == made["parameters"]
    ran = await http.post(f"{path}/execute", json={"parameters": {"N": 8, "DRY": True}})
    execution = ran.json()["execution_id"]
    given = {"is_default": False, "file": None, "credential": None, "credential_id": None, "secret_version": None}
    assert (await http.get(f"/api/executions/{execution}/parameters")).json() == [
        {"name": "N", "value": "8", **given},
        {"name": "DRY", "value": "true", **given},
    ]
    wrong = await http.post(f"{path}/execute", json={"parameters": {"N": "x", "M": "1"}})
    body = refusal(wrong, 422, "invalid-input")
    assert {each["pointer"] for each in body["errors"]} == {"/parameters/N", "/parameters/M"}
    for bad in ([{"name": "N", "kind": "number"}], [{"type": "text"}], [{"name": "N", "type": "int"}], "N", [1]):
        refused = await http.post("/api/schedule/tasks", json={**task, "parameters": bad})
        errors = refusal(refused, 422, "invalid-input")["errors"]
        assert all(each["pointer"].startswith("/parameters") for each in errors), errors
    gone = await http.put(path, json={"parameters": []})
    assert gone.json()["parameters"] == []


async def test_a_run_without_a_task_takes_declarations_whose_defaults_are_the_values(http: httpx.AsyncClient) -> None:
    body = {
        "selector": "web01",
        "command_payload": {"command": "true"},
        "parameters": [{"name": "A", "default": "it's"}, {"name": "B"}],
    }
    started = await http.post("/api/executions", json=body)
    assert started.status_code == 202
    given = await http.get(f"/api/executions/{started.json()['id']}/parameters")
    assert {each["name"]: each["value"] for each in given.json()} == {"A": "it's", "B": ""}
