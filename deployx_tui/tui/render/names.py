"""Many names in few cells: `web01-web15 web17 db05`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBERED = re.compile(r"(.*?)(\d+)\Z", re.DOTALL)


def folded(names: Sequence[str]) -> tuple[str, ...]:
    """Names in their natural order; three and more that follow each other become one range."""
    return tuple(part for part, _ in _pieces(names))


def _pieces(names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """The folded names, each with how many names it stands for."""
    groups: dict[tuple[str, int], list[int]] = {}
    order: list[tuple[str, int] | str] = []
    for name in sorted(set(names), key=natural):
        match = _NUMBERED.match(name)
        # int() takes other digits too, and long ones slowly: only plain ones are counted
        if match is None or not match[2].isascii() or len(match[2]) > 9:
            order.append(name)
            continue
        key = (match[1], len(match[2]))
        if key not in groups:
            groups[key] = []
            order.append(key)
        groups[key].append(int(match[2]))
    made: list[tuple[str, int]] = []
    for item in order:
        if isinstance(item, str):
            made.append((item, 1))
        else:
            made.extend(_ranges(item[0], item[1], groups[item]))
    return tuple(made)


def _ranges(stem: str, width: int, numbers: list[int]) -> list[tuple[str, int]]:
    made: list[tuple[str, int]] = []
    start = 0
    for index, number in enumerate(numbers):
        if index + 1 < len(numbers) and numbers[index + 1] == number + 1:
            continue
        first = numbers[start]
        if index - start >= 2:
            # both names whole: `web01-15` might be the name of one device
            made.append((f"{stem}{first:0{width}d}-{stem}{number:0{width}d}", index - start + 1))
        else:
            made.extend((f"{stem}{each:0{width}d}", 1) for each in numbers[start : index + 1])
        start = index + 1
    return made


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key: web2 before web10."""
    parts = re.split(r"([0-9]{1,9})", name)
    return tuple((0, int(part), "") if index % 2 else (1, 0, part) for index, part in enumerate(parts))


def in_room(names: Sequence[str], room: int, *, total: int = 0) -> str:
    """As many (folded) names as fit, then how many devices are not named; one piece at least.

    `total` is how many there are when `names` are not all of them.
    """
    left = max(total, len(set(names)))
    text = ""
    for index, (part, stands_for) in enumerate(_pieces(names)):
        wanted = f"{text} {part}".strip()
        rest = left - stands_for
        more = f" and {rest} more" if rest else ""
        if index and len(wanted) + len(more) > room:
            break
        text, left = wanted, rest
    return f"{text} and {left} more" if left else text
