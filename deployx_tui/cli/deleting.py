"""`rm` of every noun: find all, say what is lost, ask once, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.invocation import invocation
from deployx_tui.cli.reading import use_words
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.model.task import TaskName
    from deployx_tui.service.backend import Backend


class Deletable(Protocol):
    """A task, device or group."""

    @property
    def id(self) -> Any: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...


T = TypeVar("T", bound=Deletable)
T_co = TypeVar("T_co", covariant=True)


class Facet(Protocol[T_co]):
    """The part of the door that knows a noun."""

    async def find(self, name_or_id: str) -> T_co: ...
    async def delete(self, id_: Any, /, version: int | None = None) -> None: ...


def delete_named(
    noun: str,
    names: Iterable[str],
    facet_of: Callable[[Backend], Facet[T]],
    *,
    yes: bool,
    used_by: Callable[[Backend, list[T]], Awaitable[Sequence[TaskName]]] | None = None,
) -> None:
    """Delete what is called so, after one question about all. `used_by` says which tasks lose targets by it.

    Raises NotFound or Ambiguous before anything is deleted; Conflict where one was changed meanwhile.
    """
    call = invocation()

    async def delete(backend: Backend) -> list[T]:
        facet = facet_of(backend)
        found = [await facet.find(name) for name in dict.fromkeys(names)]
        what = f"delete {counted(len(found), noun)}: {', '.join(one.name for one in found)}"
        used = await used_by(backend, found) if used_by is not None else []
        if used and yes:
            printing.note(call, f"! {use_words(used)}")
        asking.confirm(call, f"{what} ({use_words(used)})" if used else what, yes=yes)
        for one in found:
            await facet.delete(one.id, version=one.version)
        return found

    deleted = with_backend(call, delete)
    if call.json:
        printing.put_json([one.id for one in deleted])
    else:
        printing.put_line(f"deleted {', '.join(one.name for one in deleted)}")
