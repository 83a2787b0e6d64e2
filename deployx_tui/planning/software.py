"""What a software task means on one device: which way of each package fits it, in which order, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deployx_tui.errors import InvalidInput
from deployx_tui.model.fact_words import sized
from deployx_tui.model.facts import Facts, canonical_arch
from deployx_tui.model.package import NO_REQUIREMENTS, ON_WINDOWS, InstallerKind, Package, Requirements, Variant
from deployx_tui.model.software import PackageChoice, SoftwareAction, SoftwarePayload
from deployx_tui.model.words import first_of

#: of InvalidInput
_FIELD = "software_payload.software_ids"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareStep:
    """One package on one device."""

    #: of the catalogue, or the name that was asked for
    package: str
    #: None: by whatever package manager the device has, which only the device knows
    variant: Variant | None
    #: None: any; LATEST: the newest one of the repositories
    version: str | None
    #: the choice in words: "apt: os debian 12"
    why: str
    requirements: Requirements = NO_REQUIREMENTS
    #: numbers of earlier steps that must not have failed
    needs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why nothing is tried on this device, and what helps."""

    message: str
    remedy: str


def ordered(choices: Sequence[PackageChoice], catalogue: Iterable[Package]) -> tuple[tuple[Package, str | None], ...]:
    """Each chosen package with the wanted version, after everything that it depends on.

    InvalidInput: one is not in the catalogue, or packages depend on each other in a ring, which is named.
    """
    packages = tuple(catalogue)
    by_id = {package.id: package for package in packages}
    by_name = {package.name: package for package in packages}
    missing = [str(choice.package) for choice in choices if choice.package not in by_id]
    if missing:
        raise InvalidInput.of(
            _FIELD, f"there is no package {first_of(missing)}", "`deployx package list` shows what there is"
        )
    versions = {by_id[choice.package].name: choice.version for choice in choices if choice.version is not None}
    done: dict[str, Package] = {}

    def visit(package: Package, way: tuple[str, ...]) -> None:
        if package.name in done:
            return
        if package.name in way:
            ring = (*way[way.index(package.name) :], package.name)
            raise InvalidInput.of(
                _FIELD, f"these packages need each other: {' -> '.join(ring)}", "take one of them out of `depends`"
            )
        for name in package.depends:
            if name not in by_name:
                raise InvalidInput.of(
                    _FIELD, f"{package.name} needs {name}, which the catalogue does not have", "add it to the catalogue"
                )
            visit(by_name[name], (*way, package.name))
        done[package.name] = package

    for choice in choices:
        visit(by_id[choice.package], ())
    return tuple((package, versions.get(name, package.version)) for name, package in done.items())


def choose(package: Package, facts: Facts) -> tuple[Variant, str] | Unfit:
    """The first variant that fits the device, and why it does."""
    tried: list[str] = []
    for variant in package.variants:
        reason = _misfit(variant, facts)
        if reason is None:
            return variant, f"{variant.installer.value}: {_because(variant, facts)}"
        tried.append(f"{variant.installer.value} is {reason}")
    found = facts.system or "a system that did not say what it is"
    return Unfit(
        f"the catalogue has no way to install {package.name} on {found}, {facts.arch or 'architecture unknown'}: "
        + "; ".join(tried),
        f"add a variant: `deployx package edit {package.name}`",
    )


def steps_for(payload: SoftwarePayload, catalogue: Iterable[Package], facts: Facts) -> tuple[SoftwareStep, ...] | Unfit:
    """Everything that is to be done on a device, in order; in the opposite one when it is taken away.

    InvalidInput as `ordered`. What a device taken by itself forbids is `Unfit`.
    """
    steps: list[SoftwareStep] = []
    numbers: dict[str, int] = {}
    is_install = payload.action is SoftwareAction.INSTALL
    for package, version in _in_order(payload, catalogue):
        found = choose(package, facts)
        if isinstance(found, Unfit):
            return found
        variant, why = found
        requirements = package.requirements if is_install else NO_REQUIREMENTS
        if (reasons := unmet(requirements, facts)) != ():
            return Unfit(f"{package.name} can't be installed: {'; '.join(reasons)}", "choose other devices for it")
        needs = tuple(numbers[name] for name in package.depends) if is_install else ()
        numbers[package.name] = len(steps)
        steps.append(
            SoftwareStep(
                package=package.name,
                variant=variant,
                version=_wanted(package, variant, version),
                why=why,
                requirements=requirements,
                needs=needs,
            )
        )
    return (*steps, *_custom(payload))


def bare_steps(payload: SoftwarePayload, catalogue: Iterable[Package]) -> tuple[SoftwareStep, ...]:
    """The same steps by their names alone: of a run that is under way on a device of which nothing is known."""
    named = (
        SoftwareStep(package=package.name, variant=None, version=version, why="")
        for package, version in _in_order(payload, catalogue)
    )
    return (*named, *_custom(payload))


