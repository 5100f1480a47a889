"""The administrator of a stack, who speaks to its API server directly: a call takes a hundredth of kubectl's time.

The tests whose subject is what a person types use `tests.kubectl`.
"""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import httpx

from api.meta import GROUP
from dev import StackError
from dev.layout import Layout
from dev.servers import tokens
from dev.stack import Stack
from tests.eventually import until

Object = dict[str, Any]

MERGE = {"Content-Type": "application/merge-patch+json"}
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_CREATE = {"fieldManager": "kubectl-create", "fieldValidation": "Strict"}
_APPLY = {"fieldManager": "kubectl", "fieldValidation": "Strict"}
_PATCH = {"fieldManager": "kubectl-patch"}
"""As kubectl writes."""


@dataclass(frozen=True)
class ServedKind:
    """Where objects of a kind are served."""

    root: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """Return the path of one object, or of all; `namespace` None means all namespaces."""
        where = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return "/".join(part for part in (self.root + where, self.plural, name, subresource) if part)


@dataclass
class Admin:
    """The rights of the administrator; may be used by several threads."""

    client: httpx.Client
    _kinds: dict[str, ServedKind] = field(default_factory=dict)

    @classmethod
    def of(cls, stack: Stack, user: str = "admin") -> Self:
        """Return the administrator of a stack, or another of its users; a process has one for each."""
        return cls._connect(stack.layout, stack.server, user)

    @classmethod
    @cache
    def _connect(cls, layout: Layout, server: str, user: str) -> Self:
        trust = ssl.create_default_context(cafile=str(layout.data / "apiserver" / "apiserver.crt"))
        headers = {"Authorization": f"Bearer {tokens(layout)[user]}"}
        return cls(httpx.Client(base_url=server, verify=trust, headers=headers, timeout=60, trust_env=False))

    def create(self, body: Object, namespace: str | None = None) -> Object:
        """Create an object, in its own namespace or else in this one. Raises StackError."""
        kind = self.kind(f"{body['apiVersion']} {body['kind']}")
        place = body["metadata"].get("namespace", namespace)
        return self._call("POST", kind.path(place), params=_CREATE, json=body)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """Return an object, None where there is none."""
        answer = self.client.get(self.kind(kind).path(namespace, name))
        return None if answer.status_code == httpx.codes.NOT_FOUND else _checked(answer)

    def list(self, kind: str, namespace: str | None = None, **params: str) -> list[Object]:
        """Return the objects of a kind, of all namespaces where none is named, each with its kind."""
        answer = self._call("GET", self.kind(kind).path(namespace), params=params)
        of = {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List")}
        return [{**of, **each} for each in answer["items"]]

    def patch(self, kind: str, name: str, body: Object, namespace: str | None = None, subresource: str = "") -> Object:
        """Merge a patch into an object. Raises StackError."""
        path = self.kind(kind).path(namespace, name, subresource)
        return self._call("PATCH", path, headers=MERGE, params=_PATCH, json=body)

    def apply(self, body: Object, namespace: str | None = None) -> Object:
        """Apply an object, in its own namespace or else in this one. Raises StackError."""
        kind = self.kind(f"{body['apiVersion']} {body['kind']}")
        path = kind.path(body["metadata"].get("namespace", namespace), body["metadata"]["name"])
        return self._call(
            "PATCH", path, headers={"Content-Type": "application/apply-patch+yaml"}, params=_APPLY, json=body
        )

    def delete(self, kind: str, name: str, namespace: str | None = None, **params: str) -> None:
        """Ask for an object's deletion, and do not wait for it. Nothing there is fine. Raises StackError."""
        answer = self.client.delete(self.kind(kind).path(namespace, name), params=params)
        if answer.status_code != httpx.codes.NOT_FOUND:
            _checked(answer)

    def delete_all(self, kind: str, namespace: str) -> None:
        """Ask for the deletion of all objects of a kind in a namespace. Raises StackError."""
        self._call("DELETE", self.kind(kind).path(namespace))

    def wait_for(self, condition: str, kind: str, name: str, namespace: str, seconds: float) -> Object:
        """Watch an object until a condition of it is True, and return it. Raises TimeoutError."""

        def is_true(found: Object) -> bool:
            conditions = found.get("status", {}).get("conditions", [])
            return any(each["type"] == condition and each["status"] == "True" for each in conditions)

        return self.wait_until(is_true, condition, kind, name, namespace, seconds)

    def wait_until(
        self, holds: Callable[[Object], bool], what: str, kind: str, name: str, namespace: str, seconds: float
    ) -> Object:
        """Watch an object until something holds for it, and return it. Raises TimeoutError."""
        path = self.kind(kind).path(namespace)
        of_one = {"fieldSelector": f"metadata.name={name}", "watch": "true", "timeoutSeconds": f"{seconds:.0f}"}
        found: Object = {}
        with self.client.stream("GET", path, params=of_one, timeout=seconds + 30) as events:
            for line in events.iter_lines():
                found = json.loads(line)["object"]
                if holds(found):
                    return found
        raise TimeoutError(f"{kind} {name} is not {what} after {seconds:g} s: {found.get('status')}")

    def may(self, user: str, verb: str, resource: str, namespace: str, group: str = "") -> bool:
        """Ask whether a user has a right."""
        attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "metadata": {},
            "spec": {"user": user, "resourceAttributes": attributes},
        }
        return bool(self.create(body)["status"]["allowed"])

    def kind(self, name: str) -> ServedKind:
        """Find a kind by the names that kubectl takes, or by 'apiVersion Kind'. Raises StackError."""
        if name not in self._kinds:
            self._kinds |= self._discover()
        if name not in self._kinds:
            raise StackError(f"the API server knows no kind {name}")
        return self._kinds[name]

    def _discover(self) -> dict[str, ServedKind]:
        # What is listed first is preferred, so it must not be replaced by what comes later.
        found: dict[str, ServedKind] = {}
        for root in ("/api", "/apis"):
            groups = self._call("GET", root, headers={"Accept": _DISCOVERY})["items"]
            # Copies of our kinds in other groups, which tests of CRDs leave for a while, are never meant.
            for group in sorted(groups, key=lambda each: each["metadata"].get("name", "") != GROUP):
                for version in group["versions"]:
                    found = _served(group["metadata"].get("name", ""), version) | found
        return found

    def _call(self, method: str, path: str, **more: Any) -> Object:
        """Ask again where the server says when, as kubectl does: it stores a kind anew whose definition has changed."""

        def ask() -> httpx.Response | None:
            answer = self.client.request(method, path, **more)
            return None if answer.status_code == httpx.codes.TOO_MANY_REQUESTS else answer

        return _checked(until(ask, f"{method} {path} is served"))


def _served(group: str, version: Object) -> dict[str, ServedKind]:
    api_version = f"{group}/{version['version']}" if group else version["version"]
    root = f"/apis/{api_version}" if group else f"/api/{api_version}"
    found: dict[str, ServedKind] = {}
    for each in version.get("resources", []):
        kind = ServedKind(root, each["resource"], each["scope"] == "Namespaced")
        names = [each["resource"], each["singularResource"], *each.get("shortNames", [])]
        if group:
            names += [f"{name}.{group}" for name in names]
        found |= dict.fromkeys([*names, f"{api_version} {each['responseKind']['kind']}"], kind)
    return found


def _checked(answer: httpx.Response) -> Object:
    if answer.is_error:
        raise StackError(f"{answer.request.method} {answer.request.url.path}: {answer.text}")
    found: Object = answer.json()
    return found
