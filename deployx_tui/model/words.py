"""English that more than one face writes."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """ "1 device", "2 devices", "0 devices": of nouns whose plural is an s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def ended_by(signal: str) -> str:
    """How a command ended that a signal ended; `signal` without its SIG, such as "KILL"."""
    return f"ended by SIG{signal}"


def first_of(names: Sequence[str], shown: int = 10) -> str:
    """ "a, b, c", of more than `shown` "a, b and 7 more"."""
    words = ", ".join(names[:shown])
    return words if len(names) <= shown else f"{words} and {len(names) - shown} more"
