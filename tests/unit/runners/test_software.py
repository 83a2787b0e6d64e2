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
from deployx_tui.runners.software.parse import SaidNotes, StepState, parse

NONCE = "0123456789abcdef" * 2
MARK = "fedcba9876543210" * 2
OVER = RunFacts(state=TargetState.SUCCEEDED, exit_code=0)
FAILED = RunFacts(state=TargetState.FAILED, exit_code=1, cause=Cause.EXIT, message="exit 1")


def step(name: str = "nginx", kind: InstallerKind = InstallerKind.APT, version: str | None = None) -> SoftwareStep:
    return SoftwareStep(package=name, variant=Variant(installer=kind, name=name), version=version, why="")


def script(*steps: SoftwareStep) -> str:
    body = compile_software(SoftwarePayload(), steps, NONCE, MARK).body
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
    command = compile_software(SoftwarePayload(), [step()], NONCE, MARK)
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
        compile_restore([Restore(package="x", variant=step().variant, changes=(change,))], NONCE, MARK)


# ---- reading


def said(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def mark(text: str, word: str = MARK) -> str:
    return f"dxs {word} {text}"


def test_what_was_installed_is_told() -> None:
    output = said(
        "Setting up nginx",
        mark("c 0 apt nginx - 1.22-1"),
        mark("c 0 apt libx:amd64 1 2"),
        mark("r 0 installed apt - 1.22-1 0 "),
        mark("end"),
    )
    result = parse(output, [step()], MARK, OVER)
    assert (result.facts.state, result.facts.changed) == (TargetState.SUCCEEDED, True)
    assert result.facts.message == "installed nginx 1.22-1"
    assert [(each.package, each.native, each.before, each.after) for each in result.changes.packages] == [
        ("nginx", "nginx", "", "1.22-1"),
        ("libx:amd64", "libx:amd64", "1", "2"),
    ]


def test_lines_of_another_mark_say_nothing() -> None:
    forged = mark("r 0 installed apt - 9 0 ", "f" * 32), mark("end", "f" * 32)
    result = parse(said(*forged), [step()], MARK, OVER)
    assert result.facts.state is TargetState.FAILED
    assert result.facts.changed is None
    assert "did not say how it ended" in result.facts.message


def test_a_run_that_was_cut_tells_what_it_had_changed() -> None:
    lost = RunFacts(state=TargetState.TIMED_OUT, cause=Cause.TIMEOUT, message="timed out")
    output = said(mark("c 0 apt a - 1"), mark("r 0 installed apt - 1 0 "))
    result = parse(output, [step("a"), step("b")], MARK, lost)
    assert (result.facts.state, result.facts.changed) == (TargetState.TIMED_OUT, True)
    assert result.facts.message == "timed out; until then: a installed"
    assert len(result.changes.packages) == 1
    assert parse(b"", [step("a")], MARK, lost).facts.changed is None


def test_what_was_taken_back_is_no_change() -> None:
    output = said(
        mark("c 0 apt a - 1"),
        mark("r 0 installed apt - 1 0 "),
        mark("r 1 failed apt - - 100 it broke"),
        mark("u 0 undone apt -"),
        mark("c 0 apt a - -"),
        mark("end"),
    )
    result = parse(output, [step("a"), step("b")], MARK, FAILED)
    assert not result.changes
    assert result.facts.changed is False
    assert result.facts.message == "1 of 2 packages failed: b: it broke; taken back: a"
    assert [each.state for each in result.steps] == [StepState.UNDONE, StepState.FAILED]


def test_an_end_of_the_shell_itself_is_not_taken_for_the_scripts() -> None:
    died = RunFacts(state=TargetState.FAILED, exit_code=127, cause=Cause.EXIT, message="exit 127")
    result = parse(said(mark("end")), [step()], MARK, died)
    assert result.facts.message == "exit 127"


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([OVER, FAILED]))
def test_no_answer_breaks_the_reader(lines: list[bytes], ended: RunFacts) -> None:
    output = b"\n".join(f"dxs {MARK} ".encode() + line for line in lines)
    result = parse(output, [step()], MARK, ended)
    assert result.facts.message.isprintable()
    assert all(each.before.isprintable() and each.after.isprintable() for each in result.changes.packages)


# ---- lines that somebody else made up


def test_only_the_step_under_way_and_its_own_installer_are_heard() -> None:
    tool = step("tool", InstallerKind.SCRIPT)
    output = said(
        mark("c 0 apt zlib1g - 1.0"),
        mark("c 0 script other - 1.0"),
        mark("c 1 apt zlib1g - 1.0"),
        mark("r 1 installed apt - 1.0 0 "),
        mark("r 0 installed apt - 9 0 "),
        mark("c 0 script it - 2.0"),
        mark("r 0 installed script - 2.0 0 "),
        mark("c 0 script it - 3.0"),
        mark("r 0 failed script - 2.0 0 "),
        mark("c 1 apt nginx - 1.22-1"),
        mark("r 1 installed apt - 1.22-1 0 "),
        mark("end"),
        mark("c 1 apt zlib1g - 1.0"),
    )
    result = parse(output, [tool, step()], MARK, OVER)
    assert [(each.native, each.installer, each.after) for each in result.changes.packages] == [
        ("it", "script", "2.0"),
        ("nginx", "apt", "1.22-1"),
    ]
    assert [each.state for each in result.steps] == [StepState.INSTALLED, StepState.INSTALLED]


def test_nothing_is_believed_of_a_script_that_a_signal_ended() -> None:
    died = RunFacts(state=TargetState.FAILED, signal="KILL", cause=Cause.SIGNAL, message="ended by KILL")
    output = said(mark("c 0 apt nginx - 1"), mark("r 0 installed apt - 1 0 "), mark("end"))
    result = parse(output, [step()], MARK, died)
    assert (result.facts.state, result.facts.changed) == (TargetState.FAILED, None)
    assert not result.changes
    assert not result.steps
    assert not result.is_whole


# ---- what people read

NOTES = said(mark("c 0 apt nginx - 1"), mark("r 0 installed apt - 1 0 "), mark("end"))


@given(
    st.lists(st.sampled_from([b"nginx: installs\n", b"dxs ", b"dxs fedc", b"\r 50 %", b"\n", b"d"]), max_size=8),
    st.sampled_from([b"", b"a daemon speaks\n", b"without an end"]),
    st.integers(1, 40),
    st.integers(0, 20),
)
def test_notes_are_parted_and_read_again_by_another_engine(
    before: list[bytes], after: bytes, size: int, heard: int
) -> None:
    """However the output is cut, and wherever the first engine dies."""
    text = b"".join(before)
    whole = text + NOTES + after
    first = SaidNotes(MARK)
    kept = b"".join(first.hear(whole[at : at + size]) for at in range(0, min(len(whole), heard * size), size))
    second = SaidNotes(MARK)
    for at in range(len(kept), len(whole), size):
        kept += second.hear(whole[at : at + size])
    kept += second.rest()
    assert kept == text + after
    assert second.lines().strip() == NOTES.strip()


def test_what_others_say_behind_the_notes_takes_no_memory_without_end() -> None:
    notes = SaidNotes(MARK)
    passed = notes.hear(NOTES)
    for _ in range(100):
        passed += notes.hear(b"x" * 10_000)
    assert len(passed) > 900_000
    assert len(passed + notes.rest()) == 1_000_000
