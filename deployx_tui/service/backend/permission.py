"""Each Backend method names its permission, once, on the protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from deployx_tui.model.user import Permission

F = TypeVar("F", bound=Callable[..., object])

_ATTRIBUTE = "__deployx_permission__"


def needs(permission: Permission) -> Callable[[F], F]:
    """Mark a protocol method with the permission that calling it takes."""

    def mark(method: F) -> F:
        setattr(method, _ATTRIBUTE, permission)
        return method

    return mark


def permission_of(facet: type, method: str) -> Permission:
    """The permission of `facet.method`; LookupError when it names none (a test enumerates them)."""
    permission = getattr(getattr(facet, method), _ATTRIBUTE, None)
    if not isinstance(permission, Permission):
        raise LookupError(f"{facet.__name__}.{method} names no permission")
    return permission
