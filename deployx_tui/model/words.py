"""English that more than one face writes."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """ "1 device", "2 devices", "0 devices": of nouns whose plural is an s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
