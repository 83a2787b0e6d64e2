"""When an act on devices wants more than a yes, and what is to be typed: one rule for screens and command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deployx_tui.model.device import Group
from deployx_tui.model.ids import DeviceId

#: acts on more devices than this are asked about
MANY = 10


@dataclass(frozen=True, slots=True)
class Guard:
    """What an act touches."""

    #: of the devices, sorted
    names: tuple[str, ...]
    #: the protected groups that hold any of them, sorted
    protected: tuple[str, ...]

    @property
    def asks(self) -> bool:
        """Whether nobody may do it in passing."""
        return bool(self.protected) or len(self.names) > MANY

    @property
    def word(self) -> str:
        """What a person types to do it: the name of one protected device, else the count; "" when nothing."""
        if not self.asks:
            return ""
        return self.names[0] if len(self.names) == 1 else str(len(self.names))


def guard(devices: Mapping[DeviceId, str], groups: Iterable[Group]) -> Guard:
    """Of an act on these devices, by id with their names, as these groups are now."""
    held = [group.name for group in groups if group.draft.protected and not devices.keys().isdisjoint(group.members)]
    return Guard(tuple(sorted(devices.values())), tuple(sorted(held)))
