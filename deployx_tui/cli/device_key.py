"""`deployx device test` and `deployx device trust`: how far a connection gets, and the host key on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.answering import answering
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Command, Invocation, invocation
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.model.device import Device, OfferedKey
    from deployx_tui.service.backend import Backend


@click.command(cls=Command, example="deployx device test web01 || true")
@click.argument("name", type=Name("device"))
def test(name: str) -> int:
    """Connect step by step: resolve, connect, host key, authenticate, run. Says what failed and what to do."""
    call = invocation()

    async def walk(backend: Backend) -> bool:
        async with answering(call, backend):
            return await steps(backend)

    async def steps(backend: Backend) -> bool:
        from deployx_tui.model.outcome_words import step_word
        from deployx_tui.service.wire.devices import step_to_json

        one = await backend.devices.find(name)
        good, hop = True, ""
        async for step in backend.devices.test(one.id):
            good = step.ok
            if call.json:
                printing.put_json_line(step_to_json(step))
                continue
            mark = "✓" if step.ok else "✗"
            if step.hop != hop:
                hop = step.hop
                printing.put_line(f"  through {hop}:" if hop else f"  {one.name}:")
            printing.put_line(f"{mark} {step_word(step.name):<9} {step.message}  {step.elapsed_ms} ms")
            if step.offered_key is not None:
                _put_key(step.offered_key)
            if step.remedy:
                printing.put_line(f"  {step.remedy}")
        return good

    return 0 if with_backend(call, walk) else 1


@click.command(cls=Command, example="deployx device trust web01 --yes || true")
@click.argument("name", type=Name("device"))
@click.option("--fingerprint", metavar="SHA256:...", help="Trust only a key with this fingerprint; asks nothing.")
@click.option("--yes", is_flag=True, help="Do not ask. A changed key still wants --fingerprint.")
def trust(name: str, fingerprint: str | None, yes: bool) -> int:
    """Keep the host key that a device shows as the known one, after you compared it at the device's console."""
    call = invocation()

    async def keep(backend: Backend) -> OfferedKey | None:
        one = await backend.devices.find(name)
        offered, failed = None, ""
        async for step in backend.devices.test(one.id):
            offered = step.offered_key or offered
            failed = "" if step.ok else step.message
        if offered is None:
            if failed:
                raise InvalidInput.of("device", f"{one.name} showed no new key: {failed}", "mend that first")
            return None
        _decide(call, one, offered, fingerprint, yes)
        await backend.devices.trust(one.id, offered)
        return offered

    kept = with_backend(call, keep)
    if call.json:
        from deployx_tui.service.wire.devices import key_to_json

        printing.put_json(None if kept is None else key_to_json(kept))
    elif kept is None:
        printing.put_line(f"{name} already shows its known host key")
    else:
        printing.put_line(f"trusted {kept.fingerprint} for {kept.host or name}")
    return 0


def _decide(call: Invocation, one: Device, offered: OfferedKey, fingerprint: str | None, yes: bool) -> None:
    """Return if this key may be trusted. A changed key wants its fingerprint typed: it may be an attack."""
    whose = one.name if offered.host is None else f"{offered.host}, a jump host of {one.name},"
    if fingerprint is not None:
        if fingerprint != offered.fingerprint:
            raise InvalidInput.of(
                "--fingerprint", f"{whose} shows {offered.fingerprint}", "compare again at the host's console"
            )
        return
    if offered.known_fingerprint is not None and not call.can_ask:
        raise InvalidInput.of(
            "--fingerprint",
            f"the key of {whose} has changed from {offered.known_fingerprint} to {offered.fingerprint}",
            "compare it at the host's console, then give it with --fingerprint",
        )
    if call.can_ask and not yes:
        for line in _key_lines(offered):
            printing.note(call, line)
    asking.confirm(call, f"trust this key of {whose}", yes=yes and offered.known_fingerprint is None)


def _put_key(key: OfferedKey) -> None:
    for line in _key_lines(key):
        printing.put_line(line)


def _key_lines(key: OfferedKey) -> list[str]:
    lines = [f"  offered  {key.fingerprint} ({key.key_type})"]
    if key.known_fingerprint is not None:
        lines.insert(0, f"  known    {key.known_fingerprint}")
    return lines
