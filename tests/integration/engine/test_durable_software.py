"""An installation outlives its engine: the next one hears its end, and knows what it changed and what is there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.model.execution import TargetState
from deployx_tui.model.ids import PackageId
from deployx_tui.model.package import Detection, DetectionKind, InstallerKind, Package, Variant
from deployx_tui.model.software import PackageChoice, SoftwarePayload
from deployx_tui.store import changes, facts, installed, packages
from deployx_tui.store.clock import now_ms
from tests.integration.engine import test_durable
from tests.integration.engine.test_durable import Site, begun, the_target
from tests.support.bench import Bench

#: as a fixture
there = test_durable.there

_SLOW = """
echo it begins
while [ ! -e {go} ]; do sleep 0.1; done
echo {version} >{mark}
"""


def add(bench: Bench, folder: Path, version: str = "3.1") -> PackageId:
    script = _SLOW.format(go=folder / "go", mark=folder / "mark", version=version)
    detection = Detection(kind=DetectionKind.FILE, path=str(folder / "mark"))
    variant = Variant(
        installer=InstallerKind.SCRIPT, script=script, detection=detection, time_limit=timedelta(minutes=1)
    )
    with bench.database.write() as c:
        return packages.add(c, Package(name="tool", variants=(variant,)), bench.owner, now_ms())


@pytest.mark.parametrize("is_known", [True, False])
def test_the_next_engine_hears_how_an_installation_ended(there: Site, tmp_path: Path, *, is_known: bool) -> None:
    """Also when nothing is known of the device any more."""
    with there.engine() as bench:
        payload = SoftwarePayload(packages=(PackageChoice(package=add(bench, tmp_path)),))
        execution = begun(bench, payload, b"it begins\n")  # type: ignore[arg-type]  # any payload can be queued
        device = bench.targets(execution)["web1"].device_id
        if not is_known:
            with bench.database.write() as c:
                facts.forget(c, device)
    (tmp_path / "go").touch()
    with there.engine() as bench:
        target = the_target(bench, execution)
        assert (target.state, target.changed, target.attempts) == (TargetState.SUCCEEDED, True, 1), target
        assert target.error_message == "installed tool 3.1"
        with bench.database.read() as c:
            (change,) = changes.load(c, execution, target.device_id).packages
            (seen,) = installed.where(c)
        assert (change.package, change.before, change.after) == ("tool", "", "3.1")
        assert (seen.package, seen.version, seen.seen_by) == ("tool", "3.1", f"run {execution}")
    assert list(there.spools.iterdir()) == []
