"""Software tasks on a transport, without an engine: compiled, run as a durable command, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from threading import Event

from deployx_tui.model.execution import Stream
from deployx_tui.model.package import BY_NAME, InstallerKind, Variant
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.software import SoftwarePayload
from deployx_tui.planning.software import SoftwareStep
from deployx_tui.runners.command import facts_of, spec_of, steps_of
from deployx_tui.runners.software.compile import Restore, Settings, compile_restore, compile_software, restore_steps
from deployx_tui.runners.software.parse import SoftwareResult, parse
from deployx_tui.transports.base import Refused, Unknown, Unreached
from tests.contract.transport.site import Site

#: of tests: nobody waits long for a lock or at a question
SOON = Settings(lock_wait=timedelta(seconds=2), input_patience=timedelta(seconds=2), input_look=timedelta(seconds=1))


@dataclass(frozen=True)
class Did:
    result: SoftwareResult
    output: str

    def __str__(self) -> str:
        return f"{self.result}\n{self.output}"


def step(
    name: str, kind: InstallerKind = InstallerKind.APT, version: str | None = None, **more: object
) -> SoftwareStep:
    """`more`: fields of the variant, and `needs` and `requirements` of the step."""
    of_step = {key: more.pop(key) for key in ("needs", "requirements") if key in more}
    more.setdefault("name", name if kind in BY_NAME or kind is InstallerKind.DEB else "")
    variant = Variant(installer=kind, **more)  # type: ignore[arg-type]  # a test's own words
    return SoftwareStep(package=name, variant=variant, version=version, why="", **of_step)  # type: ignore[arg-type]


def run(
    site: Site,
    *steps: SoftwareStep,
    payload: SoftwarePayload | None = None,
    files: Mapping[str, str] | None = None,
    settings: Settings = SOON,
    cancel: Event | None = None,
) -> Did:
    nonce, mark = token_hex(16), token_hex(16)
    command = compile_software(payload or SoftwarePayload(), steps, nonce, mark, files=files, settings=settings)
    return _ran(site, command, steps, (nonce, mark), cancel or Event())


def restore(site: Site, *restores: Restore) -> Did:
    words = token_hex(16), token_hex(16)
    return _ran(site, compile_restore(restores, *words, settings=SOON), restore_steps(restores), words, Event())


def _ran(
    site: Site, command: CommandPayload, steps: tuple[SoftwareStep, ...], words: tuple[str, str], cancel: Event
) -> Did:
    connection = site.transport.connect(site.endpoint, timedelta(seconds=20), cancel)
    assert not isinstance(connection, Unreached)
    said = {Stream.STDOUT: bytearray(), Stream.STDERR: bytearray()}

    def keep(stream: Stream, data: bytes, at: datetime) -> None:
        said[stream].extend(data)

    try:
        (only,) = steps_of(command)
        process = connection.start(spec_of(command, only, {}, timedelta(minutes=2), words[0], None))
        assert not isinstance(process, Refused | Unknown), process
        outcome = process.stream(keep, cancel)
        process.acknowledge()
    finally:
        site.transport.release(connection)
    ended = facts_of(outcome, command.success_codes, timedelta(minutes=2))
    texts = [bytes(each).decode("utf-8", "replace") for each in said.values()]
    return Did(parse(bytes(said[Stream.STDOUT]), steps, words[1], ended), "\n".join(texts))
