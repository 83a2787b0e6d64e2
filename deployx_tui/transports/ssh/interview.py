"""Keyboard-interactive logins (RFC 4256): what a server asks goes to the person who started this, who may be there.

A server is asked for a question only when somebody is there. Answers go from the person to the server and nowhere
else. A request without prompts is answered by itself, as some servers end with one.
"""

from __future__ import annotations

from collections.abc import Callable

import paramiko

from deployx_tui.model.question import MOST_TEXT, Prompt, ServerQuestion, Unanswered
from deployx_tui.transports.base import Asker
from deployx_tui.transports.ssh.limits import Limits
from deployx_tui.transports.ssh.link import Link

METHOD = "keyboard-interactive"
#: as OpenSSH's NumberOfPasswordPrompts
TRIES = 3
#: requests of one attempt: a server may go on asking
_MOST_REQUESTS = 20


class NotLetIn(Exception):
    """Why nobody was let in by answers, and what would help; stays inside the transports."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


#: answers a request by itself, without a person: None, it does not
Own = Callable[[list[tuple[str, bool]]], list[str] | None]


class Interview:
    """One login at one host. `answer` is called in paramiko's reading thread, the rest where the login is made."""

    def __init__(self, asker: Asker | None, device: str, host: str, user: str, limits: Limits) -> None:
        self._asker, self._limits = asker, limits
        self._device, self._host, self._user = device, host, user
        self._own: Own | None = None
        self._requests = 0
        self._has_asked = False
        self._again = False
        #: why a request was not answered
        self._unanswered: str | Unanswered | None = None

    @property
    def can_ask(self) -> bool:
        return self._asker is not None and self._asker.is_there

    def hold(self, link: Link, own: Callable[[], Own] | None = None) -> list[str]:
        """What the server wants besides; []: the account is in. Raises NotLetIn.

        What `own` gives, anew for each try, is asked before a person is; with it the server is asked for a question
        though nobody is there.
        """
        if own is None and not self.can_ask:
            raise self._nobody()
        for tries in range(TRIES):
            self._own = None if own is None else own()
            self._requests, self._has_asked, self._again = 0, False, tries > 0
            try:
                return link.by_answers(self._user, self._answer, self._goes_on)
            except paramiko.BadAuthenticationType as error:
                ways = ", ".join(filter(None, error.allowed_types)) or "nothing at all"
                raise NotLetIn(f"the server takes only {ways} now", "see its AuthenticationMethods") from error
            except (paramiko.SSHException, EOFError, OSError) as error:
                if self._unanswered is not None:
                    raise self._left() from error
                self._limits.check("logging in")
                if not self._has_asked and not tries:
                    raise NotLetIn(f"{METHOD} was refused ({error})", "see the server's log") from error
                if tries + 1 == TRIES or not link.is_active():
                    times = tries + self._has_asked
                    often = "" if times == 1 else f" {times} times"
                    message = f"what was answered was refused{often} ({error})"
                    raise NotLetIn(message, "try again with another code") from error
        raise AssertionError("the last try ends by itself")

    def _goes_on(self) -> bool:
        return self._limits.left > 0 and not self._limits.cancel.is_set()

    def _answer(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        self._requests += 1
        if self._requests > _MOST_REQUESTS:
            self._unanswered = f"the server asked more than {_MOST_REQUESTS} times"
            raise paramiko.SSHException(self._unanswered)
        if not prompts:
            return []
        if self._own is not None and (found := self._own(prompts)) is not None:
            return found
        words = " / ".join(text.strip() for text, _ in prompts)[:80]
        if not self.can_ask or self._asker is None:
            self._unanswered = f"the server asked {words!r}, and nobody is there to answer"
            raise paramiko.SSHException("a question that is not answered")
        question = ServerQuestion(
            device=self._device,
            host=self._host,
            user=self._user,
            title=title[:MOST_TEXT],
            instructions=instructions[:MOST_TEXT],
            prompts=tuple(Prompt(text[:MOST_TEXT], shown) for text, shown in prompts),
            again=self._again,
        )
        self._again = False
        with self._limits.asking():
            answers = self._asker.ask(question, self._limits.cancel)
        if isinstance(answers, Unanswered):
            self._unanswered = answers
            raise paramiko.SSHException("a question that is not answered")
        self._has_asked = True
        return [answer.reveal().decode("utf-8", "surrogateescape") for answer in answers]

    def _left(self) -> NotLetIn:
        match self._unanswered:
            case Unanswered.NOBODY:
                return self._nobody()
            case Unanswered.DECLINED:
                return NotLetIn("the server's question was not answered: it was declined", "run it again, and answer")
            case Unanswered.TIMED_OUT:
                return NotLetIn("nobody answered the server's question in time", "run it again, and answer")
            case Unanswered.CANCELLED:
                return NotLetIn("cancelled while the server's question waited", "run it again")
            case why:
                return NotLetIn(str(why), REMEDY)

    def _nobody(self) -> NotLetIn:
        return NotLetIn(
            f"the server asks for answers ({METHOD}, such as a one-time code), and nobody is there to give them", REMEDY
        )


REMEDY = (
    "run it from a terminal (deployx run, deployx task run --wait, deployx device test, or the screens), "
    "or let this account log in without a question"
)
