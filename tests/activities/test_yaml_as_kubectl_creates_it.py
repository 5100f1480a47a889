"""`kubectl create`, on a real API server, reads the table of YAML as the worker does."""

from dev.stack import Stack
from tests.planning.definitions.test_yaml_as_kubectl import HEAD, KUBECTL, SCALARS, TEXTS, as_kubectl, ours, with_types


def test_kubectl_creates_what_the_worker_reads(stack: Stack) -> None:
    texts = [f"{HEAD}x: {text}\n" for text, _ in SCALARS] + [text for text, _ in TEXTS]
    create = [
        "create",
        "--dry-run=client",
        "--validate=false",
        "--namespace=",
        f"--kubeconfig={stack.layout.kubeconfig}",
    ]
    for text, theirs in zip(texts, as_kubectl(texts, [KUBECTL, *create]), strict=True):
        assert (text, with_types(ours(text))) == (text, with_types(theirs))
