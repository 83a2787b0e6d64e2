"""Identifiers. Row ids are positive integers, never reused."""

from __future__ import annotations

from typing import NewType

TaskId = NewType("TaskId", int)
DeviceId = NewType("DeviceId", int)
GroupId = NewType("GroupId", int)
ExecutionId = NewType("ExecutionId", int)
BatchId = NewType("BatchId", int)
TargetId = NewType("TargetId", int)
UserId = NewType("UserId", int)
#: one per engine process start: a random UUID in hex
EngineId = NewType("EngineId", str)
