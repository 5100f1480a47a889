"""Names: of Kubernetes objects, of references and what they name, and of Temporal workflows and our records.

An id of a workflow can be read by a person and makes a start exactly-once. It has at most 200 characters, for SQL
servers allow 255 and children add to their parent's; a long part is cut and gets a hash of the whole.
Source: docs/architecture.md, "Ids"; docs/spec/drworkflow.md.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from api.actions import Action
from api.execution import DRPlanExecution
from api.meta import ObjectKey, ObjectName
from api.phases import OperationType
from api.plan import DRPlan
from api.workflow import DRWorkflow

MAX_LENGTH = 200
LABEL_MAX_LENGTH = 63
"""Source: Kubernetes, "Labels and Selectors", syntax of values."""
SUBDOMAIN_MAX_LENGTH = 253
_HASH_LENGTH = 10
_DNS_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LABEL = re.compile(_DNS_LABEL)
_SUBDOMAIN = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")


def is_dns_subdomain(name: str) -> bool:
    """Return whether most kinds, ours and ServiceAccounts included, allow this name for an object.

    Source: Kubernetes, "Object Names and IDs", "DNS Subdomain Names".
    """
    return len(name) <= SUBDOMAIN_MAX_LENGTH and _SUBDOMAIN.fullmatch(name) is not None


def is_dns_label(name: str) -> bool:
    """Return whether a namespace may have this name.

    Source: Kubernetes, "Object Names and IDs", "RFC 1123 Label Names".
    """
    return len(name) <= LABEL_MAX_LENGTH and _LABEL.fullmatch(name) is not None


def is_path_segment(name: str) -> bool:
    """Return whether a name of an object of any kind keeps its place in the path of a request.

    Source: Kubernetes, "Object Names and IDs", "Path Segment Names".
    """
    return name not in (".", "..") and not {"/", "%"} & {*name} and name.isprintable()


def shortened(text: str, bound: int) -> str:
    """Return `text`, or its beginning and a hash of the whole where it is longer than `bound`."""
    if len(text) <= bound:
        return text
    return f"{text[: bound - _HASH_LENGTH - 1].rstrip('-._/')}-{short_hash(text)}"


def short_hash(text: str) -> str:
    """Return the first ten hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def root_id(operation: OperationType, execution: ObjectKey) -> str:
    """Return the id of an execution's root workflow: `revert/<namespace>/<name>/<uid>`."""
    prefix = f"{operation.lower()}/{shortened(execution.namespace, 40)}"
    return f"{prefix}/{shortened(execution.name, 60)}/{execution.uid}"


def root_id_of(execution: DRPlanExecution) -> str:
    """Return the id of an execution's root workflow, which makes its start exactly-once."""
    return root_id(execution.spec.operation_type, execution.metadata.key)


def rehearsal_id(plan: ObjectKey, start: datetime) -> str:
    """Return the id of the workflow of a rehearsal: `rehearse/<namespace>/<plan>/<uid>/<seconds since 1970>`."""
    prefix = f"rehearse/{shortened(plan.namespace, 40)}/{shortened(plan.name, 60)}"
    return f"{prefix}/{plan.uid}/{int(start.timestamp())}"


def stage_id(root: str, index: int, name: str) -> str:
    """Return the id of a stage's workflow: `<root>/<index>-<name>`."""
    return f"{root}/{index}-{shortened(name, 20)}"


def workflow_id(stage: str, index: int, name: str) -> str:
    """Return the id of a workflow in a stage; `stage` is that stage's id."""
    return f"{stage}/{index}-{shortened(name, 20)}"


def proof_id(root: str) -> str:
    """Return the id of the workflow that checks a Revert again after its end; `root` is that of the Revert."""
    return f"{root}/proof"


def activity_id(index: int) -> str:
    """Return the id of an action's activity within its workflow; `index` is its place in the tree."""
    return f"action-{index}"


def action_index(activity: str) -> int | None:
    """Read the place in the tree from an activity id; None for any other activity."""
    prefix, _, number = activity.rpartition("-")
    return int(number) if prefix == "action" and number.isdecimal() and len(number) < 10 else None


def label_value(name: str) -> str:
    """Return a name in a form that is valid as a label's value."""
    return shortened(name, LABEL_MAX_LENGTH)


_LONGEST = 100
"""Characters of one name; longer ones end in a hash of the whole. All annotations of an object share 256 KiB."""


