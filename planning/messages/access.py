"""What a run or an action may not do, and why not: in a namespace, to a definition, by what the execution records.

Source: docs/decisions/0020-what-gives-power-is-derived.md.
"""

from api.meta import GROUP, ObjectKey
from api.phases import Phase

WITHOUT_RUN = "refused: no workflow asked for this"


def another_ledger(execution: ObjectKey, of: ObjectKey) -> str:
    """A run asks to write the record of another execution, or of a Revert, which keeps none."""
    return f"The run is of DRPlanExecution {execution.name} and may not write the record of {of.name}"


def namespace_not_open(namespace: str) -> str:
    """The worker may not act as the service account of a plan in this namespace."""
    command = f"kubectl apply --namespace {namespace} --filename deploy/team-namespace.yaml"
    remedy = f"the worker may not act as its service accounts, which an administrator allows with `{command}`"
    return f"Namespace {namespace} is not open to drplan: {remedy}"


def access_unknown(namespace: str, reason: str) -> str:
    """The API server did not say whether the worker may act as a service account."""
    return f"Failed to find out whether namespace {namespace} is open to drplan: {reason}"


def account_missing(namespace: str, account: str) -> str:
    """The plan, or the installation's setting, names a service account that is not there."""
    return (
        f"ServiceAccount {namespace}/{account} does not exist: create it, or name another one in the plan's"
        " serviceAccountName"
    )


def workflow_not_readable(namespace: str, name: str, user: str) -> str:
    """The service account of a plan may not read a DRWorkflow of another namespace that the plan names."""
    role = f"`kubectl create role drworkflow-reader --namespace {namespace} --verb=get --resource=drworkflows.{GROUP}`"
    return (
        f"{user} may not get DRWorkflow {namespace}/{name}, which is in another namespace;"
        f" an administrator allows it with {role} and a RoleBinding of that role for the service account"
    )


def workflow_access_unknown(namespace: str, name: str, reason: str) -> str:
    """The API server did not say whether a service account may read a DRWorkflow."""
    return f"Failed to find out whether DRWorkflow {namespace}/{name} may be read: {reason}"


def another_execution(execution: ObjectKey) -> str:
    """The execution was deleted, or created again under its name."""
    return f"DRPlanExecution {execution.namespace}/{execution.name} (uid {execution.uid}) no longer exists"


def waiting_for_record(execution: ObjectKey) -> str:
    """The bridge writes the run into the status after its start."""
    return f"{_execution(execution)} does not name this run yet, which the bridge has to record"


def not_started_by_bridge(execution: ObjectKey) -> str:
    """A root runs whose execution the bridge has not accepted, or whose turn has not come."""
    return f"{_execution(execution)} was not started by the bridge"


def without_lock(execution: ObjectKey, plan: str) -> str:
    """A run is open whose execution does not have its turn."""
    return f"{_execution(execution)} does not hold the lock of DRPlan {plan}"


def after_end(execution: ObjectKey, phase: Phase) -> str:
    """The status is terminal, so a run that is open was reset after the end, or somebody else has written that."""
    return f"{_execution(execution)} has ended as {phase.value}"


def run_not_described(reason: str) -> str:
    """Temporal does not say which run asks for an action."""
    return f"Temporal does not describe the run that asks for this: {reason}"


def not_a_root(workflow_id: str, workflow_type: str) -> str:
    """A workflow that somebody started by hand."""
    return f"refused: no DRPlanExecution started the workflow {workflow_id} of type {workflow_type}"


def another_request(execution: ObjectKey) -> str:
    """The input of a root names another plan or operation than its execution."""
    return f"refused: {_execution(execution)} asks for another plan or operation than this run"


def another_run(execution: ObjectKey, workflow_id: str, run_id: str = "") -> str:
    """An execution that has another run, or none of this name."""
    run = f"{workflow_id} (run {run_id})" if run_id else workflow_id
    return f"refused: the workflow {run} is not the run of {_execution(execution)}"


def another_rehearsal(plan: ObjectKey, workflow_id: str) -> str:
    """A rehearsal that the bridge did not begin, or has given up."""
    return f"refused: the workflow {workflow_id} is not the rehearsal of DRPlan {plan.namespace}/{plan.name}"


def another_snapshot(execution: ObjectKey, name: str) -> str:
    """The definitions that are asked for are not those that the execution records."""
    return f"refused: {_execution(execution)} does not record the definitions {name}"


def without_origin(execution: ObjectKey) -> str:
    """A definition that nobody stored when the run began."""
    return (
        f"refused: this run of {_execution(execution)} does not say where its definitions are stored;"
        " create a new execution"
    )


def another_step(execution: ObjectKey) -> str:
    """The run of an execution asks for a step that is none of those that were decided and stored."""
    return f"refused: {_execution(execution)} did not decide on this step"


def another_actor(execution: ObjectKey, user: str) -> str:
    """The input asks for another account than the execution records."""
    return f"refused: {_execution(execution)} does not act as {user}"


def _execution(execution: ObjectKey) -> str:
    return f"DRPlanExecution {execution.namespace}/{execution.name}"


def ended_before_start(execution: ObjectKey, phase: Phase) -> str:
    """The object says that it ended without ever having started."""
    return f"DRPlanExecution {execution.namespace}/{execution.name} had ended as {phase.value} before it was started"


def parameters_of_another(action: str) -> str:
    """The input names parameters that a person set for a retry of another action."""
    return f"refused: the parameters were not set for action {action}"
