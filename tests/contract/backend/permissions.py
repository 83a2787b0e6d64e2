"""Every method asks for the permission that its protocol names, of every role."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from deployx_tui.errors import DeployxError, NotPermitted
from deployx_tui.model.device import DeviceDraft, GroupDraft, OfferedKey
from deployx_tui.model.execution import ExecutionQuery
from deployx_tui.model.ids import ArtifactId, CredentialId, DeviceId, ExecutionId, GroupId, PackageId, TaskId
from deployx_tui.model.importing import HostSource, ImportChoice
from deployx_tui.model.question import QuestionId
from deployx_tui.model.secret import CredentialDraft, CredentialKind, NewSecret, Secret
from deployx_tui.model.task import TaskQuery
from deployx_tui.model.user import Permission, Role
from deployx_tui.service.access import PERMISSIONS
from deployx_tui.service.backend import FACETS, Backend
from deployx_tui.service.backend.permission import permission_of
from tests.contract.backend.packages import package
from tests.contract.backend.site import Site, daily, draft, line, new_request, stream

_DEVICE, _GROUP, _TASK, _RUN = DeviceId(1), GroupId(1), TaskId(1), ExecutionId(1)
_CREDENTIAL = CredentialId(1)
_ARTIFACT = ArtifactId(1)
_PACKAGE = PackageId(1)

#: one call of every method, with arguments that mean something
CALLS: dict[str, tuple[Any, ...]] = {
    "tasks.list": (TaskQuery(),),
    "tasks.get": (_TASK,),
    "tasks.find": ("x",),
    "tasks.preview": (draft(),),
    "tasks.fires": (daily(), 1),
    "tasks.using": ([_DEVICE], [_GROUP]),
    "tasks.create": (draft(),),
    "tasks.update": (_TASK, draft()),
    "tasks.delete": (_TASK,),
    "tasks.restore": (_TASK,),
    "tasks.pause": (_TASK,),
    "tasks.resume": (_TASK,),
    "tasks.run": (_TASK, new_request()),
    "tasks.check": (_TASK, new_request()),
    "executions.list": (ExecutionQuery(),),
    "executions.get": (_RUN,),
    "executions.targets": (_RUN,),
    "executions.causes": (_RUN,),
    "executions.parameters": (_RUN,),
    "executions.run_ad_hoc": (line("true"), "web01", new_request()),
    "executions.rerun": (_RUN, new_request()),
    "executions.rollback": (_RUN, new_request()),
    "executions.cancel": (_RUN,),
    "executions.output": (_RUN, _DEVICE),
    "executions.output_groups": (_RUN,),
    "devices.list": (),
    "devices.get": (_DEVICE,),
    "devices.find": ("x",),
    "devices.match": ("x",),
    "devices.create": (DeviceDraft(name="x", address="x"),),
    "devices.update": (_DEVICE, DeviceDraft(name="x", address="x")),
    "devices.delete": (_DEVICE,),
    "devices.restore": (_DEVICE,),
    "questions.follow": (),
    "questions.answer": (QuestionId("x"), ()),
    "questions.decline": (QuestionId("x"),),
    "imports.plan": (HostSource(path="/nowhere"),),
    "imports.take": (HostSource(path="/nowhere"), ImportChoice(digest="x")),
    "devices.test": (_DEVICE,),
    "devices.fetch": (_DEVICE, "/etc/hostname"),
    "devices.trust": (_DEVICE, OfferedKey("SHA256:x", "ssh-ed25519", "x", None)),
    "groups.list": (),
    "groups.get": (_GROUP,),
    "groups.find": ("x",),
    "groups.create": (GroupDraft(name="x"),),
    "groups.update": (_GROUP, GroupDraft(name="x")),
    "groups.delete": (_GROUP,),
    "groups.restore": (_GROUP,),
    "credentials.list": (),
    "credentials.get": (_CREDENTIAL,),
    "credentials.find": ("x",),
    "credentials.create": (CredentialDraft(name="x", kind=CredentialKind.SUDO), NewSecret(value=Secret.of("not much"))),
    "credentials.update": (_CREDENTIAL, CredentialDraft(name="x", kind=CredentialKind.SUDO)),
    "credentials.rotate": (_CREDENTIAL, NewSecret(value=Secret.of("not much"))),
    "credentials.delete": (_CREDENTIAL,),
    "credentials.check": (_CREDENTIAL,),
    "artifacts.list": (),
    "artifacts.get": (_ARTIFACT,),
    "artifacts.find": ("x",),
    "artifacts.versions": ("x",),
    "artifacts.tree": (_ARTIFACT,),
    "artifacts.read": (_ARTIFACT,),
    "artifacts.uses": (_ARTIFACT,),
    "artifacts.add": ("x", stream(b"content"), "test"),
    "artifacts.add_tree": ("x", stream(b"no tar"), "test"),
    "artifacts.delete": (_ARTIFACT,),
    "artifacts.collect": (),
    "packages.list": (),
    "packages.get": (_PACKAGE,),
    "packages.find": ("x",),
    "packages.where": (),
    "packages.create": (package("x"),),
    "packages.update": (_PACKAGE, package("x")),
    "packages.delete": (_PACKAGE,),
    "packages.take": ((package("x"),),),
    "vault.status": (),
    "vault.unlock": (Secret.of("not much"),),
    "vault.rotate_master": (),
    "calendar.month": (2026, 12, "UTC"),
    "calendar.day": (date(2026, 12, 1), "UTC"),
    "events.follow": (),
    "engine.status": (),
    "engine.stay": (),
    "engine.shutdown": (timedelta(0),),
    "engine.stop_all": (),
}


def methods() -> list[str]:
    return [
        f"{facet}.{name}"
        for facet, protocol in FACETS.items()
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and not name.startswith("_")
    ]


async def _call(backend: Backend, method: str) -> None:
    facet, _, name = method.partition(".")
    answer = getattr(getattr(backend, facet), name)(*CALLS[method])
    if isinstance(answer, AsyncIterator):
        async for _ in answer:
            break
        await getattr(answer, "aclose")()  # noqa: B009 - an AsyncIterator promises none, ours have one
    else:
        await answer


class PermissionsContract:
    def test_every_method_of_every_facet_is_tried(self) -> None:
        assert set(CALLS) == set(methods())

    @pytest.mark.parametrize("role", list(Role))
    async def test_each_role_may_do_what_its_row_says_and_nothing_else(self, site: Site, role: Role) -> None:
        backend = await site.backend(role, f"{role.value}-1")
        refused = set()
        for method in methods():
            facet, _, name = method.partition(".")
            needed = permission_of(FACETS[facet], name)
            if needed is Permission.ENGINE_CONTROL and role is Role.ADMIN:
                continue  # it would end the site
            try:
                await _call(backend, method)
            except NotPermitted:
                refused.add(method)
            except DeployxError:
                pass  # permitted; there is just nothing to act on
            assert (method in refused) == (needed not in PERMISSIONS[role]), (role, method)
        assert datetime.now(UTC)
        assert bool(refused) == (role is not Role.ADMIN)
