"""A software task on one target: prepared from its plan and the device's facts, and its answer read.

What runs is a durable command (`runners/software`), so all that durable runs survive is survived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event

from sqlalchemy import Connection as Database

from deployx_tui.engine.attempt import not_tried
from deployx_tui.engine.run import TargetJob
from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.changes import TargetChanges
from deployx_tui.model.codec import JSON
from deployx_tui.model.execution import Cause, Stream, TargetState
from deployx_tui.model.facts import Facts
from deployx_tui.model.package import Package, Variant
from deployx_tui.model.package_json import pinned_from_json, pinned_to_json
from deployx_tui.model.payload import CommandPayload, Script
from deployx_tui.model.payloads import Payload
from deployx_tui.model.software import RebootPolicy, SoftwarePayload
from deployx_tui.planning.software import SoftwareStep, Unfit, bare_steps, ordered, steps_for
from deployx_tui.runners.artifacts import ArtifactSource
from deployx_tui.runners.command import RunFacts, facts_of
from deployx_tui.runners.durable import Output
from deployx_tui.runners.software.compile import compile_software
from deployx_tui.runners.software.parse import SaidNotes, StepState, parse
from deployx_tui.store import artifacts, packages
from deployx_tui.store.installed import Seen
from deployx_tui.transports.base import (
    Broke,
    CommandSpec,
    Connection,
    Exited,
    FileMover,
    Refused,
    Unknown,
)

_FAILED = TargetState.FAILED


# ---- the plan


def pinned(c: Database, payload: Payload) -> tuple[JSON, ...]:
    """The entries of the catalogue that it needs, as they are now, each artifact by its SHA-256. InvalidInput."""
    if not isinstance(payload, SoftwarePayload) or not payload.packages:
        return ()
    found = ordered(payload.packages, packages.every(c))
    return tuple(pinned_to_json(_with_artifacts(c, package)) for package, _ in found)


def _with_artifacts(c: Database, package: Package) -> Package:
    return replace(package, variants=tuple(_pinned(c, package, variant) for variant in package.variants))


def _pinned(c: Database, package: Package, variant: Variant) -> Variant:
    if not variant.artifact:
        return variant
    try:
        found = artifacts.find(c, variant.artifact)
    except NotFound as error:
        remedy = f"add it: deployx artifact add --name {variant.artifact} FILE"
        raise InvalidInput.of("software_payload.software_ids", f"{package.name}: {error}", remedy) from error
    if variant.sha256 and variant.sha256 != found.sha256:
        message = f"{package.name}: the artifact {variant.artifact} is not what the catalogue says"
        raise InvalidInput.of("software_payload.software_ids", message, "name its version, or correct the SHA-256")
    return replace(variant, sha256=found.sha256)


def packages_of_plan(entries: Iterable[JSON]) -> tuple[Package, ...]:
    return tuple(pinned_from_json(entry) for entry in entries)


# ---- one target


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is sent, and what its answer is read against."""

    command: CommandPayload
    steps: tuple[SoftwareStep, ...]


def steps_of(job: TargetJob, payload: SoftwarePayload, facts: Facts | None) -> tuple[SoftwareStep, ...] | RunFacts:
    """What is to be done on the device; RunFacts: nothing is, and why."""
    if payload.reboot is not RebootPolicy.NEVER:
        message = "this release does not restart a device after an installation yet; say reboot: never, and run one"
        return not_tried(_FAILED, f"{message}. Nothing was sent")
    catalogue = packages_of_plan(job.run.work.packages)
    if facts is None and payload.packages:
        return not_tried(_FAILED, "the device did not say which system it has; test its connection. Nothing was sent")
    found = steps_for(payload, catalogue, facts or Facts())
    if isinstance(found, Unfit):
        return replace(not_tried(_FAILED, f"{found.message} ({found.remedy})"), cause=Cause.VERIFY)
    return found


def under_way(job: TargetJob, payload: SoftwarePayload) -> Prepared:
    """Of what another engine has started: nothing is sent again, its answer alone is read. What the device is may have
    become unknown; the names of the steps are not."""
    command = CommandPayload(body=Script(":"), durable=True, run_as=payload.run_as)
    catalogue = packages_of_plan(job.run.work.packages)
    found = None if job.facts is None else steps_for(payload, catalogue, job.facts)
    if found is None or isinstance(found, Unfit):
        found = bare_steps(payload, catalogue)
    return Prepared(command, found)


