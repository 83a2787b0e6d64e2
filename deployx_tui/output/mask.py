"""Secrets leave the stream here, on bytes, once, before anything is stored, sent or shown. Pure.

`SecretSet` is compiled once per run; each stream of each target gets a `StreamMask` of it. What is held back is
only the suffix that could begin a secret, until the next byte or the end, never by a timer. So the result does not
depend on how the stream was cut: masked(whole) == masked(any cut), and a stream may be taken up again at the end
of any piece that was given out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from ahocorasick_rs import BytesAhoCorasick

from deployx_tui.errors import InvalidInput
from deployx_tui.output.spellings import SHORTEST, spellings

#: what stands in a secret's place; overlapping secrets give one
TOKEN = b"[secret]"


@dataclass(frozen=True, slots=True)
class Masked:
    """A piece that may be kept and shown, and the raw bytes that it stands for."""

    raw_start: int
    raw_length: int
    data: bytes


class SecretSet:
    """What must not be seen, compiled. Immutable and shared between threads."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        """InvalidInput for a secret under six bytes: masking it would hide ordinary words."""
        given = tuple(secrets)
        if any(len(secret) < SHORTEST for secret in given):
            raise InvalidInput.of(
                "secret", f"it is shorter than {SHORTEST} bytes and can't be masked", "use a longer secret"
            )
        self._patterns = sorted(set(chain.from_iterable(spellings(secret) for secret in given)))
        self._longest = max(map(len, self._patterns), default=0)
        if self._patterns:
            self._find = BytesAhoCorasick(self._patterns)
            #: where a pattern could begin, found at the same speed as whole patterns
            self._find_starts = BytesAhoCorasick(sorted({pattern[:SHORTEST] for pattern in self._patterns}))

    @property
    def is_empty(self) -> bool:
        return not self._patterns

    def stream(self, raw_start: int = 0) -> StreamMask:
        """A mask for one stream, from raw offset `raw_start`: 0, or the end of a piece that was given out."""
        return StreamMask(self, raw_start)

    def mask(self, data: bytes) -> bytes:
        """A whole text at once."""
        if self.is_empty:
            return data
        stream = self.stream()
        return stream.feed(data).data + stream.finish().data

    def mask_text(self, text: str) -> str:
        """For messages and log records; what is not UTF-8 after masking is replaced."""
        if self.is_empty:
            return text
        return self.mask(text.encode(errors="surrogateescape")).decode(errors="replace")

    def _matches(self, data: bytes) -> list[tuple[int, int]]:
        return sorted((start, end) for _, start, end in self._find.find_matches_as_indexes(data, overlapping=True))

    def _held_from(self, data: bytes) -> int:
        """Where the longest suffix of `data` begins that is a proper prefix of a pattern; its length if none is."""
        window = max(0, len(data) - self._longest + 1)
        tail = data[window:]
        starts = (start for _, start, _ in self._find_starts.find_matches_as_indexes(tail, overlapping=True))
        for start in chain(sorted(set(starts)), range(max(0, len(tail) - SHORTEST + 1), len(tail))):
            if self._begins_a_pattern(tail[start:]):
                return window + start
        return len(data)

    def _begins_a_pattern(self, suffix: bytes) -> bool:
        at = bisect_left(self._patterns, suffix)
        if at < len(self._patterns) and self._patterns[at] == suffix:
            at += 1
        return at < len(self._patterns) and self._patterns[at].startswith(suffix)


#: the run has no secrets: every stream passes unchanged and uncopied
NO_SECRETS = SecretSet(())


class StreamMask:
    """The mask of one stream. Not thread-safe: a stream has one reader."""

    def __init__(self, secrets: SecretSet, raw_start: int) -> None:
        self._secrets = secrets
        #: raw offset up to which pieces were given out
        self._given = raw_start
        #: bytes that could begin a secret, and the raw offset of the first
        self._held = b""
        self._held_at = raw_start
        #: raw end of the secret that began at `_given` and may yet be joined by an overlapping one; None: no such.
        #: Its bytes are not kept, so a stream that repeats a secret for ever takes no memory.
        self._open_until: int | None = None

    @property
    def given(self) -> int:
        """Raw offset up to which pieces were given out: where another mask may go on."""
        return self._given

    def feed(self, data: bytes) -> Masked:
        """The part that is certain now; possibly empty."""
        if self._secrets.is_empty:
            start = self._given
            self._given += len(data)
            return Masked(start, len(data), data)
        buffered = self._held + data if self._held else data
        return self._give(buffered, self._secrets._held_from(buffered))

    def finish(self) -> Masked:
        """The rest, at the stream's end."""
        if self._secrets.is_empty:
            return Masked(self._given, 0, b"")
        return self._give(self._held, len(self._held))

    def _give(self, buffered: bytes, held_from: int) -> Masked:
        """Give out what lies before index `held_from`: no secret to come can begin there."""
        first, base = self._given, self._held_at
        limit = base + held_from
        matches = self._secrets._matches(buffered) if buffered else []
        pieces: list[bytes] = []
        at, until = self._given, self._open_until
        for start, end in ((base + start, base + end) for start, end in matches):
            if start >= limit:
                break
            if until is not None and start < until:
                until = max(until, end)
                continue
            if until is not None:
                pieces.append(TOKEN)
                at = until
            pieces.append(buffered[at - base : start - base])
            at, until = start, end
        if until is not None and until <= limit:
            pieces.append(TOKEN)
            at, until = until, None
        if until is None:
            pieces.append(buffered[at - base : held_from])
            at = limit
        self._given, self._open_until = at, until
        self._held, self._held_at = buffered[held_from:], limit
        return Masked(first, at - first, b"".join(pieces))
