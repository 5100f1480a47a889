"""Every reader of what people write ends soon, in little memory, and with a result or with an error of its own.

Random texts, seeded: each round of a test has a seed, which a failure names together with the input. A round after
the other until FUZZ_SECONDS are over; `make fuzz` takes more of them, FUZZ_SEED=… repeats a round.
Source: docs/spec/drworkflow.md, "Limits"; docs/architecture.md, "Bounds".
"""

import functools
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.planning import fuzzed_readers as readers
from tests.planning.measured_child import ATTEMPTS, Measured, Reader, measured

SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))
"""For each of the twelve tests of this module; they begin with the same examples each time."""
FIRST_SEED = int(os.environ.get("FUZZ_SEED", "20261128"))
EXAMPLES = 40
"""In one round."""
CPU_SECONDS = 5.0
"""What the bridge lets a validation take."""
STRETCH = 0.1
MEMORY = 64 << 20
LONGEST = 1 << 20
LONGEST_ERROR = 3000

Check = Callable[..., None]


def check(read: Reader, *arguments: Any) -> None:
    """Fail with the input if the reader exceeds a bound each time."""
    results = list[Measured]()
    for _ in range(ATTEMPTS):
        results.append(measured(read, *arguments, expected=readers.ERRORS))
        faults = results[-1].faults(CPU_SECONDS, STRETCH, MEMORY, LONGEST_ERROR)
        if not faults:
            return
    pytest.fail(f"{read.__name__}: {'; '.join(faults)}")


def rounds(**strategies: st.SearchStrategy[Any]) -> Callable[[Check], Callable[[], None]]:
    """Repeat a check with other examples until its time is over; the arguments are named in a failure."""

    def decorate(one: Check) -> Callable[[], None]:
        limits = settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )

        def test() -> None:
            until, number, failed = time.monotonic() + SECONDS, FIRST_SEED, False

            @functools.wraps(one)
            def in_time(**arguments: Any) -> None:
                nonlocal failed
                # One example may take seconds. What has failed is repeated by hypothesis, and must fail again.
                if failed or time.monotonic() < until:
                    failed = True
                    one(**arguments)
                    failed = False

            while number == FIRST_SEED or time.monotonic() < until:
                try:
                    seed(number)(limits(given(**strategies)(in_time)))()
                except BaseException as error:
                    error.add_note(f"FUZZ_SEED={number}")
                    raise
                number += 1

        test.__name__ = one.__name__
        return test

    return decorate


def repeated(pieces: list[str]) -> st.SearchStrategy[str]:
    """Return texts of a few pieces, each repeated up to very often: what makes a reader quadratic."""
    often = st.integers(0, 20) | st.sampled_from([50, 1000, 30_000])
    parts = st.lists(st.tuples(st.sampled_from(pieces) | st.text(max_size=6), often), max_size=6)
    return parts.map(lambda each: "".join(text * number for text, number in each)[:LONGEST])


YAML = [*"a-[]{}?'\"#%,\\\t\n ef9.:|>", "a: ", "- ", "&a ", "*a", "<<: ", "<<: [*a, *a]\n", "|\n", "!!int ",
        "!!binary ", "0x", "---\n", "\\uD800", "  ", "[*a,*a]", "- &a [*a]\n", "a: |\n   "]  # fmt: skip
JSON = ["{", "}", "[", "]", ":", ",", '"', '"a"', '{"a":', "[[", "1", "-", "e9", "null", "\\ud800", "\\", " "]
TEMPLATE = ["$(params.v)", "$(", ")", "{{ .params.v }}", "{{", "}}", " ", "$(outputs.a.", "$(outputs.a.phase)",
            "params.", "$(planName)", ".a", "\n  ", '"']  # fmt: skip
PATH = ["{", "}", ".a", "..", "[*]", "[", "]", "'a'", ",", "*", "?(@.a==1)", "?(", "@", "$", "&&", "!", "(", ")", '"',
        "[0:2]", "search(@,'(a+)+$')", "\\", "range ", "{end}", "[*,*,*,*]", "..*", "[?(@.a<@.a)]"]  # fmt: skip
WHEN = ["mode", " ", "==", '"', "install", "||", "!", "operation", "\n", "'"]
NUMBER = [*"0123456789+-.eE_xob:hms", "Mon, 01 Jan 2026 ", "GMT", "inf", "nan", " "]
SECRET = ["password", "token", "key", "sig", ":", "=", " ", "--", "-u ", "http://", "@", "/", "?", "&", "hooks", "<",
          "</", ">", '"', "'", "$(params.v)", "Bearer ", "cookie: ", "\n", "a", ".", "{{", "{", "[", ","]  # fmt: skip
