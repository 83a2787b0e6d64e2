"""Declarations of parameters and the values of a run as JSON and back, in the wire's words."""

from __future__ import annotations

from collections.abc import Iterable

from deployx_tui.model.ids import CredentialId
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.parameter import Parameter, ParameterType, SecretRef, Value

#: one form that a person fills in; more wants a file
MOST_PARAMETERS = 100


def parameters_to_json(parameters: Iterable[Parameter]) -> list[JSON]:
    """In their order, which is that of forms."""
    return [
        {
            "name": each.name,
            "type": each.type.value,
            "default": each.default,
            "choices": [*each.choices],
            "required": each.required,
            "description": each.description,
        }
        for each in parameters
    ]


def read_parameters(reader: Reader, key: str = "parameters") -> tuple[Parameter, ...]:
    """The list under a key of an object; a problem's field is `parameters.0.default`."""
    items = reader.items(key)
    if len(items) > MOST_PARAMETERS:
        reader.problem(key, f"there are {len(items)} of them", f"declare at most {MOST_PARAMETERS}")
        return ()
    return tuple(_parameter(reader.nested(f"{key}.{number}", item)) for number, item in enumerate(items))


def _parameter(reader: Reader) -> Parameter:
    parameter = Parameter(
        name=reader.text("name", required=True) or "",
        type=reader.word("type", ParameterType, ParameterType.TEXT),
        default=reader.plain("default") or None,
        choices=tuple(reader.texts("choices")),
        required=reader.flag("required") or False,
        description=reader.text("description") or "",
    )
    reader.close()
    return parameter


def read_given(reader: Reader, key: str = "parameters") -> dict[str, str]:
    """`{NAME: value}` of a start. A number or a boolean counts as the text that a person would type."""
    given = reader.object(key)
    if given is None:
        return {}
    found = {name: given.plain(name) for name in given.names()}
    return {name: value for name, value in found.items() if value is not None}


# ---- values of a run, as they are stored with it


def values_to_json(values: Iterable[Value]) -> list[JSON]:
    """A secret by its credential's name and id and its own version."""
    return [
        {
            "name": each.name,
            "value": each.value,
            "is_default": each.is_default,
            "file": each.file,
            "credential": None if each.secret is None else each.secret.name,
            "credential_id": None if each.secret is None else each.secret.credential,
            "secret_version": None if each.secret is None else each.secret.version,
        }
        for each in values
    ]


def read_values(reader: Reader, key: str = "parameter_values") -> tuple[Value, ...]:
    found: list[Value] = []
    for number, item in enumerate(reader.items(key)):
        one = reader.nested(f"{key}.{number}", item)
        name, value = one.text("name", required=True), one.text("value", required=True)
        found.append(
            Value(
                name=name or "",
                value=value or "",
                file=one.text("file"),
                secret=_secret(one),
                is_default=one.flag("is_default") or False,
            )
        )
        one.close()
    return tuple(found)


def _secret(reader: Reader) -> SecretRef | None:
    name = reader.text("credential")
    credential, version = reader.number("credential_id"), reader.number("secret_version")
    if name is None or credential is None or version is None:
        return None
    return SecretRef(credential=CredentialId(credential), name=name, version=version)
