"""Which host-key policy holds for a device: its own, else the strictest of its groups', else `ask`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from deployx_tui.model.device import HostKeyPolicy

#: the strictest first
_BY_STRICTNESS = (HostKeyPolicy.STRICT, HostKeyPolicy.ASK, HostKeyPolicy.ACCEPT_NEW)


def effective_policy(own: HostKeyPolicy | None, of_groups: Iterable[HostKeyPolicy]) -> HostKeyPolicy:
    """`of_groups`: of every group that holds the device and says something."""
    if own is not None:
        return own
    found = frozenset(of_groups)
    return next((policy for policy in _BY_STRICTNESS if policy in found), HostKeyPolicy.ASK)
