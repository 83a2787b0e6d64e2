"""The content of a file of this machine, for a parameter of type file. Read with the engine's own rights."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread

from deployx_tui.errors import InvalidInput
from deployx_tui.model.parameter import LARGEST_VALUE

#: a file system that answers later is taken for gone: whoever asks holds up others
_SECONDS = 5.0
#: of InvalidInput; whoever asks knows the parameter's name
_FIELD = "file"


def read_parameter_file(path: str) -> str:
    """The whole content, unchanged. InvalidInput when it is not there, is no file, is too large or is not UTF-8."""
    found: list[bytes | OSError | InvalidInput] = []
    # a dead network file system answers no call, not even one to give up: its thread is left behind
    thread = Thread(target=lambda: found.append(_read(path)), name="deployx-parameter-file", daemon=True)
    thread.start()
    thread.join(_SECONDS)
    match found:
        case [bytes() as content]:
            try:
                return content.decode()
            except UnicodeDecodeError:
                raise InvalidInput.of(
                    _FIELD, f"{path} is not UTF-8 text", "encode it (base64), or put it on the targets as a file"
                ) from None
        case [OSError() as error]:
            raise InvalidInput.of(
                _FIELD,
                f"{path} can't be read by the engine's account: {error.strerror}",
                "give a file that is there where the engine runs",
            ) from error
        case [InvalidInput() as error]:
            raise error
        case _:
            raise InvalidInput.of(
                _FIELD, f"{path} does not answer within {_SECONDS:g} seconds", "look at its file system"
            )


def _read(path: str) -> bytes | OSError | InvalidInput:
    try:
        # not blocking: a pipe would wait for its writer
        descriptor = os.open(Path(path).expanduser(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return InvalidInput.of(_FIELD, f"{path} is not a plain file", "give a plain file")
            content = b""
            while len(content) <= LARGEST_VALUE and (piece := os.read(descriptor, LARGEST_VALUE + 1 - len(content))):
                content += piece
        finally:
            os.close(descriptor)
    except OSError as error:
        return error
    except (ValueError, RuntimeError) as error:  # a NUL in it; no home to expand
        return OSError(0, str(error))
    if len(content) > LARGEST_VALUE:
        message = f"{path} has more than {LARGEST_VALUE} bytes, the limit of a parameter"
        return InvalidInput.of(_FIELD, message, "put it on the targets as a file")
    return content
