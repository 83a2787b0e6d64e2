"""The content of a file of this machine, for a parameter of type file. Read with the engine's own rights."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

from deployx_tui.errors import InvalidInput
from deployx_tui.model.parameter import LARGEST_VALUE
from deployx_tui.plain_file import NotPlain, read_plain, why_not

#: a file system that answers later is taken for gone: whoever asks holds up others
_SECONDS = 5.0
#: of InvalidInput; whoever asks knows the parameter's name
_FIELD = "file"


def read_parameter_file(path: str) -> str:
    """The whole content, unchanged. InvalidInput when it is not there, is no file, is too large or is not UTF-8."""
    found: list[bytes | OSError] = []
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
        case [NotPlain() as error]:
            remedy = f"{error.remedy}; what is larger is put on the targets as a file"
            raise InvalidInput.of(_FIELD, str(error), remedy) from error
        case [OSError() as error]:
            raise InvalidInput.of(
                _FIELD,
                f"{path} can't be read by the engine's account: {why_not(error)}",
                "give a file that is there where the engine runs",
            ) from error
        case _:
            raise InvalidInput.of(
                _FIELD, f"{path} does not answer within {_SECONDS:g} seconds", "look at its file system"
            )


def _read(path: str) -> bytes | OSError:
    try:
        return read_plain(Path(path).expanduser(), LARGEST_VALUE)
    except OSError as error:
        return error
    except RuntimeError as error:  # no home to expand
        return OSError(0, str(error))
