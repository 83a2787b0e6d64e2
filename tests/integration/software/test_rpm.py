"""Software by the real rpm and dnf, out of Debian's packages of them, in a private root of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.model.execution import TargetState
from deployx_tui.model.package import InstallerKind, Variant
from deployx_tui.model.software import SoftwareAction, SoftwarePayload
from deployx_tui.planning.software import SoftwareStep
from deployx_tui.runners.software.compile import Restore
from deployx_tui.runners.software.parse import StepState
from tests.contract.transport.site import Site
from tests.integration.software.test_apt import changes
from tests.integration.test_local_transport import here
from tests.support import private_root
from tests.support.private_root import PrivateRoot
from tests.support.require import require
from tests.support.software import Did, restore, run, step

pytestmark = pytest.mark.long

_REMOVE = SoftwarePayload(action=SoftwareAction.UNINSTALL)
#: name, version, further lines of its spec
_SPECS = (
    ("dxr", "1.0", ""),
    ("dxr", "2.0", ""),
    ("dxneeds", "1.0", "Requires: dxr >= 2.0"),
    ("dxunmet", "1.0", "Requires: dx-nobody-has-this"),
    ("dxbroken", "1.0", "%pre\\nexit 3"),
)
_BUILD = """
mkdir -p /srv/rpms/build && cd /srv/rpms
build() {
  { printf 'Name: %s\\nVersion: %s\\nRelease: 1\\nSummary: x\\nLicense: x\\nBuildArch: noarch\\n' "$1" "$2"
    case $3 in Requires*) printf "$3\\n" ;; esac
    printf '%%%%description\\nx\\n'
    case $3 in %*) printf '%s\\n' "$3" | sed 's/\\\\n/\\n/g' ;; esac
    printf '%%%%files\\n'; } | sed 's/%%/%/g' >build/spec
  rpmbuild -bb --define '_topdir /srv/rpms/build' build/spec >build/said 2>&1 || { cat build/said; exit 1; }
}
"""


@pytest.fixture(scope="module")
def whole() -> Iterator[PrivateRoot]:
    reason = private_root.why_not()
    require(not reason, reason)
    with PrivateRoot(Path(tempfile.mkdtemp(prefix="dx-root-"))) as root:
        said = root.do("apt-get -q -y install --no-install-recommends rpm dnf createrepo-c 2>&1", ok=False)
        if "command not found" in root.do("rpm --version; dnf --version; createrepo_c --version", ok=False) or (
            root.do("command -v rpm && command -v dnf && command -v createrepo_c", ok=False).count("\n") < 3
        ):
            pytest.skip(f"Debian's rpm and dnf can't be had here: {said[-300:]}")
        calls = "".join(f"build {name} {version} '{more}'\n" for name, version, more in _SPECS)
        root.do(
            f"{_BUILD}{calls}mv build/RPMS/noarch/*.rpm . && createrepo_c -q . && mkdir -p /etc/yum.repos.d &&"
            "printf '[dx]\\nname=dx\\nbaseurl=file:///srv/rpms\\ngpgcheck=0\\nenabled=1\\n' >/etc/yum.repos.d/dx.repo"
        )
        yield root


@pytest.fixture
def root(whole: PrivateRoot) -> Iterator[PrivateRoot]:
    yield whole
    whole.do("rpm -e --noscripts $(rpm -qa 'dx*') >/dev/null 2>&1", ok=False)


@pytest.fixture
def site(root: PrivateRoot, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("PATH", str(root.shells), prepend=":")
    return here()


def there(root: PrivateRoot) -> list[str]:
    return sorted(root.do("rpm -qa 'dx*'").split())


def put(site: Site, root: PrivateRoot, file: str) -> Did:
    root.do(f"mkdir -p /tmp/sent && cp /srv/rpms/{file} /tmp/sent/file")
    variant = Variant(installer=InstallerKind.RPM)
    return run(site, SoftwareStep(package="tool", variant=variant, version=None, why=""), files={"": "/tmp/sent/file"})


def test_dnf_installs_a_version_goes_on_and_goes_back(site: Site, root: PrivateRoot) -> None:
    old = run(site, step("dxr", InstallerKind.DNF, "1.0"))
    assert old.result.facts.state is TargetState.SUCCEEDED, old
    assert there(root) == ["dxr-1.0-1.noarch"]
    did = run(site, step("dxneeds", InstallerKind.DNF))
    assert there(root) == ["dxneeds-1.0-1.noarch", "dxr-2.0-1.noarch"], did
    assert changes(did) == {"dxneeds": ("", "1.0-1"), "dxr": ("1.0-1", "2.0-1")}
    assert run(site, step("dxneeds", InstallerKind.DNF)).result.facts.changed is False
    refused = run(site, step("dxr", InstallerKind.DNF), payload=_REMOVE)
    assert "others need it" in refused.result.facts.message, refused
    variant = step("dxneeds", InstallerKind.DNF).variant
    back = restore(site, Restore(package="dxneeds", variant=variant, changes=did.result.changes.packages))
    assert back.result.facts.state is TargetState.SUCCEEDED, back
    assert there(root) == ["dxr-1.0-1.noarch"]


@pytest.mark.parametrize("name", ["dxunmet", "dxbroken", "dx-nobody"])
def test_dnf_says_what_it_can_not_install_and_leaves_nothing(site: Site, root: PrivateRoot, name: str) -> None:
    did = run(site, step(name, InstallerKind.DNF))
    assert did.result.facts.state is TargetState.FAILED, did
    assert did.result.facts.changed is False
    assert there(root) == []


def test_rpm_installs_a_file_once_and_says_what_it_needs(site: Site, root: PrivateRoot) -> None:
    unmet = put(site, root, "dxneeds-1.0-1.noarch.rpm")
    assert "rpm can't install it" in unmet.result.facts.message, unmet
    assert "dxr" in unmet.result.facts.message
    did = put(site, root, "dxr-2.0-1.noarch.rpm")
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert there(root) == ["dxr-2.0-1.noarch"]
    again = put(site, root, "dxr-2.0-1.noarch.rpm")
    assert [each.state for each in again.result.steps] == [StepState.UNCHANGED], again
    older = put(site, root, "dxr-1.0-1.noarch.rpm")
    assert older.result.facts.state is TargetState.SUCCEEDED, older
    broken = put(site, root, "dxbroken-1.0-1.noarch.rpm")
    assert broken.result.facts.state is TargetState.FAILED
    assert there(root) == ["dxr-1.0-1.noarch"]


def test_a_lock_of_rpm_is_waited_for_and_its_holder_named(site: Site, root: PrivateRoot) -> None:
    holder = root.start(
        "exec python3 -c \"import fcntl,sys; f=open('/var/lib/rpm/.rpm.lock','w'); fcntl.lockf(f,fcntl.LOCK_EX);"
        "print('held',flush=True); sys.stdin.read()\""
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        did = run(site, step("dxr", InstallerKind.DNF))
    finally:
        holder.communicate("")
    assert f"(pid {holder.pid})" in did.result.facts.message, did
    assert there(root) == []
