"""A set of values as one bound parameter: ten thousand ids would pass the limit of 32,766 on SQLite."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Text, bindparam, column, func, select
from sqlalchemy.types import TypeEngine


def ids(c: Connection, values: Iterable[int]) -> Select[tuple[int]]:
    """For `some_id.in_(ids(c, ...))`."""
    found: list[Any] = sorted(values)
    if c.dialect.name == "sqlite":
        return select(func.json_each(json.dumps(found)).table_valued(column("value", BigInteger)).c.value)
    return select(func.unnest(bindparam(None, found, _array(BigInteger()))).column_valued())


def texts(c: Connection, values: Iterable[str]) -> Select[tuple[str]]:
    found: list[Any] = sorted(values)
    if c.dialect.name == "sqlite":
        return select(func.json_each(json.dumps(found)).table_valued(column("value", Text)).c.value)
    return select(func.unnest(bindparam(None, found, _array(Text()))).column_valued())


def _array(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    from sqlalchemy.dialects.postgresql import ARRAY  # noqa: PLC0415 - a SQLite database needs no other dialect

    return ARRAY(kind)
