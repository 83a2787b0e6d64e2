"""One engine process per database; faces are its clients. Real processes, real signals."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.cli.ui import connecting
from deployx_tui.errors import DatabaseMoved, DatabaseRefused, EngineUnreachable, Held, InvalidInput
from deployx_tui.model.execution import ExecutionStatus, KillReport, KillVerdict, TargetState
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.task import TaskQuery
from deployx_tui.service.backend import Backend
from deployx_tui.service.process import Finding, attach_or_start, backend_for, ensure_engine
from deployx_tui.service.remote import RemoteBackend
from deployx_tui.service.sockets import is_ours
from deployx_tui.tui import bridge
from deployx_tui.tui.app import DeployxApp
from tests.support.processes import (
    LONG,
    Place,
    ended,
    is_alive,
    kill,
    listening_for_readiness,
    next_message,
    only_place,
    this_machine,
)
from tests.support.screen import screen_text, until


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with only_place(tmp_path, monkeypatch) as place:
        yield place


@asynccontextmanager
async def attached(place: Place) -> AsyncIterator[RemoteBackend]:
    backend = await attach_or_start(place.settings())
    try:
        yield backend
    finally:
        await backend.close()


async def waiting_run(backend: RemoteBackend, gate: Path) -> ExecutionId:
    """A run that lasts until `gate` exists, and has begun."""
    device = await this_machine(backend)
    started = gate.with_suffix(".started")
    command = f"touch {started}; while [ ! -e {gate} ]; do sleep 0.05; done"
    followed = backend.events.follow()
    await anext(followed)
    execution = await backend.executions.run_ad_hoc(CommandPayload(body=Line(command)), device.name, str(uuid.uuid4()))
    async with asyncio.timeout(LONG):
        while not started.exists():
            await asyncio.sleep(0.02)
    return execution


async def over(backend: Backend, execution: ExecutionId) -> ExecutionStatus:
    async with asyncio.timeout(LONG):
        async for _ in backend.events.follow(execution=execution):
            status = (await backend.executions.get(execution)).status
            if not status.is_alive:
                return status
    raise AssertionError("the stream ended")


async def test_the_first_face_starts_the_engine_and_the_second_attaches(place: Place) -> None:
    async with attached(place) as first, attached(place) as second:
        one, other = await first.engine.status(), await second.engine.status()
        assert (one.engine_id, one.pid) == (other.engine_id, other.pid)
        assert not one.is_service
        assert one.pid != os.getpid()
        # its own session and behind the screens
        assert os.getsid(one.pid) != os.getsid(0)
        threads = [int(thread.name) for thread in Path(f"/proc/{one.pid}/task").iterdir()]
        behind = os.getpriority(os.PRIO_PROCESS, 0) + 5
        assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {behind}
        session = Path(f"/proc/{one.pid}/autogroup")
        assert not session.exists() or session.read_text().endswith(" nice 5\n")
        # nothing of the terminal is kept open
        assert Path(f"/proc/{one.pid}/cwd").resolve() == Path("/")
        assert {Path(f"/proc/{one.pid}/fd/{number}").resolve().name for number in (1, 2)} == {"deployx.db.log"}
        assert Path(f"/proc/{one.pid}/fd/0").resolve() == Path("/dev/null")
        assert place.engine_socket.stat().st_mode & 0o777 == 0o600
        assert place.engine_socket.parent.stat().st_mode & 0o777 == 0o700
        assert (place.folder / "data" / "deployx.db.log").stat().st_mode & 0o777 == 0o600
        pid = one.pid
    await ended(pid)


async def test_faces_that_start_at_the_same_moment_share_one_engine(place: Place) -> None:
    script = """
        from deployx_tui import config
        from deployx_tui.service.process import ensure_engine
        import socket, sys
        path = ensure_engine(config.load())
        held = socket.socket(socket.AF_UNIX)
        held.connect(str(path))
        print(path, flush=True)
        sys.stdin.read()
    """
    faces = [place.run(script) for _ in range(3)]
    paths = {await asyncio.to_thread(face.stdout.readline) for face in faces if face.stdout}
    assert paths == {f"{place.engine_socket}\n"}, [face.communicate() for face in faces]
    async with attached(place) as backend:
        pid = (await backend.engine.status()).pid
    for face in faces:
        await asyncio.to_thread(face.communicate)
    await ended(pid)


async def test_the_engine_ends_with_its_last_client_and_the_next_one_starts_another(place: Place) -> None:
    async with attached(place) as backend:
        device = await this_machine(backend)
        first = await backend.engine.status()
    await ended(first.pid)
    assert not place.engine_socket.exists()
    async with attached(place) as backend:
        second = await backend.engine.status()
        assert second.engine_id != first.engine_id
        # the same database
        assert await backend.devices.get(device.id) == device


async def test_a_dead_terminal_leaves_the_engine_running_until_its_work_is_done(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"""
        import asyncio
        from pathlib import Path
        from deployx_tui import config
        from deployx_tui.service.process import attach_or_start
        from tests.integration.test_process_shape import waiting_run
        async def main():
            backend = await attach_or_start(config.load())
            execution = await waiting_run(backend, Path({str(gate)!r}))
            print((await backend.engine.status()).pid, execution, flush=True)
            await asyncio.Event().wait()
        asyncio.run(main())
    """
    terminal = place.run(script, PYTHONPATH=str(Path.cwd()))
    assert terminal.stdout is not None
    line = await asyncio.to_thread(terminal.stdout.readline)
    assert line, terminal.communicate()
    pid, execution = map(int, line.split())
    # what a closed terminal does, at its worst: the whole group dies
    os.killpg(terminal.pid, signal.SIGKILL)
    await asyncio.to_thread(terminal.communicate)
    async with attached(place) as backend:
        status = await backend.engine.status()
        assert status.pid == pid
        assert (await backend.executions.get(ExecutionId(execution))).status is ExecutionStatus.RUNNING
    assert is_alive(pid)
    gate.touch()
    await ended(pid)
    async with backend_for(place.settings(), engine=False) as reader:
        assert (await reader.executions.get(ExecutionId(execution))).status is ExecutionStatus.SUCCEEDED


async def test_an_engine_that_was_told_to_stay_outlives_its_last_client(place: Place) -> None:
    async with attached(place) as backend:
        pid = (await backend.engine.status()).pid
        await backend.engine.stay()
        assert (await backend.engine.status()).is_service
    # longer than it would linger
    await asyncio.sleep(2)
    assert is_alive(pid)
    async with attached(place) as backend:
        assert (await backend.engine.status()).pid == pid
        await backend.engine.shutdown(timedelta())
        await ended(pid)


async def test_the_doctor_names_the_engine_that_runs_and_how_a_service_ends(place: Place) -> None:
    async def said() -> str:
        process = place.deployx("doctor", "--json")
        out, _ = await asyncio.to_thread(process.communicate)
        checks = json.loads(out)
        return next(str(check["message"]) for check in checks if check["check"] == "engine")

    async with attached(place) as backend:
        pid = (await backend.engine.status()).pid
        private = await said()
        assert f"pid {pid} on " in private
        assert "private" in private
        assert "deployx.db" in private
        await backend.engine.stay()
        assert f"a service, serves {place.settings().db}; kill {pid} " in await said()
        os.kill(pid, signal.SIGTERM)
        await ended(pid)
    assert "none runs" in await said()


async def test_a_killed_engine_is_replaced_and_its_client_comes_back(place: Place) -> None:
    async with attached(place) as backend:
        followed = backend.events.follow()
        await anext(followed)
        first = await backend.engine.status()
        kill(first.pid)
        await ended(first.pid)
        # the client looks for an engine again, and starts one
        second = await backend.engine.status()
        assert second.engine_id != first.engine_id
        device = await this_machine(backend)
        async with asyncio.timeout(LONG):
            async for item in followed:
                if getattr(item, "type", "") == "device.changed":
                    break
        assert await backend.devices.find("here") == device


async def test_an_engine_whose_place_was_cleared_away_ends_whatever_runs(place: Place, tmp_path: Path) -> None:
    async with attached(place) as backend:
        pid = (await backend.engine.status()).pid
        await waiting_run(backend, tmp_path / "never")
        shutil.rmtree(place.folder / "data")
    await ended(pid)


async def test_an_engine_whose_database_was_removed_takes_nothing_follows_what_runs_and_ends_then(
    place: Place, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    async with attached(place) as backend:
        pid = (await backend.engine.status()).pid
        execution = await waiting_run(backend, gate)
    database = place.folder / "data" / "deployx.db"
    database.unlink()
    for command in (("task", "list"), ("run", "--on", "here", "--yes", "--", "true"), ("execution", "show", "1")):
        process = place.deployx(*command)
        out, err = await asyncio.to_thread(process.communicate)
        assert (process.returncode, out) == (5, "")
        assert "the database was removed or moved away under its engine" in err
        assert str(database) in err
        assert f"kill {pid}" in err
    doctor = place.deployx("doctor", "--json")
    checks = {check["check"]: check for check in json.loads((await asyncio.to_thread(doctor.communicate))[0])}
    assert (checks["engine"]["verdict"], f"kill {pid}" in checks["engine"]["remedy"]) == ("bad", True)
    assert is_alive(pid)
    gate.touch()
    await ended(pid)
    log = database.with_name("deployx.db.log").read_text()
    assert f"execution {execution} on here: succeeded, exit 0" in log
    assert "the database was removed or moved away" in log
    assert not database.exists()


async def test_screens_start_no_engine_on_another_database_than_they_showed(place: Place) -> None:
    finding = Finding(place.settings())
    backend = await attach_or_start(place.settings(), finding)
    pid = (await backend.engine.status()).pid
    device = await this_machine(backend)
    database = place.folder / "data" / "deployx.db"
    database.rename(place.folder / "away")
    await backend.close()
    await ended(pid)
    with pytest.raises(DatabaseMoved, match=r"moved away, and its engine has ended: .*; put the file back"):
        await attach_or_start(place.settings(), finding)
    assert not database.exists()
    (place.folder / "away").rename(database)
    backend = await attach_or_start(place.settings(), finding)
    assert await backend.devices.find("here") == device
    await backend.close()


async def test_why_an_engine_can_not_start_is_said_in_the_terminal(place: Place) -> None:
    (place.folder / "data").mkdir(mode=0o700)
    (place.folder / "data" / "deployx.db").write_text("this is no database, but a text of some length")
    (place.folder / "data" / "deployx.db").chmod(0o600)
    with pytest.raises(DatabaseRefused):
        ensure_engine(place.settings())


async def test_a_socket_in_a_strangers_folder_is_not_attached_to(place: Place) -> None:
    place.engine_socket.parent.mkdir()
    place.engine_socket.parent.chmod(0o777)
    with pytest.raises(Exception, match="chmod 700"):
        ensure_engine(place.settings())


async def test_postgresql_is_for_serve_only(place: Place) -> None:
    with pytest.raises(InvalidInput, match="--connect"):
        ensure_engine(place.settings(db="postgresql://db.example/deployx"))


async def test_reading_needs_no_engine(place: Place) -> None:
    async with backend_for(place.settings(), engine=False) as reader:
        assert (await reader.tasks.list(TaskQuery())).items == ()
    assert not place.engine_socket.exists()


async def test_in_one_process_the_engine_runs_and_is_drained(place: Place) -> None:
    async with backend_for(place.settings(), in_process=True) as backend:
        device = await this_machine(backend)
        execution = await backend.executions.run_ad_hoc(
            CommandPayload(body=Line("true")), device.name, str(uuid.uuid4())
        )
        assert (await backend.engine.status()).pid == os.getpid()
        assert await over(backend, execution) is ExecutionStatus.SUCCEEDED
        # another face on this database is told who serves it
        with pytest.raises(Held, match=str(os.getpid())):
            async with backend_for(place.settings(), in_process=True):
                pass
    async with backend_for(place.settings(), engine=False) as reader:
        assert (await reader.executions.get(execution)).status is ExecutionStatus.SUCCEEDED


# ---- --serve


async def test_an_engine_in_this_process_beside_another_says_how_to_use_that_one(place: Place) -> None:
    async with attached(place):
        with pytest.raises(Held) as refused:
            async with backend_for(place.settings(), in_process=True):
                pass
    assert "leave --in-process out: plain deployx attaches to it" in str(refused.value)


async def test_serve_says_that_it_is_ready_and_that_it_stops(place: Place, tmp_path: Path) -> None:
    with listening_for_readiness(tmp_path / "notify") as notify:
        process = place.deployx("--serve", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000")
        first = next_message(notify)
        assert first.startswith("READY=1\n")
        assert f"MAINPID={process.pid}" in first
        async with attached(place) as backend:
            status = await backend.engine.status()
            assert (status.pid, status.is_service) == (process.pid, True)
        assert next_message(notify) == "WATCHDOG=1"
        process.terminate()
        while (said := next_message(notify)) == "WATCHDOG=1":
            pass
        assert said.startswith("STOPPING=1\n")
        _, log = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, log
        assert f"at {place.engine_socket}" in log
        assert not place.engine_socket.exists()


async def test_serve_refuses_a_database_that_is_served_and_names_who_does(place: Place) -> None:
    with place.serving() as (first, _):
        second = place.deployx("--serve")
        _, said = await asyncio.to_thread(second.communicate)
        assert second.returncode == 5
        assert str(place.engine_socket) in said
        assert "close the screens that use it (a private engine then ends by itself once nothing runs), " in said
        assert f"or kill {first.pid}, which lets what runs end" in said
        # at another socket too: the lock beside the database has the last word
        other = place.deployx("--serve", "--socket", str(place.folder / "other" / "x.sock"))
        _, said = await asyncio.to_thread(other.communicate)
        assert other.returncode == 5
        assert str(first.pid) in said
        assert str(place.engine_socket) in said


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_an_idle_private_engine_makes_room_for_serve(place: Place, elsewhere: bool) -> None:
    place.more["DEPLOYX_LINGER"] = "10m"
    async with attached(place) as backend:
        pid = (await backend.engine.status()).pid
    assert is_alive(pid)
    more = {"DEPLOYX_SOCKET": str(place.folder / "other" / "x.sock")} if elsewhere else {}
    with place.serving(**more) as (service, _):
        await ended(pid)
        async with attached(place) as backend:
            status = await backend.engine.status()
        assert (status.pid, status.is_service) == (service.pid, True)


async def test_a_private_engine_with_a_client_makes_no_room(place: Place) -> None:
    async with attached(place) as backend:
        pid = (await backend.engine.status()).pid
        refused = place.deployx("--serve")
        _, said = await asyncio.to_thread(refused.communicate)
        assert refused.returncode == 5
        assert f"kill {pid}" in said
        assert (await backend.engine.status()).pid == pid


async def test_a_face_finds_a_server_that_listens_elsewhere(place: Place) -> None:
    elsewhere = place.folder / "elsewhere" / "x.sock"
    with place.serving(DEPLOYX_SOCKET=str(elsewhere)) as (process, _):
        async with attached(place) as backend:
            assert backend.socket == elsewhere
            assert (await backend.engine.status()).pid == process.pid
        named = await attach_or_start(place.settings(connect=f"unix://{elsewhere}"))
        assert (await named.engine.status()).pid == process.pid
        await named.close()


async def test_sigterm_waits_for_what_runs(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with place.serving() as (process, _):
        async with attached(place) as backend:
            execution = await waiting_run(backend, gate)
            process.terminate()
            gate.touch()
            assert await over(backend, execution) is ExecutionStatus.SUCCEEDED
        _, log = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, log


async def test_a_command_that_waits_for_a_run_hears_how_it_ended_from_a_service_that_ends(
    place: Place, tmp_path: Path
) -> None:
    gate, started = tmp_path / "gate", tmp_path / "started"
    line = f"touch {started}; while [ ! -e {gate} ]; do sleep 0.05; done; echo the last words"
    with place.serving() as (process, _):
        async with attached(place) as backend:
            device = await this_machine(backend)
        run = place.deployx("run", "--on", device.name, "--", line)
        async with asyncio.timeout(LONG):
            while not started.exists():
                await asyncio.sleep(0.02)
        process.terminate()
        gate.touch()
        out, trouble = await asyncio.to_thread(run.communicate)
        assert (run.returncode, "the last words" in out) == (0, True), trouble
        await asyncio.to_thread(process.communicate)


async def test_a_command_whose_engine_is_killed_says_that_the_outcome_is_unknown_and_of_which_run(
    place: Place, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    with place.serving() as (process, _):
        async with attached(place) as backend:
            device = await this_machine(backend)
        run = place.deployx("run", "--on", device.name, "--", f"touch {started}; sleep 60")
        async with asyncio.timeout(LONG):
            while not started.exists():
                await asyncio.sleep(0.02)
        kill(process.pid)
        _, trouble = await asyncio.to_thread(run.communicate)
        assert run.returncode == 6, trouble
        assert "#1 was started" in trouble
        assert "deployx execution show 1" in trouble


async def test_what_still_runs_at_the_deadline_is_cancelled(place: Place, tmp_path: Path) -> None:
    with place.serving(DEPLOYX_DRAIN="1s") as (process, _):
        async with attached(place) as backend:
            execution = await waiting_run(backend, tmp_path / "never")
        process.terminate()
        _, log = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, log
    await was_killed(place, execution)


async def was_killed(place: Place, execution: ExecutionId) -> None:
    async with backend_for(place.settings(), engine=False) as reader:
        (target,) = (await reader.executions.targets(execution)).items
        assert (await reader.executions.get(execution)).status is ExecutionStatus.CANCELLED
    assert target.state is TargetState.CANCELLED
    assert target.kill == KillReport(KillVerdict.KILLED)


async def test_a_second_sigterm_does_not_wait(place: Place, tmp_path: Path) -> None:
    with place.serving(DEPLOYX_DRAIN="1h") as (process, notify):
        async with attached(place) as backend:
            execution = await waiting_run(backend, tmp_path / "never")
        process.terminate()
        # two signals that arrive together are one
        assert next_message(notify).startswith("STOPPING=1")
        process.terminate()
        _, log = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, log
    await was_killed(place, execution)


async def test_no_child_takes_the_place_of_a_server_that_is_gone(place: Place) -> None:
    with place.serving() as (process, _):
        backend = await attach_or_start(place.settings())
        process.terminate()
        await asyncio.to_thread(process.communicate)
        # a child would hold the database, and the service could not come back
        with pytest.raises(EngineUnreachable, match="service"):
            await backend.engine.status()
        assert not is_ours(place.engine_socket)
    (place.folder / "notify").unlink()
    with place.serving() as (process, _):
        assert (await backend.engine.status()).pid == process.pid
        await backend.close()


async def test_screens_wait_for_a_server_that_is_gone_and_start_no_child(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "RETRY_FIRST", 0.05)
    refused: list[str] = []
    with ExitStack() as serving:
        process, _ = serving.enter_context(place.serving())
        connect, connection = connecting(place.settings())

        async def watched() -> Backend:
            try:
                return await connect()
            except EngineUnreachable as error:
                refused.append(str(error))
                raise

        app = DeployxApp(watched, connection=connection)
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: "attached ● engine up" in screen_text(pilot), patience=LONG)
            process.terminate()
            await asyncio.to_thread(process.communicate)
            await until(pilot, lambda: len(refused) > 1, patience=LONG)
            assert "engine lost" in screen_text(pilot)
            assert all("its service ended" in why for why in refused)
            assert not is_ours(place.engine_socket)
            serving.close()
            (place.folder / "notify").unlink()
            process, _ = serving.enter_context(place.serving())
            await until(pilot, lambda: "engine up" in screen_text(pilot), patience=LONG)
            assert (await app.bridge.backend.engine.status()).pid == process.pid


async def test_the_engine_comes_up_while_the_screens_load(place: Place) -> None:
    connect, connection = connecting(place.settings())
    async with asyncio.timeout(LONG):
        while not is_ours(place.engine_socket):
            await asyncio.sleep(0.05)
    backend = await connect()
    assert (await backend.engine.status()).clients == 1
    assert connection() == "local"
    other, of_other = connecting(place.settings())
    second = await other()
    assert of_other() == "attached"
    await second.close()
    await backend.close()


async def test_what_kept_the_engine_from_starting_is_said_when_the_screens_ask(place: Place) -> None:
    settings = place.settings()
    database = Path(settings.db.removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_bytes(b"this is no database, and what stands in it is nobody's to overwrite" * 20)
    connect, _ = connecting(settings)
    for _ in range(2):
        with pytest.raises(DatabaseRefused):
            await connect()
