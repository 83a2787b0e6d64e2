"""Changes on a target, step by step: each whole or not at all, what was there before kept, and all of them told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from deployx_tui.model.changes import ChangeKind, FileChange
from deployx_tui.model.execution import Cause
from deployx_tui.runners.files import journal, names
from deployx_tui.runners.files.errand import Errands
from deployx_tui.runners.files.present import number_of
from deployx_tui.runners.files.stopped import Stopped, bounded, failed
from deployx_tui.runners.files.text import call

#: lines about single files that a run says; the rest are counted
_SAID = 50
#: changes in one script; new files that one process moves
_IN_A_SCRIPT, _MOVED_TOGETHER = 1000, 100


#: what a deleted file was, where nobody could hash it: a deleted folder's is ""
UNHASHED = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A call that changes something, and what it makes of the target when it succeeds."""

    call: str
    #: `kept` is the folder where it is kept: its name there comes with the answer. None: nothing that is told of
    change: FileChange | None
    number: int
    #: of a new file that many others may be moved with: its folder there and here, its name in both, its journal's line
    many: tuple[str, str, str, str] | None = None


class Orders:
    """Makes them, for one run."""

    def __init__(self, nonce: str, state: str, backups: int) -> None:
        self._nonce = nonce
        #: by which the target knows the run
        self.run = names.run_id(nonce)
        self._state = state
        self._backups = backups
        self._count = 0

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _kept(self, path: str) -> str:
        return names.kept_folder(self._state, path) if self._backups else ""

    def place(
        self,
        path: str,
        temporary: str,
        sha256: str,
        *,
        before: str | None,
        source: str = "",
        seen: bool = False,
        like: str = "",
        owner: str = "",
        mode: int | None = None,
    ) -> Order:
        """A file takes its place; `before` is the SHA-256 of what was there, None: nothing was. `seen`: its content
        was verified. `source`: where the target copies it from first."""
        kind = ChangeKind.CREATED if before is None else ChangeKind.REPLACED
        kept = "" if before is None else self._kept(path)
        change = FileChange(path=path, kind=kind, before=before or "", after=sha256, kept=kept)
        bits = "" if mode is None else f"{mode:o}"
        written = self._line(change)
        number = self._number()
        if before is None and seen and not source and not like:
            line = call("dx_new", number, temporary, path, owner, self.run, written, bits, sha256)
            (there, name), (folder, own) = _parts(temporary), _parts(path)
            many = (there, folder or "/", own, written) if name == own and not owner else None
            return Order(call=line, change=change, number=number, many=many)
        return Order(
            call=call(
                "dx_place", number, temporary, path, source, f"={sha256}" if seen else sha256, like, owner, bits, kept,
                self.run, written, self._backups, "-" if before is None else before,
            ),
            change=change,
            number=number,
        )  # fmt: skip

    def link(self, path: str, target: str, before: str, kept: str = "") -> Order:
        """`kept`: the folder that it pointed at, where that is one of ours."""
        change = FileChange(path=path, kind=ChangeKind.LINKED, before=before, after=target, kept=kept)
        temporary = names.beside(path, self._nonce, "link")
        line = call("dx_link", self._number(), path, target, temporary, self.run, self._line(change), before)
        return Order(call=line, change=change, number=self._count)

    def release(self, folder: str, release: str) -> Order:
        """A finished folder gets the name that a link will point at."""
        line = call("dx_release", self._number(), folder, release)
        return Order(call=line, change=None, number=self._count)

    def delete(self, path: str, before: str) -> Order:
        change = FileChange(path=path, kind=ChangeKind.DELETED, before=before or UNHASHED, kept=self._kept(path))
        line = call("dx_delete", self._number(), path, change.kept, self.run, self._line(change), self._backups, before)
        return Order(call=line, change=change, number=self._count)

    def delete_link(self, path: str, before: str) -> Order:
        change = FileChange(path=path, kind=ChangeKind.LINKED, before=before)
        line = call("dx_delete", self._number(), path, "", self.run, self._line(change), 0, f"={before}")
        return Order(call=line, change=change, number=self._count)

    def delete_folder(self, path: str) -> Order:
        change = FileChange(path=path, kind=ChangeKind.DELETED)
        line = call("dx_rmdir", self._number(), path, self.run, self._line(change))
        return Order(call=line, change=change, number=self._count)

    def folder(self, path: str, mode: int | None, owner: str) -> Order:
        change = FileChange(path=path, kind=ChangeKind.FOLDER)
        bits = "" if mode is None else f"{mode:o}"
        line = call("dx_folder", self._number(), path, bits, owner, self.run, self._line(change))
        return Order(call=line, change=change, number=self._count)

    def _line(self, change: FileChange) -> str:
        return journal.line(change.kind, change.path, change.before, change.after, change.kept)


