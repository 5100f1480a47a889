"""What people call an action before and while it runs: `Create Localization default/nginx-loc-a`.

Known values are filled in, secret ones are hidden, and what is not known yet stays as it is written.
Source: docs/architecture.md, "What Temporal's UI shows".
"""

import re

from api.actions import Action, HttpRequest
from planning.definitions.action_types import block_of, operation_of
from planning.definitions.manifest import ManifestError
from planning.definitions.target import target_of_action
from planning.messages import actions as action_messages
from planning.messages.actions import bounded
from planning.values.placeholders import Values
from planning.values.rendering import rendered_action

_ADDRESS = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#]*@)?(?P<rest>[^?#]*)")
"""User and query are left out: they may be secret."""


def title(action: Action, mark: str, values: Values | None = None) -> str:
    """Return what an action does, else its name; without `values` as the definition is written."""
    shown = action if values is None else rendered_action(action, values, partly=True)
    request = block_of(shown)
    if isinstance(request, HttpRequest) and (address := _ADDRESS.match(request.url.strip())):
        return bounded(action_messages.request_title(request.method, f"{address['scheme']}{address['rest']}"))
    try:
        target = target_of_action(shown, mark)
    except ManifestError:
        target = None
    return bounded(action_messages.title(operation_of(shown), target) if target else action.name)
