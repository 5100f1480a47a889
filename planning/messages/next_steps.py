"""What to do about an execution that waits, or that did not end well: one table, for the status and for the page.

`make crds` writes it into docs/operations.md, "At three in the morning", and a page for each row into docs/runbooks; tests
fail while one differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

from planning.messages.situations import Situation


@dataclass(frozen=True)
class Advice:
    """A row of the table."""

    shows: str
    """What the status shows, as Markdown: a message first, or a condition."""
    why: str
    what: str
    command: str = ""
    """With `$namespace`, `$name`, `$plan`, `$original`, `$later`, `$account`, `$workflow`, `$activity`, and `$again`: the command
    that creates another execution like this one. What is put in is quoted for a shell."""
    more: str = ""
    """A link for the page, as Markdown."""


_AGAIN = "$again"
_SHOW = "kubectl --namespace $namespace describe drplanexecution $name"
_IGNORE = "drplan revert $original --namespace $namespace --on-missing Ignore"
_WORKER_LOG = "kubectl --namespace drplan-system logs deployment/drplan-worker --tail 50"

ADVICE: Mapping[Situation, Advice] = {
    Situation.REFERENCE_MISSING: Advice(
        "`Waiting for DRPlan shop`",
        "it refers to an object that does not exist (yet)",
        "create that object; after `DRPLAN_REFERENCE_WAIT` the execution ends as Failed, and a new one is needed",
        "kubectl --namespace $namespace get drplans,drworkflows,drplanexecutions",
    ),
    Situation.PLAN_BUSY: Advice(
        "`Waiting for DRPlanExecution shop-move, which runs DRPlan shop; position 1 in the queue`",
        "one execution at a time runs a plan",
        "wait, or cancel the execution that the message names",
        "kubectl --namespace $namespace get drplanexecutions --selector dr.bkbcs.tencent.com/plan=$label",
        "[cancel](#cancel)",
    ),
    Situation.ENGINE_AWAY: Advice(
        "`Temporal cannot be reached since 22:41:20 (…); nothing is lost`",
        "Temporal does not answer the bridge",
        "check Temporal, and `TEMPORAL_ADDRESS` of the bridge; the execution goes on by itself",
        "kubectl --namespace drplan-system logs deployment/drplan-bridge --tail 50",
    ),
    Situation.WORKER_AWAY: Advice(
        "`No worker answers since 22:41:20; nothing is lost`",
        "Temporal answers, but no worker polls this task queue",
        "start a worker; compare `DRPLAN_TASK_QUEUE` and `TEMPORAL_NAMESPACE` of worker and bridge",
        "kubectl --namespace drplan-system rollout status deployment/drplan-worker",
    ),
    Situation.WORKER_FAILING: Advice(
        "`The worker fails to carry the workflow on since 22:41:20, and tries again; nothing is lost: see its log and Temporal's UI`",
        "the worker's code cannot continue this run, usually after an upgrade that cannot replay it",
        "see the worker's log; run the previous release again until the run has ended",
        _WORKER_LOG,
        "[upgrading](upgrade.md#from-one-release-to-the-next)",
    ),
    Situation.AWAITING_DECISION: Advice(
        "`Waiting for a decision (retry, skip, done or abort): …`",
        "the action failed, and the execution has `onFailure: Pause`",
        "correct the cause, then retry; or skip it, say that it is done by hand, or abort (skip and done need a reason)",
        "drplan retry $name --namespace $namespace --action $target",
        "[pause and repair](spec/drplanexecution.md#pause-and-repair)",
    ),
    Situation.AWAITING_APPROVAL: Advice(
        "`Waiting for approval of group dr-leads: 1 of 2, by alice`",
        "the plan asks for the approval of persons before this stage",
        "have another person approve it, or cancel the execution",
        "drplan approve $name --namespace $namespace --stage $target",
        "[approval](spec/drplan.md#approval)",
    ),
    Situation.PAUSED_ON_REQUEST: Advice(
        "`Paused on request by alice: …`",
        "somebody paused the execution",
        "resume it, or cancel it",
        "drplan resume $name --namespace $namespace",
        "[pause and repair](spec/drplanexecution.md#pause-and-repair)",
    ),
    Situation.PAUSED: Advice(
        "`Paused in Temporal by …, until it is unpaused there`",
        "somebody paused the activity of an action in Temporal",
        "unpause it",
        "temporal activity unpause --workflow-id $workflow --activity-id $activity",
    ),
    Situation.RETRYING: Advice(
        "`Retrying (2 of 3): Failed to create Localization: …`",
        "an error that may pass; the second of three retries is next",
        "often nothing, for the cause follows the colon; cancel the execution if it cannot pass",
        "kubectl --namespace $namespace annotate drplanexecution $name dr.bkbcs.tencent.com/cancel=true",
        "[cancel](#cancel)",
    ),
    Situation.ATTEMPT_LOST: Advice(
        "`An attempt was lost with its worker: another one follows`, "
        "`3 attempts were lost with their workers: the next one begins in 10s`",
        "the worker ended or lost its connection during the attempt, which does not count as a retry; from the third on the pauses grow up "
        "to 5 minutes, so that other actions go on",
        "often nothing; if it repeats, find out why workers end, and cancel the execution if the action is the cause",
        "kubectl --namespace drplan-system get pods --selector app.kubernetes.io/component=worker",
    ),
    Situation.CANCELING: Advice(
        "condition `CancelRequested`, reason `Accepted`",
        "the running attempt is waited for",
        "wait: at most the action's `timeout`",
        "kubectl --namespace $namespace wait --for=condition=Completed drplanexecution/$name --timeout=10m",
    ),
    Situation.COPY: Advice(
        "`Copy of, or begun by, another controller: create a new execution`",
        "it is a copy, or an execution of the older controller that was still running",
        "create a new execution under a new name",
        _AGAIN,
        "[copies](#backup-restore-and-copies), [what it had not finished](upgrade.md#what-it-had-not-finished)",
    ),
    Situation.UNRECORDED_REVERT: Advice(
        "reason `Failed` of a Revert that the older controller had begun",
        "the older controller stopped during the Revert, and recorded nothing of what it deleted",
        "create another Revert that passes over what is gone",
        _IGNORE,
        "[what it had not finished](upgrade.md#what-it-had-not-finished)",
    ),
    Situation.REJECTED: Advice(
        "`Not started: …`, `Nothing was reverted: …`, `DRPlan shop does not exist; it was waited for 30s: create it, then a new execution`",
        "something that it needs is wrong or missing; nothing was changed",
        "correct what the message names, then create a new execution",
        _AGAIN,
    ),
    Situation.OBJECT_OF_ANOTHER_EXECUTION: Advice(
        "`Not started: action settings is to create ConfigMap default/app-config, which DRPlanExecution shop-move made; …`",
        "an earlier execution of the plan was not reverted",
        "as the message says: revert it, delete what no Revert takes back, or use the operation `Apply`; then create a new execution",
        "kubectl --namespace $namespace get drplanexecutions",
    ),
    Situation.LATER_EXECUTION_RESTS: Advice(
        "`Nothing was reverted: DRPlanExecution shop-again, which came after shop-move and is in effect, rests on ConfigMap default/app-config, …`",
        "a later execution of the plan created or changed an object that this Revert would take away or change",
        "revert the later execution, then create another Revert; or create one with `force: true`, if the later one may lose the object",
        "drplan revert $later --namespace $namespace",
        "[later executions](spec/drplanexecution.md#later-executions)",
    ),
    Situation.NAMESPACE_NOT_OPEN: Advice(
        "`Namespace shop is not open to drplan: …`",
        "the worker has no rights there",
        "an administrator opens the namespace; then create a new execution",
        "kubectl apply --namespace $namespace --filename deploy/team-namespace.yaml",
        "[namespaces](#which-namespaces)",
    ),
    Situation.FORBIDDEN: Advice(
        "`Failed to create Localization: … is forbidden …`",
        "the plan's service account lacks a right",
        "give it that right, then create a new execution",
        "kubectl auth can-i --list --namespace $namespace --as $account",
        "[rights](#in-whose-name-actions-act)",
    ),
    Situation.STILL_THERE: Advice(
        "`ConfigMap app still exists after 5m, waiting for finalizers example.com/hold`",
        "a finalizer of another controller prevents the removal",
        "find out which controller is to remove it; once the object is gone, create another execution like this one: it goes on from there",
        _AGAIN,
        "[finalizers](#an-object-does-not-go)",
    ),
    Situation.OTHER_OBJECT: Advice(
        "`ConfigMap app has uid 1, but the execution recorded uid 2: it is another object`",
        "the object was deleted and created again: by somebody else, or by the Revert of an execution that had deleted it",
        "if the new one is to stay, create another Revert that passes it over",
        _IGNORE,
    ),
    Situation.CHANGED_SINCE: Advice(
        "reason `ChangedSince`",
        "somebody else changed what the Revert was to restore; the message names the fields",
        "decide whose values are to stay; once the fields are as the execution left them, another Revert restores them",
        _AGAIN,
    ),
    Situation.GONE_BEFORE: Advice(
        '`Failed to delete ConfigMap: configmaps "app" not found`, '
        "`… not found; the Revert old-back, which another controller did not finish, may have deleted it without a record: create a Revert with spec.onMissing: Ignore`",
        "the object was gone before the Revert started, or the older controller stopped while it deleted it",
        "if that is intended, create another Revert that passes it over",
        _IGNORE,
    ),
    Situation.NOT_FOUND: Advice(
        '`Failed to patch ConfigMap: configmaps "app" not found`',
        "the object, its namespace or its kind does not exist",
        "create what is missing, or correct the DRWorkflow, then create a new execution",
        _AGAIN,
    ),
    Situation.VERSION_NOT_SERVED: Advice(
        "`the API server knows no kind Widget in example.com/v1beta1; it serves that kind in example.com/v1`",
        "that API version is not served any more",
        "change `apiVersion` in the manifest, then create a new execution; a Revert of what exists needs no change",
        _AGAIN,
    ),
    Situation.KIND_NOT_SERVED: Advice(
        "`the API server knows no kind Widget in example.com/v1 and serves no other version, but the CustomResourceDefinition "
        "widgets.example.com still exists`",
        "the objects may exist, and nothing can show or delete them",
        "serve a version of the kind (`spec.versions[].served`), then create another Revert",
        _AGAIN,
    ),
    Situation.KIND_MISSPELT: Advice(
        "`the API server knows no kind configmap in v1; did you mean ConfigMap?`",
        "a kind is written otherwise",
        "correct `kind` in the manifest, then create a new execution",
        _AGAIN,
    ),
    Situation.ALREADY_EXISTS: Advice(
        '`Failed to create ConfigMap: configmaps "app" already exists`',
        "an object of that name was there before",
        "delete it, or revert the execution that created it, or use the operation Apply; then create a new execution",
        "kubectl --namespace $namespace get drplanexecutions",
    ),
    Situation.UNDEFINED: Advice(
        "`Action app is no longer defined in DRWorkflow shop`, "
        "`The custom rollback of action app is no longer defined in DRWorkflow shop`",
        "the record needs the definition, which was not kept and is gone",
        "restore the definition, then create another Revert",
        _AGAIN,
        "[what is kept](#what-is-kept)",
    ),
    Situation.CUSTOM_ROLLBACK_FAILED: Advice(
        "`Custom rollback failed: …`, `Rollback hook failed: …`",
        "a custom rollback or hook of the DRWorkflow failed; the reason follows",
        "correct the cause, then create another Revert: it is executed again, as it was defined at the Execute. If it creates an object that "
        "an earlier try had already created, delete that object first, and use `Apply` next time",
        _AGAIN,
    ),
    Situation.OUTCOME_UNKNOWN: Advice(
        "`HTTP POST https://on-call.example.com failed: outcome unknown: …`, "
        "`Job backup was gone before it was seen to have finished: outcome unknown`",
        "whether the action had its effect is not known, so it is not repeated by itself",
        "check with the service, or the effect of the Job; if repeating is safe, give the action a `retryPolicy`, or the Job a longer "
        "`ttlSecondsAfterFinished`, then create a new execution",
        _AGAIN,
        "[what is repeated](spec/drworkflow.md#what-is-repeated-when)",
    ),
    Situation.NOT_READY: Advice(
        "`Created Deployment shop, but it was not ready within 5m: 1 of 3 replicas available`",
        "the object exists and does not become ready; the reason follows the colon",
        "correct it, or give the action a longer `timeout`; then create a new execution",
        "kubectl --namespace $namespace get events --sort-by=.lastTimestamp",
    ),
    Situation.READINESS_UNKNOWN: Advice(
        "`Created Certificate shop; whether it is ready is not known: no controller has written its status within 30 s`",
        "the action succeeded; the kind's controller may be down, or writes no status",
        "see whether the controller runs",
        "kubectl --namespace $namespace get events --sort-by=.lastTimestamp",
    ),
    Situation.NO_STATE_FROM_CLUSTER: Advice(
        "`Created Subscription shop, but it was not ready within 5m: clusternet-a/east: Deployment default/shop: Clusternet has not reported "
        "its state yet`",
        "the agent in that cluster does not report",
        "enable its feature `Recovery`",
        "",
        "[why](spec/drworkflow.md#waitready)",
    ),
    Situation.ONE_CLUSTER_FAILED: Advice(
        "`Failed to create Subscription: 1 of 3 clusters failed: clusternet-a/east: …`",
        "a PerCluster action failed in one cluster",
        "see `clusterStatuses` of the action; repair the cluster, then create a new execution",
        _AGAIN,
    ),
    Situation.JOB_FAILED: Advice(
        "reason `JobFailed`",
        "the pods of the Job failed",
        "see their logs, correct the cause, then create a new execution",
        "kubectl --namespace $namespace get jobs,pods",
    ),
    Situation.TRANSIENT: Advice(
        "reason `Transient`",
        "an error that may pass lasted longer than the retries of the action",
        "see whether it has passed; give the action more retries if it takes longer, then create a new execution",
        _AGAIN,
    ),
    Situation.TIMED_OUT: Advice(
        "reason `TimedOut`",
        "the action took longer than its `timeout`",
        "find out why, or give it a longer `timeout`; then create a new execution",
        _AGAIN,
    ),
    Situation.DEFINITION_REFUSED: Advice(
        "reason `Invalid`, `TooLarge` or `Unsupported`",
        "what the DRWorkflow says cannot be carried out; the message names it",
        "correct the DRWorkflow, then create a new execution",
        _AGAIN,
    ),
    Situation.HTTP_STATUS: Advice(
        "reason `HttpStatus`",
        "the service answered that the request did not succeed",
        "see the service; then create a new execution",
        _AGAIN,
    ),
    Situation.HTTP_REFUSED: Advice(
        "`host on-call.example.com is not allowed by the worker's setting DRPLAN_HTTP_ALLOWED_HOSTS`",
        "the service refused the request, or the host is not in the list",
        "correct the request, or add the host to the worker's setting; then create a new execution",
        _AGAIN,
        "[hosts](#where-http-actions-may-go)",
    ),
    Situation.FAULT: Advice(
        "reason `InternalError`, `UntrustedRun` or `UntrustedStep`",
        "the worker or Temporal failed, or both are at odds about the run",
        "see the worker's log, and report what it says",
        _WORKER_LOG,
    ),
    Situation.ENDED_OUTSIDE: Advice(
        "`The workflow was terminated from outside, outcome unknown`",
        "the run was terminated in Temporal, or broke down there",
        "check the objects; a Revert of such an Execute takes back the stages that had succeeded, and names what else still exists",
        _SHOW,
    ),
    Situation.RUN_UNKNOWN: Advice(
        "`Outcome unknown: Temporal no longer knows the workflow execute/shop`",
        "the bridge was down for longer than Temporal's retention",
        "check the objects",
        _SHOW,
    ),
    Situation.PARTLY_EXECUTED: Advice(
        "an Execute in phase Failed or Canceled",
        "what it did before stays done",
        "take it back, unless you want to keep it",
        "drplan revert $name --namespace $namespace --include-partial",
        "[parts](spec/drplanexecution.md#parts-of-an-execution)",
    ),
    Situation.PARTLY_REVERTED: Advice(
        "condition `Clean`, reason `RollbackIncomplete`",
        "the Revert failed or was cancelled before its end",
        "read the chain in the message, correct the cause, then create another Revert: it continues where this one stopped",
        _AGAIN,
    ),
    Situation.NOT_SELECTED: Advice(
        "`Not selected by spec.only, skipped rollback`",
        "the Revert took back only what its `spec.only` selects",
        "create another Revert without it, which takes back the rest",
        "drplan revert $original --namespace $namespace",
        "[parts](spec/drplanexecution.md#parts-of-an-execution)",
    ),
    Situation.PARTIAL_LEFT: Advice(
        "condition `Clean`, reason `ObjectsLeftStanding`, after an Execute that did not succeed",
        "parts of the original that did not succeed left objects behind; the condition names them",
        "create another Revert that takes these parts back, too; delete by hand what is left then and is not to stay",
        "drplan revert $original --namespace $namespace --include-partial",
        "[parts](spec/drplanexecution.md#parts-of-an-execution)",
    ),
    Situation.LEFT_STANDING: Advice(
        "condition `Clean`, reason `ObjectsLeftStanding`",
        "parts of the original that were not taken back left objects behind; the condition names them",
        "delete by hand what is not to stay",
        "kubectl --namespace $namespace get drplanexecution $name --output jsonpath='{.status.conditions[?(@.type==\"Clean\")].message}'",
    ),
    Situation.PROOF_DIFFERS: Advice(
        "condition `Verified`, reason `Differs`",
        "an object is not as it was before the Execute; the condition names it, and the fields",
        "find out who changed it, and set by hand what is to be as before",
        "drplan report $name --namespace $namespace",
    ),
    Situation.NOT_CHECKED: Advice(
        "condition `Verified`, reason `NotChecked`",
        "it could not be checked whether every object is as it was before the Execute; the condition says why",
        "look at the objects of the plan yourself",
        "drplan report $name --namespace $namespace",
    ),
    Situation.CONSEQUENCE: Advice(
        "`Not attempted: rollback stopped after action app failed`",
        "a consequence, not a cause",
        "find the action in phase Failed",
        _SHOW,
    ),
    Situation.SHORTENED: Advice(
        "`Status shortened to its bound, without messages of actions`",
        "a very large tree",
        "see the run's history in Temporal for the details",
        "temporal workflow show --workflow-id $workflow",
    ),
    Situation.NOT_SEARCHABLE: Advice(
        "condition `Searchable`, reason `NotRegistered`",
        "the Temporal namespace has no search attributes",
        "register them",
        "",
        "[search attributes](#search-attributes)",
    ),
}


def command(situation: Situation, facts: Mapping[str, str]) -> str | None:
    """Return the command of a row, with the facts put in; None where it has none."""
    return Template(ADVICE[situation].command).safe_substitute(facts) or None
