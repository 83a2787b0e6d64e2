"""What the script of a software task said: how it ended, what it changed, and what is where now. Pure.

The target is not trusted: every word is checked against what it may be, and texts for people are made printable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from deployx_tui.model.changes import PackageChange, TargetChanges
from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.package import NATIVE_NAME, VERSION, InstallerKind
from deployx_tui.model.words import counted
from deployx_tui.planning.software import SoftwareStep
from deployx_tui.runners.command import RunFacts

#: changes of one target that are kept: a whole system has fewer packages
_MOST_CHANGES = 20_000
#: characters of a reason
_MOST_WHY = 700
_BY_NATURE = frozenset((InstallerKind.ARCHIVE, InstallerKind.SCRIPT))
#: what those call the one thing that they change
_ONLY = "it"


class StepState(StrEnum):
    UNCHANGED = "unchanged"
    INSTALLED = "installed"
    REMOVED = "removed"
    FAILED = "failed"
    #: not tried, because of another one that failed
    SKIPPED = "skipped"
    #: done, and taken back because another one failed
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What became of one package."""

    package: str
    state: StepState
    installer: InstallerKind | None
    #: versions found before and after; "": it was, or is, not there
    before: str = ""
    after: str = ""
    #: of the installer
    exit_code: int | None = None
    #: why it failed or was skipped
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareResult:
    facts: RunFacts
    changes: TargetChanges
    #: of the packages that were got to, in order
    steps: tuple[StepResult, ...]
    #: an installer or the system says so
    needs_reboot: bool = False
    #: the script itself said that this is all
    is_whole: bool = False


class SaidNotes:
    """Parts an output that comes in pieces: lines for `parse` are kept here, people get the rest.

    Nothing is passed on behind the first of those lines until the end, but for what would take too much memory: so
    all that was passed on is the beginning of what the target said, and another engine can read on behind it.
    """

    #: of a line that has no end yet, of what others say behind the first line, and of all lines together
    _MOST_LINE, _MOST_REST, _MOST = 64 * 1024, 64 * 1024, 8 << 20

    def __init__(self, mark: str) -> None:
        self._mark = f"dxs {mark} ".encode()
        self._has_begun = False
        self._held = b""
        self._rest = b""
        self._lines: list[bytes] = []
        self._size = 0

    def hear(self, data: bytes) -> bytes:
        """The part that people may read now."""
        data, passed = self._held + data, b""
        if not self._has_begun:
            at = data.find(self._mark)
            self._has_begun = at >= 0
            if at < 0:
                at = len(data) - self._begins(data)
            passed, data = data[:at], data[at:]
        if not self._has_begun:
            self._held = data
            return passed
        *whole, self._held = data.split(b"\n")
        for line in whole:
            self._line(line)
        if len(self._held) > self._MOST_LINE and not self._held.startswith(self._mark):
            self._rest, self._held = self._rest + self._held, b""
        self._held = self._held[: self._MOST_LINE]
        if len(self._rest) > self._MOST_REST:
            passed, self._rest = passed + self._rest, b""
        return passed

    def rest(self) -> bytes:
        """At the end: what people may read besides."""
        if not self._has_begun or not self._held.startswith(self._mark):
            self._rest, self._held = self._rest + self._held, b""
        rest, self._rest = self._rest, b""
        return rest

    def lines(self) -> bytes:
        return b"\n".join((*self._lines, self._held))

    def _line(self, line: bytes) -> None:
        if not line.startswith(self._mark):
            self._rest += line + b"\n"
        elif self._size < self._MOST:
            self._lines.append(line)
            self._size += len(line)

    def _begins(self, data: bytes) -> int:
        """Length of the longest end of it that the mark could begin with."""
        most = min(len(self._mark) - 1, len(data))
        return next((size for size in range(most, 0, -1) if data.endswith(self._mark[:size])), 0)


@dataclass
class _Heard:
    results: dict[int, StepResult] = field(default_factory=dict)
    #: (step, name): the last that was said of it
    changes: dict[tuple[int, str], PackageChange] = field(default_factory=dict)
    needs_reboot: bool = False
    is_whole: bool = False
    #: the step that was taken back last; None: none was
    undone: int | None = None

    @property
    def under_way(self) -> int:
        """Steps are done one after the other."""
        return len(self.results)


def parse(output: bytes, steps: Sequence[SoftwareStep], mark: str, ended: RunFacts) -> SoftwareResult:
    """`output`: what the target said, or its `SaidNotes`; `ended`: how the durable run of the script ended.

    A line counts only where the script could have said it: of the step that is under way, by the step's own installer.
    What is said of a script that a signal ended is not believed: somebody may have spoken for it.
    """
    heard = _Heard()
    words = f"dxs {mark} ".encode()
    for line in output.split(b"\n"):
        if line.startswith(words) and not heard.is_whole:
            _hear(heard, line[len(words) :].decode("utf-8", "replace").split(" "), steps)
    if ended.state is TargetState.FAILED and ended.signal is not None:
        heard = _Heard()
    changes = TargetChanges(packages=tuple(each for each in heard.changes.values() if each.before != each.after))
    results = tuple(heard.results[number] for number in sorted(heard.results))
    facts = _facts(heard, results, changes, steps, ended)
    return SoftwareResult(
        facts=facts, changes=changes, steps=results, needs_reboot=heard.needs_reboot, is_whole=heard.is_whole
    )


