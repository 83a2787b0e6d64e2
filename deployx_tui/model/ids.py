"""Identifiers. Row ids are positive integers, never reused."""

from __future__ import annotations

import re
from typing import NewType

TaskId = NewType("TaskId", int)
DeviceId = NewType("DeviceId", int)
GroupId = NewType("GroupId", int)
ExecutionId = NewType("ExecutionId", int)
BatchId = NewType("BatchId", int)
TargetId = NewType("TargetId", int)
UserId = NewType("UserId", int)
CredentialId = NewType("CredentialId", int)
ArtifactId = NewType("ArtifactId", int)
PackageId = NewType("PackageId", int)
#: one per engine process start: a random UUID in hex
EngineId = NewType("EngineId", str)

#: the largest that both databases hold
BIGGEST_ID = 2**63 - 1
#: ids are written in one way only: another spelling of 7 is a mistake, not device 7
_ID = re.compile(r"[1-9][0-9]{0,18}")


def id_of(text: str) -> int | None:
    """The row id that a text spells; None when it spells none."""
    return int(text) if _ID.fullmatch(text) and int(text) <= BIGGEST_ID else None
