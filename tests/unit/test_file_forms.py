"""The editor's fields of files and software give back the payload that they were filled from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import Problem
from deployx_tui.model.files import Existing, FileItem, FilePayload, LineEndings
from deployx_tui.model.ids import ArtifactId, PackageId
from deployx_tui.model.parameter import Parameter
from deployx_tui.model.payload import RunAs
from deployx_tui.model.payloads import Payload
from deployx_tui.model.software import PackageChoice, RebootPolicy, SoftwareAction, SoftwarePayload
from deployx_tui.model.task import TaskDraft
from deployx_tui.tui.file_forms import FilesForm
from deployx_tui.tui.forms import Form, draft_of, field_of, form_of, problem_in
from tests.support import world

#: what people write into paths, patterns and commands; quotes and blanks in it too
words = st.text(st.sampled_from("ab.*/ '\"\\[]~-"), min_size=1, max_size=12).filter(lambda text: text == text.strip())
plain = st.from_regex(r"[a-z_][a-z0-9_.-]{0,9}", fullmatch=True)
modes = st.none() | st.integers(0, 0o7777)

files = st.builds(
    FilePayload,
    items=st.lists(
        st.builds(
            FileItem,
            artifact=st.integers(1, 9).map(ArtifactId),
            newest=st.booleans(),
            name=st.none() | words,
            mode=modes,
            line_endings=st.sampled_from(LineEndings),
            substitute=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    target_path=words,
    platform_paths=st.lists(st.tuples(plain, words), max_size=2).map(tuple),
    create_folders=st.booleans(),
    mode=modes,
    owner=st.none() | plain,
    group=st.none() | plain,
    existing=st.sampled_from(Existing),
    backups=st.integers(0, 50),
    pre_check=st.none() | words,
    post_command=st.none() | words,
    rollback_on_failure=st.booleans(),
    delete_extra=st.booleans(),
    protected=st.lists(words, max_size=3).map(tuple),
    most_deletions=st.integers(0, 100),
    swap=st.booleans(),
    quick=st.booleans(),
    check=st.booleans(),
    run_as=st.none() | st.just(RunAs(user="app")),
    parameters=st.just(()) | st.just((Parameter(name="REGION", default="eu"),)),
    deployment_name=st.none() | words,
)
software = st.builds(
    SoftwarePayload,
    packages=st.lists(
        st.builds(PackageChoice, package=st.integers(1, 9).map(PackageId), version=st.none() | plain), max_size=3
    ).map(tuple),
    custom=st.none() | plain,
    action=st.sampled_from(SoftwareAction),
    all_or_nothing=st.booleans(),
    reboot=st.sampled_from(RebootPolicy),
    repair=st.booleans(),
    run_as=st.none() | st.just(RunAs(user="root")),
    deployment_name=st.none() | words,
)


def draft_with(payload: Payload) -> TaskDraft:
    return replace(next(iter(world.tasks().values())).draft, payload=payload)


@given(st.one_of(files, software))
def test_every_payload_survives_the_form_with_what_it_has_no_field_for(payload: Payload) -> None:
    draft = draft_with(payload)
    assert draft_of(form_of(draft), draft) == (draft, ())


def test_another_kind_of_task_takes_nothing_over_that_only_the_old_one_had() -> None:
    draft = draft_with(FilePayload(items=(), target_path="/etc/", deployment_name="old"))
    changed, _ = draft_of(replace(form_of(draft), does="software"), draft)
    assert changed.payload == SoftwarePayload()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"mode": "rw-r--r--"}, "mode"),
        ({"backups": "many"}, "backups"),
        ({"backups": "51"}, "backups"),
        ({"most": "101"}, "most"),
        ({"most": ""}, "most"),
        ({"platforms": "/etc/nginx"}, "platforms"),
        ({"platforms": "debian='open"}, "platforms"),
        ({"protected": "'open"}, "protected"),
    ],
)
def test_what_is_wrong_names_its_own_field_and_a_remedy(wrong: dict[str, str], field: str) -> None:
    form = Form(name="x", does="files", files=replace(FilesForm(to="/etc/"), **wrong))  # type: ignore[arg-type]  # texts
    _, problems = draft_of(form)
    assert [problem.field for problem in problems] == [field]
    assert problems[0].remedy


@pytest.mark.parametrize(
    ("wire", "field"),
    [
        ("file_payload.target_path", "to"),
        ("file_payload.items.0.name", "items"),
        ("file_payload.file_ids", "items"),
        ("file_payload.platform_paths.1.os", "platforms"),
        ("file_payload.create_path_if_not_exists", "folders"),
        ("file_payload.group", "owner"),
        ("file_payload.run_as.user", "runas"),
        ("software_payload.software_ids", "packages"),
        ("software_payload.versions.5", "packages"),
        ("software_payload.custom_software", "custom"),
        ("software_payload.reboot", "restart"),
    ],
)
def test_names_of_the_wire_find_their_field(wire: str, field: str) -> None:
    assert field_of(wire) == field


def test_a_problem_of_one_of_several_files_says_which() -> None:
    form = form_of(draft_with(FilePayload(items=(FileItem(artifact=ArtifactId(4)),), target_path="/etc/")))
    problem = Problem(field="file_payload.items.0.name", message="it is absolute", remedy="give it relative")
    assert problem_in(form, problem) == Problem(
        field="items", message="artifact 4: it is absolute", remedy="give it relative"
    )
    gone = replace(problem, field="file_payload.items.7")
    assert problem_in(form, gone) == replace(problem, field="items")


def test_an_owner_is_read_with_its_group() -> None:
    for typed, owner, group in [
        ("root", "root", None),
        ("root:www", "root", "www"),
        (":www", None, "www"),
        ("", None, None),
    ]:
        payload = draft_of(Form(name="x", does="files", files=FilesForm(owner=typed)))[0].payload
        assert isinstance(payload, FilePayload)
        assert (payload.owner, payload.group) == (owner, group)
