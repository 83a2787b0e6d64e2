"""What comes when a file or folder of a device is read, in this order: what it is, its bytes, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployx_tui.model.execution import Cause


class FetchKind(StrEnum):
    #: its bytes follow
    FILE = "file"
    #: a tar of what is in the folder follows
    TREE = "tree"


@dataclass(frozen=True, slots=True)
class FetchBegun:
    kind: FetchKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchEnded:
    """The last piece; what came before it is whole when there is no cause."""

    #: None: all of it came
    cause: Cause | None = None
    message: str = ""
    remedy: str = ""


FetchPiece = FetchBegun | bytes | FetchEnded
