"""bash's side of completion. click's own reads what it is given as words of the shell: names come out of the database,
and whoever chose one must not have chosen a command."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

_SOURCE = """\
%(complete_func)s() {
    local line value
    COMPREPLY=()
    while IFS= read -r line; do
        value=${line#*,}
        case ${line%%%%,*} in
        dir) compopt -o dirnames ;;
        file) compopt -o default ;;
        plain)
            case $value in
            *[!A-Za-z0-9_@%%+=:,./-]*) value=$(printf '%%q' "$value") ;;
            esac
            COMPREPLY+=("$value")
            ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class SafeBashComplete(BashComplete):
    """Gives whole names, quoted for the shell where they need it."""

    source_template: ClassVar[str] = _SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        """The line up to the cursor: bash cuts its own words at @ and :, which stand in selectors."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        # NAME=VALUE before the command is not of it
        start = next((at for at, word in enumerate(words) if "=" not in word), 0)
        return words[start + 1 :], incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Without what stands before bash's own word: it replaces that word alone."""
        _, incomplete = self.get_completion_args()
        breaks = os.environ.get("COMP_BREAKS", "")
        kept = max((incomplete.rfind(each) for each in breaks), default=-1) + 1
        value = str(item.value)
        return f"{item.type},{value[kept:] if value.startswith(incomplete[:kept]) else value}"


def register() -> None:
    """From here on click answers bash so."""
    add_completion_class(SafeBashComplete, "bash")
