"""Whether the files with what targets said can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from deployx_tui.cli.doctor_check import BAD, GOOD, Check
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.config import Settings

#: a look at an index takes less than a millisecond on a disk that has it at hand
_LOOKED_AT = 1000
_REMEDY = "restore it from a backup; what can't be read is marked in the output, the rest is shown"


def outputs(settings: Settings) -> Iterator[Check]:
    """Their indexes, of the newest runs; whether each byte is whole is seen when it is read."""
    from deployx_tui.service.output_files import look_at_outputs

    try:
        found = look_at_outputs(settings, _LOOKED_AT)
    except OSError as error:
        yield Check(name="output", verdict=BAD, message=str(error), remedy="see that the folder can be read")
        return
    for damage in found.damage:
        yield Check(name="output", verdict=BAD, message=damage, remedy=_REMEDY)
    if found.looked_at and not found.damage:
        of = "" if found.looked_at == found.total else f" of {found.total}, the newest"
        message = f"the index of {counted(found.looked_at, 'output file')}{of} is sound"
        yield Check(name="output", verdict=GOOD, message=message)
