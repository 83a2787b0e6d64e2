"""The parameters that a task declares, a line each, and a last line that adds one."""

from __future__ import annotations

from deployx_tui.model.parameter import Parameter
from deployx_tui.tui.render.line import Line
from deployx_tui.tui.render.parameters import declared_line
from deployx_tui.tui.widgets.value_list import ValueList


class ParameterList(ValueList[Parameter]):
    def spans_of(self, value: Parameter) -> Line:
        return declared_line(value)
