"""The wire over a real engine and store: what the front end and scripts of the original do."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployx_tui.store.database import Database
from tests.contract.backend.site import add_device
from tests.integration.test_api import TASK, TASK_KEYS, refusal
from tests.support.local_site import LocalSite
from tests.support.local_site import site as local_site  # noqa: F401 - a fixture
from tests.support.served import served


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
async def http(local_site: LocalSite, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:  # noqa: F811 - that fixture
    backend = await local_site.backend()
    for number in range(1, 13):
        await add_device(backend, f"web{number:02}")
    async with served(backend, tmp_path) as running:
        yield running.http


async def test_a_created_task_is_answered_whole(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/schedule/tasks", json=TASK)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) >= TASK_KEYS
    assert answer.headers["location"] == f"/api/schedule/tasks/{body['id']}"
    assert answer.headers["etag"] == f'"{body["version"]}"'
    assert (body["status"], body["recurrence_config"], body["next_execution"]) == (
        "pending",
        None,
        "2027-12-24T04:00:00+01:00",
    )
    assert body["payload"]["command"] == "true"
    assert body["payload"]["commands"] is None


async def test_the_front_ends_own_calls_work(http: httpx.AsyncClient) -> None:
    task = (await http.post("/api/schedule/tasks", json=TASK)).json()
    path = f"/api/schedule/tasks/{task['id']}"
    assert (await http.put(path, json={"status": "paused"})).json()["status"] == "paused"
    assert (await http.put(path, json={"status": "pending"})).json()["status"] == "pending"
    edited = await http.put(path, json={"task_name": "edited", "command_payload": {"command": "id", "shell": "sh"}})
    assert edited.status_code == 200
    assert (edited.json()["task_name"], edited.json()["executions"]) == ("edited", [])
    assert (await http.post(f"{path}/pause", json={})).json()["message"] == f"Task {task['id']} paused successfully"
    again = await http.post(f"{path}/pause")
    refusal(again, 400, "conflict")
    assert (await http.post(f"{path}/resume")).status_code == 200
    started = (await http.post(f"{path}/execute", json={})).json()
    assert started["message"] == f"Task {task['id']} execution started"
    assert started["execution_id"] > 0
    gone = await http.request("DELETE", path, headers={"Content-Type": "application/json"})
    assert (gone.status_code, set(gone.json())) == (200, {"message"})
    refusal(await http.get(path), 404, "not-found")


async def test_a_stale_change_is_412(http: httpx.AsyncClient) -> None:
    task = (await http.post("/api/schedule/tasks", json=TASK)).json()
    path = f"/api/schedule/tasks/{task['id']}"
    assert (
        await http.put(path, json={"task_name": "b"}, headers={"If-Match": f'"{task["version"]}"'})
    ).status_code == 200
    refusal(await http.put(path, json={"task_name": "c"}, headers={"If-Match": f'"{task["version"]}"'}), 412, "stale")
    refusal(await http.put(path, json={"task_name": "c"}, headers={"If-Match": '"abc"'}), 412, "stale")


async def test_devices_and_groups_have_the_originals_keys(http: httpx.AsyncClient) -> None:
    device = (await http.get("/devices/")).json()[0]
    assert set(device) >= {
        "id", "device_name", "ip_address", "mac_address", "os", "status", "connection_type", "last_seen", "group",
        "groups",
    }  # fmt: skip
    assert device["status"] in ("online", "offline")
    made = await http.post("/groups/", json={"group_name": "made", "color": "#112233", "device_ids": [device["id"]]})
    assert made.status_code == 200
    group = (await http.get("/groups/")).json()[0]
    assert set(group) >= {"id", "group_name", "description", "color", "devices"}
    assert {"id", "device_name"} <= set(group["devices"][0])
    path = f"/groups/{made.json()['id']}"
    assert (await http.put(path, json={"description": "kept"})).json()["device_ids"] == [device["id"]]
    assert (await http.delete(f"{path}/remove/{device['id']}")).status_code == 200
    assert (await http.get(path)).json()["devices"] == []
    assert (await http.post(f"{path}/assign/{device['id']}")).status_code == 200
    assert [member["id"] for member in (await http.get(path)).json()["devices"]] == [device["id"]]
    changed = await http.patch(f"/devices/{device['id']}", json={"ip_address": "192.0.2.99"})
    assert changed.json()["address"] == "192.0.2.99"
    assert changed.json()["device_name"] == device["device_name"]


async def test_devices_page_when_asked_to(http: httpx.AsyncClient) -> None:
    everything = [device["id"] for device in (await http.get("/devices")).json()]
    found: list[int] = []
    path: str | None = "/devices?limit=5"
    while path:
        answer = await http.get(path)
        found += [device["id"] for device in answer.json()]
        path = answer.headers["link"].partition(">")[0][1:] if "link" in answer.headers else None
    assert found == everything


async def test_repeating_a_start_under_its_key_starts_once(http: httpx.AsyncClient) -> None:
    task = (await http.post("/api/schedule/tasks", json=TASK)).json()
    path = f"/api/schedule/tasks/{task['id']}/execute"
    key = {"Idempotency-Key": "deploy 7"}
    first, again = await http.post(path, headers=key), await http.post(path, headers=key)
    assert again.json()["execution_id"] == first.json()["execution_id"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    refusal(await http.post(path, json={"targets": "*"}, headers=key), 422, "invalid-input")


async def test_a_key_stands_for_one_body(http: httpx.AsyncClient) -> None:
    name = (await http.get("/devices")).json()[0]["device_name"]
    body = {"command_payload": {"command": "true"}, "selector": name}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = await http.post("/api/executions", json=body, headers=key)
    again = await http.post("/api/executions", json=body, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    other = {**body, "command_payload": {"command": "false"}}
    refusal(await http.post("/api/executions", json=other, headers=key), 422, "invalid-input")


async def test_every_problem_of_a_task_is_told_at_once(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/schedule/tasks", json={**TASK, "timezone": "Mars/Base", "task_name": " "})
    body: dict[str, Any] = refusal(answer, 422, "invalid-input")
    assert {"/timezone", "/task_name"} <= {error["pointer"] for error in body["errors"]}


async def test_a_credential_takes_its_secret_and_no_answer_gives_it_back(http: httpx.AsyncClient) -> None:
    secret = "correct horse battery staple"
    given = {"credential_name": "web", "kind": "password", "user": "deploy", "secret": secret}
    made = await http.post("/api/credentials", json=given)
    assert (made.status_code, made.headers["location"]) == (201, "/api/credentials/1")
    path, body = "/api/credentials/1", made.json()
    assert (body["credential_name"], body["secret_version"], body["used_by"]) == ("web", 1, [])
    changed = await http.patch(path, json={"description": "fronts"}, headers={"If-Match": made.headers["etag"]})
    assert (changed.json()["description"], changed.json()["user"]) == ("fronts", "deploy")
    rotated = await http.post(f"{path}/rotate", json={"secret": f"{secret} 2"})
    assert rotated.json()["secret_version"] == 2
    answers = [
        made,
        changed,
        rotated,
        await http.get(path),
        await http.get("/api/credentials"),
        await http.get("/api/credentials/find", params={"name": "web"}),
        await http.post(f"{path}/check"),
        await http.get("/api/vault"),
        await http.post("/api/credentials", json={**given, "kind": "telnet"}),
        await http.post("/api/credentials", json={**given, "credential_name": "other", "secret": f"{secret}\nof two"}),
        await http.post("/api/credentials", json={**given, "secret": [secret]}),
        await http.post("/api/credentials", json={**given, "passphrase": f"{secret} too"}),
        await http.post(
            "/api/credentials", content=f'{{"secret": "{secret}", }}', headers={"Content-Type": "application/json"}
        ),
        await http.put(path, json={**given, "secret": secret}),
        await http.delete(path),
    ]
    assert [answer.status_code for answer in answers] == [201, *[200] * 7, *[422] * 6, 200]
    assert not [answer.text for answer in answers if "correct horse" in answer.text]
    assert answers[7].json()["state"] == "open"
    refusal(await http.get(path), 404, "not-found")
