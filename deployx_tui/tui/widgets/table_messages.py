"""What a table tells its listeners. They are known as `LineTable.Moved` and so on, and handled as such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from deployx_tui.tui.widgets.line_table import LineTable


class Moved(Message, namespace="line_table"):
    """The cursor stands on another row, or on none."""

    def __init__(self, table: LineTable[Any]) -> None:  # a message class has no row type of its own
        super().__init__()
        self.table = table

    @property
    def control(self) -> LineTable[Any]:
        return self.table

    def can_replace(self, message: Message) -> bool:
        return type(message) is type(self) and message.table is self.table


class Opened(Moved, namespace="line_table"):
    """Enter, or a second click, on a row."""

    def can_replace(self, message: Message) -> bool:
        return False


class NeedMore(Moved, namespace="line_table"):
    """The cursor comes near the last row that is loaded, and more exist."""


class MarksChanged(Moved, namespace="line_table"):
    """Marks were set or cleared."""


class SortChanged(Moved, namespace="line_table"):
    """Another sort column or direction; rows must be asked for again."""

    def can_replace(self, message: Message) -> bool:
        return False