def _in_order(payload: SoftwarePayload, catalogue: Iterable[Package]) -> tuple[tuple[Package, str | None], ...]:
    packages = ordered(payload.packages, catalogue)
    if payload.action is SoftwareAction.INSTALL:
        return packages
    # what something else may need is never taken away unasked
    asked = {choice.package for choice in payload.packages}
    return tuple(reversed([each for each in packages if each[0].id in asked]))


def _custom(payload: SoftwarePayload) -> tuple[SoftwareStep, ...]:
    if payload.custom is None:
        return ()
    name, _, version = payload.custom.partition("=")
    why = "by the package manager that the device has"
    return (SoftwareStep(package=name, variant=None, version=version or None, why=why),)


def unmet(requirements: Requirements, facts: Facts) -> tuple[str, ...]:
    """What the facts of a device forbid. What changes by the hour (disk, memory) is asked on the target alone, and
    a fact that is unknown forbids nothing here: the target says it."""
    reasons = []
    if requirements.os and facts.os_words and not _fits_os(requirements.os, facts):
        reasons.append(f"it needs {' or '.join(requirements.os)}, and this is {facts.system}")
    if requirements.arch and facts.arch is not None and not _fits_arch(requirements.arch, facts.arch):
        reasons.append(f"it needs {' or '.join(requirements.arch)}, and this is {facts.arch}")
    at_least = requirements.os_version
    if at_least is not None and facts.os_version is not None and _order(facts.os_version) < _order(at_least):
        reasons.append(f"it needs version {at_least} of the system, and this is {facts.os_version}")
    total = None if facts.root is None else facts.root.total
    if requirements.free_disk is not None and total is not None and total < requirements.free_disk:
        reasons.append(f"it needs {sized(requirements.free_disk)} of disk, and the whole disk has {sized(total)}")
    memory = facts.memory
    if requirements.free_memory is not None and memory is not None and memory < requirements.free_memory:
        reasons.append(f"it needs {sized(requirements.free_memory)} of memory, and there are {sized(memory)}")
    return tuple(reasons)


def _wanted(package: Package, variant: Variant, version: str | None) -> str | None:
    """A version that was asked for counts; else the variant's own spelling of the package's."""
    if version != package.version:
        return version
    return variant.version or version


def _misfit(variant: Variant, facts: Facts) -> str | None:
    if variant.installer in ON_WINDOWS:
        return "of Windows, which this release does not reach"
    if variant.os and not _fits_os(variant.os, facts):
        return f"for {' or '.join(variant.os)}"
    if variant.arch and (facts.arch is None or not _fits_arch(variant.arch, facts.arch)):
        return f"for {' or '.join(variant.arch)}"
    if (manager := _MANAGERS.get(variant.installer)) is not None and not variant.os and not _fits_os(manager, facts):
        return f"the package manager of {' or '.join(manager)}"
    return None


#: systems that have a package manager; asked only when a variant names no system
_MANAGERS = {
    InstallerKind.APT: ("debian", "ubuntu"),
    InstallerKind.DEB: ("debian", "ubuntu"),
    InstallerKind.DNF: ("fedora", "rhel"),
    InstallerKind.YUM: ("rhel", "centos"),
    InstallerKind.RPM: ("fedora", "rhel", "suse", "opensuse"),
    InstallerKind.ZYPPER: ("suse", "opensuse"),
    InstallerKind.APK: ("alpine",),
    InstallerKind.PACMAN: ("arch",),
    InstallerKind.BREW: ("darwin",),
}


def _because(variant: Variant, facts: Facts) -> str:
    parts = []
    wanted = variant.os or _MANAGERS.get(variant.installer, ())
    if wanted:
        like = "" if set(wanted) & facts.os_words else f", which is like {_shared(wanted, facts)}"
        parts.append(f"os {facts.system}{like}")
    if variant.arch:
        parts.append(f"arch {facts.arch}")
    return ", ".join(parts) or "any system"


def _shared(words: tuple[str, ...], facts: Facts) -> str:
    return next((word.lower() for word in facts.os_like if word.lower() in words), "")


def _fits_os(words: tuple[str, ...], facts: Facts) -> bool:
    return bool(set(words) & (facts.os_words | {word.lower() for word in facts.os_like}))


def _fits_arch(words: tuple[str, ...], arch: str) -> bool:
    return canonical_arch(arch) in {canonical_arch(word) for word in words}


def _order(version: str) -> tuple[int, ...]:
    """Numbers between dots; a part that is none counts as 0."""
    return tuple(int(part) if part.isascii() and part.isdigit() else 0 for part in version.split(".")[:6])
