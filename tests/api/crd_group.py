"""The CRDs under groups of the tests' own on a real API server, so that no bridge takes up what stands there."""

from dataclasses import dataclass
from itertools import count
from typing import cast

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from dev.stack import Stack
from tests.api.documents import Document, in_group
from tests.eventually import until

_numbers = count(1)

READY_SECONDS = 60.0


@dataclass(frozen=True)
class CrdGroup:
    """One group on the API server, and one namespace in it."""

    stack: Stack
    api: client.CustomObjectsApi
    group: str
    namespace: str

    def install(self, *crds: Document) -> None:
        """Install CRDs under this group, or put them in the place of those there, and wait until they are served."""
        moved = [in_group(crd, self.group) for crd in crds]
        self.stack.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(moved))
        plurals = [crd["spec"]["names"]["plural"] for crd in moved]
        until(lambda: all(self._is_served(plural) for plural in plurals))

    def _is_served(self, plural: str) -> bool:
        try:
            self.api.list_namespaced_custom_object(*self._kind(plural))
        except ApiException:
            return False
        return True

    def _kind(self, plural: str) -> tuple[str, str, str, str]:
        return self.group, "v1alpha1", self.namespace, plural

    def create(self, plural: str, document: Document) -> Document:
        """Create an object with this spec under a name of its own."""
        kind = {"drplans": "DRPlan", "drworkflows": "DRWorkflow", "drplanexecutions": "DRPlanExecution"}[plural]
        head = {"apiVersion": f"{self.group}/v1alpha1", "kind": kind, "metadata": {"name": f"object-{next(_numbers)}"}}
        body = {**head, "spec": document["spec"]}
        return cast(Document, self.api.create_namespaced_custom_object(*self._kind(plural), body))

    def replace(self, plural: str, document: Document) -> Document:
        """Put a document in the place of the object that it names, apart from its status."""
        name = document["metadata"]["name"]
        return cast(Document, self.api.replace_namespaced_custom_object(*self._kind(plural), name, document))

    def write_status(self, plural: str, stored: Document, status: Document) -> Document:
        """Put a status in the place of the stored object's."""
        where, body = (*self._kind(plural), stored["metadata"]["name"]), {**stored, "status": status}
        return cast(Document, self.api.replace_namespaced_custom_object_status(*where, body))

    def store(self, plural: str, document: Document) -> Document:
        """Store spec and status and give what is then read back. Raises ApiException when either is refused."""
        stored = self.create(plural, document)
        if "status" in document:
            self.write_status(plural, stored, document["status"])
        return self.read(plural, stored["metadata"]["name"])

    def accepts(self, plural: str, document: Document) -> bool:
        """Try to store it and tell whether both parts were taken."""
        try:
            self.store(plural, document)
        except ApiException:
            return False
        return True

    def read(self, plural: str, name: str) -> Document:
        """Read an object."""
        return cast(Document, self.api.get_namespaced_custom_object(*self._kind(plural), name))


def open_crd_group(stack: Stack, group: str, namespace: str) -> CrdGroup:
    """Give a group on this stack; nothing is installed there yet."""
    kubeconfig = str(stack.layout.kubeconfig)
    connection = config.new_client_from_config(kubeconfig)  # type: ignore[no-untyped-call]  # the package says no types
    return CrdGroup(stack, client.CustomObjectsApi(connection), group, namespace)