VALUES = st.sampled_from(["", "v", "a\nb: c", "[1, 2]", "x" * 30_000, "9" * 5000, "{a: &a [*a]}", '"', "\na" * 9000,
                          "[" + "[1,1,1,1,1]," * 900 + "]"])  # fmt: skip


@rounds(text=repeated(YAML))
def test_yaml(text: str) -> None:
    check(readers.yaml_document, text)
    check(readers.manifest, f"{readers.HEAD}data:\n  {text}")


@rounds(text=repeated(JSON), inside=repeated(YAML))
def test_json(text: str, inside: str) -> None:
    check(readers.yaml_document, "{" + text)
    check(readers.manifest, f'{{"apiVersion": "v1", "kind": "A", "metadata": {{"name": "a"}}, "data": {text}}}')
    check(readers.yaml_document, "{a: [" + inside)


@rounds(text=repeated(TEMPLATE), value=VALUES)
def test_texts_with_placeholders(text: str, value: str) -> None:
    check(readers.text_template, text, value)


@rounds(text=repeated(YAML + TEMPLATE), value=VALUES, fragment=st.booleans())
def test_manifests_with_placeholders(text: str, value: str, fragment: bool) -> None:
    check(readers.manifest_template, f"{readers.HEAD}data: {text}", value, fragment)


@rounds(text=repeated(JSON + TEMPLATE), value=VALUES, fragment=st.booleans(), path=st.sampled_from(readers.PATHS))
def test_bodies_and_patches_with_placeholders(text: str, value: str, fragment: bool, path: str) -> None:
    check(readers.value_template, text, value, fragment, path)


@rounds(text=repeated(PATH), wide=st.booleans())
def test_json_paths(text: str, wide: bool) -> None:
    check(readers.json_path, text, {"a": [{"a": {"a": "a" * 30 + "!"}}, 1, "a"] * (1000 if wide else 2)})


@rounds(text=repeated(WHEN))
def test_conditions(text: str) -> None:
    check(readers.condition, text)


@rounds(text=repeated(NUMBER))
def test_numbers(text: str) -> None:
    check(readers.numbers, text)


@rounds(text=repeated(SECRET), secret=repeated(SECRET))
def test_secrets(text: str, secret: str) -> None:
    request = {"url": f"http://a/{text[:2000]}", "headers": {"X-Key": text, "Authorization": secret}, "body": text}
    check(readers.secret_parts, {"name": "a", "type": "HTTP", "http": request})
    check(readers.secret_parts, {"name": "a", "type": "KubernetesResource", "resource": {"manifest": text}})
    check(readers.answer, text, [secret, text])


@rounds(url=repeated(SECRET), header=repeated(SECRET), body=repeated(JSON))
def test_http_requests(url: str, header: str, body: str) -> None:
    request = {"url": f"http://a{url}", "headers": {"X": header}, "body": body, "method": "POST"}
    check(readers.http_request, {"name": "a", "type": "HTTP", "http": request})


def definition(manifest: str, when: str, url: str) -> list[dict[str, Any]]:
    return [
        {"name": "a", "type": "KubernetesResource", "when": when, "resource": {"manifest": readers.HEAD + manifest}},
        {"name": "b", "type": "HTTP", "timeout": url[:50], "http": {"url": url, "body": manifest}},
    ]


@rounds(manifest=repeated(YAML + TEMPLATE), when=repeated(WHEN), path=repeated(PATH), url=repeated(TEMPLATE))
def test_dr_workflows(manifest: str, when: str, path: str, url: str) -> None:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": url, "jsonPath": path}
    parameters = [{"name": "v", "valueFrom": {"manifestRef": reference}}]
    check(readers.dr_workflow, {"actions": definition(manifest, when, url), "parameters": parameters})


@rounds(manifest=repeated(YAML + TEMPLATE), value=repeated(TEMPLATE + YAML), name=repeated(TEMPLATE))
def test_executes(manifest: str, value: str, name: str) -> None:
    params = [{"name": "v", "value": value}]
    stage = {"name": name or "the schema wants a name", "workflows": [{"workflowRef": {"name": "w"}, "params": params}]}
    check(readers.execute, {"actions": definition(manifest, "", name)}, {"stages": [stage]}, params)
