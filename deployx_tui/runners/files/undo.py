"""Changes taken back, the last one first: only where what is there is still what the run put there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from deployx_tui.model.changes import ChangeKind, FileChange
from deployx_tui.runners.files import journal, names
from deployx_tui.runners.files.errand import Errands
from deployx_tui.runners.files.place import UNHASHED, Order, Orders, carry_out
from deployx_tui.runners.files.present import Look, Present, read_look
from deployx_tui.runners.files.text import call

_ABSENT = Present()
#: versions of a path: taking back removes none, the next deployment does
_KEEPS = 1000
_SINCE, _OTHER = "was changed since", "was changed since, into something else than a file"


@dataclass(frozen=True, slots=True)
class Left:
    """A path that was not taken back."""

    path: str
    why: str
    #: whether force would have taken it back
    yields_to_force: bool = False


@dataclass(kw_only=True)
class Undone:
    changes: list[FileChange] = field(default_factory=list)
    problems: list[Left] = field(default_factory=list)


def undo(
    errands: Errands,
    changes: Sequence[FileChange],
    nonce: str,
    *,
    force: bool,
    also_missing: bool = False,
    into: Undone | None = None,
) -> Undone:
    """`also_missing`: what the run put there and is gone comes back too, as it was before. `into` gets what was done
    also when it is stopped. Raises Stopped."""
    undone = into if into is not None else Undone()
    calls = [call("dx_tell"), call("dx_journal", names.run_id(nonce))]
    for number, change in enumerate(changes):
        calls.append(call("dx_glance", 2 * number, change.path))
        if change.kept:
            calls.append(call("dx_glance", 2 * number + 1, change.kept))
    look = read_look(errands.ask(calls, "looking at the target"))
    by_path = {change.path: look.at.get(2 * number) for number, change in enumerate(changes)}
    undone.changes += journal.that_hold(journal.read(look.done), by_path.get)
    orders = Orders(nonce, look.state, _KEEPS)
    todo: list[Order] = []
    for number in reversed(range(len(changes))):
        gone = also_missing and look.at.get(2 * number, _ABSENT).kind == "absent"
        order = _order(orders, changes[number], number, look, nonce, force=force or gone)
        if isinstance(order, Left):
            undone.problems.append(order)
        elif order is not None:
            todo.append(order)
    if todo:
        carry_out(errands, todo, orders.run, "taking back", undone.changes)
    return undone


def _order(
    orders: Orders, change: FileChange, number: int, look: Look, nonce: str, *, force: bool
) -> Order | Left | None:
    """What takes a change back; None: there is nothing to do."""
    there = look.at.get(2 * number, _ABSENT)
    kept = look.at.get(2 * number + 1, _ABSENT)
    path = change.path
    match change.kind:
        case ChangeKind.FOLDER:
            return orders.delete_folder(path) if there.kind == "folder" else None
        case ChangeKind.CREATED:
            if there.kind == "absent":
                return None
            if there.kind != "file":
                return Left(path, _OTHER)
            if there.sha256 != change.after and not force:
                return Left(path, _SINCE, yields_to_force=True)
            return orders.delete(path, there.sha256)
        case ChangeKind.LINKED:
            return _link(orders, change, there, kept, force=force)
        case ChangeKind.DELETED if not (change.before or change.kept):
            return orders.folder(path, None, "") if there.kind == "absent" else None
        case ChangeKind.REPLACED | ChangeKind.DELETED:
            return _content(orders, change, there, kept, nonce, force=force)


def _content(
    orders: Orders, change: FileChange, there: Present, kept: Present, nonce: str, *, force: bool
) -> Order | Left | None:
    """Of a file that was replaced or deleted."""
    path = change.path
    if there.kind == "file" and there.sha256 == change.before and change.before != change.after:
        return None
    if not change.kept:
        return Left(path, "what was there before was not kept (it was deployed with --backups 0)")
    expected = "absent" if change.kind is ChangeKind.DELETED else "file"
    if there.kind not in ("absent", "file"):
        return Left(path, _OTHER)
    if (there.kind != expected or there.sha256 != change.after) and not force:
        return Left(path, _SINCE, yields_to_force=True)
    before = "" if change.before == UNHASHED else change.before
    if kept.kind != "file" or kept.sha256 != (before or kept.sha256):
        return Left(path, "what was there before is not kept any more")
    return orders.place(
        path,
        names.beside(path, nonce, kept.sha256),
        kept.sha256,
        before=None if there.kind == "absent" else there.sha256,
        source=change.kept,
        like=change.kept,
        owner=f"{kept.uid}:{kept.gid}",
        mode=kept.mode if kept.mode >= 0 else None,
    )


def _link(orders: Orders, change: FileChange, there: Present, kept: Present, *, force: bool) -> Order | Left | None:
    if there.kind not in ("absent", "link"):
        return Left(change.path, "was changed since")
    if there.target == change.before:
        return None
    if there.target != change.after and not force:
        return Left(change.path, _SINCE, yields_to_force=True)
    if change.kept and kept.kind == "absent":
        return Left(change.path, "pointed at a folder that is not there any more")
    if change.before:
        return orders.link(change.path, change.before, there.target)
    return orders.delete_link(change.path, there.target)
