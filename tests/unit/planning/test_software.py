"""Which way of a package fits a device, in which order packages go, and why nothing is tried."""

from __future__ import annotations

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.facts import Disk, Facts
from deployx_tui.model.ids import PackageId
from deployx_tui.model.package import LATEST, InstallerKind, Package, Requirements, Variant, fits
from deployx_tui.model.software import PackageChoice, SoftwareAction, SoftwarePayload
from deployx_tui.planning.software import Unfit, choose, ordered, steps_for, unmet

DEBIAN = Facts(kernel="Linux", os_id="debian", os_version="12", arch="x86_64")
ROCKY = Facts(kernel="Linux", os_id="rocky", os_like=("rhel", "centos", "fedora"), os_version="9.3", arch="aarch64")
UNKNOWN = Facts()

NGINX = Package(
    id=PackageId(1),
    name="nginx",
    version="1.22.1",
    variants=(
        Variant(installer=InstallerKind.WINGET, name="nginx"),
        Variant(installer=InstallerKind.APT, os=("debian",), name="nginx", version="1.22.1-9+deb12u1"),
        Variant(installer=InstallerKind.DNF, os=("rhel", "fedora"), name="nginx"),
    ),
)


def package(number: int, name: str, *depends: str) -> Package:
    variant = Variant(installer=InstallerKind.APT, name=name)
    return Package(id=PackageId(number), name=name, variants=(variant,), depends=depends)


def chosen(*numbers: int) -> tuple[PackageChoice, ...]:
    return tuple(PackageChoice(package=PackageId(number)) for number in numbers)


def test_the_first_variant_that_fits_is_taken_and_the_choice_explained() -> None:
    found = choose(NGINX, DEBIAN)
    assert not isinstance(found, Unfit)
    assert (found[0].installer, found[1]) == (InstallerKind.APT, "apt: os debian 12")


def test_a_system_is_found_by_what_it_descends_from() -> None:
    found = choose(NGINX, ROCKY)
    assert not isinstance(found, Unfit)
    assert (found[0].installer, found[1]) == (InstallerKind.DNF, "dnf: os rocky 9.3, which is like rhel")


def test_a_device_that_nothing_fits_is_told_every_reason() -> None:
    found = choose(NGINX, Facts(os_id="alpine", os_version="3.20", arch="x86_64", kernel="Linux"))
    assert isinstance(found, Unfit)
    assert "no way to install nginx on alpine 3.20, x86_64" in found.message
    for words in ("winget is of Windows", "apt is for debian", "dnf is for rhel or fedora"):
        assert words in found.message
    assert "deployx package edit nginx" in found.remedy


def test_what_is_not_known_of_a_device_is_no_match() -> None:
    assert isinstance(choose(NGINX, UNKNOWN), Unfit)


def test_one_name_of_an_architecture_is_the_other() -> None:
    only = Package(name="x", variants=(Variant(installer=InstallerKind.APT, arch=("arm64",), name="x"),))
    facts = Facts(os_id="debian", kernel="Linux", arch="aarch64")
    assert not isinstance(choose(only, facts), Unfit)
    assert isinstance(choose(only, DEBIAN), Unfit)


def test_what_a_package_depends_on_goes_before_it_once() -> None:
    catalogue = (
        package(1, "app", "web", "db"),
        package(2, "web", "base"),
        package(3, "db", "base"),
        package(4, "base"),
    )
    assert [each.name for each, _ in ordered(chosen(1, 2), catalogue)] == ["base", "web", "db", "app"]
    steps = steps_for(SoftwarePayload(packages=chosen(1)), catalogue, DEBIAN)
    assert not isinstance(steps, Unfit)
    assert [(each.package, each.needs) for each in steps] == [
        ("base", ()),
        ("web", (0,)),
        ("db", (0,)),
        ("app", (1, 2)),
    ]


def test_a_ring_is_refused_by_its_names() -> None:
    catalogue = (package(1, "a", "b"), package(2, "b", "c"), package(3, "c", "b"))
    with pytest.raises(InvalidInput, match="need each other: b -> c -> b"):
        ordered(chosen(1), catalogue)


def test_a_missing_package_and_a_missing_dependency_are_named() -> None:
    with pytest.raises(InvalidInput, match="there is no package 7"):
        ordered(chosen(7), (package(1, "a"),))
    with pytest.raises(InvalidInput, match="a needs b, which the catalogue does not have"):
        ordered(chosen(1), (package(1, "a", "b"),))


def test_taking_away_goes_the_other_way_and_leaves_what_was_not_asked_for() -> None:
    catalogue = (package(1, "app", "web"), package(2, "web", "base"), package(3, "base"))
    payload = SoftwarePayload(packages=chosen(2, 1), action=SoftwareAction.UNINSTALL)
    steps = steps_for(payload, catalogue, DEBIAN)
    assert not isinstance(steps, Unfit)
    assert [each.package for each in steps] == ["app", "web"]


def test_the_version_of_the_choice_then_of_the_variant_then_of_the_package() -> None:
    def version_of(choice: str | None) -> str | None:
        payload = SoftwarePayload(packages=(PackageChoice(package=PackageId(1), version=choice),))
        steps = steps_for(payload, (NGINX,), DEBIAN)
        assert not isinstance(steps, Unfit)
        return steps[0].version

    assert version_of(None) == "1.22.1-9+deb12u1"
    assert version_of("1.20") == "1.20"
    assert version_of(LATEST) == LATEST
    rocky = steps_for(SoftwarePayload(packages=chosen(1)), (NGINX,), ROCKY)
    assert not isinstance(rocky, Unfit)
    assert rocky[0].version == "1.22.1"


def test_a_package_of_no_catalogue_has_no_variant() -> None:
    steps = steps_for(SoftwarePayload(custom="htop=3.2"), (), UNKNOWN)
    assert not isinstance(steps, Unfit)
    assert [(each.package, each.variant, each.version) for each in steps] == [("htop", None, "3.2")]


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        (Requirements(os=("ubuntu",)), "needs ubuntu, and this is debian 12"),
        (Requirements(arch=("arm64",)), "needs arm64, and this is x86_64"),
        (Requirements(os_version="12.1"), "needs version 12.1 of the system, and this is 12"),
        (Requirements(free_disk=2 << 30), "needs 2 GiB of disk, and the whole disk has 1 GiB"),
        (Requirements(free_memory=2 << 30), "needs 2 GiB of memory, and there are 1 GiB"),
    ],
)
def test_what_the_facts_forbid_is_said(needs: Requirements, words: str) -> None:
    facts = Facts(
        kernel="Linux", os_id="debian", os_version="12", arch="x86_64", memory=1 << 30, root=Disk("/", 1 << 30, 1 << 29)
    )
    (reason,) = unmet(needs, facts)
    assert words in reason
    assert unmet(needs, UNKNOWN) == ()


@pytest.mark.parametrize(
    ("found", "wanted", "is_it"),
    [
        ("1.22.1", "1.22.1", True),
        ("1.22.1-9+deb12u1", "1.22.1", True),
        ("1:1.22.1-9", "1.22.1", True),
        ("1:1.22.1-9", "1:1.22.1-9", True),
        ("1.22.1_2", "1.22.1", True),
        ("1.22.10", "1.22.1", False),
        ("1.22.1~rc1", "1.22.1", False),
        ("1.22.1.5", "1.22.1", False),
    ],
)
def test_when_a_version_is_the_wanted_one(found: str, wanted: str, *, is_it: bool) -> None:
    assert fits(found, wanted) is is_it
