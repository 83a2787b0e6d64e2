"""A tree into a folder of its own beside the target path, which is a symbolic link that turns to it in one step."""

from __future__ import annotations

import re
from dataclasses import replace

from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.files import Existing
from deployx_tui.runners.files import journal, names
from deployx_tui.runners.files.decide import Decision, decide, extras
from deployx_tui.runners.files.look import Seen
from deployx_tui.runners.files.place import Orders, carry_out
from deployx_tui.runners.files.stopped import Stopped, failed
from deployx_tui.runners.files.text import call
from deployx_tui.runners.files.wanted import Wanted
from deployx_tui.runners.files.work import Work

_RELEASE = re.compile(r"([0-9a-f]{12})-([0-9]{1,9})\Z")


def swap(work: Work, found: Wanted) -> str:
    """Returns what is said of it. Raises Stopped."""
    if len(found.roots) != 1 or any(want.root is None for want in found.wants):
        raise failed(Cause.VERIFY, "swap is for a task of one tree (give the other items a task of their own)")
    seen = work.look(found)
    if seen.same:
        return "unchanged"
    root = seen.roots[0]
    there = seen.present[root]
    if there.kind not in ("absent", "link"):
        raise failed(
            Cause.VERIFY,
            f"{root} is there and no symbolic link: swap would replace it (move it away, or leave swap out)",
        )
    work.changes += journal.that_hold(journal.read(seen.look.done), seen.at)
    decision = _difference(work, seen)
    if work.payload.check:
        return work.checked(decision)
    if decision.steps:
        if not seen.places[root].writable and not seen.places[root].missing:
            raise failed(Cause.EXIT, f"this account has no right to write in {names.parent(root)}")
        work.pre_check()
        release = _release(work, seen, found.manifest)
        work.after()
        return f"{root} is {release} now"
    work.after()
    return f"{root} was turned" if work.changes else "unchanged"


def _difference(work: Work, seen: Seen) -> Decision:
    """What the present release has otherwise: a release is all of a tree and nothing else."""
    root = seen.roots[0]
    decision = decide(replace(work.payload, existing=Existing.REPLACE), seen.wants, seen.present)
    decision.steps += extras(root, seen.listed.get(root, {}), seen.wants, ())
    return decision


def _release(work: Work, seen: Seen, manifest: str) -> str:
    """The new folder, then the link; the path of the folder."""
    root = seen.roots[0]
    before = seen.present[root].target
    releases = f"{root}.releases"
    building = f"{releases}/.dx-{names.tag(work.nonce, 'release', root)}"
    built = Wanted(
        wants=tuple(
            replace(want, path=f"{building}{want.path.removeprefix(root)}", root=building) for want in seen.wants
        ),
        roots=(building,),
        manifest=manifest,
    )
    payload = replace(
        work.payload, swap=False, backups=0, existing=Existing.REPLACE, delete_extra=True, most_deletions=100,
        protected=(), pre_check=None, post_command=None, quick=False,
        create_folders=work.payload.create_folders or not seen.places[root].missing,
    )  # fmt: skip
    build = Work(payload, work.nonce, work.errands, work.connection, work.progress)
    try:
        build.deploy(built)
        release = f"{releases}/{manifest[:12]}-{_next(work, releases)}"
        work.placing = True
        orders = Orders(work.nonce, seen.look.state, 0)
        kept = before if before.startswith("/") or not before else f"{names.parent(root)}/{before}"
        turned = orders.link(root, release.removeprefix(f"{names.parent(root)}/"), before, kept)
        carry_out(
            work.errands, [orders.release(building, release), turned], orders.run, "turning the link", work.changes
        )
        work.placing = False
    except Stopped as stopped:
        build.clear(stopped.facts.state)
        if stopped.facts.state is not TargetState.LOST:
            work.errands.clear(call("dx_sweep", building))
        raise
    _prune(work, releases, {release, kept})
    return release


def _names(work: Work, releases: str) -> list[tuple[int, str]]:
    """(number, name) of the releases that are there."""
    found = []
    for words in work.errands.ask([call("dx_releases", releases)], "looking at the releases"):
        match = _RELEASE.match(words[1]) if words[0] == "release" and len(words) == 2 else None
        if match is not None:
            found.append((int(match[2]), words[1]))
    return sorted(found)


def _next(work: Work, releases: str) -> int:
    return max((number for number, _ in _names(work, releases)), default=0) + 1


def _prune(work: Work, releases: str, stay: set[str]) -> None:
    """Of the older releases as many stay as the task keeps versions."""
    older = [f"{releases}/{name}" for _, name in _names(work, releases)]
    older = [path for path in older if path not in stay]
    spare = max(0, work.payload.backups - 1)
    gone = older[: len(older) - spare]
    if gone:
        work.errands.ask([call("dx_sweep", *gone)], "removing old releases")
        work.errands.say(f"removed {len(gone)} old releases")
