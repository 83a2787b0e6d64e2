"""The catalogue: a package, and by what it gets onto which system.

Names, versions and paths have strict patterns, because they become words of a shell's line: what does not fit is
refused when it is read (`model/package_json.py`), long before a target sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from deployx_tui.model.ids import DeviceId, PackageId


class InstallerKind(StrEnum):
    """By what a package is installed."""

    APT = "apt"
    DNF = "dnf"
    YUM = "yum"
    ZYPPER = "zypper"
    APK = "apk"
    PACMAN = "pacman"
    BREW = "brew"
    DEB = "deb"
    RPM = "rpm"
    ARCHIVE = "archive"
    SCRIPT = "script"
    #: the kinds of Windows are declared, so that a catalogue holds them; no runner of this release has them
    MSI = "msi"
    EXE = "exe"
    WINGET = "winget"
    CHOCO = "choco"
    MSIX = "msix"


_K = InstallerKind
#: they find a package by its name, in repositories of their own
BY_NAME = (_K.APT, _K.DNF, _K.YUM, _K.ZYPPER, _K.APK, _K.PACMAN, _K.BREW, _K.WINGET, _K.CHOCO)
#: they install a file that somebody gives
BY_FILE = (_K.DEB, _K.RPM, _K.ARCHIVE, _K.MSI, _K.EXE, _K.MSIX)
ON_WINDOWS = (_K.MSI, _K.EXE, _K.WINGET, _K.CHOCO, _K.MSIX)

#: of a package in a package manager's words; no leading dash, and no trailing one (apt would remove it)
NATIVE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9+._@/:-]{0,126}[A-Za-z0-9+._])?", re.ASCII)
#: of a package in the catalogue
CATALOGUE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9+._ -]{0,78}[A-Za-z0-9+])?", re.ASCII)
#: as every package manager writes them
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~^_-]{0,126}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
#: instead of a version: whatever the repositories have newest
LATEST = "latest"

#: of one installation without a limit of its own
TIME_LIMIT = timedelta(minutes=30)


class DetectionKind(StrEnum):
    """How it is seen which version is there."""

    #: the installer's own database; of an archive, what its `current` link points at
    DATABASE = "database"
    #: a file that names its version
    FILE = "file"
    #: what a command says
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    kind: DetectionKind = DetectionKind.DATABASE
    #: of FILE: absolute
    path: str = ""
    #: of COMMAND: a line of sh
    command: str = ""
    #: extended regular expression (as `grep -E`) whose one group is the version; "": the first line is
    pattern: str = ""


#: what a variant has that says nothing of it
BY_DATABASE = Detection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What must be so before anything is changed; asked of the facts, and again on the target."""

    #: words of `os:` selectors; (): any
    os: tuple[str, ...] = ()
    #: the system's version is at least this
    os_version: str | None = None
    #: as `arch:` selectors say; (): any
    arch: tuple[str, ...] = ()
    #: bytes that are free where it is installed
    free_disk: int | None = None
    #: bytes of memory that are available
    free_memory: int | None = None
    #: names, in the package manager's words, of what must not be installed
    not_installed: tuple[str, ...] = ()


NO_REQUIREMENTS = Requirements()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way onto some systems. The first that fits a device is taken."""

    installer: InstallerKind
    #: words of `os:` selectors, also of what a system descends from (rhel for rocky); (): any
    os: tuple[str, ...] = ()
    arch: tuple[str, ...] = ()
    #: in the package manager's words; of a deb or rpm file "": as the file says
    name: str = ""
    #: the exact one in the package manager's words; None: the package's, if it has one
    version: str | None = None
    #: NAME or NAME@VERSION of an artifact that is put on the target first; "": none
    artifact: str = ""
    #: where the target itself fetches the file, by https; "": nowhere
    url: str = ""
    #: of the file, hex: of a `url` always, of an artifact where it must be this very content
    sha256: str = ""
    #: of an archive: absolute; its versions lie in there, and the link `current`
    folder: str = ""
    #: of an archive: so many leading folders of its names are left out
    strip: int = 0
    #: of the kind script: its text; an artifact may stand instead
    script: str = ""
    #: of the kind script: the text that takes it away again; "": nothing does
    uninstall: str = ""
    detection: Detection = BY_DATABASE
    #: a script of sh before and after; a failing one fails the package; "": none
    pre: str = ""
    post: str = ""
    success_codes: frozenset[int] = frozenset({0})
    #: success, and the system wants a restart
    reboot_codes: frozenset[int] = frozenset()
    #: None: `TIME_LIMIT`
    time_limit: timedelta | None = None
    #: where the names were read, and when that was; "" and None: nobody wrote it down
    source: str = ""
    source_date: date | None = None
    #: compared with that source's own lists on `source_date`, not only copied from somewhere
    is_checked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What the catalogue knows of one package."""

    #: None: not stored yet
    id: PackageId | None = None
    name: str
    #: the one that devices should have; None: any
    version: str | None = None
    description: str = ""
    category: str = ""
    publisher: str = ""
    variants: tuple[Variant, ...] = ()
    requirements: Requirements = NO_REQUIREMENTS
    #: names of packages of the catalogue that are installed first
    depends: tuple[str, ...] = ()
    #: an inactive one is kept, and offered to nobody
    is_active: bool = True
    #: of the entry, grows with each change of it; 0: not stored yet
    revision: int = 0
    #: aware UTC; None: not stored yet
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPackage:
    """What a device was seen to have, when it was last asked."""

    device: DeviceId
    device_name: str
    #: of the catalogue, or the name that was asked for
    package: str
    installer: InstallerKind
    version: str
    #: the catalogue's; None: it has none, or does not know the package
    wanted: str | None
    #: aware UTC; it may have changed since
    seen_at: datetime
    #: the contact that saw it: "run 8841"
    seen_by: str

    @property
    def is_behind(self) -> bool:
        """Whether it is another version than the catalogue's."""
        return self.wanted is not None and not fits(self.version, self.wanted)


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking packages into the catalogue did, or would do, by name."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]


def fits(found: str, wanted: str) -> bool:
    """Whether a version that is installed is the wanted one. A package manager adds an epoch before and its own
    revision behind (`1:1.22.1-9+deb12u1` is 1.22.1, but `1.22.1~rc1` is not). The shell's `dx_fits` says the same."""
    if found == wanted:
        return True
    bare = found.partition(":")[2] or found
    return bare == wanted or bare.startswith((f"{wanted}-", f"{wanted}+", f"{wanted}_"))
