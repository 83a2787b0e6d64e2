"""How bytes get to where they are placed from: beside their destination, in a tree's staging folder, or by way of a
private folder where another account places them, or where others may write in the destination's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deployx_tui.model.execution import Cause
from deployx_tui.model.payload import RunAs
from deployx_tui.model.words import counted
from deployx_tui.runners.artifacts import Content
from deployx_tui.runners.files import names
from deployx_tui.runners.files.bundle import Member, bundles, together
from deployx_tui.runners.files.decide import Step
from deployx_tui.runners.files.errand import Errands
from deployx_tui.runners.files.look import Seen, staged_hashes
from deployx_tui.runners.files.send import Load, Sender, read_back
from deployx_tui.runners.files.stopped import bounded, failed
from deployx_tui.runners.files.text import call
from deployx_tui.transports.base import FileMover

#: where an account may have a private folder that others can pass through
_BASES = ("/var/tmp", "/tmp")  # noqa: S108 - on the target, made there by mkdir, under a name that nobody knows


def private_folders(nonce: str) -> tuple[str, ...]:
    """Where a run's bytes may lie on their way to another account, in this order."""
    return tuple(f"{base}/dx-files-{names.tag(nonce, 'private')}" for base in _BASES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    #: what is renamed to the destination
    temporary: str
    #: where the placing account copies it from first; "": it is there
    source: str = ""
    #: its content was verified
    seen: bool = False


class Transfer:
    def __init__(
        self,
        errands: Errands,
        mover: FileMover,
        nonce: str,
        seen: Seen,
        run_as: RunAs | None,
        progress: Callable[[int, int], None],
    ) -> None:
        self._errands = errands
        self._mover = mover
        self._nonce = nonce
        self._seen = seen
        self._hash_program = seen.look.hash_program
        self._run_as = run_as
        self._progress = progress
        self._private = ""
        #: paths of the placing account
        self._temporary: list[str] = []
        self._staging: list[str] = []

    def send(self, steps: Sequence[Step]) -> dict[str, Arrived]:
        """By path, where each file lies now. Raises Stopped."""
        if not steps:
            return {}
        if self._run_as is not None or any(self._seen.is_shared(step.path) for step in steps):
            is_root = self._run_as is None or self._run_as.user == "root"
            self._private = self._private_folder("700" if is_root else "711")
        groups = together(steps)
        by_root = {root: _members(held) for root, held in groups.items()}
        together_go = {id(step) for held in groups.values() for step in held}
        big = [step for step in steps if id(step) not in together_go]
        bundled = [(root, bundle) for root, members in by_root.items() for bundle in bundles(members)]
        loads, arrived = [], {}
        for step in big:
            want = step.wanted
            temporary = names.beside(step.path, self._nonce, want.sha256)
            self._temporary.append(temporary)
            drop = self._drop(temporary, want.sha256, is_apart=self._seen.is_shared(step.path))
            loads.append(self._load(drop, step.path, want.size, want.opened))
            arrived[step.path] = Arrived(temporary=temporary, source="" if drop == temporary else drop)
        before = []
        for root in by_root:
            staging = self._staged(root)
            self._staging.append(staging)
            if self._run_as is None:
                before.append(call("dx_private", staging, "700"))
        drops: list[tuple[str, str]] = []
        for root, bundle in bundled:
            staging = self._staged(root)
            drop = self._drop(f"{staging}/b{names.tag(self._nonce, bundle.key)}", bundle.key, is_apart=False)
            loads.append(self._load(drop, counted(len(bundle.members), "small file"), bundle.size, bundle.content))
            drops.append((drop, staging))
        total = sum(load.size for load in loads)
        sender = Sender(self._errands, self._mover, self._hash_program, self._progress, total)
        sender.send(loads, before, self._private, as_login=self._run_as is not None)
        if drops:
            self._unpack(drops)
        for root, members in by_root.items():
            staging, is_apart = self._staged(root), self._is_apart(root)
            self._verify(staging, members)
            for member in members:
                staged, path = f"{staging}/{member.name}", member.step.path
                arrived[path] = Arrived(temporary=staged, seen=True)
                if is_apart:
                    beside = names.beside(path, self._nonce, member.step.wanted.sha256)
                    arrived[path] = Arrived(temporary=beside, source=staged)
        return arrived

    def _is_apart(self, folder: str) -> bool:
        """Whether the small files of a folder, of a tree's or of items in it, wait elsewhere."""
        return any(
            place.is_shared
            for path, place in self._seen.places.items()
            if folder == (path if path in self._seen.roots else names.parent(path))
        )

    def _staged(self, folder: str) -> str:
        make = names.staging_apart if self._is_apart(folder) else names.staging
        return make(folder, self._nonce)

    def _load(self, drop: str, name: str, size: int, content: Callable[[], Content]) -> Load:
        is_shared = self._run_as is not None and self._run_as.user != "root"
        return Load(path=drop, name=name, size=size, content=content, mode=0o644 if is_shared else 0o600)

    def _drop(self, temporary: str, key: str, *, is_apart: bool) -> str:
        """Where the login's account writes what will be `temporary`."""
        if self._run_as is None and not is_apart:
            return temporary
        return f"{self._private}/{names.tag(self._nonce, temporary, key)}"

    def _private_folder(self, mode: str) -> str:
        reasons = []
        for folder in private_folders(self._nonce):
            answers = self._errands.ask([call("dx_private", folder, mode)], "making a private folder", as_login=True)
            if not answers:
                return folder
            reasons += [" ".join(words[2:]) for words in answers]
        raise failed(Cause.EXIT, f"no private folder can be made: {bounded('; '.join(reasons))}")

    def _unpack(self, drops: Sequence[tuple[str, str]]) -> None:
        """All bundles into their staging folders."""
        calls = [call("dx_private", staging, "700") for staging in self._staging]
        for drop, staging in drops:
            calls.append(call("dx_unpack", drop, staging))
            if self._run_as is None:
                calls.append(call("dx_sweep", drop))
        for words in self._errands.ask(calls, "unpacking"):
            if words[0] == "failed":
                raise failed(Cause.EXIT, f"small files can't be unpacked: {bounded(' '.join(words[2:]))}")

    def _verify(self, staging: str, members: Sequence[Member]) -> None:
        """Each file's content where it was unpacked."""
        found = staged_hashes(self._errands, staging)
        for member in members:
            want = member.step.wanted
            sha256 = found.get(member.name)
            if self._hash_program == "none":
                sha256 = read_back(self._mover, f"{staging}/{member.name}", self._errands.until, want.path)
            if sha256 != want.sha256:
                raise failed(Cause.VERIFY, f"{want.path}: what arrived is not what was sent")
        self._errands.say(f"unpacked and verified {counted(len(members), 'small file')}")

    def finish(self) -> None:
        """Everything is in its place: what was on the way is removed."""
        if self._staging:
            self._errands.clear(call("dx_sweep", *self._staging))
        if self._private:
            self._errands.clear(call("dx_sweep", self._private), as_login=True)

    def clear(self) -> None:
        """Nothing will be placed any more: all of it is removed."""
        paths = self._temporary + self._staging
        if paths:
            self._errands.clear(call("dx_sweep", *paths))
        if self._private:
            self._errands.clear(call("dx_sweep", self._private), as_login=True)


def _members(steps: Sequence[Step]) -> list[Member]:
    """Files that go to one folder lie in one, too, before they do: then one process moves many."""
    folders: dict[str, int] = {}
    found = []
    for step in steps:
        folder, _, name = step.path.rpartition("/")
        number = folders.setdefault(folder, len(folders))
        found.append(Member(name=f"{number}/{name}", step=step, mode=_mode(step)))
    return found


def _mode(step: Step) -> int:
    want = step.wanted
    return want.mode if want.mode is not None else want.new_mode if want.new_mode is not None else 0o644
