"""`deployx demo`: everything on a fleet of one's own, gone afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import printing
from deployx_tui.cli.invocation import Command, Invocation, invocation
from deployx_tui.cli.terminal import require_terminal, without_colors
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.config import Settings
    from deployx_tui.demo.check import Checked
    from deployx_tui.demo.fleet import Fleet


@click.command(cls=Command, example="deployx demo --check")
@click.option("--check", is_flag=True, help="No screen: run one task on 20 hosts; the exit status tells.")
@click.option("--fleet", "kind", type=click.Choice(["auto", "sshd", "asyncssh"]), default="auto", show_default=True)
def demo(check: bool, kind: str) -> int:
    """Try it: a fleet of SSH servers on this machine, a dozen tasks, a history. Nothing of yours is read or changed.

    All of it is in a temporary folder and is gone when you quit.
    """
    call = invocation()
    if not check:
        require_terminal("try deployx demo --check")
        if call.no_color:
            without_colors()
        return show_demo(call, kind)
    with demo_place(call, kind) as (fleet, settings):
        return asyncio.run(_check(call, settings, fleet))


def show_demo(call: Invocation, kind: str = "auto") -> int:
    """The screens on a fleet of one's own, until they are closed. The exit status."""
    with demo_place(call, kind) as (fleet, settings):
        return asyncio.run(_show(call, settings, fleet))


@contextmanager
def demo_place(call: Invocation, kind: str) -> Iterator[tuple[Fleet, Settings]]:
    """A folder, a fleet in it, and settings that know of nothing else. All ends with the context."""
    from deployx_tui import config
    from deployx_tui.demo import world
    from deployx_tui.demo.account import make_account
    from deployx_tui.demo.fleet import Fleet
    from deployx_tui.demo.lodging import Lodging

    printing.note(call, f"starting {world.FLEET_SIZE} SSH servers on this machine's loopback addresses ...")
    with Lodging() as lodging, Fleet.start(world.FLEET_SIZE, lodging.folder / "fleet", kind) as fleet:  # type: ignore[arg-type] # click has checked the word
        lodging.known_hosts.write_text(world.known_hosts(fleet.hosts))
        printing.note(call, fleet.notice)
        # what still runs at the end is cancelled: its targets are about to go
        settings = config.load({"drain": timedelta(0)})
        make_account(settings)
        yield fleet, settings


# ---- without a screen


async def _check(call: Invocation, settings: Settings, fleet: Fleet) -> int:
    from deployx_tui.cli.following import exit_status_of
    from deployx_tui.demo import seeding, world
    from deployx_tui.demo.check import DUE_IN, NAME, check
    from deployx_tui.service import process

    async with process.backend_for(settings, in_process=True) as backend:
        await seeding.seed_devices(backend, fleet.hosts)
        printing.note(
            call, f"task {NAME} is due in {DUE_IN.total_seconds():.0f} s on {counted(len(world.HOSTS), 'device')}"
        )
        checked = await check(backend)
    put_check(call, checked)
    return exit_status_of(checked.execution, checked.targets)


def put_check(call: Invocation, checked: Checked) -> None:
    from deployx_tui.cli.following import put_verdict, to_document
    from deployx_tui.model.outcome_words import target_word

    if call.json:
        printing.put_json(to_document(checked.execution, checked.targets))
        return
    printing.put_table(
        ("DEVICE", "STATE", "EXIT", "TOOK", "SAID"),
        (
            (
                target.device,
                target_word(target.state),
                "-" if target.exit_code is None else str(target.exit_code),
                _took(target.started_at, target.finished_at),
                checked.said.get(target.device, ""),
            )
            for target in sorted(checked.targets, key=lambda one: one.device)
        ),
    )
    put_verdict(checked.execution, checked.targets)
    printing.note(call, f"it was claimed and started {checked.late_by.total_seconds() * 1000:.0f} ms after it was due")


def _took(started: datetime | None, finished: datetime | None) -> str:
    if started is None or finished is None:
        return "-"
    return f"{(finished - started).total_seconds() * 1000:.0f} ms"


# ---- with the screens


async def _show(call: Invocation, settings: Settings, fleet: Fleet) -> int:
    from deployx_tui.demo import seeding, world
    from deployx_tui.demo.household import engine_ended, screens
    from deployx_tui.service import process

    printing.note(call, "starting the engine on a new database in a temporary folder ...")
    async with process.backend_for(settings) as backend:
        engine = await backend.engine.status()
        try:
            printing.note(call, "making devices of them, groups, a credential and tasks ...")
            await seeding.seed_devices(backend, fleet.hosts)
            tasks = await seeding.seed_tasks(backend, settings.timezone)
            count = len(world.FIRST_ROUND)
            of_all = f"{count} of the {counted(len(tasks), 'task')}"
            printing.note(call, f"the account demo runs {of_all} on them, and more for two minutes, for a history ...")
            await seeding.first_round(backend, tasks)
            further = asyncio.create_task(seeding.later_rounds(backend, tasks))
            try:
                status = await screens(fleet.notice)
            finally:
                further.cancel()
            printing.note(call, "the demo ends: its runs, its servers and its folder go")
            return status
        finally:
            await backend.engine.shutdown(timedelta(0))
            await engine_ended(engine.pid)
