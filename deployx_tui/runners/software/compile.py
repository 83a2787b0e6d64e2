"""A software task on one device as one script of sh. Pure: what it needs to know of the device is in the steps."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import PackageChange
from deployx_tui.model.facts import canonical_arch
from deployx_tui.model.package import (
    NATIVE_NAME,
    ON_WINDOWS,
    TIME_LIMIT,
    VERSION,
    InstallerKind,
    Requirements,
    Variant,
)
from deployx_tui.model.payload import CommandPayload, RunAs, Script
from deployx_tui.model.software import SoftwareAction, SoftwarePayload
from deployx_tui.planning.software import SoftwareStep
from deployx_tui.transports.posix.wrapper import quote

_K = InstallerKind
_ALWAYS = ("common.sh", "asking.sh", "steps.sh")
#: which files of functions a kind needs beside those
_FILES: Mapping[InstallerKind, tuple[str, ...]] = {
    _K.APT: ("dpkg.sh", "apt.sh"),
    _K.DEB: ("dpkg.sh", "deb.sh"),
    _K.DNF: ("rpmdb.sh", "dnf.sh"),
    _K.YUM: ("rpmdb.sh", "dnf.sh", "yum.sh"),
    _K.ZYPPER: ("rpmdb.sh", "zypper.sh"),
    _K.RPM: ("rpmdb.sh", "rpm.sh"),
    _K.APK: ("apk.sh",),
    _K.PACMAN: ("pacman.sh",),
    _K.BREW: ("brew.sh",),
    _K.ARCHIVE: ("archive.sh",),
    _K.SCRIPT: ("script.sh",),
}
#: kinds that a script can be compiled for
SUPPORTED = frozenset(_FILES)
#: of a package that no catalogue has: what its target may turn out to have
_MANAGERS = (_K.APT, _K.DNF, _K.YUM, _K.ZYPPER, _K.APK, _K.PACMAN, _K.BREW)
#: the delimiter of an expression in sed, which no pattern holds
_SEPARATOR = "\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How patient a script is."""

    #: with another process that holds the package database
    lock_wait: timedelta = timedelta(minutes=5)
    #: with a process that sleeps on its terminal
    input_patience: timedelta = timedelta(seconds=30)
    #: between two looks for one
    input_look: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Changes of one step of an earlier run that are to be taken back together."""

    package: str
    #: None: by the package manager of the device
    variant: Variant | None
    changes: tuple[PackageChange, ...]
    #: also where somebody changed it since
    force: bool = False


def compile_software(
    payload: SoftwarePayload,
    steps: Sequence[SoftwareStep],
    nonce: str,
    mark: str,
    *,
    files: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> CommandPayload:
    """The durable command that does all steps. `nonce`: of the run, 32 hex digits, which everything that it starts can
    see; `mark`: another random word, which only the script knows, at the lines for `parse`.

    `files`: where on the target each artifact lies, by the SHA-256 of its variant, in a folder of their own; the script
    removes that folder at its end.
    InvalidInput: a kind that no runner has, or a value that would not stay one word.
    """
    verb = "install" if payload.action is SoftwareAction.INSTALL else "uninstall"
    blocks = [_block(number, step, verb, files or {}) for number, step in enumerate(steps)]
    kinds = [None if step.variant is None else step.variant.installer for step in steps]
    flags = {"atomic": _flag(payload.all_or_nothing), "repair": _flag(payload.repair)}
    return _command(blocks, kinds, flags, (nonce, mark), files or {}, settings or Settings(), payload.run_as)


def compile_restore(
    restores: Sequence[Restore],
    nonce: str,
    mark: str,
    *,
    run_as: RunAs | None = None,
    settings: Settings | None = None,
) -> CommandPayload:
    """The durable command that takes changes back; the steps for `parse` are `restore_steps(restores)`."""
    steps = restore_steps(restores)
    blocks = []
    for number, (step, restore) in enumerate(zip(steps, restores, strict=True)):
        words = " ".join(_back(change) for change in restore.changes)
        more = f"dx_back={quote(words)} dx_force={_flag(restore.force)}\n"
        blocks.append(_block(number, step, "restore", {}, more))
    kinds = [None if restore.variant is None else restore.variant.installer for restore in restores]
    flags = {"atomic": "", "repair": ""}
    return _command(blocks, kinds, flags, (nonce, mark), {}, settings or Settings(), run_as)


def restore_steps(restores: Iterable[Restore]) -> tuple[SoftwareStep, ...]:
    return tuple(
        SoftwareStep(package=each.package, variant=each.variant, version=None, why="rollback") for each in restores
    )


def _command(
    blocks: Sequence[str],
    kinds: Sequence[InstallerKind | None],
    flags: Mapping[str, str],
    words: tuple[str, str],
    files: Mapping[str, str],
    settings: Settings,
    run_as: RunAs | None,
) -> CommandPayload:
    _refuse_unknown(kinds)
    wanted = [name for kind in kinds for each in (_MANAGERS if kind is None else (kind,)) for name in _FILES[each]]
    library = "".join(_read(name) for name in (*_ALWAYS, *dict.fromkeys(wanted)))
    head = "".join(f"dx_{name}={value}\n" for name, value in {
        "nonce": quote(words[0]),
        "mark": quote(words[1]),
        "lock_wait": _seconds(settings.lock_wait),
        "patience": _seconds(settings.input_patience),
        "look": _seconds(settings.input_look),
        "sep": quote(_SEPARATOR),
        "files": quote(" ".join(dict.fromkeys(quote(path.rpartition("/")[0]) for path in files.values()))),
        **flags,
    }.items())  # fmt: skip
    calls = "".join(f"dx_block{number}\ndx_package\n" for number in range(len(blocks)))
    text = f"{library}{head}{''.join(blocks)}dx_begin\n{calls}dx_end\n"
    return CommandPayload(body=Script(text), durable=True, run_as=run_as)


def _block(number: int, step: SoftwareStep, verb: str, files: Mapping[str, str], more: str = "") -> str:
    """A function that sets everything that is known of a step; all values are quoted words."""
    variant = step.variant or Variant(installer=_K.SCRIPT, name=step.package)
    needs = step.requirements
    limit = variant.time_limit or TIME_LIMIT
    name, version = variant.name, step.version or ""
    if (name and not NATIVE_NAME.fullmatch(name)) or (step.variant is None and "/" in name):
        raise InvalidInput.of("software_payload.custom_software", f"{name[:60]!r} can't be a package's name", _NAMES)
    if version and not VERSION.fullmatch(version):
        raise InvalidInput.of("software_payload.version", f"{version[:60]!r} is no version", "give for example 1.22.1")
    values = {
        "i": str(number),
        "id": step.package,
        "verb": verb,
        "how": "" if step.variant is None else step.why,
        "kind": "any" if step.variant is None else variant.installer.value,
        "name": name,
        "want": version,
        "needs": " ".join(map(str, step.needs)),
        "limit": str(_seconds(limit)),
        "oks": " ".join(map(str, sorted(variant.success_codes))),
        "boots": " ".join(map(str, sorted(variant.reboot_codes))),
        "file": "" if variant.url else files.get(variant.sha256, ""),
        "sum": variant.sha256,
        "url": variant.url,
        "dir": variant.folder,
        "strip": str(variant.strip),
        "script": variant.script,
        "remove": variant.uninstall,
        "pre": variant.pre,
        "post": variant.post,
        "det": variant.detection.kind.value,
        "dpath": variant.detection.path,
        "dcmd": variant.detection.command,
        "dpat": variant.detection.pattern,
        **_requirements(needs),
    }
    lines = "".join(f"dx_{key}={quote(value)}\n" for key, value in values.items())
    return f"dx_block{number}() {{\n{lines}{more}}}\n"


_NAMES = "give the name that the device's package manager knows, such as nginx"


def _requirements(needs: Requirements) -> dict[str, str]:
    return {
        "q_os": " ".join(needs.os),
        "q_ver": needs.os_version or "",
        "q_arch": " ".join(canonical_arch(word) for word in needs.arch),
        "q_disk": "" if needs.free_disk is None else str(-(-needs.free_disk // 1024)),
        "q_mem": "" if needs.free_memory is None else str(-(-needs.free_memory // 1024)),
        "q_not": " ".join(needs.not_installed),
    }


def _back(change: PackageChange) -> str:
    """The words of a change; they came from a target once, so they are looked at again."""
    words = (change.native or change.package, change.before or "-", change.after or "-")
    if not NATIVE_NAME.fullmatch(words[0]) or not all(word == "-" or VERSION.fullmatch(word) for word in words[1:]):
        raise InvalidInput.of("execution", f"its change of {change.package[:60]!r} can't be read", "restore it by hand")
    return " ".join(words)


def _refuse_unknown(kinds: Iterable[InstallerKind | None]) -> None:
    for kind in kinds:
        if kind is not None and kind not in SUPPORTED:
            where = (
                "Windows is not reached by this release" if kind in ON_WINDOWS else "no runner of this release has it"
            )
            remedy = f"give the package a variant of {', '.join(sorted(SUPPORTED))}"
            raise InvalidInput.of("variants.installer", f"{kind.value}: {where}", remedy)


def _read(name: str) -> str:
    """A file of functions, without comments and indentation."""
    source = importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    lines = (line.strip() for line in source.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))


def _seconds(duration: timedelta) -> int:
    return max(1, -(-duration // timedelta(seconds=1)))


def _flag(value: bool) -> str:
    return "yes" if value else ""
