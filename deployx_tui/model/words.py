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


def size_words(size: int) -> str:
    """ "812 bytes", "1.5 MiB", "50 GiB"."""
    if size < 1 << 10:
        return counted(size, "byte")
    shift, unit = next(each for each in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")) if size >> each[0])
    return f"{size / (1 << shift):.1f}".removesuffix(".0") + f" {unit}"
