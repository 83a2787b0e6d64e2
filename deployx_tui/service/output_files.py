"""The files of output beside a database, looked at without opening it."""

from __future__ import annotations

from dataclasses import dataclass

from deployx_tui import paths
from deployx_tui.config import Settings
from deployx_tui.output.packed import damage_of

_SUFFIXES = frozenset({".pack", ".seg"})


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """What a look at them found."""

    #: executions that have one, and of how many of those it was looked at
    total: int
    looked_at: int
    #: what is wrong, with the file, of the newest execution first
    damage: tuple[str, ...]


def look_at_outputs(settings: Settings, most: int) -> OutputFiles:
    """Check the indexes of the newest `most` executions' files, not the output in them. OSError passes. Blocks."""
    folder = paths.segments_of(settings.db)
    if not folder.is_dir():
        return OutputFiles(0, 0, ())
    names = {path.stem for path in folder.iterdir() if path.suffix in _SUFFIXES and path.stem.isdecimal()}
    newest = sorted(map(int, names), reverse=True)[:most]
    damage = (damage_of(folder, execution) for execution in newest)
    return OutputFiles(len(names), len(newest), tuple(each for each in damage if each))
