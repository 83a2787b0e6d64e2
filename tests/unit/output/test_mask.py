"""The mask: nothing leaks, whatever the encoding, whatever the cut."""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import shlex
import urllib.parse
from collections.abc import Callable, Iterable
from random import Random, SystemRandom

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.output.mask import NO_SECRETS, TOKEN, Masked, SecretSet
from deployx_tui.output.spellings import spellings

SECRET = b"p@ss/w+rd'\"<x>&${y}\\z 1"
KEY = b"-----BEGIN KEY-----\n" + base64.encodebytes(bytes(range(256)) * 3) + b"-----END KEY-----\n"


def masked_in_pieces(secrets: SecretSet, pieces: Iterable[bytes]) -> bytes:
    stream = secrets.stream()
    return b"".join([stream.feed(piece).data for piece in pieces] + [stream.finish().data])


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def model(patterns: Iterable[bytes], data: bytes) -> bytes:
    """Slow and plain: mark each byte of each occurrence, overlapping occurrences are one."""
    spans = sorted(
        (found.start(), found.start() + len(pattern))
        for pattern in patterns
        for found in re.finditer(b"(?=" + re.escape(pattern) + b")", data)
    )
    out, at, until = b"", 0, -1
    for start, end in spans:
        if start >= until:
            out += data[at:start] + TOKEN
        until = max(until, end)
        at = until
    return out + data[at:]


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda s: s,
    "json": lambda s: json.dumps(s.decode()).encode(),
    "json twice": lambda s: json.dumps(json.dumps(s.decode())).encode(),
    "url": lambda s: urllib.parse.quote(s, safe="").encode(),
    "url, lower case": lambda s: re.sub(r"%..", lambda m: m[0].lower(), urllib.parse.quote(s, safe="")).encode(),
    "form": lambda s: urllib.parse.quote_plus(s).encode(),
    "hex": lambda s: s.hex().encode(),
    "HEX": lambda s: s.hex().upper().encode(),
    "html": lambda s: html.escape(s.decode()).encode(),
    "shell": lambda s: shlex.quote(s.decode()).encode(),
    "utf-16": lambda s: s.decode().encode("utf-16-le"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_is_masked_in_each_encoding(encoding: str) -> None:
    spelt = ENCODINGS[encoding](SECRET)
    out = SecretSet([SECRET]).mask(b"before " + spelt + b" after")
    assert TOKEN in out
    assert out.startswith(b"before ")
    assert out.endswith(b" after")
    assert len(out) <= len(b"before  after") + len(TOKEN) + 6  # quotes around it may stay, the secret may not


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("wrap", [None, 64, 76])
def test_a_secret_inside_a_base64_text_is_masked(alphabet: Callable[[bytes], bytes], wrap: int | None) -> None:
    """Whatever stands before it, whole or in lines: at most the two characters shared with neighbours stay."""
    secrets = SecretSet([SECRET])
    for lead in range(60):
        text = alphabet(b"x" * lead + SECRET + b"y" * 9).decode()
        lines = [text] if wrap is None else [text[at : at + wrap] for at in range(0, len(text), wrap)]
        out = secrets.mask("\n".join(lines).encode())
        assert TOKEN in out, lead
        left = len(out.replace(b"\n", b"").replace(TOKEN, b""))
        assert left <= len(text) - len(SECRET) * 8 // 6 + 2, lead


@pytest.mark.parametrize("width", [64, 76])
@pytest.mark.parametrize("lead", [0, 1, 2, 10, 50])
def test_a_key_encoded_in_lines_leaves_nothing_but_the_edges(width: int, lead: int) -> None:
    text = base64.b64encode(b"x" * lead + KEY).decode()
    out = SecretSet([KEY]).mask("\n".join(text[at : at + width] for at in range(0, len(text), width)).encode())
    # the text around the key, and at each end what is too short to be told from ordinary words
    assert len(out.replace(TOKEN, b"").replace(b"\n", b"")) <= lead * 8 // 6 + 4 + 24


def test_each_line_of_a_multi_line_secret_is_masked_alone() -> None:
    secrets = SecretSet([KEY])
    for line in KEY.splitlines():
        assert secrets.mask(b"> " + line + b"\n") == b"> " + TOKEN + b"\n"


def test_a_secret_written_byte_by_byte_is_masked_and_no_byte_of_it_is_given_out_early() -> None:
    stream = SecretSet([SECRET]).stream()
    assert b"".join(stream.feed(bytes([byte])).data for byte in SECRET[:-1]) == b""
    assert stream.feed(SECRET[-1:] + b"!").data == TOKEN + b"!"


def test_what_only_began_like_a_secret_comes_out_unchanged() -> None:
    stream = SecretSet([SECRET]).stream()
    assert stream.feed(b"p@ss/w").data == b""
    assert stream.feed(b"ord").data == b"p@ss/word"


def test_only_the_suffix_that_could_begin_a_secret_is_held_back() -> None:
    stream = SecretSet([SECRET]).stream()
    assert stream.feed(b"a line of a log, then p@ss").data == b"a line of a log, then "


def test_an_empty_set_gives_the_very_same_bytes_object() -> None:
    stream = NO_SECRETS.stream()
    data = b"x" * 70_000
    piece = stream.feed(data)
    assert piece.data is data
    assert (piece.raw_start, piece.raw_length) == (0, 70_000)
    assert stream.finish() == Masked(70_000, 0, b"")
    assert NO_SECRETS.mask(data) is data


def test_a_secret_too_short_to_mask_is_refused() -> None:
    with pytest.raises(InvalidInput):
        SecretSet([b"short"])


def test_a_stream_that_repeats_a_secret_for_ever_takes_no_memory_and_gives_one_token() -> None:
    stream = SecretSet([b"aaaaaaaa"]).stream()
    given_out = b"".join(stream.feed(b"a" * 4096).data for _ in range(500))
    assert given_out == b""
    assert len(stream._held) < 200
    last = stream.feed(b"b" * 10)
    assert last.data == TOKEN + b"b" * 10
    assert (last.raw_start, last.raw_length) == (0, 500 * 4096 + 10)


# words over two letters, so that secrets overlap each other and themselves
words = st.binary(min_size=6, max_size=12).map(lambda raw: bytes(97 + byte % 2 for byte in raw))


@settings(max_examples=300, deadline=None)
@given(st.lists(words, min_size=1, max_size=3), st.lists(words, max_size=8), st.lists(st.integers(0, 200), max_size=12))
@example([b"abaaba"], [b"abaabaaba"], [1, 2, 3])
def test_any_cut_gives_what_the_whole_gives_and_what_the_plain_model_says(
    secrets: list[bytes], stream: list[bytes], places: list[int]
) -> None:
    data = b"".join(stream)
    compiled = SecretSet(secrets)
    whole = compiled.mask(data)
    assert masked_in_pieces(compiled, cut(data, places)) == whole
    assert whole == model(set().union(*map(spellings, secrets)), data)


texts = st.text(min_size=6, max_size=30).map(str.encode).filter(lambda raw: len(raw) >= 6)


@settings(max_examples=150, deadline=None)
@given(texts, st.sampled_from(sorted(ENCODINGS)), st.binary(max_size=40), st.lists(st.integers(0, 300), max_size=12))
def test_an_encoded_secret_never_leaks_through_a_cut(
    secret: bytes, encoding: str, around: bytes, places: list[int]
) -> None:
    compiled = SecretSet([secret])
    data = around + ENCODINGS[encoding](secret) + around
    out = masked_in_pieces(compiled, cut(data, places))
    assert TOKEN in out
    assert out == compiled.mask(data)


@settings(max_examples=200, deadline=None)
@given(st.lists(words, min_size=1, max_size=3), st.lists(words, max_size=8), st.lists(st.integers(0, 200), max_size=12))
def test_a_stream_taken_up_again_at_the_end_of_any_piece_gives_the_same(
    secrets: list[bytes], stream: list[bytes], places: list[int]
) -> None:
    data = b"".join(stream)
    compiled = SecretSet(secrets)
    mask, so_far = compiled.stream(), b""
    for piece in cut(data, places):
        so_far_piece = mask.feed(piece)
        so_far += so_far_piece.data
        resumed_at = so_far_piece.raw_start + so_far_piece.raw_length
        rest = compiled.stream(resumed_at)
        assert so_far + rest.feed(data[resumed_at:]).data + rest.finish().data == compiled.mask(data)


# ---- the whole, any cut, any resume: what the vault keeps, in every spelling, with what looks nearly like it

KINDS = (
    b"hunter2",
    SECRET,
    "Grüße, пароль & 密码 \U0001f511".encode(),
    b"line one of it\nand line two\r\nand the third",
    KEY,
    bytes(range(1, 60)),
)


SPELT = {secret: sorted(spellings(secret)) for secret in KINDS}


def a_stream(random: Random, secrets: list[bytes]) -> bytes:
    """Secrets in random spellings, torn ones, and words that begin like them."""
    parts: list[bytes] = []
    for _ in range(random.randint(1, 8)):
        secret = random.choice(secrets)
        spelt = random.choice(SPELT[secret]) if random.random() < 0.5 else secret
        match random.randrange(5):
            case 0 | 1:
                parts.append(spelt)
            case 2:
                parts.append(spelt[: random.randint(0, len(spelt))])
            case 3:
                parts.append(spelt[random.randint(0, len(spelt)) :] + spelt)
            case _:
                parts.append(random.randbytes(random.randint(0, 30)))
        parts.append(random.choice((b"", b" ", b"\n", b"=", b"\0")))
    return b"".join(parts)


def check_random_streams(count: int, seed: int) -> None:
    """masked(whole) == masked(any cut, any resume), and no spelling of a secret is left."""
    random = Random(seed)
    sets = [list(chosen) for size in (1, 2) for chosen in itertools.combinations(KINDS, size)]
    compiled = [(secrets, SecretSet(secrets), set().union(*map(spellings, secrets))) for secrets in sets]
    for number in range(count):
        secrets, mask, patterns = compiled[number % len(compiled)]
        data = a_stream(random, secrets)
        whole = mask.mask(data)
        stream, out = mask.stream(), b""
        for piece in cut(data, [random.randrange(len(data) + 1) for _ in range(random.randint(0, 9))]):
            given_out = stream.feed(piece)
            out += given_out.data
            if random.random() < 0.3:
                # as after a crash: from the last offset that was given out, with everything after it once more
                at = given_out.raw_start + given_out.raw_length
                stream = mask.stream(at)
                rest = stream.feed(data[at:])
                assert out + rest.data + stream.finish().data == whole, (seed, number)
                break
        else:
            assert out + stream.finish().data == whole, (seed, number)
        leaks = [pattern for pattern in patterns if pattern in whole.replace(TOKEN, b"\xff\xfe\xff")]
        assert not leaks, (seed, number, leaks[0])


def test_a_sample_of_random_streams_is_masked_alike_however_cut_and_taken_up_again() -> None:
    check_random_streams(250, seed=20261123)


@pytest.mark.long
def test_twenty_thousand_random_streams_are_masked_alike_however_cut_and_taken_up_again() -> None:
    seed = SystemRandom().randrange(1 << 32)
    check_random_streams(20_000, seed)
