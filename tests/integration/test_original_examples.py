"""The original's examples of a weekly software task and a daily file task: made over the wire with its keys, run on
real sshd hosts, rolled back, and seen on both screens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployx_tui.cli.ui import connecting
from deployx_tui.demo import wares
from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.device import DeviceDraft, GroupDraft
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.package import Package
from deployx_tui.service.backend import Backend
from deployx_tui.service.process import attach_or_start
from deployx_tui.tui.app import DeployxApp
from tests.contract.backend.site import stream
from tests.support.processes import LONG, Place, only_place
from tests.support.screen import press, screen_text, until

HOSTS = 3


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with only_place(tmp_path, monkeypatch) as place:
        yield place


async def over(backend: Backend, execution: int) -> None:
    async with asyncio.timeout(LONG):
        while (await backend.executions.get(ExecutionId(execution))).status.is_alive:
            await asyncio.sleep(0.05)


async def done(http: httpx.AsyncClient, backend: Backend, path: str) -> dict[str, Any]:
    """The execution that a request begins, once it is over."""
    answer = await http.post(path)
    assert answer.status_code < 300, answer.text
    body = answer.json()
    execution = body.get("execution_id") or body["id"]
    await over(backend, execution)
    return dict((await http.get(f"/api/executions/{execution}")).json())


async def test_a_weekly_software_task_and_a_daily_file_task_run_and_are_rolled_back(
    tmp_path: Path, place: Place
) -> None:
    with Fleet.start(HOSTS, tmp_path / "fleet", "sshd") as fleet, place.serving():
        (tmp_path / "config").mkdir(mode=0o700, exist_ok=True)
        (tmp_path / "config" / "known_hosts").write_text(fleet.known_hosts.read_text())
        backend = await attach_or_start(place.settings())
        devices = [
            (
                await backend.devices.create(
                    DeviceDraft(
                        name=host.name, address=host.address, port=host.port, user=host.user, key_file=host.key_file
                    )
                )
            ).id
            for host in fleet.hosts
        ]
        group = await backend.groups.create(GroupDraft(name="web", devices=tuple(devices)))
        other = Package(name="other-agent", version="2.4.1", variants=wares.AGENT.variants)
        software = [(await backend.packages.create(each)).id for each in (wares.AGENT, other)]
        files = [
            (await backend.artifacts.add(name, stream(content), "test")).id
            for name, content in (("app.conf", b"a=1\n"), ("log.conf", b"b=2\n"))
        ]
        soon = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT02:00:00")
        transport = httpx.AsyncHTTPTransport(uds=str(place.engine_socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://deployx", timeout=LONG) as http:
            weekly = await http.post(
                "/api/schedule/tasks",
                json={
                    "task_name": "Weekly Security Updates",
                    "task_type": "software_deployment",
                    "scheduled_time": soon,
                    "recurrence_type": "weekly",
                    "recurrence_config": {"type": "weekly", "days_of_week": [0], "time": "02:00"},
                    "group_ids": [group.id],
                    "software_payload": {"software_ids": software, "deployment_name": "Weekly Updates"},
                },
            )
            daily = await http.post(
                "/api/schedule/tasks",
                json={
                    "task_name": "Daily Config Sync",
                    "task_type": "file_deployment",
                    "scheduled_time": soon,
                    "recurrence_type": "daily",
                    "recurrence_config": {"type": "daily", "time": "01:00"},
                    "device_ids": devices,
                    "file_payload": {
                        "file_ids": files,
                        "target_path": "~/config/",
                        "create_path_if_not_exists": True,
                    },
                },
            )
            assert (weekly.status_code, daily.status_code) == (201, 201), (weekly.text, daily.text)
            homes = [Path(host.home) for host in fleet.hosts]
            installed = await done(http, backend, f"/api/schedule/tasks/{weekly.json()['id']}/execute")
            assert installed["status"] == "completed", installed
            assert all((home / "web-agent/version").read_text() == "2.4.1\n" for home in homes)
            placed = await done(http, backend, f"/api/schedule/tasks/{daily.json()['id']}/execute")
            assert placed["status"] == "completed", placed
            assert all((home / "config/app.conf").read_bytes() == b"a=1\n" for home in homes)
            for each in (placed, installed):
                back = await done(http, backend, f"/api/executions/{each['id']}/rollback")
                assert back["status"] == "completed", back
        assert not any((home / "web-agent").exists() or (home / "config").exists() for home in homes)

        connect, connection = connecting(place.settings())
        app = DeployxApp(connect, connection=connection)
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: "Weekly Security Updates" in screen_text(pilot), patience=LONG)
            assert "Daily Config Sync" in screen_text(pilot)
            await press(pilot, "4")
            await until(pilot, lambda: screen_text(pilot).count("rollback of") >= 2, patience=LONG)
        await backend.close()
