"""Acts for Clusternet in the demo: Localizations carry its finalizer, which is removed a moment after their deletion.

On a real installation its controller renders the overridden objects again before an override may disappear. Without
that a local Revert would be over before a person has seen it. Only the demo's own objects are touched.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dev.stack import Document, Stack, watch

FINALIZER = "apps.clusternet.io/finalizer"
# How long an override stays after its deletion was asked for, in seconds.
DELAY = 0.8


@contextmanager
def hold_deletions(stack: Stack, names: list[str]) -> Iterator[None]:
    """Give these Localizations of the namespace `default` the finalizer; remove it from all of them at the end."""
    with watch(stack, "localizations", "--namespace=default") as states:
        thread = threading.Thread(target=_serve, args=(stack, names, states), daemon=True)
        thread.start()
        try:
            yield
        finally:
            for name in names:
                _set_finalizers(stack, name, None)


def _serve(stack: Stack, names: list[str], states: Iterator[Document]) -> None:
    for state in states:
        metadata = state["metadata"]
        if metadata["name"] not in names:
            continue
        if "deletionTimestamp" in metadata:
            threading.Timer(DELAY, _set_finalizers, (stack, metadata["name"], None)).start()
        elif FINALIZER not in metadata.get("finalizers", []):
            _set_finalizers(stack, metadata["name"], [FINALIZER])


def _set_finalizers(stack: Stack, name: str, finalizers: list[str] | None) -> None:
    # The Localization may be gone already.
    patch = json.dumps({"metadata": {"finalizers": finalizers}})
    stack.kubectl("patch", "localization", name, "--namespace=default", "--type=merge", f"--patch={patch}", check=False)
