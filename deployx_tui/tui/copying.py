"""What was copied, kept in a file too: not every terminal takes OSC 52."""

from __future__ import annotations

import os

from deployx_tui.paths import runtime_folder
from deployx_tui.tui.render.safe import SafeText, show


def keep_copy(text: str) -> SafeText:
    """Write it to a file of the owner alone, and give the word to say."""
    folder = runtime_folder()
    path = folder / "copied.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as out:
            out.write(text)
    except OSError as error:
        return show(f"copied to the terminal; no file: {error.strerror}")
    return show(f"copied; also in {path}")
