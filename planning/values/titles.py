"""What people call an action before and while it runs: `Create Localization default/nginx-loc-a`.

Known values are filled in, those that are secret as a mark, and what is not known yet stays as it is written.
Source: docs/architecture.md, "What Temporal's UI shows".
"""

import re
from collections.abc import Callable
from typing import Any

from api.actions import Action, HttpRequest
from planning.definitions.action_types import block_of, filled, operation_of
from planning.definitions.manifest import ManifestError
from planning.definitions.target import target_of_action
from planning.messages import actions as action_messages
from planning.messages.actions import bounded
from planning.values.placeholders import Values, render_known

_AUTHORITY = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#]*@)?(?P<rest>[^?#]*)")


def title(action: Action, mark: str, values: Values | None = None) -> str:
    """Name an action by what it does, else by its own name; without `values` as it is written."""
    shown = action if values is None else filled(action, lambda value, _: _texts(value, _filler(values)))
    return bounded(_of_request(shown) or _of_object(shown, mark) or action.name)


def _filler(values: Values) -> Callable[[str], str]:
    return lambda text: render_known(text, values)


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """Change every text of a JSON value."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _texts(item, change) for key, item in value.items()}
    return [_texts(item, change) for item in value] if isinstance(value, list) else value


def _of_object(action: Action, mark: str) -> str | None:
    try:
        target = target_of_action(action, mark)
    except ManifestError:
        return None
    return action_messages.title(operation_of(action), target) if target else None


def _of_request(action: Action) -> str | None:
    """Name a request by its method and address; who asks and the query may be secret."""
    request = block_of(action)
    address = _AUTHORITY.match(request.url.strip()) if isinstance(request, HttpRequest) else None
    return action_messages.request_title(request.method, f"{address['scheme']}{address['rest']}") if address else None
