"""Arbitrary drafts, for round trips through JSON and the tables."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal

from hypothesis import strategies as st

from deployx_tui.model.files import Existing, FileItem, FilePayload, LineEndings
from deployx_tui.model.ids import ArtifactId, DeviceId, GroupId, PackageId
from deployx_tui.model.parameter import Parameter, ParameterType
from deployx_tui.model.parse import sort_days
from deployx_tui.model.payload import BecomeMethod, CommandPayload, Commands, Line, Reboot, RunAs, Script, Shell
from deployx_tui.model.payloads import with_parameters
from deployx_tui.model.schedule import (
    Cron,
    Daily,
    Fold,
    Gap,
    Monthly,
    Once,
    Overlap,
    OverlapKind,
    Schedule,
    ShortMonth,
    Weekly,
)
from deployx_tui.model.software import PackageChoice, RebootPolicy, SoftwareAction, SoftwarePayload
from deployx_tui.model.task import TaskDraft

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
instants = st.integers(0, 7 * 10**15).map(lambda us: datetime(1971, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
time_tuples = st.sets(times, min_size=1, max_size=4).map(lambda s: tuple(sorted(s)))
weekdays = st.sets(st.integers(0, 6), min_size=1).map(lambda s: tuple(sorted(s)))
one_day: st.SearchStrategy[int | Literal["last"]] = st.one_of(st.integers(1, 31), st.just("last"))
month_days = st.sets(one_day, min_size=1, max_size=6).map(sort_days)
recurrences = st.one_of(
    st.builds(Once, instants),
    st.builds(Daily, time_tuples),
    st.builds(Weekly, weekdays, time_tuples),
    st.builds(Monthly, month_days, time_tuples, st.sampled_from(ShortMonth)),
    st.builds(Cron, st.sampled_from(["*/5 * * * *", "0 9 * * 1-5", "@daily", "15 2 29 2 *"])),
)
schedules = st.builds(
    Schedule,
    recurrence=recurrences,
    zone=zones,
    gap=st.sampled_from(Gap),
    fold=st.sampled_from(Fold),
    start=st.none() | instants,
    end=st.none() | instants,
)
accounts = st.none() | st.builds(RunAs, method=st.sampled_from(BecomeMethod), user=texts)
command_payloads = st.builds(
    CommandPayload,
    body=st.one_of(
        st.builds(Line, texts),
        st.builds(Script, texts),
        st.builds(Commands, st.lists(texts, max_size=4).map(tuple), st.booleans()),
    ),
    shell=st.sampled_from(Shell),
    environment=st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True), texts, max_size=3).map(
        lambda d: tuple(sorted(d.items()))
    ),
    working_directory=st.none() | texts,
    success_codes=st.frozensets(st.integers(0, 2**32), max_size=4),
    durable=st.booleans(),
    reboot=st.sampled_from(Reboot),
    run_as=accounts,
    umask=st.none() | st.integers(0, 0o777),
    tty=st.booleans(),
)
row_ids = st.integers(1, 2**63 - 1)
modes = st.none() | st.integers(0, 0o7777)
file_payloads = st.builds(
    FilePayload,
    items=st.lists(
        st.builds(
            FileItem,
            artifact=row_ids.map(ArtifactId),
            newest=st.booleans(),
            name=st.none() | texts,
            mode=modes,
            line_endings=st.sampled_from(LineEndings),
            substitute=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    target_path=texts,
    platform_paths=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    create_folders=st.booleans(),
    mode=modes,
    owner=st.none() | texts,
    group=st.none() | texts,
    existing=st.sampled_from(Existing),
    backups=st.integers(0, 99),
    pre_check=st.none() | texts,
    post_command=st.none() | texts,
    rollback_on_failure=st.booleans(),
    delete_extra=st.booleans(),
    protected=st.lists(texts, max_size=3).map(tuple),
    most_deletions=st.integers(-5, 500),
    swap=st.booleans(),
    quick=st.booleans(),
    check=st.booleans(),
    run_as=accounts,
    deployment_name=st.none() | texts,
)
software_payloads = st.builds(
    SoftwarePayload,
    packages=st.lists(
        st.builds(PackageChoice, package=row_ids.map(PackageId), version=st.none() | texts),
        max_size=3,
        unique_by=lambda choice: choice.package,
    ).map(tuple),
    custom=st.none() | texts,
    action=st.sampled_from(SoftwareAction),
    all_or_nothing=st.booleans(),
    reboot=st.sampled_from(RebootPolicy),
    repair=st.booleans(),
    run_as=accounts,
    deployment_name=st.none() | texts,
)
payloads = st.one_of(command_payloads, file_payloads, software_payloads)
parameters = st.builds(
    Parameter,
    name=texts,
    type=st.sampled_from(ParameterType),
    default=st.none() | texts.filter(bool),
    choices=st.lists(texts, max_size=3).map(tuple),
    required=st.booleans(),
    description=texts,
)
drafts = st.builds(
    TaskDraft,
    name=texts,
    schedule=schedules,
    payload=st.builds(
        lambda payload, declared: with_parameters(payload, tuple(declared)),
        payloads,
        st.lists(parameters, max_size=3),
    ),
    selector=texts,
    device_ids=st.lists(st.integers(1, 2**63 - 1).map(DeviceId), unique=True, max_size=4).map(tuple),
    group_ids=st.lists(st.integers(1, 2**63 - 1).map(GroupId), unique=True, max_size=4).map(tuple),
    description=texts,
    tags=st.frozensets(texts, max_size=3),
    overlap=st.just(Overlap()) | st.builds(Overlap, st.just(OverlapKind.PARALLEL), st.integers(2, 1000)),
    grace=st.timedeltas(timedelta(), timedelta(days=3660)),
    timeout=st.none() | st.timedeltas(timedelta(), timedelta(days=3660)),
)