def prepared(
    payload: SoftwarePayload, steps: tuple[SoftwareStep, ...], words: tuple[str, str], files: Sequence[str]
) -> Prepared | RunFacts:
    """`words`: nonce and mark of the run."""
    try:
        there = {each.rpartition("/")[2]: each for each in files}
        return Prepared(compile_software(payload, steps, *words, files=there), steps)
    except InvalidInput as error:
        return not_tried(_FAILED, str(error))


def read_off(
    lines: bytes, done: Prepared, mark: str, ended: RunFacts
) -> tuple[RunFacts, TargetChanges, tuple[Seen, ...]]:
    """How it ended, what it changed, and what is where now, which a script that was cut does not know."""
    result = parse(lines, done.steps, mark, ended)
    seen = [
        Seen(package=each.package, installer=each.installer, version=each.after)
        for each in result.steps
        if result.is_whole and each.installer is not None and each.state is not StepState.SKIPPED
    ]
    return result.facts, result.changes, tuple(seen)


class WithoutNotes:
    """A run's output on its way to where it is kept: what its script says to deployx alone stays here."""

    def __init__(self, output: Output, mark: str) -> None:
        self._output, self._notes = output, SaidNotes(mark)

    def write(self, stream: Stream, data: bytes, at: datetime) -> None:
        text = self._notes.hear(data) if stream is Stream.STDOUT else data
        if text:
            self._output.write(stream, text, at)

    def raw_offset(self, stream: Stream) -> int:
        # what is not passed on stands behind all that is
        return self._output.raw_offset(stream)

    def lines(self, at: datetime) -> bytes:
        """At the end: what `read_off` reads; the last of the output is passed on."""
        if rest := self._notes.rest():
            self._output.write(Stream.STDOUT, rest, at)
        return self._notes.lines()


# ---- the files that installers need


def wanted(steps: Iterable[SoftwareStep]) -> tuple[str, ...]:
    """SHA-256 of the artifacts that are put on the target first."""
    found = (step.variant for step in steps)
    return tuple(dict.fromkeys(each.sha256 for each in found if each is not None and each.artifact))


def places(nonce: str, contents: Iterable[str]) -> tuple[str, ...]:
    """Where they lie there: in a folder of their own, which the script removes at its end."""
    return tuple(f"/tmp/deployx-{nonce}-files/{sha256}" for sha256 in contents)  # noqa: S108 - on the target, mode 0700


def send(
    connection: Connection,
    contents: Sequence[str],
    nonce: str,
    source: ArtifactSource,
    cancel: Event,
    account: str | None,
) -> RunFacts | None:
    """Put them there, as the account that logs in. None: they are. May be done again.

    `account`: who reads them, None the one that logs in. Another one than root can't be given a private folder.
    """
    paths = places(nonce, contents)
    if not paths:
        return None
    mover: object = connection
    if not isinstance(mover, FileMover):
        return not_tried(_FAILED, "this connection moves no files; nothing was installed")
    folder = paths[0].rpartition("/")[0]
    modes = "umask 022; mkdir -m 711 -p" if account not in (None, "root") else "umask 077; mkdir -m 700 -p"
    names = " ".join(path.rpartition("/")[2] for path in paths)
    script = (
        f"{modes} {folder} && [ ! -L {folder} ] && [ -O {folder} ] && cd {folder} && for f in {names}; do : >$f; done"
    )
    made = _done(connection, script, cancel)
    if made is not None:
        return made
    for sha256, path in zip(contents, paths, strict=True):
        try:
            sent = mover.put(source.content(sha256), path, 0, _unheard, cancel)
        except InvalidInput as error:
            return replace(not_tried(_FAILED, str(error)), cause=Cause.VERIFY)
        if isinstance(sent, Refused | Broke):
            _done(connection, f"rm -rf {folder}", cancel)
            state = TargetState.CANCELLED if sent.cause is Cause.KILLED else _FAILED
            message = f"a file of it could not be sent: {sent.message}; nothing was installed"
            return replace(not_tried(state, message), cause=sent.cause)
    return None


def _unheard(_over: int) -> None:
    return None


def _done(connection: Connection, script: str, cancel: Event) -> RunFacts | None:
    """Run a small script; RunFacts when it did not succeed."""
    begun = connection.start(CommandSpec(script=script))
    said = bytearray()

    def keep(stream: Stream, data: bytes, at: datetime) -> None:
        said.extend(data[:500])

    outcome = begun if isinstance(begun, Refused | Unknown) else begun.stream(keep, cancel)
    if outcome == Exited(0):
        return None
    facts = facts_of(outcome, frozenset({0}), None)
    words = " ".join(said.decode("utf-8", "replace").split())
    return replace(
        facts, changed=False, message=f"no place for its files on the target: {facts.message} {words}".strip()
    )
