"""How a text may be spelt in an output: what TRUST's "Masking" names, made anew here from the standard library alone.

One source for both sides: `traces` says what is searched for, and as a program on a target (`python3 spelled.py NAME
...`) it prints the values of those variables in every spelling. So whatever is printed there is looked for here.
"""

import base64
import html
import json
import os
import shlex
import sys
import urllib.parse

WIDTHS = (64, 76)


def pieces(text: str) -> dict[str, str]:
    """The whole, and each line where there is more than one."""
    lines = text.splitlines()
    return {"whole": text, **({f"line {n}": line for n, line in enumerate(lines, 1)} if len(lines) > 1 else {})}


def plain_spellings(text: str) -> dict[str, bytes]:
    """Those that look the same wherever they stand."""
    once = json.dumps(text)[1:-1]
    quoted, plus = urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text)
    found = {
        "raw": text,
        "JSON": once,
        "JSON twice": json.dumps(once)[1:-1],
        "JSON, not ASCII alone": json.dumps(text, ensure_ascii=False)[1:-1],
        "URL": quoted,
        "URL in small letters": lower_escapes(quoted),
        "URL with +": plus,
        "URL with +, small": lower_escapes(plus),
        "hex": text.encode().hex(),
        "HEX": text.encode().hex().upper(),
        "HTML": html.escape(text),
        "shell quoted": "'" + text.replace("'", "'\\''") + "'",
        "shell quoted otherwise": shlex.quote(text),
    }
    return {**{label: spelt.encode() for label, spelt in found.items()}, "UTF-16LE": text.encode("utf-16-le")}


def lower_escapes(quoted: str) -> str:
    first, *rest = quoted.split("%")
    return first + "".join("%" + part[:2].lower() + part[2:] for part in rest)


def base64_spellings(text: str) -> dict[str, tuple[bytes, int, int]]:
    """In each alignment and alphabet, in one line and in several; and which part of it is the text's alone."""
    found = {}
    for lead in range(3):
        around = b"-" * lead + text.encode()
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            spelt = encode(around)
            for width in (0, *WIDTHS):
                lines = [spelt[at : at + width] for at in range(0, len(spelt), width)] if width else [spelt]
                if width and len(lines) == 1:
                    continue
                label = f"{name}, {lead} before it" + (f", lines of {width}" if width else "")
                # the first and the last group of four may be shared with what stands around
                found[label] = (b"\n".join(lines), 4 if lead else 0, 4)
    return found


def printed(text: str) -> dict[str, bytes]:
    """Every spelling, by what it is called."""
    around = {label: spelt for label, (spelt, _, _) in base64_spellings(text).items()}
    return {**plain_spellings(text), **around}


def traces(text: str) -> dict[str, bytes]:
    """What gives a text away: every spelling of it and of each of its lines, without what is not its alone."""
    found = {}
    for piece, part in pieces(text).items():
        for label, spelt in plain_spellings(part).items():
            # the quotes around a word are not its own
            found[f"{piece}, {label}"] = spelt.strip(b"'") if label.startswith("shell") else spelt
        for label, (spelt, first, last) in base64_spellings(part).items():
            found[f"{piece}, {label}"] = spelt[first:-last].strip(b"\n")
    return found


def main() -> None:
    out = sys.stdout.buffer
    for name in sys.argv[1:]:
        for piece, part in pieces(os.environ[name]).items():
            for label, spelt in printed(part).items():
                out.write(b"%s, %s, %s: %s\n" % (name.encode(), piece.encode(), label.encode(), spelt))
        out.flush()


if __name__ == "__main__":
    main()
