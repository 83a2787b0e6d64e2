"""Parameters: declared with a task, given at a start, kept with the run."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from deployx_tui.errors import Conflict, InvalidInput, NotPermitted
from deployx_tui.model.device import GroupDraft
from deployx_tui.model.execution import ExecutionStatus, RerunScope, TargetState
from deployx_tui.model.ids import GroupId
from deployx_tui.model.parameter import Parameter, ParameterType, SecretRef, Value
from deployx_tui.model.secret import Credential, CredentialDraft, CredentialKind, NewSecret, Secret
from deployx_tui.model.user import Role
from deployx_tui.service.backend import Backend
from deployx_tui.store import schema
from tests.contract.backend.site import Site, add_device, draft, fields, finished, line, new_request, run
from tests.support.payloads import commands_of

REGION = Parameter(
    name="REGION", type=ParameterType.CHOICE, choices=("eu", "us"), default="eu", description="where to deploy"
)
NOTE = Parameter(name="NOTE", default="none")
VERSION = Parameter(name="VERSION", required=True)
PASSWORD = Parameter(name="PW", type=ParameterType.SECRET, required=True)
VALUE = "it's $(a) `s3cret`\nof two lines"
HASH = 'printf %s "$PW" | sha256sum'
SAYS = 'printf "[%s]" "$REGION" "$NOTE" "$VERSION"'


async def _keep(
    backend: Backend, name: str, value: str, kind: CredentialKind = CredentialKind.PARAMETER, *groups: GroupId
) -> Credential:
    if kind is not CredentialKind.PARAMETER:
        value = value.partition("\n")[0]
    return await backend.credentials.create(
        CredentialDraft(name=name, kind=kind, groups=groups), NewSecret(value=Secret.of(value))
    )


async def _said(backend: Backend, execution: int) -> str:
    (target,) = (await backend.executions.targets(execution)).items  # type: ignore[arg-type]  # an ExecutionId
    found = await backend.executions.output(target.execution_id, target.device_id)
    return b"".join(chunk.data for chunk in found.chunks).decode()


class ParametersContract:
    async def test_what_a_task_declares_is_read_back_in_its_order(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        made = await backend.tasks.create(draft(payload=line(SAYS, parameters=(VERSION, REGION, NOTE))))
        assert made.draft.payload.parameters == (VERSION, REGION, NOTE)
        assert (await backend.tasks.get(made.id)).draft == made.draft
        fewer = replace(made.draft, payload=replace(commands_of(made), parameters=(NOTE,)))
        assert (await backend.tasks.update(made.id, fewer)).draft.payload.parameters == (NOTE,)

    async def test_a_declaration_that_can_not_be_meant_is_refused_by_field(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        wrong = (NOTE, Parameter(name="LD_PRELOAD"), Parameter(name="N", type=ParameterType.NUMBER, default="x"))
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.create(draft(payload=line("true", parameters=wrong)))
        assert fields(refused) == ["parameters.1.name", "parameters.2.default"]

    async def test_a_run_gives_what_was_asked_else_the_default(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await backend.tasks.create(draft(payload=line(SAYS, parameters=(REGION, NOTE, VERSION))))
        ran = await run(backend, task, parameters={"VERSION": "it's $(id) `x`", "REGION": "us"})
        assert ran.status is ExecutionStatus.SUCCEEDED
        assert await _said(backend, ran.id) == "[us][none][it's $(id) `x`]"
        assert await backend.executions.parameters(ran.id) == (
            Value(name="REGION", value="us"),
            Value(name="NOTE", value="none", is_default=True),
            Value(name="VERSION", value="it's $(id) `x`"),
        )

    async def test_what_does_not_fit_starts_nothing_and_is_refused_by_name(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await backend.tasks.create(draft(payload=line(SAYS, parameters=(REGION, VERSION))))
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.run(task.id, new_request(), parameters={"REGION": "mars", "REGIN": "eu"})
        assert sorted(fields(refused)) == ["parameters.REGIN", "parameters.REGION", "parameters.VERSION"]
        assert (await backend.tasks.get(task.id)).execution_count == 0

    async def test_a_repeated_request_is_the_same_run_and_with_other_values_refused(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await backend.tasks.create(draft(payload=line(SAYS, parameters=(NOTE,))))
        request = new_request()
        first = await backend.tasks.run(task.id, request, parameters={"NOTE": "a"})
        assert await backend.tasks.run(task.id, request, parameters={"NOTE": "a"}) == first
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.run(task.id, request, parameters={"NOTE": "b"})
        assert fields(refused) == ["request"]

    async def test_a_rerun_repeats_the_values_also_of_a_file_that_changed(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        file = tmp_path / "note"
        file.write_text("first\n")
        note = Parameter(name="NOTE", type=ParameterType.FILE, default=str(file))
        task = await backend.tasks.create(draft(payload=line(SAYS, parameters=(REGION, note))))
        ran = await run(backend, task, parameters={"REGION": "us"})
        assert await _said(backend, ran.id) == "[us][first\n][]"
        file.write_text("second\n")
        scope = frozenset({RerunScope.ALL})
        again = await finished(backend, await backend.executions.rerun(ran.id, new_request(), scope))
        assert await _said(backend, again.id) == "[us][first\n][]"
        assert await backend.executions.parameters(again.id) == await backend.executions.parameters(ran.id)
        assert await _said(backend, (await run(backend, task)).id) == "[eu][second\n][]"

    async def test_a_file_that_can_not_be_read_starts_nothing(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        note = Parameter(name="NOTE", type=ParameterType.FILE, default=str(tmp_path / "gone"))
        task = await backend.tasks.create(draft(payload=line(SAYS, parameters=(note,))))
        with pytest.raises(InvalidInput, match="No such file") as refused:
            await backend.tasks.run(task.id, new_request())
        assert fields(refused) == ["parameters.NOTE"]

    async def test_a_run_without_a_task_has_values_too(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        payload = line(SAYS, parameters=(replace(NOTE, default="x; y"),))
        ran = await finished(backend, await backend.executions.run_ad_hoc(payload, "web01", new_request()))
        assert await _said(backend, ran.id) == "[][x; y][]"
        with pytest.raises(InvalidInput) as refused:
            await backend.executions.run_ad_hoc(line(SAYS, parameters=(VERSION,)), "web01", new_request())
        assert fields(refused) == ["parameters.VERSION"]

    async def test_a_required_one_is_warned_of_before_a_schedule_meets_it(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        preview = await backend.tasks.preview(draft(payload=line(SAYS, parameters=(VERSION,))))
        assert preview.problems == ()
        assert any("VERSION" in warning for warning in preview.warnings)

    async def test_a_secret_reaches_the_command_is_masked_and_stands_nowhere_else(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        kept = await _keep(backend, "db-password", VALUE)
        shows = 'printf %s "$PW" | sha256sum; echo "it is $PW"'
        task = await backend.tasks.create(draft(payload=line(shows, parameters=(PASSWORD,))))
        ran = await run(backend, task, parameters={"PW": "db-password"})
        assert ran.status is ExecutionStatus.SUCCEEDED
        said = await _said(backend, ran.id)
        assert hashlib.sha256(VALUE.encode()).hexdigest() in said
        assert "s3cret" not in said
        assert "it is [secret]" in said
        (given,) = await backend.executions.parameters(ran.id)
        assert given == Value(name="PW", value="", secret=SecretRef(credential=kept.id, name="db-password", version=1))
        with site.database.read() as c:
            for table in schema.metadata.sorted_tables:
                assert "s3cret" not in repr(c.execute(sa.select(table)).all()), table.name
            uses = c.execute(sa.select(schema.audit).where(schema.audit.c.action == "credential.use")).all()
        assert len(uses) == 1

    async def test_a_rerun_takes_the_secret_that_the_credential_has_by_then(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        kept = await _keep(backend, "db-password", VALUE)
        declared = replace(PASSWORD, default="db-password", required=False)
        task = await backend.tasks.create(draft(payload=line(HASH, parameters=(declared,))))
        ran = await run(backend, task)
        assert hashlib.sha256(VALUE.encode()).hexdigest() in await _said(backend, ran.id)
        await backend.credentials.rotate(kept.id, NewSecret(value=Secret.of("another one entirely")))
        scope = frozenset({RerunScope.ALL})
        again = await finished(backend, await backend.executions.rerun(ran.id, new_request(), scope))
        assert hashlib.sha256(b"another one entirely").hexdigest() in await _said(backend, again.id)
        await backend.credentials.delete(kept.id)
        with pytest.raises(Conflict, match="db-password"):
            await backend.executions.rerun(ran.id, new_request(), scope)

    async def test_a_secret_is_a_credential_of_its_kind_and_nothing_else(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        await _keep(backend, "login", VALUE, CredentialKind.PASSWORD)
        task = await backend.tasks.create(draft(payload=line(HASH, parameters=(PASSWORD,))))
        for name in ("login", "gone", "hunter2-the-value"):
            with pytest.raises(InvalidInput) as refused:
                await backend.tasks.run(task.id, new_request(), parameters={"PW": name})
            assert fields(refused) == ["parameters.PW"]
        wrong = replace(PASSWORD, default="login", required=False)
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.create(draft("other", payload=line(HASH, parameters=(wrong,))))
        assert fields(refused) == ["parameters.0.default"]

    async def test_a_secret_goes_to_devices_in_the_groups_of_its_credential_only(self, site: Site) -> None:
        backend = await site.backend()
        inside, outside = await add_device(backend, "web01"), await add_device(backend, "db01")
        web = await backend.groups.create(GroupDraft(name="web", devices=(inside.id,)))
        await _keep(backend, "db-password", VALUE, CredentialKind.PARAMETER, web.id)
        task = await backend.tasks.create(draft(payload=line("echo ran", parameters=(PASSWORD,)), selector="*"))
        ran = await run(backend, task, parameters={"PW": "db-password"})
        targets = {each.device_id: each for each in (await backend.executions.targets(ran.id)).items}
        assert targets[inside.id].state is TargetState.SUCCEEDED
        assert targets[outside.id].state is TargetState.UNREACHABLE
        assert "goes to devices in web only" in targets[outside.id].error_message
        assert (await backend.executions.output(ran.id, outside.id)).chunks == ()

    async def test_who_may_not_use_secrets_gives_none_and_edits_no_command_that_gets_one(self, site: Site) -> None:
        admin, operator = await site.backend(), await site.backend(Role.OPERATOR, "olga")
        await add_device(admin, "web01")
        await _keep(admin, "db-password", VALUE)
        task = await operator.tasks.create(draft(payload=line(HASH, parameters=(PASSWORD,))))
        with pytest.raises(NotPermitted):
            await operator.tasks.run(task.id, new_request(), parameters={"PW": "db-password"})
        with_default = replace(PASSWORD, required=False, default="db-password")
        with pytest.raises(NotPermitted):
            await operator.executions.run_ad_hoc(line(HASH, parameters=(with_default,)), "web01", new_request())
        given = replace(task.draft, payload=replace(commands_of(task), parameters=(with_default,)))
        with pytest.raises(NotPermitted):
            await operator.tasks.update(task.id, given)
        await admin.tasks.update(task.id, given)
        with pytest.raises(NotPermitted):
            await operator.tasks.update(task.id, replace(given, payload=line("echo $PW", parameters=(with_default,))))
        assert (await operator.tasks.update(task.id, replace(given, description="as it was"))).version > 1
