"""Software by Debian's real apt and dpkg, in a private root."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.package import Detection, DetectionKind, InstallerKind
from deployx_tui.model.software import SoftwareAction, SoftwarePayload
from deployx_tui.runners.software.compile import Restore
from deployx_tui.runners.software.parse import StepState
from tests.contract.transport.site import Site
from tests.support.private_root import PrivateRoot
from tests.support.software import Did, restore, run, step

ATOMIC = SoftwarePayload(all_or_nothing=True)
REMOVE = SoftwarePayload(action=SoftwareAction.UNINSTALL)


def installed(root: PrivateRoot) -> dict[str, str]:
    said = root.do("dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n' 'dx*' 2>/dev/null", ok=False)
    rows = [line.split(" ") for line in said.splitlines()]
    return {row[1]: row[2] for row in rows if row[0] == "installed"}


def traces(root: PrivateRoot) -> str:
    """What dpkg remembers at all, installed or not, and temporary files."""
    return root.do("dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 'dx*' 2>/dev/null; ls /tmp", ok=False)


def changes(did: Did) -> dict[str, tuple[str, str]]:
    return {each.package: (each.before, each.after) for each in did.result.changes.packages}


def test_a_package_is_installed_and_the_second_run_changes_nothing(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxa"))
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert did.result.facts.changed is True
    assert installed(root) == {"dxa": "2.0-1"}
    assert changes(did) == {"dxa": ("", "2.0-1")}
    again = run(site, step("dxa"))
    assert again.result.facts.state is TargetState.SUCCEEDED, again
    assert again.result.facts.changed is False
    assert [each.state for each in again.result.steps] == [StepState.UNCHANGED]
    assert "apt-get" not in again.output


def test_an_exact_version_is_taken_and_gone_back_to(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxa", version="1.0"))
    assert installed(root) == {"dxa": "1.0-1"}, did
    newest = run(site, step("dxa", version="latest"))
    assert changes(newest) == {"dxa": ("1.0-1", "2.0-1")}, newest
    back = restore(site, Restore(package="dxa", variant=step("dxa").variant, changes=newest.result.changes.packages))
    assert back.result.facts.state is TargetState.SUCCEEDED, back
    assert installed(root) == {"dxa": "1.0-1"}


def test_a_version_that_nobody_has_is_told_with_those_that_there_are(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxa", version="9.9"))
    assert did.result.facts.state is TargetState.FAILED
    assert "no 9.9 of dxa; they have 2.0-1 1.0-1" in did.result.facts.message, did
    assert did.result.facts.changed is False
    assert installed(root) == {}


def test_what_came_with_a_package_is_named_and_goes_back_with_it(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxb"))
    assert changes(did) == {"dxb": ("", "1.0"), "dxa": ("", "2.0-1")}, did
    back = restore(site, Restore(package="dxb", variant=step("dxb").variant, changes=did.result.changes.packages))
    assert back.result.facts.state is TargetState.SUCCEEDED, back
    assert installed(root) == {}


def test_what_somebody_changed_since_is_not_taken_back(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxa", version="1.0"))
    run(site, step("dxa", version="latest"))
    back = restore(site, Restore(package="dxa", variant=step("dxa").variant, changes=did.result.changes.packages))
    assert back.result.facts.state is TargetState.FAILED
    assert "somebody changed dxa since: it is 2.0-1, and not 1.0-1 any more" in back.result.facts.message, back
    assert installed(root) == {"dxa": "2.0-1"}


def test_a_conflict_is_told_before_anything_is_removed(site: Site, root: PrivateRoot) -> None:
    run(site, step("dxa"))
    did = run(site, step("dxrival"))
    assert did.result.facts.state is TargetState.FAILED
    assert "apt would remove dxa" in did.result.facts.message, did
    assert installed(root) == {"dxa": "2.0-1"}


def test_an_unmet_dependency_is_told_and_nothing_is_changed(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxunmet"))
    assert "dx-nobody-has-this" in did.result.facts.message, did
    assert did.result.facts.changed is False
    assert installed(root) == {}


def test_a_package_whose_script_fails_leaves_nothing_behind(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxbroken"))
    assert did.result.facts.state is TargetState.FAILED
    assert did.result.facts.cause is Cause.EXIT
    assert "exit 100" in did.result.facts.message, did
    assert "it breaks" in did.output
    assert installed(root) == {}
    assert "dx" not in traces(root)
    assert did.result.facts.changed is False


def test_after_a_failure_the_others_are_gone_on_with(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxa"), step("dxbroken"), step("dxconf"), step("dxquiet", needs=(1,)))
    assert did.result.facts.state is TargetState.FAILED
    assert did.result.facts.message.startswith("2 of 4 packages failed: dxbroken: "), did
    states = [each.state for each in did.result.steps]
    assert states == [StepState.INSTALLED, StepState.FAILED, StepState.INSTALLED, StepState.SKIPPED]
    assert installed(root) == {"dxa": "2.0-1", "dxconf": "2.0"}


def test_all_or_nothing_takes_back_what_this_run_changed(site: Site, root: PrivateRoot) -> None:
    run(site, step("dxa", version="1.0"))
    did = run(site, step("dxa", version="2.0"), step("dxb"), step("dxbroken"), step("dxquiet"), payload=ATOMIC)
    assert did.result.facts.state is TargetState.FAILED, did
    assert did.result.facts.changed is False, did
    states = [each.state for each in did.result.steps]
    assert states == [StepState.UNDONE, StepState.UNDONE, StepState.FAILED, StepState.SKIPPED]
    assert installed(root) == {"dxa": "1.0-1"}
    assert changes(did) == {}


def test_a_question_on_standard_input_finds_it_closed(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxquiet"))
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert "said: nobody" in did.output


def test_a_question_on_a_terminal_is_seen_and_ended(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxasks"))
    assert did.result.facts.state is TargetState.FAILED
    assert "it waits for input" in did.result.facts.message, did
    assert "reads from /dev/tty" in did.result.facts.message
    assert "dx" not in traces(root)


def test_what_hangs_is_ended_at_its_limit(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxhangs", time_limit=timedelta(seconds=3)))
    assert "its time of 3 s was over" in did.result.facts.message, did
    assert "dx" not in traces(root)


def test_a_lock_is_waited_for_and_its_holder_named(site: Site, root: PrivateRoot) -> None:
    holder = root.start(
        "exec python3 -c \"import fcntl,sys; f=open('/var/lib/dpkg/lock-frontend','w'); fcntl.lockf(f,fcntl.LOCK_EX);"
        "print('held',flush=True); sys.stdin.read()\""
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        did = run(site, step("dxa"))
    finally:
        holder.communicate("")
    assert "the package database is locked by" in did.result.facts.message, did
    assert f"(pid {holder.pid})" in did.result.facts.message
    assert "python3" in did.result.facts.message
    assert installed(root) == {}
    assert run(site, step("dxa")).result.facts.state is TargetState.SUCCEEDED


def test_a_half_configured_database_is_reported_and_repaired_when_asked(site: Site, root: PrivateRoot) -> None:
    root.do("dpkg --unpack /srv/repo/dxconf_1.0_all.deb")
    did = run(site, step("dxa"))
    assert "half-configured: dxconf" in did.result.facts.message, did
    assert "dpkg --configure -a" in did.result.facts.message
    mended = run(site, step("dxa"), payload=SoftwarePayload(repair=True))
    assert mended.result.facts.state is TargetState.SUCCEEDED, mended
    assert installed(root) == {"dxa": "2.0-1", "dxconf": "1.0"}


def test_a_changed_configuration_file_stays(site: Site, root: PrivateRoot) -> None:
    run(site, step("dxconf", version="1.0"))
    root.do("echo mine >/etc/dxconf")
    did = run(site, step("dxconf", version="2.0"))
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert root.do("cat /etc/dxconf") == "mine\n"


def test_it_is_taken_away_unless_others_need_it(site: Site, root: PrivateRoot) -> None:
    run(site, step("dxneeds"))
    refused = run(site, step("dxkeep"), payload=REMOVE)
    assert "others need it and would be removed with it: dxneeds" in refused.result.facts.message, refused
    assert installed(root) == {"dxneeds": "1.0", "dxkeep": "1.0"}
    did = run(site, step("dxneeds"), step("dxkeep"), payload=REMOVE)
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert installed(root) == {}
    assert changes(did) == {"dxneeds": ("1.0", ""), "dxkeep": ("1.0", "")}
    again = run(site, step("dxneeds"), payload=REMOVE)
    assert again.result.facts.changed is False


def test_the_mark_of_a_restart_is_told(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxreboots"))
    assert did.result.needs_reboot, did
    assert "a restart is needed" in did.result.facts.message


def test_detection_decides_whatever_the_exit_code_said(site: Site, root: PrivateRoot) -> None:
    detection = Detection(kind=DetectionKind.COMMAND, command="/bin/false", pattern="([0-9]+)")
    did = run(site, step("dxa", detection=detection))
    assert did.result.facts.cause is Cause.VERIFY, did
    assert "detection does not find it" in did.result.facts.message
    assert installed(root) == {}


def test_steps_before_and_after(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxa", pre="exit 7"))
    assert "its pre-step failed: exit 7" in did.result.facts.message, did
    assert installed(root) == {}
    did = run(site, step("dxa", post="exit 8"))
    assert "its post-step failed: exit 8" in did.result.facts.message, did
    assert installed(root) == {}


def test_a_package_of_no_catalogue_goes_by_the_targets_own_manager(site: Site, root: PrivateRoot) -> None:
    did = run(site, replace(step("dxa"), variant=None))
    assert changes(did) == {"dxa": ("", "2.0-1")}, did
    assert did.result.steps[0].installer is InstallerKind.APT


def test_a_lot_of_output_hides_nothing(site: Site, root: PrivateRoot) -> None:
    did = run(site, step("dxloud"))
    assert did.result.facts.state is TargetState.SUCCEEDED, did.result
    assert changes(did) == {"dxloud": ("", "1.0")}
