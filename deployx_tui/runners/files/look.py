"""The look at a target before anything is changed: destinations, folders, hashes, room. Mostly one script."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from deployx_tui.model.artifact import EntryKind
from deployx_tui.model.execution import Cause
from deployx_tui.runners.files import names, text
from deployx_tui.runners.files.errand import Errands
from deployx_tui.runners.files.listing import Listing
from deployx_tui.runners.files.present import Look, Place, Present, read_look
from deployx_tui.runners.files.send import read_back
from deployx_tui.runners.files.stopped import failed
from deployx_tui.runners.files.text import call
from deployx_tui.runners.files.wanted import Want
from deployx_tui.transports.base import FileMover

_OURS = re.compile(r"(?:.*/)?\.[^/]*\.dx-[0-9a-f]{24}\Z", re.DOTALL)
_ABSENT = Present()


@dataclass(kw_only=True)
class Seen:
    """What a target has, by absolute path."""

    look: Look
    #: paths below the home are absolute here
    wants: tuple[Want, ...]
    roots: tuple[str, ...]
    present: dict[str, Present]
    #: where each item and each root lies
    places: dict[str, Place]
    #: of each root: everything below it, by relative path
    listed: dict[str, dict[str, Present]] = field(default_factory=dict)
    #: by its record, the only root is as this task left it
    same: bool = False
    #: of the first root's listing, by which it is known again; "": there is none
    digest: str = ""

    def is_shared(self, path: str) -> bool:
        """Whether other accounts than this one and root may write in its folder, or in one of its tree above that."""
        if path in self.places:
            return self.places[path].is_shared
        root = next(root for root in self.roots if path.startswith(f"{root}/"))
        above = [names.parent(path)]
        while len(above[-1]) > len(root):
            above.append(names.parent(above[-1]))
        return self.places[root].is_shared or any(self._is_open(folder) for folder in above)

    def _is_open(self, folder: str) -> bool:
        there = self.present.get(folder, _ABSENT)
        return there.kind == "folder" and (there.mode & 0o022 != 0 or there.uid not in (0, self.look.uid))

    def at(self, path: str) -> Present | None:
        """None: it was not looked at."""
        found = self.present.get(path)
        if found is None and any(path.startswith(f"{root}/") for root in self.roots):
            return _ABSENT
        return found


def look_at(
    errands: Errands,
    mover: FileMover,
    wants: Sequence[Want],
    roots: Sequence[str],
    nonce: str,
    *,
    with_names: bool,
    record: tuple[str, str] | None = None,
) -> Seen:
    """`record`: the name and the key of what a quick look compares with. Raises Stopped."""
    items = [want for want in wants if want.root is None]
    paths = [*(want.path for want in items), *roots]
    calls = [call("dx_tell"), call("dx_journal", names.run_id(nonce))]
    flag = "names" if with_names else ""
    calls += [call("dx_look", number, want.path, flag, "") for number, want in enumerate(items)]
    calls += [call("dx_look", len(items) + number, root, flag, "root") for number, root in enumerate(roots)]
    listings: dict[str, Listing] = {}
    if not roots:
        look = read_look(errands.ask(calls, "looking at the target"))
    else:
        first, *others = roots
        quick = call("dx_quick", *record, first) if record is not None else ""
        listings[first] = _listed(errands, [*calls, quick, call("dx_tree", first, "")])
        for root in others:
            listings[root] = _listed(errands, [call("dx_tree", root, "")])
        answers = listings[first].answers
        look = read_look([words for words in answers if words != ["same"]])
        if ["same"] in answers:
            return _seen(look, wants, roots, paths, listings, same=True)
    seen = _seen(look, wants, roots, paths, listings, same=False)
    if look.hash_program == "none":
        _read_all_back(errands, mover, seen)
    else:
        _hash_singly(errands, seen)
    return seen


def _listed(errands: Errands, calls: Sequence[str]) -> Listing:
    listing = Listing()
    errands.run(text.script("".join(calls)), listing.hear, "looking at the target folder")
    listing.finish()
    return listing


def listing_digest(errands: Errands, root: str) -> Listing:
    """The folder once more, without hashes."""
    return _listed(errands, [call("dx_tree", root, "quick")])


def _seen(
    look: Look,
    wants: Sequence[Want],
    roots: Sequence[str],
    paths: Sequence[str],
    listings: dict[str, Listing],
    *,
    same: bool,
) -> Seen:
    def absolute(path: str) -> str:
        return f"{look.home}{path[1:]}" if path.startswith("~/") or path == "~" else path

    present = {absolute(path): look.at[number] for number, path in enumerate(paths) if number in look.at}
    places = {absolute(path): look.places[number] for number, path in enumerate(paths) if number in look.places}
    if len(present) != len(set(paths)) or len(places) != len(set(paths)):
        raise failed(Cause.VERIFY, "the target did not answer for every path")
    listed: dict[str, dict[str, Present]] = {}
    for root, listing in listings.items():
        if listing.way in ("none", "shut"):
            why = "has neither find -printf nor stat" if listing.way == "none" else "does not let this account in"
            raise failed(Cause.EXIT, f"{absolute(root)} can't be listed: the target {why}")
        entries = {}
        for path, found in listing.entries.items():
            if ".dx-" not in path or not _OURS.match(path):
                entries[path] = found.hashed(listing.hashes.get(path, "")) if found.kind == "file" else found
        listed[absolute(root)] = entries
        below = absolute(root)
        present.update((f"{below}/{path}", found) for path, found in entries.items())
    return Seen(
        look=look,
        wants=tuple(want.at_home(look.home) for want in wants),
        roots=tuple(absolute(root) for root in roots),
        present=present,
        places=places,
        listed=listed,
        same=same,
        digest=listings[roots[0]].digest if roots else "",
    )


def _read_all_back(errands: Errands, mover: FileMover, seen: Seen) -> None:
    """Files that may be equal, where no program there hashes."""
    for want in seen.wants:
        there = seen.present.get(want.path, _ABSENT)
        if want.kind is EntryKind.FILE and there.kind == "file" and not there.sha256:
            errands.say(f"{want.path}: no program there hashes, so it is read back")
            found = read_back(mover, want.path, errands.until, want.path)
            seen.present[want.path] = replace(there, sha256=found)


def _hash_singly(errands: Errands, seen: Seen) -> None:
    """Files that the listing has no hash of: some programs can't write every name."""
    wanted = {want.path for want in seen.wants}
    unknown = [
        (root, path)
        for root, entries in seen.listed.items()
        for path, found in entries.items()
        if found.kind == "file" and not found.sha256 and (f"{root}/{path}" in wanted or _is_odd(path))
    ]
    hashes = _glanced(errands, [f"{root}/{path}" for root, path in unknown])
    for root, path in unknown:
        found = replace(seen.listed[root][path], sha256=hashes.get(f"{root}/{path}", ""))
        seen.listed[root][path] = seen.present[f"{root}/{path}"] = found


def _is_odd(path: str) -> bool:
    return "\n" in path or "\\" in path


def _glanced(errands: Errands, paths: Sequence[str]) -> dict[str, str]:
    """SHA-256 by path, one by one."""
    if not paths:
        return {}
    calls = [call("dx_glance", number, path) for number, path in enumerate(paths)]
    look = read_look(errands.ask([call("dx_tell"), *calls], "looking at the target"))
    return {path: look.at[number].sha256 for number, path in enumerate(paths) if number in look.at}


def staged_hashes(errands: Errands, folder: str) -> dict[str, str]:
    """SHA-256 of every file below a folder of ours, by relative path."""
    listing = _listed(errands, [call("dx_tree", folder, "")])
    odd = [path for path, found in listing.entries.items() if found.kind == "file" and path not in listing.hashes]
    singly = _glanced(errands, [f"{folder}/{path}" for path in odd if _is_odd(path)])
    return {**listing.hashes, **{path.removeprefix(f"{folder}/"): sha256 for path, sha256 in singly.items()}}


def record_key(parts: Sequence[object]) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()