def distinct(names: Sequence[str]) -> list[str]:
    """Return names as parts of a mark; a name that occurs more than once gets its position: `deploy[1]`."""
    counts = Counter(names)
    return [f"{_escaped(name)}[{place}]" if counts[name] > 1 else _escaped(name) for place, name in enumerate(names)]


def mark(execution_uid: str, stage: str, workflow: str) -> str:
    """Return the beginning of the marks of one workflow; `workflow` comes from `distinct`."""
    return f"{execution_uid}/{_escaped(stage)}/{workflow}"


def _escaped(name: str) -> str:
    """Escape the separators of a mark in a name."""
    text = name.replace("%", "%25").replace("/", "%2F").replace("[", "%5B")
    return shortened(text, _LONGEST)


RECORD_PREFIX = "drplan-"
"""What the names of our ControllerRevisions begin with; another one is never believed to be ours."""


class RecordKind(StrEnum):
    """What a record holds."""

    BEFORE = "before"
    """The state of its object before it was changed."""
    DONE = "done"
    """How the action ended whose object its own hook cleanup then removes."""
    ASKED = "asked"
    """When the creation of its Job was first requested."""
    RETRY = "retry"
    """Values of parameters that a person set for retries of it."""
    LEDGER = "ledger"
    """Of the execution itself, or of one run of a DRWorkflow: what a Revert of it rests on."""


def record_name(execution: ObjectKey, kind: RecordKind, mark: str) -> str:
    """Return the name of a record of one action in one execution, the same for each attempt."""
    return f"{RECORD_PREFIX}{execution.uid[:8]}-{kind.value}-{hashlib.sha256(mark.encode()).hexdigest()[:16]}"


Workflows = Mapping[tuple[str, str], DRWorkflow]
"""DRWorkflows by (namespace, name)."""
ItemT = TypeVar("ItemT")
KeyT = TypeVar("KeyT", bound=Hashable)


def definition(workflows: Workflows, ref: ObjectName) -> DRWorkflow | None:
    """Return the DRWorkflow that a reference names; None where it does not exist."""
    return workflows.get((ref.in_namespace, ref.name))


def reference_in_plan(plan: DRPlan, ref: ObjectName) -> ObjectName:
    """Return a reference of a plan to a DRWorkflow, with the plan's namespace where it names none.

    In a status record of the older controller, which filled it in when a plan was written, empty means `default`.
    """
    return ref if ref.namespace else ref.model_copy(update={"namespace": plan.metadata.namespace})


def is_object_name(ref: ObjectName) -> bool:
    """Return whether a reference to a DRWorkflow is one that an object can have, so that it may be read."""
    return is_dns_subdomain(ref.name) and is_dns_label(ref.in_namespace)


def workflow_references(plan: DRPlan) -> list[ObjectName]:
    """Return the references of a plan to DRWorkflows, each DRWorkflow once, in order."""
    refs = (reference_in_plan(plan, use.workflow_ref) for stage in plan.spec.stages for use in stage.workflows)
    return list({(ref.in_namespace, ref.name): ref for ref in refs}.values())


def full_name(ref: ObjectName) -> str:
    """Return a reference as messages show it: `default/nginx-deploy-workflow`."""
    return f"{ref.in_namespace}/{ref.name}"


def used_workflows(plan: DRPlan, workflows: Workflows) -> list[DRWorkflow]:
    """Return each DRWorkflow that a plan names and that exists, once, in the order of the plan."""
    found = (definition(workflows, reference) for reference in workflow_references(plan))
    return [dr_workflow for dr_workflow in found if dr_workflow is not None]


def occurrences(items: Iterable[ItemT], key: Callable[[ItemT], KeyT]) -> list[tuple[KeyT, int]]:
    """Return the key of each item with the number of earlier items that have the same key."""
    counts: dict[KeyT, int] = {}
    numbered = []
    for item in items:
        name = key(item)
        numbered.append((name, counts.get(name, 0)))
        counts[name] = counts.get(name, 0) + 1
    return numbered


def actions_by_name(dr_workflow: DRWorkflow | None) -> dict[tuple[str, int], Action]:
    """Index the actions of a DRWorkflow by name and occurrence; empty where the DRWorkflow does not exist."""
    actions = dr_workflow.spec.actions if dr_workflow else []
    return dict(zip(occurrences(actions, lambda action: action.name), actions, strict=True))
