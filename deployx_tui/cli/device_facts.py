"""`deployx device facts`: what devices told of themselves, and asking them again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Command, invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployx_tui.model.device import Device, TestStep
    from deployx_tui.model.facts import KnownFacts
    from deployx_tui.model.ids import DeviceId
    from deployx_tui.service.backend import Backend

#: connection tests at once
_AT_ONCE = 8

UNASKED = "unknown: it was not asked yet; --refresh asks it"


@click.command(cls=Command, example="deployx device facts web01 --refresh")
@click.argument("selector", type=Name("selector"))
@click.option("--refresh", is_flag=True, help="Ask them now, by a connection test each.")
def facts(selector: str, refresh: bool) -> int:
    """What devices told of themselves: system, kernel, size, free disk, shells, with the age of each answer."""
    call = invocation()

    async def read(backend: Backend) -> tuple[list[Device], list[tuple[str, TestStep]], int]:
        match = await backend.devices.match(selector)
        ids = [device for device, _, _ in match.devices]
        failed = await _refreshed(backend, match.devices) if refresh else []
        return [await backend.devices.get(device) for device in ids], failed, match.unknown

    found, failed, unknown = with_backend(call, read, engine=refresh)
    from deployx_tui.model.outcome_words import step_word

    for name, step in failed:
        remedy = f" ({step.remedy})" if step.remedy else ""
        printing.say(f"error: {name}: {step_word(step.name)}: {step.message}{remedy}")
    note_unknown(unknown)
    if call.json:
        from deployx_tui.service.wire.facts import known_to_json

        printing.put_json(
            [
                {
                    "id": one.id,
                    "device_name": one.name,
                    "facts": None if one.facts is None else known_to_json(one.facts),
                }
                for one in found
            ]
        )
    elif len(found) == 1:
        printing.put_facts([("device", f"{found[0].name} ({found[0].id})"), *fact_rows(found[0].facts)])
    else:
        _put_table(found)
    return 1 if failed else 0


def note_unknown(count: int) -> None:
    """Say on standard error how many devices a selector left out because their facts are not known."""
    from deployx_tui.model.fact_words import unknown_words

    if count:
        printing.say(f"{unknown_words(count)}; deployx device facts SELECTOR --refresh asks")


def fact_rows(known: KnownFacts | None) -> list[tuple[str, str]]:
    from deployx_tui.model.fact_words import rows

    if known is None:
        return [("facts", UNASKED)]
    return [*rows(known.facts), ("told", f"{printing.instant(known.seen_at)}, {known.seen_by}")]


async def _refreshed(backend: Backend, devices: Sequence[tuple[DeviceId, str, str]]) -> list[tuple[str, TestStep]]:
    """Test each; returns where it failed."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def test(device: DeviceId) -> TestStep | None:
        last: TestStep | None = None
        async with places:
            async for step in backend.devices.test(device):
                last = step
        return None if last is None or last.ok else last

    ended = await asyncio.gather(*(test(device) for device, _, _ in devices))
    return [(name, step) for (_, name, _), step in zip(devices, ended, strict=True) if step is not None]


def _put_table(found: Sequence[Device]) -> None:
    from deployx_tui.model.fact_words import UNKNOWN, sized

    rows: list[tuple[str, ...]] = []
    for one in found:
        if one.facts is None:
            rows.append((one.name, *[UNKNOWN] * 6, "never"))
            continue
        told = one.facts.facts
        rows.append(
            (
                one.name,
                told.system or UNKNOWN,
                told.arch or UNKNOWN,
                " ".join(filter(None, (told.kernel, told.kernel_release))) or UNKNOWN,
                UNKNOWN if told.cpus is None else str(told.cpus),
                UNKNOWN if told.memory is None else sized(told.memory),
                UNKNOWN if told.root is None else sized(told.root.free),
                printing.instant(one.facts.seen_at),
            )
        )
    titles = ("DEVICE", "SYSTEM", "ARCH", "KERNEL", "CPUS", "MEMORY", "/ FREE", "TOLD")
    printing.put_table(titles, rows, empty="no device matches")
