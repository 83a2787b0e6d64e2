"""The editor's fields of a task that installs software: what stands in them, to and from the payload. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deployx_tui.model.ids import PackageId
from deployx_tui.model.software import PackageChoice, RebootPolicy, SoftwareAction, SoftwarePayload

#: wire names by the form's
SOFTWARE_WIRE: tuple[tuple[str, str], ...] = (
    ("software_payload.custom_software", "custom"),
    ("software_payload.action", "action"),
    ("software_payload.all_or_nothing", "together"),
    ("software_payload.reboot", "restart"),
    ("software_payload.repair", "repair"),
    ("software_payload.run_as", "runas"),
    ("software_payload", "packages"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPackage:
    """A package of the catalogue, with its name."""

    choice: PackageChoice
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareForm:
    """What stands in the fields."""

    packages: tuple[ShownPackage, ...] = ()
    custom: str = ""
    action: SoftwareAction = SoftwareAction.INSTALL
    together: bool = False
    restart: RebootPolicy = RebootPolicy.NEVER
    repair: bool = False


def software_form_of(payload: SoftwarePayload, packages: Mapping[PackageId, str]) -> SoftwareForm:
    """The fields that give this payload again."""
    return SoftwareForm(
        packages=tuple(
            ShownPackage(choice=choice, name=packages.get(choice.package, f"package {choice.package}"))
            for choice in payload.packages
        ),
        custom=payload.custom or "",
        action=payload.action,
        together=payload.all_or_nothing,
        restart=payload.reboot,
        repair=payload.repair,
    )


def software_payload_of(form: SoftwareForm, base: SoftwarePayload | None) -> SoftwarePayload:
    """The payload that the fields say. `base` gives what they do not hold; who runs it and its parameters come from
    the rest of the form."""
    return replace(
        base or SoftwarePayload(),
        packages=tuple(each.choice for each in form.packages),
        custom=form.custom.strip() or None,
        action=form.action,
        all_or_nothing=form.together,
        reboot=form.restart,
        repair=form.repair,
    )
