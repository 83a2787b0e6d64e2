"""What the engine's threads keep of memory that they have freed."""

from __future__ import annotations

import ctypes
import logging

log = logging.getLogger(__name__)

#: mallopt(3)
_M_ARENA_MAX = -8
_ARENAS = 2


def share_arenas() -> None:
    """glibc gives each thread an arena of its own, up to eight a core, and keeps in each what was freed there.

    The lanes read, mask and write in turn, under the interpreter's lock: two arenas serve them as well, and an engine
    that read from hundreds of hosts stays smaller. To be called before the threads are made. Elsewhere than on glibc
    nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError) as error:
        log.debug("the arenas of memory are left as they are: %s", error)
        return
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    if not mallopt(_M_ARENA_MAX, _ARENAS):
        log.debug("the arenas of memory are left as they are: mallopt refused")
