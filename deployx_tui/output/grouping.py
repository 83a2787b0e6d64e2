"""Targets folded by equal output. Pure; the digests were made when the targets ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from deployx_tui.model.execution import OutputGroup
from deployx_tui.model.ids import DeviceId


def group(
    digests: Iterable[tuple[DeviceId, str, str]], sample_of: Callable[[DeviceId], bytes]
) -> tuple[OutputGroup, ...]:
    """Groups of (device, its name, digest), the largest first; of equal size, by the first device's name.

    `sample_of` gives the first bytes of a device's output; it is asked once per group.
    """
    members: dict[str, list[tuple[str, DeviceId]]] = {}
    for device, name, digest in digests:
        members.setdefault(digest, []).append((name, device))
    ordered = sorted(((sorted(found), digest) for digest, found in members.items()), key=lambda g: (-len(g[0]), g[0]))
    return tuple(
        OutputGroup(
            digest=digest,
            devices=tuple((device, name) for name, device in found),
            sample=sample_of(found[0][1]),
        )
        for found, digest in ordered
    )
