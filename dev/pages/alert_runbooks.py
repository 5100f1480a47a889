"""What the runbooks of the alerts say, in English and in Chinese.

The alerts are in deploy/charts/drplan/files/alerts.yaml, whose annotation `runbook` ends with the name of the page; a test
holds that each has one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """An alert in one language."""

    title: str
    meaning: str
    remedy: str


@dataclass(frozen=True)
class AlertRunbook:
    """The page of an alert."""

    alert: str
    english: Text
    chinese: Text
    look: str
    see: tuple[str, ...] = ()
    """Names of related pages."""


_EXECUTIONS = "kubectl get drplanexecutions --all-namespaces --output wide"
_PLANS = "kubectl get drplans --all-namespaces --output wide"
_STATUS = f"{_EXECUTIONS}\ndrplan status shop-back --namespace default"
_BRIDGE = """kubectl --namespace drplan-system get pods --selector app.kubernetes.io/component=bridge
kubectl --namespace drplan-system logs deployment/drplan-bridge --tail 50"""
_WORKER = """kubectl --namespace drplan-system get pods --selector app.kubernetes.io/component=worker
kubectl --namespace drplan-system logs deployment/drplan-worker --tail 50"""

ALERTS: dict[str, AlertRunbook] = {
    "revert-failed": AlertRunbook(
        "DrplanRevertFailed",
        Text(
            "The last Revert of a plan failed",
            "What the Execute changed is still there, at least in part, and no execution of the plan has succeeded since. Nothing is tried again by itself.",
            "The screen names the failed action, the reason and the next command. Correct the cause, then create another Revert of the same Execute: it continues where this one stopped. The alert ends with the next execution of the plan that succeeds.",
        ),
        Text(
            "预案最近一次回退失败",
            "Execute 的改动至少有一部分仍然存在，此后该预案没有任何执行成功。不会自动重试。",
            "画面会给出失败的动作、原因和下一条命令。排除原因，然后对同一个 Execute 再创建一个回退：它会从停下的地方继续。该预案下一次执行成功后，告警消失。",
        ),
        _STATUS + "\ndrplan report shop-back --namespace default",
        ("partly-reverted.md", "still-there.md", "changed-since.md"),
    ),
    "execute-failed": AlertRunbook(
        "DrplanExecuteFailed",
        Text(
            "The last Execute of a plan failed",
            "The plan was carried out in part or not at all, and no execution of it has succeeded since. What was done stays.",
            "Decide first: forward or back? Forward: correct the cause and execute the plan again. Back: create a Revert with `includePartial: true`, which takes back the parts that did not succeed, too.",
        ),
        Text(
            "预案最近一次执行失败",
            "预案只执行了一部分，或完全没有执行，此后没有任何执行成功。已做的改动保留。",
            "先决定：继续前进还是收回？前进：排除原因，再次执行预案。收回：创建带 `includePartial: true` 的回退，未成功的部分也会一并收回。",
        ),
        _STATUS,
        ("partly-executed.md", "forbidden.md", "transient.md"),
    ),
    "revert-stuck": AlertRunbook(
        "DrplanRevertStuck",
        Text(
            "A Revert does not go on",
            "No part of a running Revert has begun or ended for half an hour. It waits for an object to go, for a worker or for Temporal.",
            "The message of the execution says what it waits for. For a finalizer, find the controller that is to remove it. For Temporal or a worker, see their runbooks. Cancel the Revert only if waiting makes no sense: another one continues from there.",
        ),
        Text(
            "回退没有进展",
            "运行中的回退已有半小时没有任何部分开始或结束。它在等待对象消失、等待 worker 或等待 Temporal。",
            "执行的消息说明了它在等什么。如果是 finalizer，找到应当移除它的控制器；如果是 Temporal 或 worker，参见各自的手册。只有继续等待没有意义时才取消回退：新的回退会从那里继续。",
        ),
        _STATUS,
        ("still-there.md", "worker-away.md", "engine-away.md"),
    ),
    "execution-paused": AlertRunbook(
        "DrplanExecutionPaused",
        Text(
            "An execution waits for a person",
            "An execution is paused on request, or waits for a decision about a failed action or for an approval. It waits as long as it takes.",
            "Find out who is to decide. The screen has the command for each choice: retry, skip, done or abort; approve; resume.",
        ),
        Text(
            "执行在等待人处理",
            "执行应请求暂停，或在等待对失败动作的决定，或在等待审批。它会一直等下去。",
            "确定由谁来决定。画面上有每种选择对应的命令：重试、跳过、手工完成或中止；审批；恢复。",
        ),
        _STATUS,
        ("awaiting-decision.md", "awaiting-approval.md", "paused-on-request.md"),
    ),
    "objects-left-standing": AlertRunbook(
        "DrplanObjectsLeftStanding",
        Text(
            "A Revert left objects standing",
            "The last Revert of a plan succeeded or ended, and objects of the Execute still exist that it did not remove. The condition `Clean` names them.",
            "Decide for each object. Parts that had not succeeded are taken back by another Revert with `includePartial: true`; what no Revert takes back is deleted by hand, if it is not to stay.",
        ),
        Text(
            "回退后仍留有对象",
            "预案最近一次回退已经结束，但 Execute 的某些对象仍然存在，回退没有移除它们。条件 `Clean` 列出了这些对象。",
            "逐个决定。未成功的部分可用带 `includePartial: true` 的回退收回；任何回退都不会收回的对象，如不应保留，请手工删除。",
        ),
        _PLANS + "\ndrplan report shop-back --namespace default",
        ("left-standing.md", "partial-left.md", "partly-reverted.md"),
    ),
    "rehearsal-failing": AlertRunbook(
        "DrplanRehearsalFailing",
        Text(
            "A rehearsal finds obstacles",
            "If the plan were executed or reverted now, something would be in its way. Nothing has been changed, and nothing is broken yet: this is the alert that should come before the night in question.",
            "The condition `Executable` or `Revertible` of the plan names the obstacles; a preview lists all of them. Most are a right that is missing, an object that exists already, or a version of a kind that is no longer served.",
        ),
        Text(
            "预演发现阻碍",
            "如果现在执行或回退该预案，会遇到阻碍。目前没有任何改动，也没有损坏：这正是应当在出事之前收到的告警。",
            "预案的条件 `Executable` 或 `Revertible` 列出了阻碍；预览会列出全部。多数是缺少权限、对象已存在，或类型的某个版本不再提供。",
        ),
        _PLANS + "\ndrplan preview shop --namespace default",
        ("forbidden.md", "already-exists.md", "version-not-served.md"),
    ),
    "plan-invalid": AlertRunbook(
        "DrplanPlanInvalid",
        Text(
            "A plan is not valid",
            "No execution of the plan can start. Somebody has changed the plan, or a DRWorkflow that it names is gone or was changed.",
            "The condition `Valid` names the fields. Correct them and apply the objects again; `drplan validate` finds the same errors before.",
        ),
        Text(
            "预案无效",
            "该预案的任何执行都无法开始。有人修改了预案，或它引用的 DRWorkflow 已不存在或被修改。",
            "条件 `Valid` 指出了字段。改正后重新应用对象；`drplan validate` 可以提前发现同样的错误。",
        ),
        _PLANS + "\nkubectl --namespace default describe drplan shop",
        ("rejected.md", "reference-missing.md"),
    ),
    "temporal-unreachable": AlertRunbook(
        "DrplanTemporalUnreachable",
        Text(
            "Temporal does not answer",
            "Running executions wait and continue by themselves. None starts, and no status is brought up to date.",
            "Check Temporal's frontend and its database, the network between, and the credentials: a certificate or an API key may have expired. Nothing has to be repeated afterwards.",
        ),
        Text(
            "Temporal 没有响应",
            "运行中的执行会等待，并在恢复后自动继续。新的执行不会开始，状态也不会更新。",
            "检查 Temporal 的 frontend 及其数据库、网络和凭据：证书或 API key 可能已过期。恢复后不需要重复任何操作。",
        ),
        _BRIDGE,
        ("engine-away.md",),
    ),
    "no-leader": AlertRunbook(
        "DrplanNoLeader",
        Text(
            "No bridge leads",
            "Nothing starts executions or writes their statuses. Runs that have started continue in Temporal.",
            "See whether bridges run, and who holds the lease. A bridge that cannot reach the API server, or may not write its lease, cannot lead; its log says so.",
        ),
        Text(
            "没有 bridge 担任主节点",
            "没有进程启动执行或写入状态。已经开始的运行会在 Temporal 中继续。",
            "检查 bridge 是否在运行，以及租约由谁持有。无法访问 API server 或无权写入租约的 bridge 不能担任主节点；日志中会说明。",
        ),
        _BRIDGE + "\nkubectl --namespace drplan-system get lease drplan-bridge --output yaml",
        ("engine-away.md",),
    ),
    "worker-missing": AlertRunbook(
        "DrplanWorkerMissing",
        Text(
            "No worker carries executions on",
            "Nobody polls the task queue, or the worker cannot continue a run. Nothing is lost, and nothing goes on.",
            "Start a worker, and compare `DRPLAN_TASK_QUEUE` and `TEMPORAL_NAMESPACE` of worker and bridge. If workers run and the condition says `WorkerFailing`, run the previous release until the run has ended.",
        ),
        Text(
            "没有 worker 推进执行",
            "没有进程轮询任务队列，或 worker 无法继续某次运行。没有丢失任何内容，但也不会继续。",
            "启动 worker，并核对 worker 与 bridge 的 `DRPLAN_TASK_QUEUE` 和 `TEMPORAL_NAMESPACE`。如果 worker 在运行而条件为 `WorkerFailing`，先运行上一个版本，直到这次运行结束。",
        ),
        _WORKER,
        ("worker-away.md", "worker-failing.md"),
    ),
    "status-lagging": AlertRunbook(
        "DrplanStatusLagging",
        Text(
            "Statuses are late",
            "Executions go on, but those who watch see an old state. The API server or the bridge is overloaded.",
            "Look at the latency of the API server first: a write of a large status is expensive there. Give the bridge more processor time if it uses up its share. Temporal's UI shows the current state meanwhile.",
        ),
        Text(
            "状态更新滞后",
            "执行仍在继续，但看到的状态是旧的。API server 或 bridge 过载。",
            "先看 API server 的延迟：写入较大的状态代价很高。如果 bridge 用满了配额，给它更多处理器时间。在此期间 Temporal 界面显示的是最新状态。",
        ),
        _EXECUTIONS + "\n" + _BRIDGE,
    ),
    "tasks-waiting": AlertRunbook(
        "DrplanTasksWaiting",
        Text(
            "Tasks wait for a worker",
            "There are too few workers, or all their slots are taken. Actions begin late, and nothing is lost.",
            "Add workers, or raise `DRPLAN_MAX_CONCURRENT_ACTIVITIES` if their processors are idle.",
        ),
        Text(
            "任务在等待 worker",
            "worker 太少，或它们的槽位已全部占用。动作开始得晚，但没有丢失任何内容。",
            "增加 worker；如果处理器空闲，则提高 `DRPLAN_MAX_CONCURRENT_ACTIVITIES`。",
        ),
        _WORKER,
        ("worker-away.md",),
    ),
    "attempts-lost": AlertRunbook(
        "DrplanAttemptsLost",
        Text(
            "Workers end during an action",
            "Attempts of an action were lost with their workers. They are repeated, with growing pauses.",
            "If it is one action only, that action ends its workers: often by a lack of memory. See why the containers ended, raise the limit, and cancel the execution if the action is the cause.",
        ),
        Text(
            "worker 在动作期间退出",
            "某个动作的尝试随 worker 一起丢失。它们会以逐渐增大的间隔重复。",
            "如果只涉及一个动作，就是它导致 worker 退出，常见原因是内存不足。查明容器为何退出，提高内存限制；若原因就是该动作，则取消执行。",
        ),
        _WORKER,
        ("attempt-lost.md",),
    ),
    "kubernetes-api-failing": AlertRunbook(
        "DrplanKubernetesApiFailing",
        Text(
            "Requests to the API server fail",
            "The API server gives no answer, an error of its own, or asks to slow down. Actions are retried; those whose retries are used up fail with the reason `Transient`.",
            "Look at the API server itself. If it asks to slow down (429), see its Priority and Fairness, and lower `DRPLAN_KUBERNETES_CONNECTIONS` of the workers.",
        ),
        Text(
            "对 API server 的请求失败",
            "API server 没有响应、返回自身错误，或要求放慢请求。动作会重试；重试用尽的动作以原因 `Transient` 失败。",
            "检查 API server 本身。如果它要求放慢（429），查看其 Priority and Fairness 配置，并调低 worker 的 `DRPLAN_KUBERNETES_CONNECTIONS`。",
        ),
        "kubectl get --raw '/readyz?verbose'\n" + _EXECUTIONS,
        ("transient.md",),
    ),
    "passes-broken": AlertRunbook(
        "DrplanPassesBroken",
        Text(
            "The bridge cannot process an object",
            "A pass over an object ends with an unexpected error, again and again: a fault of drplan. Other objects are not affected.",
            "The log line `pass broke` names the object. Please report it, with the line and the object. The run itself continues in Temporal.",
        ),
        Text(
            "bridge 无法处理某个对象",
            "对某个对象的处理反复以意外错误结束：这是 drplan 的缺陷。其他对象不受影响。",
            "日志行 `pass broke` 指出了对象。请反馈该日志行和对象。运行本身会在 Temporal 中继续。",
        ),
        _BRIDGE,
        ("fault.md",),
    ),
}
"""By the name of the page."""
