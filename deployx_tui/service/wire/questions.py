"""Questions of servers as JSON, and back."""

from __future__ import annotations

from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.question import Listening, Prompt, Question, QuestionId, ServerQuestion, Withdrawn
from deployx_tui.model.secret import Secret
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Garbled, Json

Heard = Question | Withdrawn | Listening


def heard_to_json(heard: Heard) -> Json:
    match heard:
        case Listening():
            return {"kind": "listening"}
        case Withdrawn(number):
            return {"kind": "withdrawn", "id": number}
        case Question(id=number, asked=asked):
            return {
                "kind": "question",
                "id": number,
                "device": asked.device,
                "host": asked.host,
                "user": asked.user,
                "title": asked.title,
                "instructions": asked.instructions,
                "prompts": [{"text": prompt.text, "echo": prompt.echo} for prompt in asked.prompts],
                "again": asked.again,
            }


def heard_from_json(data: JSON) -> Heard:
    row = values.fields(data)
    match values.text(row, "kind"):
        case "listening":
            return Listening()
        case "withdrawn":
            return Withdrawn(QuestionId(values.text(row, "id")))
        case "question":
            return Question(
                id=QuestionId(values.text(row, "id")),
                asked=ServerQuestion(
                    device=values.text(row, "device"),
                    host=values.text(row, "host"),
                    user=values.text(row, "user"),
                    title=values.text(row, "title"),
                    instructions=values.text(row, "instructions"),
                    prompts=values.each(row, "prompts", _prompt_from_json),
                    again=values.flag(row, "again"),
                ),
            )
        case kind:
            raise Garbled(f"kind: {kind!r} is new to this version")


def _prompt_from_json(data: JSON) -> Prompt:
    row = values.fields(data)
    return Prompt(values.text(row, "text"), values.flag(row, "echo"))


def answers_from_json(data: JSON) -> tuple[Secret, ...]:
    """What a client answers. InvalidInput lists every problem."""
    reader = Reader(data)
    answers = reader.texts("answers")
    reader.finish()
    return tuple(Secret.of(answer) for answer in answers)
