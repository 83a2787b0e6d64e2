"""The same contract for every package manager that is not on this machine, against a stand-in that knows its words.

This shows what is said to them and what is made of the answers, not that the real ones answer so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.package import BY_NAME, ON_WINDOWS, InstallerKind
from deployx_tui.model.software import SoftwareAction, SoftwarePayload
from deployx_tui.runners.software.compile import Restore
from deployx_tui.runners.software.parse import StepState
from tests.contract.transport.site import Site
from tests.integration.software import fake_manager
from tests.integration.test_local_transport import here
from tests.support.software import restore, run, step

#: apt is tried for real
KINDS = [kind for kind in BY_NAME if kind not in (*ON_WINDOWS, InstallerKind.APT)]
REMOVE = SoftwarePayload(action=SoftwareAction.UNINSTALL)


class Fakes:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    @property
    def there(self) -> dict[str, str]:
        return dict(line.split() for line in (self.folder / "there").read_text().splitlines())

    def put(self, **versions: str) -> None:
        (self.folder / "there").write_text("".join(f"{name} {version}\n" for name, version in versions.items()))


def _params() -> list[object]:
    # yum is what dnf is called on old systems
    return [pytest.param(kind, marks=pytest.mark.long) if kind is InstallerKind.YUM else kind for kind in KINDS]


@pytest.fixture(params=_params())
def kind(request: pytest.FixtureRequest) -> InstallerKind:
    return InstallerKind(request.param)


@pytest.fixture
def fakes(kind: InstallerKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in (kind.value, "rpm", *(["id"] if kind is InstallerKind.BREW else [])):
        made = programs / name
        made.write_text(f"#!{sys.executable} -I\n" + Path(fake_manager.__file__).read_text())
        made.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("DX_FAKES", str(tmp_path))
    return Fakes(tmp_path)


@pytest.fixture
def site() -> Site:
    return here()


def test_it_is_installed_once_and_taken_away(site: Site, kind: InstallerKind, fakes: Fakes) -> None:
    wanted = step("tool", kind)
    did = run(site, wanted)
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    version = fakes.there["tool"]
    assert [(each.package, each.installer, each.before, each.after) for each in did.result.changes.packages] == [
        ("tool", kind.value, "", version)
    ]
    calls = len(fakes.calls)
    again = run(site, wanted)
    assert [each.state for each in again.result.steps] == [StepState.UNCHANGED], again
    assert len(fakes.calls) == calls + 1, "only detection"
    gone = run(site, wanted, payload=REMOVE)
    assert gone.result.facts.state is TargetState.SUCCEEDED, gone
    assert fakes.there == {}
    assert run(site, wanted, payload=REMOVE).result.facts.changed is False


def test_an_installer_that_fails_and_one_that_lies(site: Site, kind: InstallerKind, fakes: Fakes) -> None:
    failed = run(site, step("broken", kind))
    assert failed.result.facts.state is TargetState.FAILED
    assert "ended with exit 7" in failed.result.facts.message, failed
    lied = run(site, step("liar", kind))
    assert lied.result.facts.cause is Cause.VERIFY, lied
    assert lied.result.facts.changed is False


def test_what_was_installed_goes_back(site: Site, kind: InstallerKind, fakes: Fakes) -> None:
    wanted = step("tool", kind)
    did = run(site, wanted)
    back = restore(site, Restore(package="tool", variant=wanted.variant, changes=did.result.changes.packages))
    assert back.result.facts.state is TargetState.SUCCEEDED, back
    assert fakes.there == {}


def test_all_or_nothing(site: Site, kind: InstallerKind, fakes: Fakes) -> None:
    steps = step("tool", kind), step("broken", kind)
    did = run(site, *steps, payload=SoftwarePayload(all_or_nothing=True))
    assert [each.state for each in did.result.steps] == [StepState.UNDONE, StepState.FAILED], did
    assert fakes.there == {}


def test_an_older_version_is_asked_for_where_the_manager_has_several(
    site: Site, kind: InstallerKind, fakes: Fakes
) -> None:
    if kind in (InstallerKind.PACMAN, InstallerKind.BREW):
        did = run(site, step("tool", kind, "1.0-1"))
        assert did.result.facts.state is TargetState.FAILED
        assert "tool" not in fakes.there
        return
    old = "1.0-r1" if kind is InstallerKind.APK else "1.0-1"
    fakes.put(tool="2.0-r1" if kind is InstallerKind.APK else "2.0-1")
    did = run(site, step("tool", kind, old))
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert fakes.there == {"tool": old}
