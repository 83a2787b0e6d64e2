"""Parameters: declared with a task, given at a start, kept with the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.execution import ExecutionStatus, RerunScope
from deployx_tui.model.parameter import Parameter, ParameterType, Value
from deployx_tui.service.backend import Backend
from tests.contract.backend.site import Site, add_device, draft, fields, finished, line, new_request, run

REGION = Parameter(
    name="REGION", type=ParameterType.CHOICE, choices=("eu", "us"), default="eu", description="where to deploy"
)
NOTE = Parameter(name="NOTE", default="none")
VERSION = Parameter(name="VERSION", required=True)
SAYS = 'printf "[%s]" "$REGION" "$NOTE" "$VERSION"'


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
        fewer = replace(made.draft, payload=replace(made.draft.payload, parameters=(NOTE,)))
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
            Value(name="NOTE", value="none"),
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