def _hear(heard: _Heard, words: list[str], steps: Sequence[SoftwareStep]) -> None:
    match words:
        case ["r", number, state, kind, before, after, code, *why] if (step := _step(number, steps)) is not None:
            if state in tuple(StepState) and step == heard.under_way and _is_its_own(steps[step], kind):
                heard.results[step] = StepResult(
                    package=steps[step].package,
                    state=StepState(state),
                    installer=_kind(kind),
                    before=_version(before),
                    after=_version(after),
                    exit_code=int(code) if code.isascii() and code.isdigit() and len(code) < 6 else None,
                    why=_text(why),
                )
        case ["u", number, state, _, after, *why] if (step := _step(number, steps)) is not None:
            if (result := heard.results.get(step)) is not None:
                undone = state == "undone"
                heard.undone = step
                heard.results[step] = replace(
                    result,
                    state=StepState.UNDONE if undone else result.state,
                    after=_version(after),
                    why=_text(why) if not undone else result.why,
                )
        case ["c", number, kind, name, before, after] if (step := _step(number, steps)) is not None:
            found = _kind(kind)
            is_due = step in (heard.under_way, heard.undone) and _is_its_own(steps[step], kind)
            is_name = NATIVE_NAME.fullmatch(name) and (found not in _BY_NATURE or name == _ONLY)
            if found is not None and is_due and is_name and len(heard.changes) < _MOST_CHANGES:
                heard.changes[step, name] = PackageChange(
                    package=steps[step].package if _is_own(steps[step], found, name) else name,
                    native=name,
                    installer=found.value,
                    before=_version(before),
                    after=_version(after),
                )
        case ["reboot"]:
            heard.needs_reboot = True
        case ["end"]:
            heard.is_whole = True
        case _:
            return


def _is_its_own(step: SoftwareStep, word: str) -> bool:
    """Whether the step is done by this kind; of one that only the device knows, by any."""
    return step.variant is None or word == step.variant.installer.value


def _is_own(step: SoftwareStep, kind: InstallerKind, name: str) -> bool:
    """Whether a name of the target's database is the step's package itself, and not what came with it."""
    native = step.package if step.variant is None else step.variant.name
    return kind in _BY_NATURE or name.partition(":")[0] == native.partition(":")[0]


def _facts(
    heard: _Heard,
    results: tuple[StepResult, ...],
    changes: TargetChanges,
    steps: Sequence[SoftwareStep],
    ended: RunFacts,
) -> RunFacts:
    by_script = ended.state is TargetState.SUCCEEDED or (
        ended.state is TargetState.FAILED and ended.exit_code == 1 and ended.cause is Cause.EXIT
    )
    if not by_script:
        # nothing was sent, or it was cut: what it had said until then is all that is known
        changed = True if changes else ended.changed
        done = [f"{each.package} {each.state.value}" for each in results]
        so_far = f"; until then: {', '.join(done)}" if done else ""
        return replace(ended, changed=changed, message=ended.message + so_far)
    if not heard.is_whole or len(results) != len(steps):
        why = "the script did not say how it ended" if ended.state is TargetState.SUCCEEDED else ended.message
        return replace(
            ended,
            state=TargetState.FAILED,
            cause=ended.cause or Cause.EXIT,
            changed=True if changes else None,
            message=f"{why}; see the output",
        )
    failed = [each for each in results if each.state is StepState.FAILED]
    bad = [each for each in results if each.state in (StepState.FAILED, StepState.SKIPPED)]
    note = "; a restart is needed" if heard.needs_reboot else ""
    if not bad:
        return RunFacts(
            state=TargetState.SUCCEEDED,
            exit_code=ended.exit_code,
            changed=bool(changes),
            message=_counts(results) + note if changes or note else "unchanged",
        )
    first = failed[0] if failed else bad[0]
    count = f"{len(bad)} of {counted(len(steps), 'package')} failed: " if len(steps) > 1 else ""
    undone = [each.package for each in results if each.state is StepState.UNDONE]
    back = f"; taken back: {', '.join(undone)}" if undone else ""
    kept = [f"{each.package} ({each.why})" for each in results if each not in bad and each.why]
    back += f"; not taken back: {', '.join(kept)}" if kept else ""
    return RunFacts(
        state=TargetState.FAILED,
        exit_code=ended.exit_code,
        cause=_cause(first),
        changed=bool(changes),
        message=f"{count}{first.package}: {first.why or 'it failed'}{back}{note}",
    )


def _cause(failed: StepResult) -> Cause:
    """VERIFY: the installer said that all is well, and detection does not agree."""
    return (
        Cause.VERIFY
        if "detection does not find it" in failed.why or "is there instead of" in failed.why
        else Cause.EXIT
    )


def _counts(results: tuple[StepResult, ...]) -> str:
    parts = []
    for state in StepState:
        names = [each for each in results if each.state is state]
        if names and state is StepState.UNCHANGED:
            parts.append(f"{len(names)} unchanged")
        elif names:
            parts.append(f"{state.value} {', '.join(f'{each.package} {each.after or each.before}' for each in names)}")
    return "; ".join(parts)


def _step(word: str, steps: Sequence[SoftwareStep]) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) < 4 and int(word) < len(steps) else None


def _kind(word: str) -> InstallerKind | None:
    return InstallerKind(word) if word in tuple(InstallerKind) else None


def _version(word: str) -> str:
    return word if VERSION.fullmatch(word) else ""


def _text(words: list[str]) -> str:
    text = "".join(character if character.isprintable() else " " for character in " ".join(words))
    return text.strip()[:_MOST_WHY]
