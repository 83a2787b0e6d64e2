"""Whether a task of software can be meant as it stands. Pure. What the catalogue says of a package is asked
elsewhere."""

from __future__ import annotations

from deployx_tui.errors import Problem
from deployx_tui.model.package import NATIVE_NAME, VERSION
from deployx_tui.model.payloads import Stock, packages_of
from deployx_tui.model.software import RebootPolicy, SoftwarePayload
from deployx_tui.planning.names import validate_name
from deployx_tui.planning.parameters import validate_parameters
from deployx_tui.planning.problems import problem_of, validate_ids, validate_run_as

#: one task
MOST_PACKAGES = 200

_FIELD = "software_payload"


def validate_software(payload: SoftwarePayload, stock: Stock) -> tuple[Problem, ...]:
    """Problems of what is to be installed or removed."""
    return (
        *_packages(payload, stock),
        *_custom(payload.custom),
        *_reboot(payload),
        *validate_run_as(payload.run_as, f"{_FIELD}.run_as"),
        *validate_parameters(payload),
        *_deployment_name(payload),
    )


def _packages(payload: SoftwarePayload, stock: Stock) -> list[Problem]:
    field = f"{_FIELD}.software_ids"
    if not payload.packages and payload.custom is None:
        return [problem_of(field, f"there is nothing to {payload.action}", "give software_ids or custom_software")]
    if len(payload.packages) > MOST_PACKAGES:
        return [problem_of(field, f"there are {len(payload.packages)} of them", f"give at most {MOST_PACKAGES}")]
    problems = validate_ids(field, packages_of(payload), stock.packages)
    if len(packages_of(payload)) < len(payload.packages):
        problems.append(problem_of(field, "a package is there twice", "leave one out"))
    for choice in payload.packages:
        if choice.version is not None and not VERSION.fullmatch(choice.version):
            message = f"{choice.version[:40]!r} is no version"
            problems.append(problem_of(f"{_FIELD}.versions.{choice.package}", message, "give for example 1.24.0-1"))
    return problems


def _custom(name: str | None) -> list[Problem]:
    if name is None or NATIVE_NAME.fullmatch(name):
        return []
    remedy = "give it as the devices' package manager knows it, such as nginx"
    return [problem_of(f"{_FIELD}.custom_software", f"{name[:40]!r} is no name of a package", remedy)]


def _reboot(payload: SoftwarePayload) -> list[Problem]:
    if payload.reboot is RebootPolicy.NEVER:
        return []
    message = "this release does not restart a device after an installation"
    remedy = "say never: the result says where a restart is needed, and a command task with reboot: expected makes one"
    return [problem_of(f"{_FIELD}.reboot", message, remedy)]


def _deployment_name(payload: SoftwarePayload) -> tuple[Problem, ...]:
    if payload.deployment_name is None:
        return ()
    return validate_name(payload.deployment_name, f"{_FIELD}.deployment_name", limit=200)
