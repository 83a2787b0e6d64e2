"""Host patterns of Ansible inventories: `web[01:20].example.com:2222`, `db-[a:f]`, `x[0:9:3]`, several in one name.

As `expand_hostname_range` and `parse_address` of ansible-core 2.19 read them; compared in the tests.
"""

from __future__ import annotations

import itertools
import math
import re
import string
from collections.abc import Sequence

from deployx_tui.model.words import counted
from deployx_tui.portability.refusing import MOST_HOSTS

_BRACKETED_PORT = re.compile(r"\[(.+)\]:([0-9]{1,6})")
_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]{1,6})")
_RANGE = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_LONGEST = 1000


def hosts_of(pattern: str) -> tuple[tuple[str, ...], int | None]:
    """(the names that a pattern means, their port). ValueError says what is wrong with it."""
    if len(pattern) > _LONGEST:
        raise ValueError(f"a host name has {len(pattern)} characters")
    port: int | None = None
    if (found := _BRACKETED_PORT.fullmatch(pattern) or _PORT.fullmatch(pattern)) is not None:
        pattern, port = found[1], int(found[2])
    elif pattern.endswith(":"):
        raise ValueError(f"{pattern!r} ends with a colon and no port")
    texts = _RANGE.split(pattern)
    ranges = [_range(text) for text in texts[1::2]]
    if any(set(text) & set("[]") for text in texts[::2]):
        raise ValueError(f"{pattern!r} has a bracket without its other half")
    count = math.prod(map(len, ranges))
    if count > MOST_HOSTS:
        raise ValueError(f"{pattern!r} means {count} hosts, more than {MOST_HOSTS}")
    names = (
        "".join(itertools.chain.from_iterable(itertools.zip_longest(texts[::2], middle, fillvalue="")))
        for middle in itertools.product(*ranges)
    )
    return tuple(names), port


def _range(text: str) -> Sequence[str]:
    begin, end, step = _bounds(text)
    letters = string.ascii_letters
    if len(end) == 1 and end in letters and len(begin) == 1 and begin in letters:
        first, last = letters.index(begin), letters.index(end)
        if first > last:
            raise ValueError(f"the range [{text}] ends before it begins")
        return letters[first : last + 1 : step]
    if not _NUMBER.fullmatch(begin) or not _NUMBER.fullmatch(end):
        raise ValueError(f"the range [{text}] goes neither from number to number nor from letter to letter")
    width = len(begin) if begin.startswith("0") and len(begin) > 1 else 0
    if width and len(end) != width:
        raise ValueError(f"the range [{text}] begins with zeros, so both ends must be as long")
    numbers = range(int(begin), int(end) + 1, step)
    if not numbers:
        raise ValueError(f"the range [{text}] ends before it begins")
    if len(numbers) > MOST_HOSTS:
        raise ValueError(f"the range [{text}] means {counted(len(numbers), 'host')}, more than {MOST_HOSTS}")
    return tuple(str(number).zfill(width) for number in numbers)


def _bounds(text: str) -> tuple[str, str, int]:
    parts = text.split(":")
    if len(parts) not in (2, 3) or not parts[1]:
        raise ValueError(f"[{text}] is no range: write [begin:end] or [begin:end:step]")
    step = parts[2] if len(parts) == 3 else "1"
    if not _NUMBER.fullmatch(step) or not int(step):
        raise ValueError(f"the range [{text}] has the step {step!r}: give 1 or more")
    return parts[0] or "0", parts[1], int(step)
