"""Every reader of what people write ends soon, in little memory, and with a result or with an error of its own.

Seeded, so that a run can be repeated; `make fuzz` takes far more examples. Source: docs/spec/drworkflow.md, "Limits".
"""

import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from api.workflow import DRWorkflow
from planning.definitions.manifest import ManifestError, documents_in, parse_manifest
from planning.definitions.when import WhenError, modes
from planning.validation.objects import workflow_errors
from planning.values import jsonpath
from planning.values.placeholders import TemplateError, Values
from planning.values.rendering import render, render_manifest, render_value

SEED = 20261128
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "600"))
CPU_SECONDS = 5
MEMORY = 64 << 20
"""Bytes above what the process has before."""
LONGEST = 1 << 20

fuzzed = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=False, database=None, suppress_health_check=list(HealthCheck)
)


class TooSlowError(Exception):
    """A reader took more processor time than it may."""


@pytest.fixture(scope="module", autouse=True)
def watchdog() -> Iterator[None]:
    """Turn the signal of the timer into an error."""

    def stop(_: int, frame: FrameType | None) -> None:
        raise TooSlowError(str(frame))

    before = signal.signal(signal.SIGPROF, stop)
    yield
    signal.signal(signal.SIGPROF, before)


@contextmanager
def watched() -> Iterator[None]:
    """Fail what takes too much time or memory. Raises TooSlowError from within."""
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) * 1024 < MEMORY


def repeated(pieces: list[str]) -> st.SearchStrategy[str]:
    """Give texts of a few pieces, each repeated up to very often: what makes a reader quadratic."""
    often = st.integers(0, 20) | st.sampled_from([50, 1000, 30_000])
    parts = st.lists(st.tuples(st.sampled_from(pieces) | st.text(max_size=6), often), max_size=6)
    return parts.map(lambda each: "".join(text * number for text, number in each)[:LONGEST])


YAML = [*"a-[]{}?'\"#%,\\\t\n ef9.:|>", "a: ", "- ", "&a ", "*a", "<<: ", "<<: [*a, *a]\n", "|\n", "!!int ",
        "!!binary ", "0x", "---\n", "\\uD800", "  "]  # fmt: skip
TEMPLATE = [
    "$(params.v)",
    "$(",
    ")",
    "{{ .params.v }}",
    "{{",
    "}}",
    " ",
    "$(outputs.a.",
    "params.",
    "$(planName)",
    ".a",
]
PATH = ["{", "}", ".a", "..", "[*]", "[", "]", "'a'", ",", "*", "?(@.a==1)", "?(", "@", "$", "&&", "!", "(", ")", '"',
        "[0:2]", "search(@,'(a+)+$')", "\\", "range ", "{end}", "[*,*,*,*]", "..*"]  # fmt: skip
WHEN = ["mode", " ", "==", '"', "install", "||", "!", "operation", "\n", "'"]
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"
VALUES = st.sampled_from(["", "v", "a\nb: c", "[1, 2]", "x" * 30_000, "9" * 5000, "{a: &a [*a]}", '"'])


def ends(read: Callable[[], Any], *errors: type[Exception]) -> None:
    with watched():
        try:
            read()
        except errors as error:
            message = str(error)
        else:
            return
    assert len(message) < 2000


@seed(SEED)
@fuzzed
@given(text=repeated(YAML))
def test_yaml(text: str) -> None:
    ends(lambda: json.dumps(documents_in(text)), ManifestError)
    ends(lambda: json.dumps(parse_manifest(f"{HEAD}data:\n  {text}")), ManifestError)


@seed(SEED)
@fuzzed
@given(text=repeated(YAML + TEMPLATE), value=VALUES, fragment=st.booleans())
def test_templates(text: str, value: str, fragment: bool) -> None:
    values = Values({"v": value}, "shop", {"a": {"phase": "Succeeded"}}, frozenset({"v"} if fragment else ()))
    ends(lambda: render(text, values), TemplateError)
    ends(lambda: render_manifest(f"{HEAD}data: {text}", values), TemplateError, ManifestError)
    for path in ("http.body", "localization.spec.overrides[0].value"):
        ends(lambda path=path: render_value(text, values, path), TemplateError)  # type: ignore[misc]


@seed(SEED)
@fuzzed
@given(text=repeated(PATH), wide=st.booleans())
def test_jsonpaths(text: str, wide: bool) -> None:
    body: Any = {"a": [{"a": {"a": "a" * 30 + "!"}}, 1, "a"] * (1000 if wide else 2)}
    ends(lambda: jsonpath.find(text, body), jsonpath.PathError, jsonpath.NothingFoundError)


@seed(SEED)
@fuzzed
@given(text=repeated(WHEN))
def test_conditions(text: str) -> None:
    start = time.process_time()
    ends(lambda: modes(text), WhenError)
    assert time.process_time() - start < 0.1


@seed(SEED)
@fuzzed
@given(manifest=repeated(YAML + TEMPLATE), when=repeated(WHEN), path=repeated(PATH), url=repeated(TEMPLATE))
def test_dr_workflows(manifest: str, when: str, path: str, url: str) -> None:
    actions = [
        {"name": "a", "type": "KubernetesResource", "when": when, "resource": {"manifest": HEAD + manifest}},
        {"name": "b", "type": "HTTP", "timeout": url[:50], "http": {"url": url, "body": manifest}},
    ]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": url, "jsonPath": path}
    parameters = [{"name": "v", "valueFrom": {"manifestRef": reference}}]
    spec = {"actions": actions, "parameters": parameters}
    dr_workflow = DRWorkflow.model_validate({"metadata": {"name": "w"}, "spec": spec})
    with watched():
        errors = workflow_errors(dr_workflow)
    assert all(len(error.text) < 3000 for error in errors)