def carry_out(errands: Errands, orders: Iterable[Order], run: str, what: str, changes: list[FileChange]) -> None:
    """All of them in order for the run of this id, each change added to `changes` when it is told. Raises Stopped at
    the first failure."""
    listed = list(orders)
    told = _Told(errands, {order.number: order for order in listed}, changes)
    for start in range(0, len(listed), _IN_A_SCRIPT):  # so few that a failure ends soon
        held = listed[start : start + _IN_A_SCRIPT]
        try:
            answers = errands.ask(_calls(held, run), what)
        except Stopped as stopped:
            told.hear(stopped.heard)
            raise
        told.hear(answers)
        told.check(held)
    told.finish()


class _Told:
    """What a target says of its orders."""

    def __init__(self, errands: Errands, orders: dict[int, Order], changes: list[FileChange]) -> None:
        self._errands = errands
        self._orders = orders
        self._changes = changes
        self._answered: set[int] = set()
        self._problem: Stopped | None = None
        self._said = 0

    def hear(self, answers: list[list[str]]) -> None:
        for words in answers:
            match words:
                case ["placed", number, kept]:
                    self._placed(number_of(number), kept)
                case ["differs", number, _]:
                    self._problem = failed(Cause.VERIFY, f"{self._path(number)}: what arrived is not what was sent")
                case ["failed", number, *rest]:
                    self._problem = failed(Cause.EXIT, f"{self._path(number)}: {bounded(' '.join(rest))}")
                case ["unsure", number, *rest]:
                    self._problem = failed(Cause.EXIT, f"{self._path(number)}: {bounded(' '.join(rest))}")
                    self._problem.is_unsure = True
                case ["note", number, *rest]:
                    self._errands.say(f"{self._path(number)}: {bounded(' '.join(rest))}")

    def _placed(self, number: int, kept: str) -> None:
        order = self._orders.get(number)
        if order is None or order.change is None or number in self._answered:
            return
        self._answered.add(number)
        change = order.change
        if change.kind is not ChangeKind.LINKED:
            change = replace(change, kept=f"{change.kept}/{kept}" if change.kept and kept != "-" else "")
        self._changes.append(change)
        self._said += 1
        if self._said <= _SAID:
            self._errands.say(_words(change))

    def check(self, orders: list[Order]) -> None:
        """Raises Stopped at what failed, and at what nothing was said of."""
        if self._problem is not None:
            raise self._problem
        for order in orders:
            if order.change is not None and _must_answer(order.change) and order.number not in self._answered:
                raise failed(Cause.VERIFY, f"{order.change.path}: the target did not say whether it was placed")

    def finish(self) -> None:
        if self._said > _SAID:
            self._errands.say(f"and {self._said - _SAID} more")

    def _path(self, number: str) -> str:
        order = self._orders.get(number_of(number))
        return order.change.path if order is not None and order.change is not None else "the target"


def _must_answer(change: FileChange) -> bool:
    """Folders may be there already, or stay because something is in them."""
    is_folder = change.kind is ChangeKind.DELETED and not (change.before or change.kept)
    return change.kind is not ChangeKind.FOLDER and not is_folder


def _calls(orders: list[Order], run: str) -> Iterator[str]:
    """New files of one folder, one after the other, are moved together."""
    for key, group in groupby(orders, lambda order: order.many[:2] if order.many is not None else None):
        if key is None:
            yield from (order.call for order in group)
            continue
        members = list(group)
        for start in range(0, len(members), _MOVED_TOGETHER):
            words = [
                str(word)
                for order in members[start : start + _MOVED_TOGETHER]
                if order.many is not None
                for word in (order.number, order.many[2], order.many[3])
            ]
            yield call("dx_news", *key, run, *words)


def _parts(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _words(change: FileChange) -> str:
    kept = f", what was there is kept in {change.kept}" if change.kept else ""
    match change.kind:
        case ChangeKind.CREATED:
            return f"placed {change.path} (new), SHA-256 {change.after[:12]}"
        case ChangeKind.REPLACED:
            return f"placed {change.path}, SHA-256 {change.after[:12]}{kept}"
        case ChangeKind.DELETED:
            return f"removed {change.path}{kept}"
        case ChangeKind.LINKED:
            return f"linked {change.path} to {change.after}" if change.after else f"removed the link {change.path}"
        case ChangeKind.FOLDER:
            return f"made the folder {change.path}"
