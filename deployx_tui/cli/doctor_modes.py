"""Who may use deployx's folders and files. What is not deployx's is never closed: it is said, and left as it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deployx_tui.cli.doctor_check import BAD, GOOD, WARNING, Check

if TYPE_CHECKING:
    from deployx_tui.config import Settings

_ELSEWHERE = "name a database in a folder of its own (--db, DEPLOYX_DATA)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    name: str
    path: Path
    #: the mode that it should have
    wanted: int
    #: whether it can be told from what it holds that it is deployx's, or that nobody else's may stand there
    is_ours: bool = True


def modes(settings: Settings, *, fix: bool) -> Iterator[Check]:
    """Folders 0700, files 0600, all ours: whoever may write there controls the fleet."""
    for place in _places(settings):
        try:
            found = place.path.lstat()
        except FileNotFoundError:
            if place.name in ("data folder", "its folder", "database"):
                message = f"{place.path} is not there yet; it is made when it is needed"
                yield Check(name=place.name, verdict=GOOD, message=message)
            continue
        yield _checked(place, found, fix=fix)


def _places(settings: Settings) -> Iterator[_Place]:
    from deployx_tui import paths
    from deployx_tui.store.files import is_database

    yield _Place(name="data folder", path=paths.data_folder(), wanted=0o700)
    yield _Place(name="configuration", path=paths.config_folder(), wanted=0o700)
    yield _Place(name="runtime folder", path=paths.runtime_folder(), wanted=0o700)
    if settings.is_sqlite:
        path = Path(settings.db.removeprefix("sqlite:///"))
        is_ours = is_database(path)
        if path.parent != paths.data_folder():
            yield _Place(name="its folder", path=path.parent, wanted=0o700, is_ours=is_ours)
        yield _Place(name="database", path=path, wanted=0o600, is_ours=is_ours)
        log = path.with_name(path.name + "-wal")
        yield _Place(name="database log", path=log, wanted=0o600, is_ours=is_ours)
        yield _Place(name="outputs", path=paths.segments_of(settings.db), wanted=0o700, is_ours=is_ours)
        yield _Place(name="artifacts", path=paths.contents_of(settings.db), wanted=0o700, is_ours=is_ours)
    yield _Place(name="known hosts", path=paths.config_folder() / "known_hosts", wanted=0o600)
    key = _vault_key(settings)
    yield _Place(name="vault key", path=key, wanted=0o400, is_ours=_is_key(key))


def _vault_key(settings: Settings) -> Path:
    """The file with the vault's key, where it is one."""
    from deployx_tui import paths

    chosen = settings.vault_key
    return paths.config_folder() / "vault.key" if chosen in (None, "passphrase", "keyring") else Path(str(chosen))


def _is_key(path: Path) -> bool:
    from deployx_tui.model.secret import Secret
    from deployx_tui.plain_file import read_plain
    from deployx_tui.vault.shelves import NoKey, parse_key

    try:
        parse_key(Secret(read_plain(path, 1024)), str(path))
    except (OSError, NoKey):
        return False
    return True


def _checked(place: _Place, found: os.stat_result, *, fix: bool) -> Check:
    path, mode = place.path, stat.S_IMODE(found.st_mode)

    def said(verdict: str, message: str, remedy: str = "") -> Check:
        return Check(name=place.name, verdict=verdict, message=f"{path} {message}", remedy=remedy)

    if stat.S_ISLNK(found.st_mode):
        return said(WARNING, "is a link", "name its target in the settings")
    if place.name == "database" and not place.is_ours and found.st_size:
        return said(BAD, "is not a database", "name another one with --db; this one is left as it is")
    if found.st_uid != os.geteuid():
        remedy = f"chown {path} to yourself" if place.is_ours and not mode & stat.S_ISVTX else _ELSEWHERE
        return said(BAD, f"belongs to uid {found.st_uid}", remedy)
    excess = mode & ~place.wanted & 0o777
    if place.name == "its folder" and not excess & 0o022:
        # a home, perhaps: the files in it are closed, and to shut it is not for us
        return said(GOOD, f"{mode:04o}, written by you only")
    if not excess:
        return said(GOOD, f"{mode:04o}, yours")
    if mode & stat.S_ISVTX:
        return said(BAD, f"is {mode:04o}: a folder that accounts share", _ELSEWHERE)
    if not place.is_ours:
        remedy = "give a file that holds a key" if place.name == "vault key" else _ELSEWHERE
        return said(BAD, f"is {mode:04o}, and holds nothing of deployx: it is left as it is", remedy)
    if fix:
        path.chmod(mode & place.wanted)
        return said(GOOD, f"was {mode:04o}, mended")
    remedy = f"chmod {place.wanted:o} {path}, or deployx doctor --fix"
    if place.name == "vault key" and not excess & 0o077:
        return said(WARNING, f"is {mode:04o}: a slip may overwrite it", remedy)
    return said(BAD, f"is {mode:04o}: others may use it", remedy)
