"""A kind with two versions whose `served` flags change, defined in a group of its own on the real API server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import httpx

from api.objects import Target
from dev.stack import Stack
from tests.admin import Admin
from tests.eventually import until

Object = dict[str, Any]
VERSIONS = ("v1beta1", "v1")
STORAGE = "v1"


@dataclass(frozen=True)
class VersionedKind:
    """The kind Widget of one group."""

    stack: Stack
    group: str
    status: bool = False
    """Whether its status is a subresource."""

    @classmethod
    @contextmanager
    def defined(cls, stack: Stack, namespace: str, *, account: str = "default", status: bool = False) -> Iterator[Self]:
        """Define the kind, and let a service account of the namespace do all with it, while the context lasts."""
        self = cls(stack, f"bugs-{uuid4().hex[:8]}.example.com", status)
        admin = Admin.of(stack)
        admin.create(self.definition())
        rule = {"apiGroups": [self.group], "resources": ["widgets"], "verbs": ["*"]}
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": self.group}}
        admin.create(role | {"rules": [rule]}, namespace)
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": self.group}
        admin.create(role | {"kind": "RoleBinding", "roleRef": reference, "subjects": [subject]}, namespace)
        self.wait(*VERSIONS)
        try:
            yield self
        finally:
            admin.delete("crd", self.name)

    @property
    def name(self) -> str:
        return f"widgets.{self.group}"

    def definition(self) -> Object:
        """Return the definition with both versions served."""
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        both = {"served": True, "schema": schema, "subresources": {"status": {}} if self.status else {}}
        versions = [{"name": each, "storage": each == STORAGE, **both} for each in VERSIONS]
        names = {"kind": "Widget", "plural": "widgets", "singular": "widget"}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.name},
            "spec": {"group": self.group, "scope": "Namespaced", "names": names, "versions": versions},
        }

    def api_version(self, version: str = "v1beta1") -> str:
        return f"{self.group}/{version}"

    def target(self, name: str, namespace: str, version: str = "v1beta1") -> Target:
        return Target(api_version=self.api_version(version), kind="Widget", name=name, namespace=namespace)

    def body(self, name: str, version: str = "v1beta1", **spec: Any) -> Object:
        return {
            "apiVersion": self.api_version(version),
            "kind": "Widget",
            "metadata": {"name": name},
            "spec": spec or {"x": 1},
        }

    def create(self, name: str, namespace: str, **metadata: Any) -> str:
        """Create an object; give its uid."""
        body = self.body(name, "v1")
        body["metadata"] |= metadata
        made = self._client.post(self._path("v1", namespace), json=body)
        return str(made.raise_for_status().json()["metadata"]["uid"])

    def uid(self, name: str, namespace: str, version: str = "v1") -> str | None:
        """Give an object's uid; None where there is no such object."""
        items = self._client.get(self._path(version, namespace)).raise_for_status().json()["items"]
        return next((each["metadata"]["uid"] for each in items if each["metadata"]["name"] == name), None)

    def serve(self, *versions: str, wait: bool = True) -> None:
        """Serve these versions and no others; the definition and the objects stay."""
        changes = [
            {"op": "replace", "path": f"/spec/versions/{place}/served", "value": each in versions}
            for place, each in enumerate(VERSIONS)
        ]
        headers = {"Content-Type": "application/json-patch+json"}
        path = Admin.of(self.stack).kind("crd").path(None, self.name)
        self._client.patch(path, headers=headers, content=json.dumps(changes)).raise_for_status()
        if wait:
            self.wait(*versions)

    def delete(self) -> None:
        """Delete the definition, and with it the objects."""
        self.stack.kubectl("delete", "crd", self.name)
        self.wait()

    def wait(self, *versions: str) -> None:
        """Wait until the API server serves these versions and no others, and says so."""
        until(lambda: self.serves(*versions), f"{self.name} is served in {versions or 'no version'}")

    def serves(self, *versions: str) -> bool:
        """Tell whether the API server serves these versions and no others, and says so."""
        groups = self._client.get("/apis").raise_for_status().json()["groups"]
        listed = [one["version"] for each in groups if each["name"] == self.group for one in each["versions"]]
        answering = [each for each in VERSIONS if self._client.get(self._path(each)).is_success]
        return sorted(listed) == sorted(versions) == sorted(answering)

    @property
    def _client(self) -> httpx.Client:
        return Admin.of(self.stack).client

    def _path(self, version: str, namespace: str = "") -> str:
        where = f"namespaces/{namespace}/" if namespace else ""
        return f"/apis/{self.api_version(version)}/{where}widgets"
