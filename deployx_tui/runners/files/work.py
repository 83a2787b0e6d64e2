"""The steps of one file task on one target, in order, and what they leave to clear up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deployx_tui.model.artifact import EntryKind
from deployx_tui.model.changes import ChangeKind, FileChange
from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.files import FilePayload
from deployx_tui.model.payload import RunAs
from deployx_tui.model.secret import Secret
from deployx_tui.model.words import counted
from deployx_tui.runners.files import journal, names
from deployx_tui.runners.files.decide import Decision, Deed, Step, decide, differences, extras, too_many
from deployx_tui.runners.files.errand import Errands
from deployx_tui.runners.files.look import Seen, listing_digest, look_at, record_key
from deployx_tui.runners.files.place import Orders, carry_out
from deployx_tui.runners.files.present import Present
from deployx_tui.runners.files.room import folders_to_make, refuse_without_room
from deployx_tui.runners.files.stopped import Stopped, failed, listed
from deployx_tui.runners.files.text import call
from deployx_tui.runners.files.transfer import Transfer, private_folders
from deployx_tui.runners.files.undo import Undone, undo
from deployx_tui.runners.files.wanted import Wanted
from deployx_tui.transports.base import Become, Connection, FileMover


def become_of(run_as: RunAs | None, password: Secret | None) -> Become | None:
    return None if run_as is None else Become(method=run_as.method, user=run_as.user, password=password)


class Work:
    """One run. `changes` grows as the target tells them."""

    def __init__(
        self,
        payload: FilePayload,
        nonce: str,
        errands: Errands,
        connection: Connection,
        progress: Callable[[int, int], None],
    ) -> None:
        self.payload = payload
        self.nonce = nonce
        self.errands = errands
        self.connection = connection
        if not isinstance(connection, FileMover):
            raise TypeError("this connection moves no files")
        self.mover: FileMover = connection
        self.progress = progress
        self.changes: list[FileChange] = []
        #: a change may have been made of which no answer came
        self.placing = False
        self._transfer: Transfer | None = None

    def deploy(self, found: Wanted) -> str:
        """Make the target hold what is wanted; returns what is said of it. Raises Stopped."""
        seen = self.look(found)
        if seen.same:
            self.errands.say("by size and time of change everything is as this task left it")
            return "unchanged"
        self.changes += journal.that_hold(journal.read(seen.look.done), seen.at)
        decision = self.decision(seen)
        if self.payload.check:
            return self.checked(decision)
        self._say_seen(seen, decision)
        if decision.steps:
            self.pre_check()
            self.carry_out(seen, decision)
        if seen.look.done:
            self._clear_after_an_earlier_attempt(seen)
        self._remember(found, seen, changed=bool(decision.steps))
        self.after()
        return self._summary(decision)

    def _clear_after_an_earlier_attempt(self, seen: Seen) -> None:
        """It may have died between its last change and its clearing up."""
        folders = {want.root or names.parent(want.path) for want in seen.wants} | set(seen.roots)
        self.errands.clear(
            "".join(
                call("dx_sweep", names.staging(folder, self.nonce), names.staging_apart(folder, self.nonce))
                for folder in sorted(folders)
            )
        )
        self.errands.clear(call("dx_sweep", *private_folders(self.nonce)), as_login=True)

    def look(self, found: Wanted) -> Seen:
        payload = self.payload
        return look_at(
            self.errands,
            self.mover,
            found.wants,
            found.roots,
            self.nonce,
            with_names=payload.owner is not None or payload.group is not None,
            record=self._record(found) if payload.quick else None,
        )

    def _record(self, found: Wanted) -> tuple[str, str] | None:
        """Name and key of what a quick look compares with; None: this task has none."""
        if len(found.roots) != 1 or any(want.root is None for want in found.wants):
            return None
        payload = self.payload
        wants = [(w.path, w.kind, w.mode, w.new_mode, w.sha256, w.target) for w in found.wants]
        parts = (
            wants, payload.owner, payload.group, payload.existing, payload.delete_extra, payload.protected,
        )  # fmt: skip
        return names.tag("quick", found.roots[0]), record_key(parts)

    def decision(self, seen: Seen) -> Decision:
        decision = decide(self.payload, seen.wants, seen.present)
        decision.problems += [
            f"{want.path} can't be read, so nobody knows what it holds"
            for want in seen.wants
            if want.kind is EntryKind.FILE and _is_unread(seen.present.get(want.path))
        ]
        decision.problems += [
            f"{root} is {'a symbolic link' if seen.present[root].kind == 'link' else 'no folder'}"
            " (swap is what uses links)"
            for root in seen.roots
            if seen.present[root].kind not in ("absent", "folder")
        ]
        if decision.problems:
            raise failed(Cause.VERIFY, listed(decision.problems))
        if self.payload.delete_extra:
            deletions = self._deletions(seen)
            if not self.payload.check:
                _refuse_what_can_not_be_kept(deletions)
            decision.steps += deletions
        return decision

    def _deletions(self, seen: Seen) -> list[Step]:
        deletions = []
        for root in seen.roots:
            there = seen.listed.get(root, {})
            found = extras(root, there, seen.wants, self.payload.protected)
            if not self.payload.check and too_many(self.payload, found, len(there)):
                paths = listed([step.path for step in reversed(found)])
                raise failed(
                    Cause.VERIFY,
                    f"{len(found)} of {len(there)} things in {root} would be removed, more than"
                    f" {self.payload.most_deletions} per cent: {paths} (raise most_deletions, --max-deletions,"
                    " or protect them, --protect)",
                )
            deletions += found
        return deletions

    def checked(self, decision: Decision) -> str:
        differ = [step.path for step in decision.steps if step.deed is not Deed.DELETE_FOLDER] + decision.kept
        if differ:
            for line in differences(self.payload, decision):
                self.errands.say(line)
            raise failed(Cause.VERIFY, f"drifted: {listed(sorted(differ))}")
        return f"as deployed: {counted(decision.compared, 'file')}"

    def _say_seen(self, seen: Seen, decision: Decision) -> None:
        how = "by reading back" if seen.look.hash_program == "none" else f"by {seen.look.hash_program}"
        todo = counted(len(decision.steps), "change")
        self.errands.say(f"looked at {counted(decision.compared, 'file')}, hashed {how}: {todo} to make")
        for path in decision.kept[:20]:
            self.errands.say(f"kept {path} as it is: its content is another one, and this task keeps what is there")

    def pre_check(self) -> None:
        if self.payload.pre_check is None:
            return
        facts = self.errands.command(self.payload.pre_check, "pre-check")
        if facts.state is not TargetState.SUCCEEDED:
            raise Stopped(facts)

    def carry_out(self, seen: Seen, decision: Decision) -> None:
        payload = self.payload
        steps = decision.steps
        orders = Orders(self.nonce, seen.look.state, self._backups)
        folders = folders_to_make(seen, steps, create=payload.create_folders)
        refuse_without_room(seen, steps)
        transfer = Transfer(self.errands, self.mover, self.nonce, seen, payload.run_as, self.progress)
        self._transfer = transfer
        self.placing = True
        owner = owner_words(payload, None)
        made = [orders.folder(path, mode, owner) for path, mode in folders]
        if made:
            carry_out(self.errands, made, orders.run, "making folders", self.changes)
        self.placing = False
        arrived = transfer.send([step for step in steps if step.deed is Deed.PUT])
        self.placing = True
        # nothing there hashes: what arrived was read back already
        is_read_back = seen.look.hash_program == "none"
        todo = []
        for step in steps:
            want = step.want
            before = step.present.sha256 if step.present.kind == "file" else None
            match step.deed:
                case Deed.PUT if want is not None:
                    there = arrived[step.path]
                    todo.append(
                        orders.place(
                            step.path,
                            there.temporary,
                            want.sha256,
                            before=before,
                            source=there.source,
                            seen=there.seen or is_read_back,
                            like="" if before is None else step.path,
                            owner=owner_words(payload, None if before is None else step.present),
                            mode=mode_of(step),
                        )
                    )
                case Deed.RESTAMP if want is not None:
                    todo.append(
                        orders.place(
                            step.path,
                            names.beside(step.path, self.nonce, want.sha256),
                            want.sha256,
                            before=before,
                            source=step.path,
                            seen=is_read_back,
                            like=step.path,
                            owner=owner_words(payload, step.present),
                            mode=mode_of(step),
                        )
                    )
                case Deed.LINK if want is not None:
                    todo.append(orders.link(step.path, want.target, step.present.target))
                case Deed.DELETE if step.present.kind == "link":
                    todo.append(orders.delete_link(step.path, step.present.target))
                case Deed.DELETE:
                    todo.append(orders.delete(step.path, step.present.sha256))
                case Deed.DELETE_FOLDER:
                    todo.append(orders.delete_folder(step.path))
                case _:
                    continue  # folders are made
        carry_out(self.errands, todo, orders.run, "placing", self.changes)
        self.placing = False
        transfer.finish()
        self._transfer = None

    @property
    def _backups(self) -> int:
        takes_back = self.payload.post_command is not None and self.payload.rollback_on_failure
        return max(self.payload.backups, 1) if takes_back else self.payload.backups

    def after(self) -> None:
        """The post-command, and what follows when it fails."""
        payload = self.payload
        if not self.changes:
            return
        if payload.post_command is not None:
            facts = self.errands.command(payload.post_command, "post-command")
            if facts.state is not TargetState.SUCCEEDED:
                self._take_back(facts.message, Stopped(facts))
        if self._backups != payload.backups:
            folders = {change.kept.rpartition("/")[0] for change in self.changes if change.kept}
            self.errands.ask([call("dx_prune", folder, payload.backups) for folder in folders], "clearing up")
            self.changes[:] = [
                FileChange(path=c.path, kind=c.kind, before=c.before, after=c.after) for c in self.changes
            ]

    def _take_back(self, message: str, stopped: Stopped) -> None:
        facts = stopped.facts
        if facts.state is TargetState.LOST:
            raise stopped
        if not self.payload.rollback_on_failure:
            stopped.left = ", left in place (--rollback-on-failure takes it back)"
            raise stopped
        done = list(journal.merged(self.changes))
        undone = Undone()
        try:
            undo(
                self.errands.free(), done, names.tag(self.nonce, "undo"), force=False, also_missing=True, into=undone
            )  # fmt: skip
            left = {problem.path for problem in undone.problems}
            why = listed([f"{problem.path} {problem.why}" for problem in undone.problems])
        except Stopped as stop:  # what came before it is taken back
            left = {change.path for change in done} - {change.path for change in undone.changes}
            why = stop.facts.message
        self.changes[:] = [change for change in done if change.path in left]
        words = f"{len(left)} of {len(done)} could not be taken back: {why}" if left else "everything was taken back"
        raise Stopped(
            type(facts)(
                state=facts.state, exit_code=facts.exit_code, signal=facts.signal, cause=facts.cause, kill=facts.kill,
                message=f"{message}; {words}",
            )
        )  # fmt: skip

    def _remember(self, found: Wanted, seen: Seen, *, changed: bool) -> None:
        """What the next quick look compares with."""
        record = self._record(found) if self.payload.quick else None
        if record is None:
            return
        digest = seen.digest
        if changed:
            listing = listing_digest(self.errands, seen.roots[0])
            for want in seen.wants:
                there = listing.entries.get(want.path.removeprefix(f"{seen.roots[0]}/"))
                if want.kind is EntryKind.FILE and (there is None or there.size != want.size):
                    return  # somebody changed it meanwhile: the next look hashes
            digest = listing.digest
        self.errands.ask([call("dx_record", *record, digest)], "writing down what is there")

    def clear(self, state: TargetState) -> None:
        """After a failure: nothing of ours stays, but what a lost run goes on with."""
        if self._transfer is not None and state is not TargetState.LOST:
            self._transfer.clear()

    def _summary(self, decision: Decision) -> str:
        changes = journal.merged(self.changes)
        kept = f", {len(decision.kept)} kept as they are" if decision.kept else ""
        if not changes:
            return f"unchanged{kept}"
        return summary(changes, decision.compared) + kept


def _refuse_what_can_not_be_kept(deletions: Sequence[Step]) -> None:
    """A fifo, a socket or a device can't come back."""
    odd = [step.path for step in reversed(deletions) if step.present.kind == "other"]
    if odd:
        raise failed(
            Cause.VERIFY,
            f"no files, links or folders, which can't be kept and are not removed: {listed(odd)}"
            " (protect them, --protect, or remove them)",
        )


