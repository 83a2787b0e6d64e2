"""Software tasks as a script, and what is read out of its answer."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import PackageChange
from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.package import InstallerKind, Variant
from deployx_tui.model.payload import Script
from deployx_tui.model.software import SoftwarePayload
from deployx_tui.planning.software import SoftwareStep
from deployx_tui.runners.command import RunFacts
from deployx_tui.runners.software.compile import Restore, compile_restore, compile_software
from deployx_tui.runners.software.parse import StepState, parse

NONCE = "0123456789abcdef" * 2
OVER = RunFacts(state=TargetState.SUCCEEDED, exit_code=0)
FAILED = RunFacts(state=TargetState.FAILED, exit_code=1, cause=Cause.EXIT, message="exit 1")


def step(name: str = "nginx", kind: InstallerKind = InstallerKind.APT, version: str | None = None) -> SoftwareStep:
    return SoftwareStep(package=name, variant=Variant(installer=kind, name=name), version=version, why="")


def script(*steps: SoftwareStep) -> str:
    body = compile_software(SoftwarePayload(), steps, NONCE).body
    assert isinstance(body, Script)
    return body.text


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_every_shell_can_read_the_script(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = [shell, "sh", "-n"] if shell == "busybox" else [shell, "-n"]
    kinds = (InstallerKind.APT, InstallerKind.DEB, InstallerKind.ARCHIVE, InstallerKind.SCRIPT)
    text = script(*(step(kind=kind) for kind in kinds), replace(step(), variant=None))
    assert subprocess.run(command, input=text, text=True, capture_output=True, check=False).stderr == ""


def test_it_is_durable_and_as_the_task_says() -> None:
    command = compile_software(SoftwarePayload(), [step()], NONCE)
    assert command.durable
    assert command.run_as is None


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40))
def test_a_text_of_a_package_reaches_its_step_as_it_is(text: str) -> None:
    found = SoftwareStep(
        package="x", variant=Variant(installer=InstallerKind.SCRIPT, pre=text, script=text), version=None, why=""
    )
    whole = script(found)
    block = whole[whole.index("dx_block0() {") : whole.index("dx_begin\n", whole.index("dx_block0() {"))]
    said = subprocess.run(
        ["sh", "-c", f'{block}\ndx_block0\nprintf "%s\\n" "$dx_pre" "$dx_script"'],
        capture_output=True,
        check=True,
    )
    assert said.stdout == f"{text}\n{text}\n".encode()


@pytest.mark.parametrize("name", ["x y", "$(reboot)", "-rf", "a/b", "x;y", ""])
def test_a_name_that_is_no_word_is_refused(name: str) -> None:
    custom = SoftwareStep(package=name, variant=None, version=None, why="")
    if name:
        with pytest.raises(InvalidInput, match="can't be a package's name"):
            script(custom)


def test_a_version_that_is_no_word_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is no version"):
        script(step(version="1; reboot"))


def test_a_kind_of_windows_is_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidInput, match="msi: Windows is not reached by this release"):
        script(step(kind=InstallerKind.MSI))


def test_a_change_that_a_target_made_up_is_not_restored() -> None:
    change = PackageChange(package="x", native="x;reboot", installer="apt", before="1", after="2")
    with pytest.raises(InvalidInput, match="can't be read"):
        compile_restore([Restore(package="x", variant=step().variant, changes=(change,))], NONCE)


# ---- reading


def said(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def mark(text: str, nonce: str = NONCE) -> str:
    return f"dxs {nonce} {text}"


def test_what_was_installed_is_told() -> None:
    output = said(
        "Setting up nginx",
        mark("c 0 apt nginx - 1.22-1"),
        mark("c 0 apt libx:amd64 1 2"),
        mark("r 0 installed apt - 1.22-1 0 "),
        mark("end"),
    )
    result = parse(output, [step()], NONCE, OVER)
    assert (result.facts.state, result.facts.changed) == (TargetState.SUCCEEDED, True)
    assert result.facts.message == "installed nginx 1.22-1"
    assert [(each.package, each.native, each.before, each.after) for each in result.changes.packages] == [
        ("nginx", "nginx", "", "1.22-1"),
        ("libx:amd64", "libx:amd64", "1", "2"),
    ]


def test_lines_of_another_nonce_say_nothing() -> None:
    forged = mark("r 0 installed apt - 9 0 ", "f" * 32), mark("end", "f" * 32)
    result = parse(said(*forged), [step()], NONCE, OVER)
    assert result.facts.state is TargetState.FAILED
    assert result.facts.changed is None
    assert "did not say how it ended" in result.facts.message


def test_a_run_that_was_cut_tells_what_it_had_changed() -> None:
    lost = RunFacts(state=TargetState.TIMED_OUT, cause=Cause.TIMEOUT, message="timed out")
    output = said(mark("c 0 apt a - 1"), mark("r 0 installed apt - 1 0 "))
    result = parse(output, [step("a"), step("b")], NONCE, lost)
    assert (result.facts.state, result.facts.changed) == (TargetState.TIMED_OUT, True)
    assert result.facts.message == "timed out; until then: a installed"
    assert len(result.changes.packages) == 1
    assert parse(b"", [step("a")], NONCE, lost).facts.changed is None


def test_what_was_taken_back_is_no_change() -> None:
    output = said(
        mark("c 0 apt a - 1"),
        mark("r 0 installed apt - 1 0 "),
        mark("r 1 failed apt - - 100 it broke"),
        mark("u 0 undone apt -"),
        mark("c 0 apt a - -"),
        mark("end"),
    )
    result = parse(output, [step("a"), step("b")], NONCE, FAILED)
    assert not result.changes
    assert result.facts.changed is False
    assert result.facts.message == "1 of 2 packages failed: b: it broke; taken back: a"
    assert [each.state for each in result.steps] == [StepState.UNDONE, StepState.FAILED]


def test_an_end_of_the_shell_itself_is_not_taken_for_the_scripts() -> None:
    died = RunFacts(state=TargetState.FAILED, exit_code=127, cause=Cause.EXIT, message="exit 127")
    result = parse(said(mark("end")), [step()], NONCE, died)
    assert result.facts.message == "exit 127"


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([OVER, FAILED]))
def test_no_answer_breaks_the_reader(lines: list[bytes], ended: RunFacts) -> None:
    output = b"\n".join(f"dxs {NONCE} ".encode() + line for line in lines)
    result = parse(output, [step()], NONCE, ended)
    assert result.facts.message.isprintable()
    assert all(each.before.isprintable() and each.after.isprintable() for each in result.changes.packages)
