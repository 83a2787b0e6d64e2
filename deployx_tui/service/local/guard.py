"""The one place where permissions are checked: every facet class goes through `serves`.

The permission is the one that the protocol names (`backend.permission.needs`); a facet class that lacks a method of
its protocol does not import.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

from deployx_tui.model.user import Actor, Permission
from deployx_tui.service import access
from deployx_tui.service.backend.permission import permission_of


class _Bound(Protocol):
    @property
    def actor(self) -> Actor: ...


Facet = TypeVar("Facet", bound=_Bound)


def methods_of(protocol: type) -> tuple[str, ...]:
    """The public methods of a facet's protocol."""
    return tuple(name for name, value in vars(protocol).items() if inspect.isfunction(value) and name[0] != "_")


def serves(protocol: type) -> Callable[[type[Facet]], type[Facet]]:
    """Class decorator: check the actor's permission before each method of `protocol`."""

    def guard(facet: type[Facet]) -> type[Facet]:
        for name in methods_of(protocol):
            method = vars(facet).get(name)
            if method is None:
                raise TypeError(f"{facet.__name__} lacks {protocol.__name__}.{name}")
            setattr(facet, name, _checked(method, permission_of(protocol, name)))
        return facet

    return guard


def _checked(method: Callable[..., Any], permission: Permission) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(method):

        @functools.wraps(method)
        async def iterate(self: _Bound, *args: Any, **named: Any) -> AsyncIterator[Any]:
            access.require(self.actor, permission)
            items = method(self, *args, **named)
            try:
                async for item in items:
                    yield item
            finally:
                await items.aclose()

        return iterate

    @functools.wraps(method)
    async def call(self: _Bound, *args: Any, **named: Any) -> Any:
        access.require(self.actor, permission)
        return await method(self, *args, **named)

    return call
