"""Names that may have been meant by one that does not exist."""

from __future__ import annotations

import difflib
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func

#: a name is looked for among at most so many of about its length: an error must not cost more than an answer
_MOST_COMPARED = 2_000
#: characters that a name may be shorter or longer
_LENGTHS_APART = 3
_MOST_TOLD = 3


def near(c: Connection, among: Select[Any], column: ColumnElement[str], name: str) -> list[str]:
    """Up to three names of the rows of `among` that are spelt almost like `name`, the nearest first."""
    shortest, longest = len(name) - _LENGTHS_APART, len(name) + _LENGTHS_APART
    alike = among.with_only_columns(column).where(func.length(column).between(shortest, longest))
    found = c.scalars(alike.distinct().limit(_MOST_COMPARED)).all()
    plain = {other.casefold(): other for other in found}
    return [plain[other] for other in difflib.get_close_matches(name.casefold(), plain, _MOST_TOLD, 0.66)]
