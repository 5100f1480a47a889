"""What a definition uses of what other actions recorded. Source: docs/spec/drworkflow.md, "Templates"."""

from api.actions import Action
from planning.definitions.action_types import templates_of
from planning.templates import PlaceholderKind, placeholders, texts


def outputs_used(action: Action) -> list[str]:
    """Name the actions whose outputs or phases a definition uses, each once, in the order of its fields.

    Its `rollback` is another definition.
    """
    found = (
        placeholder.name
        for path, value in templates_of(action).items()
        for _, text in texts(value, path)
        for placeholder in placeholders(text)
        if placeholder.kind is PlaceholderKind.OUTPUTS
    )
    return list(dict.fromkeys(found))
