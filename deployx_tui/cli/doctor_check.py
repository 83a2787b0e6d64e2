"""What `deployx doctor` says of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass

GOOD, UNKNOWN, WARNING, BAD = "good", "unknown", "warning", "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    #: GOOD, UNKNOWN (nobody could tell), WARNING or BAD
    verdict: str
    #: what was found
    message: str
    #: what to do; "" when good
    remedy: str = ""
