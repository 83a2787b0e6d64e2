"""A command that does all to get away is cancelled: `ps` is asked before and after."""

from __future__ import annotations

from tests.proof.ground import Ground, Process, living
from tests.proof.program import until

#: a pipeline, a background child, one in a session of its own, a double fork, and a shell that ignores TERM. Each
#: sleeps for a time that tells the run and the account
STUBBORN = """trap '' TERM HUP INT
nap={needle}${{SUDO_UID:-$(id -u)}}
sleep $nap | cat &
sleep $nap &
setsid sleep $nap &
(setsid sh -c 'sleep "$0" & sleep "$0" & wait' "$nap" &)
until ps -A -o args= | grep "^sleep $nap" | [ "$(wc -l)" -ge 5 ]; do sleep 0.1; done
: >"{common}/stubborn-$DEPLOYX_RUN"
sleep $nap
sleep $nap"""
#: of one host: those sleeps, the shell of the double fork, and the sleep that the command waits for
AT_LEAST = 7


def show(ground: Ground) -> None:
    t, deployx = ground.transcript, ground.deployx
    t.head("2. A cancel leaves no process")
    t.explain(
        "The command ignores TERM and starts a pipeline, a background child, a child in a session of its own and one "
        "that was forked twice. `ps` says who lives, before the cancel and after it."
    )
    ways: dict[str, tuple[str, ...]] = {"as who logs in": ()}
    if ground.password:
        ways["as root, by sudo"] = ("--sudo",)
    needles = {way: ground.needle() for way in ways}
    runs = {}
    for way, options in ways.items():
        script = STUBBORN.format(needle=needles[way], common=ground.common)
        runs[way] = ground.start("stubborn" + "-as-root" * bool(options), script, *options)
    started = len(ways) * len(ground.targets)
    until(lambda: len([*ground.common.glob("stubborn-*")]) == started, "every command has started its children")
    enough = AT_LEAST * len(ground.targets)
    until(lambda: all(len(living(needle)) >= enough for needle in needles.values()), "every command sleeps, too")
    for way, needle in needles.items():
        before = living(needle)
        t.say(f"\n  ps, before the cancel: {len(before)} processes {way}. Those of one account's host:")
        t.table(("pid", "account", "arguments"), [(p.pid, p.account, p.arguments) for p in _of_one(before, needle)])
        t.claim(
            f"{way}: at least {AT_LEAST} processes live on each host", _are_everywhere(ground, before, needle), before
        )
    t.say()
    for run in runs.values():
        deployx("execution", "cancel", run)
    accounts = [target.account for target in ground.targets] if ground.password else []
    for way, needle in needles.items():
        after = living(needle, accounts)
        t.say(f"\n  ps, after the cancel: {len(after)} processes {way}")
        t.claim(f"{way}: none of them lives, and none of the accounts has any", not after, after)
        told = [target["kill"] for target in deployx.document("execution", "show", runs[way])["targets"]]
        are_killed = all(report is not None and report["verdict"] == "killed" for report in told)
        t.claim(f"{way}: deployx says of every host that they were killed", are_killed, told)


def _naps(found: list[Process], needle: str) -> list[str]:
    return sorted({word for each in found for word in each.arguments.split() if word.startswith(needle)})


def _of_one(found: list[Process], needle: str) -> list[Process]:
    (first, *_) = _naps(found, needle)
    return [each for each in found if first in each.arguments.split()]


def _are_everywhere(ground: Ground, found: list[Process], needle: str) -> bool:
    """Each account's share is there; without accounts of their own the hosts' processes are one share."""
    naps = _naps(found, needle)
    shares = [sum(nap in each.arguments.split() for each in found) for nap in naps]
    hosts = len(ground.targets)
    return len(naps) == hosts and min(shares) >= AT_LEAST if ground.password else sum(shares) >= AT_LEAST * hosts
