"""A connection test: its steps as they come, what failed, and the decision about a host key. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from deployx_tui.model.device import Device, OfferedKey, TestStep, TestStepName
from deployx_tui.model.outcome_words import step_word
from deployx_tui.tui.render.line import BLANK, Line, Span, line, span, spread, width_of
from deployx_tui.tui.render.safe import show
from deployx_tui.tui.render.words import said, wrap

_LOOKS_AT: dict[TestStepName, str] = {
    TestStepName.RESOLVE: "the address of the name",
    TestStepName.CONNECT: "a connection to the port",
    TestStepName.HOST_KEY: "the known one, before anything of ours is sent",
    TestStepName.AUTHENTICATE: "the user and the key",
    TestStepName.RUN: "a shell that answers",
}


def step_lines(steps: Sequence[TestStep], running: bool, width: int) -> tuple[Line, ...]:
    """One line a step in their order, of each jump host first; those not reached say what they will look at."""
    made: list[Line] = []
    hops = list(dict.fromkeys(step.hop for step in steps)) or [""]
    for hop in hops:
        here = [step for step in steps if step.hop == hop]
        if len(hops) > 1 or hop:
            made.append(line(" ", span(f"through {hop}" if hop else "then the device", "head")))
        is_last = hop == hops[-1]
        made += _host_lines(here, is_jump=bool(hop), running=running and is_last, width=width)
    return tuple(made)


def _host_lines(steps: Sequence[TestStep], *, is_jump: bool, running: bool, width: int) -> tuple[Line, ...]:
    """Of one host; on a jump host no command is run."""
    done = {step.name: step for step in steps}
    made: list[Line] = []
    waiting = running
    last = max((list(_LOOKS_AT).index(step.name) for step in steps), default=-1)
    for index, (name, looks_at) in enumerate(_LOOKS_AT.items()):
        word = step_word(name)
        if is_jump and name is TestStepName.RUN:
            break
        step = done.get(name)
        if step is None and index < last:
            # this machine itself has no address to resolve and no key to look at
            made.append(
                spread(
                    line(span(" · ", "dim"), span(f"{word:<10}", "dim")), line(span("not needed here ", "dim")), width
                )
            )
            continue
        if step is None:
            sign = span("▸ ", "run") if waiting else span("· ", "dim")
            note = "now" if waiting else "not tried"
            made.append(
                spread(
                    line(" ", sign, span(f"{word:<10}"), span(looks_at, "dim")), line(span(f"{note} ", "dim")), width
                )
            )
            waiting = False
            continue
        asks = step.offered_key is not None
        sign = span("✓ ", "good") if step.ok else span("! ", "warn") if asks else span("✗ ", "bad")
        took = line(span(f" {step.elapsed_ms} ms ", "dim"))
        first, *rest = wrap(show(step.message), width - 13 - width_of(took), keep_words=True)
        made.append(spread(line(" ", sign, span(f"{word:<10}"), Span(first)), took, width))
        made += [(span(" " * 13), Span(piece)) for piece in rest]
        if not step.ok and step.remedy:
            told = said("→", "warn", step.remedy, width - 16, keep_words=True)
            made += [(span("              "), *each) for each in told]
        if not step.ok:
            waiting = False
    return tuple(made)


def key_lines(device: Device, key: OfferedKey, width: int) -> tuple[Line, ...]:
    """What a person decides by: whole fingerprints, and how to compare them."""
    changed = key.known_fingerprint is not None
    where = device.name if key.host is None else f"the jump host {key.host}"
    title = "NOT THE KNOWN HOST KEY" if changed else "A HOST KEY THAT IS NOT KNOWN YET"
    made: list[Line] = [line(span(f" {title}", "alarm" if changed else "head")), BLANK]
    if key.known_fingerprint is not None:
        made.append(line(span(" known    ", "dim"), span(key.known_fingerprint)))
    made.append(line(span(" offered  ", "dim"), span(key.fingerprint), span(f"  {key.key_type}", "dim")))
    made += [
        BLANK,
        line(span(" compare  ", "dim"), span("ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub")),
        line(span("          ", "dim"), span(f"at the console of {where}, not over this connection")),
        BLANK,
    ]
    words = "No user name, key or password was sent yet."
    if changed:
        words += " A reinstall looks like this, and an attack does too."
    made += [(span(" "), *each) for each in said(" ", "dim", words, width - 3)]
    return tuple(made)