def _is_unread(there: Present | None) -> bool:
    return there is not None and there.kind == "file" and not there.sha256


def mode_of(step: Step) -> int | None:
    want = step.want
    if want is None:
        return None
    if want.mode is not None:
        return want.mode
    return step.present.mode if step.present.kind == "file" and step.present.mode >= 0 else want.new_mode


def owner_words(payload: FilePayload, replaced: Present | None) -> str:
    """What chown is told; "": nothing."""
    if replaced is None:
        owner, group = payload.owner or "", payload.group or ""
    else:
        owner, group = payload.owner or _number(replaced.uid), payload.group or _number(replaced.gid)
    return f"{owner}:{group}" if group else owner


def _number(number: int) -> str:
    return str(number) if number >= 0 else ""


def summary(changes: Sequence[FileChange], compared: int) -> str:
    """ "2 of 10 files replaced, 1 created"."""
    unlinked = sum(change.kind is ChangeKind.LINKED and not change.after for change in changes)
    counts = {kind: sum(change.kind is kind for change in changes) for kind in ChangeKind}
    counts[ChangeKind.LINKED] -= unlinked
    folders = counts.pop(ChangeKind.FOLDER)
    found = [(count, kind.value) for kind, count in counts.items() if count]
    words = [f"{count} {done}" for count, done in found[1:]]
    if found:
        count, done = found[0]
        words.insert(0, f"{count} of {counted(compared, 'file')} {done}" if compared > 1 else f"{count} {done}")
    if unlinked:
        words.append(f"{counted(unlinked, 'link')} removed")
    if folders:
        words.append(f"{counted(folders, 'folder')} made")
    return ", ".join(words)
