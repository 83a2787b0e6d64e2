"""Files of Debian's kind, by the real dpkg and apt, in a private root."""

from __future__ import annotations

from deployx_tui.model.execution import TargetState
from deployx_tui.model.package import InstallerKind, Variant
from deployx_tui.planning.software import SoftwareStep
from deployx_tui.runners.software.parse import StepState
from tests.contract.transport.site import Site
from tests.integration.software.test_apt import changes, installed
from tests.support.private_root import PrivateRoot
from tests.support.software import Did, run


def put(site: Site, root: PrivateRoot, file: str, native: str = "") -> Did:
    """Send a file of the repository, as an engine does, and install it. `native`: "" as the file says."""
    root.do(f"mkdir -p /tmp/sent && cp /srv/repo/{file} /tmp/sent/file")
    variant = Variant(installer=InstallerKind.DEB, name=native)
    did = run(site, SoftwareStep(package="tool", variant=variant, version=None, why=""), files={"": "/tmp/sent/file"})
    assert root.do("ls /tmp") == "", "nothing is left there"
    return did


def test_a_file_is_installed_with_what_it_needs_and_once(site: Site, root: PrivateRoot) -> None:
    did = put(site, root, "dxb_1.0_all.deb", "dxb")
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert installed(root) == {"dxa": "2.0-1", "dxb": "1.0"}
    assert changes(did) == {"tool": ("", "1.0"), "dxa": ("", "2.0-1")}
    again = put(site, root, "dxb_1.0_all.deb")
    assert [each.state for each in again.result.steps] == [StepState.UNCHANGED], again


def test_an_older_file_replaces_a_newer_version(site: Site, root: PrivateRoot) -> None:
    put(site, root, "dxa_2.0-1_all.deb", "dxa")
    did = put(site, root, "dxa_1.0-1_all.deb", "dxa")
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert installed(root) == {"dxa": "1.0-1"}


def test_a_wrong_architecture_an_unmet_need_and_another_package_are_told(site: Site, root: PrivateRoot) -> None:
    for file, native, words in (
        ("dxother_1.0_arm64.deb", "dxother", "it is for arm64, and this system takes all amd64"),
        ("dxunmet_1.0_all.deb", "dxunmet", "dx-nobody-has-this"),
        ("dxa_1.0-1_all.deb", "dxb", "the file holds dxa, not dxb"),
        ("Packages", "", "the file is no package of Debian's kind"),
    ):
        did = put(site, root, file, native)
        assert did.result.facts.state is TargetState.FAILED
        assert words in did.result.facts.message, did
        assert did.result.facts.changed is False
    assert installed(root) == {}
