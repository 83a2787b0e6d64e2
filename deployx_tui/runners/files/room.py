"""Whether a target has the folders, the rights and the room for what is to come. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from deployx_tui.model.artifact import EntryKind
from deployx_tui.model.execution import Cause
from deployx_tui.runners.files import names
from deployx_tui.runners.files.bundle import is_small
from deployx_tui.runners.files.decide import Deed, Step
from deployx_tui.runners.files.look import Seen
from deployx_tui.runners.files.stopped import failed, listed, sized

#: bytes beyond what is sent
_MARGIN = 1 << 20


def folders_to_make(seen: Seen, steps: Sequence[Step], *, create: bool) -> list[tuple[str, int | None]]:
    """(folder, its mode; None: as the account makes them), parents first. Raises Stopped."""
    folders: dict[str, int | None] = {}
    concerned = {_place_of(seen, step): None for step in steps}
    for path in concerned:
        place = seen.places[path]
        above = _above(names.parent(path), place.missing)
        is_root = path in seen.roots and seen.present[path].kind == "folder"
        nearest = path if is_root else names.parent(above[0]) if above else names.parent(path)
        if not place.is_folder:
            raise failed(Cause.EXIT, f"{nearest} is no folder, so nothing can lie in it")
        if above and not create:
            raise failed(Cause.EXIT, f"the folder {above[0]} is missing, and this task makes none (create_folders)")
        if place.read_only:
            raise failed(Cause.EXIT, f"{nearest} is on a file system that is mounted read-only")
        if not place.writable:
            raise failed(
                Cause.EXIT,
                f"this account has no right to write in {nearest} (let the task run as another one, such as root)",
            )
        folders.update(dict.fromkeys(above))
        if path in seen.roots and seen.present[path].kind == "absent":
            if not create:
                raise failed(Cause.EXIT, f"the folder {path} is missing, and this task makes none (create_folders)")
            folders[path] = None
    for step in steps:
        if step.deed is Deed.FOLDER:
            folders[step.path] = None if step.want is None else step.want.new_mode
    return sorted(folders.items(), key=lambda item: item[0].count("/"))


def _place_of(seen: Seen, step: Step) -> str:
    """What was looked at for a step: its own path, or the tree's folder."""
    if step.path in seen.places:
        return step.path
    return next(root for root in seen.roots if step.path.startswith(f"{root}/"))


def _above(folder: str, count: int) -> list[str]:
    """The last `count` folders of a path, the outermost first."""
    found: list[str] = []
    while len(found) < count and folder != "/":
        found.insert(0, folder)
        folder = names.parent(folder)
    return found


def refuse_without_room(seen: Seen, steps: Sequence[Step]) -> None:
    """Raises Stopped before a byte is sent, where a file system has too little space free."""
    needed: dict[str, int] = {}
    free: dict[str, int] = {}
    paths: dict[str, list[str]] = {}
    for step in steps:
        want = step.want
        if want is None or want.kind is not EntryKind.FILE:
            continue
        place = seen.places[_place_of(seen, step)]
        if place.free is None:
            continue
        # a small file lies in its bundle and beside its place for a moment
        needed[place.device] = needed.get(place.device, 0) + want.size * (2 if is_small(step) else 1)
        free[place.device] = place.free
        paths.setdefault(place.device, []).append(step.path)
    for device, bytes_needed in needed.items():
        if bytes_needed + _MARGIN > free[device]:
            raise failed(
                Cause.EXIT,
                f"the disk is too full: {sized(bytes_needed)} are needed for {listed(paths[device])},"
                f" {sized(free[device])} are free",
            )
