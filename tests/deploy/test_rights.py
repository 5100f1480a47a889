"""What worker, bridge, people and a plan's account may do, and what they may not: asked of the real authorizer."""

from dataclasses import dataclass

import pytest
import yaml

from dev import StackError
from dev.layout import REPOSITORY
from dev.stack import Stack
from tests.admin import Admin
from tests.eventually import until

Object = dict[str, object]
Rights = dict[str, set[str]]
"""By resource, as `group/resource` and with the names to which a right is limited: the verbs."""

OPEN = "rights-open"
"""A namespace with plans, that was opened to drplan."""
CLOSED = "rights-closed"
"""A namespace of somebody else."""
NEVER = ("kube-system", "drplan-system", "kube-public", CLOSED)
"""Namespaces that nobody opened."""

OURS = "dr.bkbcs.tencent.com"
KINDS = ("drplans", "drworkflows", "drplanexecutions")
EVERYBODY = {f"authorization.k8s.io/{kind}" for kind in ("selfsubjectaccessreviews", "selfsubjectrulesreviews")} | {
    "authentication.k8s.io/selfsubjectreviews"
}
"""What every user of a cluster may create, by the role `system:basic-user`."""

WORKER: Rights = {
    f"{OURS}/drplans": {"get"},
    f"{OURS}/drworkflows": {"get"},
    f"{OURS}/drplanexecutions": {"get", "list"},
    "apiextensions.k8s.io/customresourcedefinitions": {"get", "list"},
    "authorization.k8s.io/subjectaccessreviews": {"create"},
}
WORKER_WHERE_OPEN: Rights = {"apps/controllerrevisions": {"get", "create"}, "/serviceaccounts": {"impersonate", "get"}}
BRIDGE: Rights = {
    f"{OURS}/drplans": {"get", "list", "watch"},
    f"{OURS}/drworkflows": {"get", "list", "watch"},
    f"{OURS}/drplanexecutions": {"get", "list", "watch", "patch"},
    f"{OURS}/drplans/status": {"patch"},
    f"{OURS}/drworkflows/status": {"patch"},
    f"{OURS}/drplanexecutions/status": {"update"},
    "events.k8s.io/events": {"create"},
}
BRIDGE_AT_HOME: Rights = {
    "coordination.k8s.io/leases": {"create"},
    "coordination.k8s.io/leases drplan-bridge": {"get", "update"},
}


@pytest.fixture(scope="module")
def cluster(stack: Stack) -> Stack:
    """Two namespaces, one of which is open, with people and the account of a plan in it."""
    admin = Admin.of(stack)
    for name in (OPEN, CLOSED):
        admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    stack.kubectl("apply", f"--namespace={OPEN}", f"--filename={REPOSITORY / 'deploy' / 'team-namespace.yaml'}")
    for role in ("view", "edit", "admin"):
        stack.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", f"--namespace={OPEN}")
        until(lambda role=role: OURS in stack.kubectl("get", "clusterrole", role, "-o=yaml").stdout)  # type: ignore[misc]
    rights = yaml.safe_load_all((REPOSITORY / "examples" / "first-plan" / "1-rights.yaml").read_text())
    for body in rights:
        if body["kind"] != "Namespace":
            body["metadata"]["namespace"] = OPEN
            for subject in body.get("subjects", ()):
                subject["namespace"] = OPEN
            admin.create(body)
    until(lambda: _may(stack, "recovery", "get", "configmaps"))
    return stack


