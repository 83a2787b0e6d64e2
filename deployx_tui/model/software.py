"""What a software task does on a target. The catalogue's packages are `model/package.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployx_tui.model.ids import PackageId
from deployx_tui.model.parameter import Parameter
from deployx_tui.model.payload import RunAs


class SoftwareAction(StrEnum):
    INSTALL = "install"
    UNINSTALL = "uninstall"


class RebootPolicy(StrEnum):
    NEVER = "never"
    #: when an installer says so, by its exit code or by the mark that the system leaves
    IF_NEEDED = "if_needed"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChoice:
    package: PackageId
    #: None: the catalogue's
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwarePayload:
    packages: tuple[PackageChoice, ...] = ()
    #: a package that the catalogue does not have, by the name that each device's own package manager knows; None: none
    custom: str | None = None
    action: SoftwareAction = SoftwareAction.INSTALL
    #: one that fails takes back what this run changed on the target; else the others are gone on with
    all_or_nothing: bool = False
    reboot: RebootPolicy = RebootPolicy.NEVER
    #: a half-configured package database is repaired first, instead of being reported as the failure
    repair: bool = False
    #: None: the account that logs in
    run_as: RunAs | None = None
    parameters: tuple[Parameter, ...] = ()
    #: the name of the deployment in lists; None: made of what it does
    deployment_name: str | None = None

    @property
    def durable(self) -> bool:
        """An installation goes on when the connection breaks or the engine ends."""
        return True
