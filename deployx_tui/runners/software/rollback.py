"""Packages that an execution changed on a target go back to what was there before, as one durable command.

A broken connection does not cut a package manager in its work. It may be begun again: what has gone back already is
left alone. So no engine attaches to the one of another, and its traces on the target go when it has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from threading import Event

from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import PackageChange, TargetChanges
from deployx_tui.model.execution import Cause, Stream, TargetState
from deployx_tui.model.package import InstallerKind, Package, Variant
from deployx_tui.model.payload import RunAs
from deployx_tui.model.secret import Secret
from deployx_tui.runners.command import RunFacts, run_command
from deployx_tui.runners.software.compile import Restore, compile_restore, restore_steps
from deployx_tui.runners.software.parse import SaidNotes, parse
from deployx_tui.transports.base import Connection, OutputSink

#: they have no database of many packages: each is taken back by what its own variant says
_ALONE = frozenset((InstallerKind.ARCHIVE, InstallerKind.SCRIPT))


def run_restore(
    changes: Sequence[PackageChange],
    packages: Sequence[Package],
    connection: Connection,
    say: OutputSink,
    cancel: Event,
    *,
    force: bool,
    run_as: RunAs | None,
    password: Secret | None,
    timeout: timedelta | None,
) -> tuple[RunFacts, TargetChanges]:
    """`packages`: the entries of the catalogue that the execution's plan has. Blocks to the end."""
    try:
        restores = restores_of(changes, packages, force=force)
        nonce, mark = token_hex(16), token_hex(16)
        command = compile_restore(restores, nonce, mark, run_as=run_as)
    except InvalidInput as error:
        return RunFacts(
            state=TargetState.FAILED, cause=Cause.VERIFY, changed=False, message=str(error)
        ), TargetChanges()
    notes = SaidNotes(mark)

    def heard(stream: Stream, data: bytes, at: datetime) -> None:
        text = notes.hear(data) if stream is Stream.STDOUT else data
        if text:
            say(stream, text, at)

    ended = run_command(command, connection, heard, cancel, timeout=timeout, nonce=nonce, password=password)
    if rest := notes.rest():
        say(Stream.STDOUT, rest, datetime.now(UTC))
    result = parse(notes.lines(), restore_steps(restores), mark, ended)
    return result.facts, result.changes


def restores_of(
    changes: Sequence[PackageChange], packages: Sequence[Package], *, force: bool = False
) -> tuple[Restore, ...]:
    """What is taken back together, the last change first. InvalidInput: the plan does not say how any more."""
    by_kind: dict[InstallerKind, list[PackageChange]] = {}
    found: list[Restore] = []
    for change in reversed(changes):
        kind = InstallerKind(change.installer)
        if kind not in _ALONE:
            by_kind.setdefault(kind, []).append(change)
            continue
        variant = _variant_of(change, kind, packages)
        found.append(Restore(package=change.package, variant=variant, changes=(change,), force=force))
    for kind, together in by_kind.items():
        own = next((each for each in reversed(together) if each.package != each.native), together[-1])
        variant = Variant(installer=kind, name=own.native or own.package)
        found.append(Restore(package=own.package, variant=variant, changes=tuple(together), force=force))
    return tuple(found)


def _variant_of(change: PackageChange, kind: InstallerKind, packages: Sequence[Package]) -> Variant:
    for package in packages:
        for variant in package.variants:
            if package.name == change.package and variant.installer is kind:
                return variant
    raise InvalidInput.of(
        "execution", f"its plan does not say how {change.package} was installed", "take it back by hand"
    )