def rights_in(stack: Stack, user: str, namespace: str) -> Rights:
    """Ask for all that a process may do in a namespace, but what everybody may."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "metadata": {},
        "spec": {"namespace": namespace},
    }
    status = Admin.of(stack, user).create(review)["status"]
    assert not status["incomplete"]
    found: Rights = {}
    for rule in status["resourceRules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                name = " ".join([f"{group}/{resource}", *rule.get("resourceNames", ())])
                found.setdefault(name, set()).update(rule["verbs"])
    return {name: verbs for name, verbs in found.items() if name not in EVERYBODY}


@pytest.mark.parametrize("namespace", NEVER)
def test_where_nobody_opened_it_the_worker_only_reads_our_kinds_and_definitions(cluster: Stack, namespace: str) -> None:
    assert rights_in(cluster, "worker", namespace) == WORKER


def test_in_an_open_namespace_the_worker_stores_records_and_acts_as_service_accounts(cluster: Stack) -> None:
    assert rights_in(cluster, "worker", OPEN) == WORKER | WORKER_WHERE_OPEN


@pytest.mark.parametrize("namespace", ["kube-system", OPEN, CLOSED])
def test_the_bridge_writes_nothing_but_status_events_and_what_is_its_own_in_executions(
    cluster: Stack, namespace: str
) -> None:
    assert rights_in(cluster, "bridge", namespace) == BRIDGE


def test_at_home_the_bridge_also_holds_its_lease(cluster: Stack) -> None:
    assert rights_in(cluster, "bridge", "drplan-system") == BRIDGE | BRIDGE_AT_HOME


def _as_worker(stack: Stack, *arguments: str) -> str:
    return stack.kubectl(f"--kubeconfig={stack.layout.kubeconfig_of('worker')}", *arguments).stdout


NOT_IMPERSONATED = r"User \"\S+:drplan-worker\" cannot impersonate\S* resource"
"""What the API server says; where it has the verbs of constrained impersonation, it may name the last that it asked."""


def test_the_worker_takes_on_service_accounts_of_the_open_namespace(cluster: Stack) -> None:
    user = f"system:serviceaccount:{OPEN}:recovery"
    assert user in _as_worker(cluster, "auth", "whoami", f"--as={user}")


@pytest.mark.parametrize(
    "user",
    [
        "system:serviceaccount:kube-system:clusterrole-aggregation-controller",
        "system:serviceaccount:kube-system:default",
        "system:serviceaccount:drplan-system:drplan-bridge",
        f"system:serviceaccount:{CLOSED}:default",
        f"system:serviceaccount:{OPEN}:recovery:{CLOSED}:default",
        "system:serviceaccount::recovery",
        "admin",
    ],
)
def test_the_worker_takes_on_no_other_identity(cluster: Stack, user: str) -> None:
    with pytest.raises(StackError, match=NOT_IMPERSONATED):
        _as_worker(cluster, "get", "configmaps", f"--namespace={OPEN}", f"--as={user}")


@pytest.mark.parametrize("extra", ["--as-group=system:masters", "--as-uid=1", "--as-user-extra=scopes=all"])
def test_the_worker_adds_nothing_to_a_service_account(cluster: Stack, extra: str) -> None:
    user = f"--as=system:serviceaccount:{OPEN}:recovery"
    with pytest.raises(StackError, match=NOT_IMPERSONATED):
        _as_worker(cluster, "get", "configmaps", f"--namespace={OPEN}", user, extra)


@dataclass(frozen=True)
class Row:
    """A line of the table: who may, or may not, do what in a namespace."""

    who: str
    allowed: bool
    verbs: str
    resources: str
    namespace: str = OPEN

    def __str__(self) -> str:
        return f"{self.who} {'may' if self.allowed else 'may not'} {self.verbs} {self.resources} in {self.namespace}"


PLANS = "drplans drworkflows drplanexecutions"
STATUS = "drplans/status drworkflows/status drplanexecutions/status"
TABLE = [
    Row("view", True, "get list watch", PLANS),
    Row("view", False, "create update patch delete", PLANS),
    Row("view", False, "update patch", STATUS),
    Row("view", False, "impersonate", "serviceaccounts"),
    Row("edit", True, "get list watch create update patch delete deletecollection", PLANS),
    Row("edit", False, "update patch", STATUS),
    Row("edit", False, "create update patch delete", "controllerrevisions"),
    Row("edit", False, "get create", PLANS, CLOSED),
    # By Kubernetes' own role: who may edit a namespace may act as its service accounts, with or without a plan.
    Row("edit", True, "impersonate", "serviceaccounts"),
    Row("edit", False, "create", "rolebindings"),
    Row("admin", True, "create delete", PLANS),
    Row("admin", False, "update patch", STATUS),
    Row("admin", False, "create update patch delete", "controllerrevisions"),
    Row("recovery", True, "get create patch delete", "configmaps"),
    Row("recovery", False, "get create", "configmaps", CLOSED),
    Row("recovery", False, "get create update patch delete", "controllerrevisions"),
    Row("recovery", False, "get create update patch", PLANS),
    Row("recovery", False, "update patch", STATUS),
    Row("recovery", False, "impersonate", "serviceaccounts"),
    Row("recovery", False, "get", "secrets"),
]
GROUPS = {**dict.fromkeys(KINDS, OURS), "controllerrevisions": "apps", "rolebindings": "rbac.authorization.k8s.io"}


def _may(stack: Stack, who: str, verb: str, resource: str, namespace: str = OPEN) -> bool:
    kind, _, subresource = resource.partition("/")
    service_account = who == "recovery"
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {
            "user": f"system:serviceaccount:{OPEN}:{who}" if service_account else who,
            "groups": ["system:authenticated", *(["system:serviceaccounts"] if service_account else [])],
            "resourceAttributes": {
                "verb": verb,
                "group": GROUPS.get(kind, ""),
                "resource": kind,
                "subresource": subresource,
                "namespace": namespace,
            },
        },
    }
    return bool(Admin.of(stack).create(body)["status"]["allowed"])


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_people_and_plans_may_do_this_and_not_that(cluster: Stack, row: Row) -> None:
    for resource in row.resources.split():
        for verb in row.verbs.split():
            assert _may(cluster, row.who, verb, resource, row.namespace) is row.allowed, f"{verb} {resource}"


def test_an_administrator_of_a_namespace_cannot_open_it(cluster: Stack) -> None:
    """RBAC lets nobody grant what they do not have: opening is the decision of an administrator of the cluster."""
    manifest = (REPOSITORY / "deploy" / "team-namespace.yaml").read_text().replace("drplan-worker\n", "opened\n", 1)
    with pytest.raises(StackError, match="attempting to grant RBAC permissions not currently held"):
        cluster.kubectl("create", "--as=admin", f"--namespace={OPEN}", "--filename=-", stdin=manifest)
