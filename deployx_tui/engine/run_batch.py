"""A batch: its waiting targets become jobs of the workers. Both ways of dispatching, here and elsewhere, end here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from deployx_tui.engine.desk import Desk
from deployx_tui.engine.endpoints import endpoints
from deployx_tui.engine.resuming import Resumption, resumption
from deployx_tui.engine.run import Run, TargetJob
from deployx_tui.engine.secrets import Taking, secrets_on_the_way, sudo_passwords
from deployx_tui.engine.work import wants_facts
from deployx_tui.model.execution import TargetState
from deployx_tui.model.ids import DeviceId, EngineId, UserId
from deployx_tui.model.inventory import Inventory
from deployx_tui.model.secret import Secret
from deployx_tui.model.user import Actor, Role
from deployx_tui.output.masks import Masks
from deployx_tui.planning.plan import Work
from deployx_tui.store import facts, targets
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.store.targets import TargetRow
from deployx_tui.transports.base import Endpoint, Unreached
from deployx_tui.vault.vault import Vault


class Batches:
    """Makes the jobs of batches, with what they need to log in."""

    def __init__(
        self,
        database: Database,
        engine: EngineId,
        vault: Vault,
        inventory: Callable[[Connection], Inventory],
        desk: Desk,
    ) -> None:
        self._database, self._engine, self._vault, self._inventory = database, engine, vault, inventory
        self._desk = desk
        self._masks = Masks()

    def begin_next(self, run: Run) -> tuple[TargetJob, ...]:
        """Take the run's next batch that has targets left, and begin its jobs in the run. (): no batch has any.

        Left are those that wait, and durable ones that this engine has taken over from one that is no more. Devices
        are read as they are now: an address may have been corrected since the plan was made. What is read from the
        vault is in the audit before any of it is used.
        """
        while run.batches:
            with self._database.read() as c:
                rows = self._left(c, run)
                wanted = [row.device_id for row in rows]
                inventory = self._inventory(c)
                taking = Taking(c, self._vault, inventory, wanted)
                reachable = endpoints(c, wanted, inventory, taking)
                given = {device: _parameters(run.work, device, taking) for device in reachable}
                told = facts.by_devices(c, reachable) if wants_facts(run.work.payload) else {}
                passwords = sudo_passwords(taking, reachable) if run.work.payload.run_as is not None else {}
            if taking.given:
                with self._database.write() as c:
                    taking.record(c, _engine_at(run), self._engine, now_ms(), execution_id=run.id)
            run.batches.popleft()
            if rows:
                jobs = tuple(
                    self._job(run, row, reachable.get(row.device_id), given.get(row.device_id, {}), passwords)
                    for row in rows
                )
                for job in jobs:
                    known = told.get(job.device)
                    job.facts = None if known is None else known.facts
                run.begin(jobs)
                return jobs
        return ()

    def _left(self, c: Connection, run: Run) -> tuple[TargetRow, ...]:
        """Of its next batch; of a cancelled run only what is to be ended."""
        running = targets.of_batch(c, run.batches[0], TargetState.RUNNING)
        taken_up = tuple(row for row in running if row.owner == self._engine)
        return taken_up if run.is_cancelled else (*taken_up, *targets.of_batch(c, run.batches[0], TargetState.WAITING))

    def _job(
        self,
        run: Run,
        row: TargetRow,
        endpoint: Endpoint | Unreached | None,
        given: Mapping[str, str | Secret] | Unreached,
        passwords: Mapping[DeviceId, Secret | Unreached],
    ) -> TargetJob:
        password = passwords.get(row.device_id)
        if isinstance(endpoint, Endpoint) and run.by_hand_of is not None:
            endpoint = endpoint.asking(self._desk.asker(run.by_hand_of))
        if isinstance(password, Unreached):
            endpoint, password = password, None
        if isinstance(given, Unreached):
            # without one of its values the command must not run, nor its output be kept unmasked
            endpoint, given = given, {}
        secret_values = [value for value in given.values() if isinstance(value, Secret)]
        secret_values += [] if password is None else [password]
        job = TargetJob(
            id=row.id,
            run=run,
            device=row.device_id,
            name=row.device_name,
            endpoint=endpoint,
            secrets=self._masks.of([*secrets_on_the_way(endpoint), *secret_values]),
            parameters=given,
            password=password,
        )
        if row.state is TargetState.RUNNING:
            job.token, job.resumes, job.started_at_ms = row.claim or "", _resumed(row), row.started_at_ms
        return job


def _parameters(work: Work, device: DeviceId, taking: Taking) -> dict[str, str | Secret] | Unreached:
    """What the command gets on this device. `Unreached`: a secret among it can't be used there."""
    found: dict[str, str | Secret] = {}
    for each in work.values or ():
        value = each.value if each.secret is None else taking.parameter(device, each.secret)
        if isinstance(value, Unreached):
            return value
        found[each.name] = value
    return found


def _engine_at(run: Run) -> Actor:
    return Actor(user_id=UserId(0), name="engine", role=Role.ADMIN, origin=f"execution {run.id}")


def _resumed(row: TargetRow) -> Resumption:
    found = resumption(row.handle_json)
    if found is None:
        raise RuntimeError(f"target {row.id} runs here and can't be gone on with")
    return found
