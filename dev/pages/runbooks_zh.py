"""The table of next steps in Chinese: titles, causes and remedies; messages and commands are those of the program."""

from collections.abc import Mapping
from dataclasses import dataclass

from planning.messages.situations import Situation


@dataclass(frozen=True)
class Chinese:
    """What a runbook says in Chinese."""

    title: str
    why: str
    what: str
    shows: str = ""
    """What the status shows, where that is more than messages of the program."""


TEXTS: Mapping[Situation, Chinese] = {
    Situation.REFERENCE_MISSING: Chinese(
        "引用的对象不存在",
        "执行引用了一个（尚）不存在的对象",
        "创建该对象；超过 `DRPLAN_REFERENCE_WAIT` 后执行以 Failed 结束，届时需要新建一个执行",
    ),
    Situation.PLAN_BUSY: Chinese(
        "预案正被占用",
        "同一预案同一时刻只能有一个执行在运行",
        "等待，或取消消息中提到的那个执行",
    ),
    Situation.ENGINE_AWAY: Chinese(
        "Temporal 不可达",
        "Temporal 没有响应 bridge",
        "检查 Temporal 以及 bridge 的 `TEMPORAL_ADDRESS`；恢复后执行会自动继续",
    ),
    Situation.WORKER_AWAY: Chinese(
        "没有 worker 应答",
        "Temporal 有响应，但没有 worker 轮询这个任务队列",
        "启动 worker；核对 worker 与 bridge 的 `DRPLAN_TASK_QUEUE` 和 `TEMPORAL_NAMESPACE` 是否一致",
    ),
    Situation.WORKER_FAILING: Chinese(
        "worker 无法推进工作流",
        "worker 的代码无法继续这次运行，通常是升级后的版本无法重放它",
        "查看 worker 日志；先换回上一个版本，直到这次运行结束",
    ),
    Situation.AWAITING_DECISION: Chinese(
        "等待人工决定",
        "动作失败，而执行设置了 `onFailure: Pause`",
        "排除原因后重试；或者跳过、声明已手工完成、中止（跳过和手工完成需要填写理由）",
    ),
    Situation.AWAITING_APPROVAL: Chinese(
        "等待审批",
        "预案要求先由指定的人审批，才能开始这个阶段",
        "请另一位审批人审批，或取消执行",
    ),
    Situation.PAUSED_ON_REQUEST: Chinese("应请求暂停", "有人暂停了执行", "恢复执行，或取消执行"),
    Situation.PAUSED: Chinese(
        "在 Temporal 中被暂停",
        "有人在 Temporal 中暂停了某个动作的 activity",
        "在 Temporal 中解除暂停",
    ),
    Situation.RETRYING: Chinese(
        "正在重试",
        "遇到可能自行消失的错误；接下来是三次重试中的第二次",
        "多数情况下无需处理，冒号之后就是原因；如果它不可能自行消失，取消执行",
    ),
    Situation.ATTEMPT_LOST: Chinese(
        "一次尝试随 worker 丢失",
        "尝试期间 worker 退出或断开连接，这不计入重试次数；从第三次起间隔逐渐增大，最长 5 分钟，以免拖住其他动作",
        "多数情况下无需处理；如果反复出现，查明 worker 为何退出，若原因就是该动作，则取消执行",
    ),
    Situation.CANCELING: Chinese(
        "正在取消",
        "正在等待运行中的尝试结束",
        "等待；最长不超过该动作的 `timeout`",
        "条件 `CancelRequested`，原因 `Accepted`",
    ),
    Situation.COPY: Chinese(
        "执行是副本",
        "它是一个副本，或是旧控制器遗留的、仍在运行的执行",
        "用新的名称新建一个执行",
    ),
    Situation.UNRECORDED_REVERT: Chinese(
        "旧控制器的回退没有记录",
        "旧控制器在回退途中停止，没有记录删除了哪些对象",
        "再创建一个回退，并忽略已经不存在的对象",
        "由旧控制器开始的回退，原因 `Failed`",
    ),
    Situation.REJECTED: Chinese(
        "执行被拒绝",
        "所需的某项内容有误或缺失；没有改动任何对象",
        "改正消息指出的问题，然后新建一个执行",
    ),
    Situation.OBJECT_OF_ANOTHER_EXECUTION: Chinese(
        "对象属于另一个执行",
        "该预案较早的一次执行尚未回退",
        "按消息处理：回退那次执行，或删除没有回退会收回的对象，或改用操作 `Apply`；然后新建一个执行",
    ),
    Situation.LATER_EXECUTION_RESTS: Chinese(
        "后来的执行依赖这个对象",
        "该预案后来的一次执行创建或修改了这次回退要收回或改动的对象",
        "先回退后来的那次执行，再创建一个回退；如果后来的执行可以失去该对象，则创建带 `force: true` 的回退",
    ),
    Situation.NAMESPACE_NOT_OPEN: Chinese(
        "命名空间未开放",
        "worker 在该命名空间没有权限",
        "由集群管理员开放该命名空间，然后新建一个执行",
    ),
    Situation.FORBIDDEN: Chinese(
        "权限不足",
        "预案的 ServiceAccount 缺少一项权限",
        "授予该权限，然后新建一个执行",
    ),
    Situation.STILL_THERE: Chinese(
        "对象没有消失",
        "其他控制器的 finalizer 阻止了删除",
        "查明应由哪个控制器移除它；对象消失后，再创建一个同样的执行，它会从停下的地方继续",
    ),
    Situation.OTHER_OBJECT: Chinese(
        "已是另一个对象",
        "对象被删除后又重新创建：可能是其他人所为，也可能是先前删除它的执行被回退了",
        "如果要保留新的对象，再创建一个回退，跳过它",
    ),
    Situation.CHANGED_SINCE: Chinese(
        "字段已被他人修改",
        "回退要恢复的字段已被其他人修改；消息列出了这些字段",
        "决定保留谁的值；当字段恢复为执行结束时的值之后，再创建一个回退即可恢复它们",
        "原因 `ChangedSince`",
    ),
    Situation.GONE_BEFORE: Chinese(
        "回退之前对象已不存在",
        "回退开始之前对象就已不存在，或旧控制器在删除它的过程中停止",
        "如果这符合预期，再创建一个跳过它的回退",
    ),
    Situation.NOT_FOUND: Chinese(
        "找不到对象",
        "对象、它的命名空间或它的类型不存在",
        "创建缺失的内容，或改正 DRWorkflow，然后新建一个执行",
    ),
    Situation.VERSION_NOT_SERVED: Chinese(
        "API 版本不再提供",
        "API server 不再提供该版本",
        "修改清单中的 `apiVersion`，然后新建一个执行；回退已有的对象不需要任何修改",
    ),
    Situation.KIND_NOT_SERVED: Chinese(
        "类型没有可用的版本",
        "对象可能仍然存在，但没有任何接口能够查看或删除它们",
        "让该类型的某个版本重新可用（`spec.versions[].served`），然后再创建一个回退",
    ),
    Situation.KIND_MISSPELT: Chinese(
        "类型拼写错误",
        "类型的写法不同",
        "改正清单中的 `kind`，然后新建一个执行",
    ),
    Situation.ALREADY_EXISTS: Chinese(
        "对象已存在",
        "执行之前已有同名对象",
        "删除它，或回退创建它的执行，或改用操作 Apply；然后新建一个执行",
    ),
    Situation.UNDEFINED: Chinese(
        "动作已没有定义",
        "这条记录需要动作的定义，而定义没有保存，也已经不存在",
        "恢复该定义，然后再创建一个回退",
    ),
    Situation.CUSTOM_ROLLBACK_FAILED: Chinese(
        "自定义回滚失败",
        "DRWorkflow 的自定义回滚或钩子失败；消息后半部分是原因",
        "排除原因，然后再创建一个回退：它会按 Execute 时的定义再次执行。如果它要创建的对象在先前的尝试中已经创建，请先删除该对象，以后改用 `Apply`",
    ),
    Situation.OUTCOME_UNKNOWN: Chinese(
        "结果未知",
        "无法确定动作是否已经生效，因此不会自动重复执行",
        "向对应的服务核实，或检查 Job 的效果；如果重复执行是安全的，为动作设置 `retryPolicy`，或为 Job 设置更长的 `ttlSecondsAfterFinished`，然后新建一个执行",
    ),
    Situation.NOT_READY: Chinese(
        "对象未就绪",
        "对象存在，但没有就绪；冒号之后是原因",
        "排除原因，或为动作设置更长的 `timeout`；然后新建一个执行",
    ),
    Situation.READINESS_UNKNOWN: Chinese(
        "无法判断是否就绪",
        "动作已成功；该类型的控制器可能没有运行，或不写入状态",
        "检查该控制器是否在运行",
    ),
    Situation.NO_STATE_FROM_CLUSTER: Chinese(
        "子集群没有上报状态",
        "该子集群的 agent 没有上报状态",
        "启用它的特性 `Recovery`",
    ),
    Situation.ONE_CLUSTER_FAILED: Chinese(
        "一个子集群失败",
        "一个 PerCluster 动作在某个子集群失败",
        "查看动作的 `clusterStatuses`；修复该子集群，然后新建一个执行",
    ),
    Situation.JOB_FAILED: Chinese(
        "Job 失败",
        "Job 的 Pod 失败",
        "查看 Pod 日志并排除原因，然后新建一个执行",
        "原因 `JobFailed`",
    ),
    Situation.TRANSIENT: Chinese(
        "暂时性错误持续过久",
        "一个可能自行消失的错误，持续时间超过了动作的重试",
        "确认错误是否已消失；如果需要更长时间，增加动作的重试次数，然后新建一个执行",
        "原因 `Transient`",
    ),
    Situation.TIMED_OUT: Chinese(
        "动作超时",
        "动作耗时超过了它的 `timeout`",
        "查明原因，或设置更长的 `timeout`；然后新建一个执行",
        "原因 `TimedOut`",
    ),
    Situation.DEFINITION_REFUSED: Chinese(
        "定义无法执行",
        "DRWorkflow 的内容无法执行；消息指出了具体位置",
        "改正 DRWorkflow，然后新建一个执行",
        "原因 `Invalid`、`TooLarge` 或 `Unsupported`",
    ),
    Situation.HTTP_STATUS: Chinese(
        "HTTP 服务返回错误",
        "服务返回请求未成功",
        "检查该服务，然后新建一个执行",
        "原因 `HttpStatus`",
    ),
    Situation.HTTP_REFUSED: Chinese(
        "HTTP 请求被拒绝",
        "服务拒绝了请求，或主机不在允许列表中",
        "改正请求，或把主机加入 worker 的设置；然后新建一个执行",
    ),
    Situation.FAULT: Chinese(
        "内部错误",
        "worker 或 Temporal 出错，或两者对这次运行的记录不一致",
        "查看 worker 日志，并反馈其中的内容",
        "原因 `InternalError`、`UntrustedRun` 或 `UntrustedStep`",
    ),
    Situation.ENDED_OUTSIDE: Chinese(
        "运行被外部终止",
        "运行在 Temporal 中被终止，或在那里异常中断",
        "检查各个对象；对这样的 Execute 进行回退，会收回已成功的阶段，并列出仍然存在的其他对象",
    ),
    Situation.RUN_UNKNOWN: Chinese(
        "Temporal 中已没有这次运行",
        "bridge 停机的时间超过了 Temporal 的保留期",
        "检查各个对象",
    ),
    Situation.PARTLY_EXECUTED: Chinese(
        "执行只完成了一部分",
        "结束之前已做的改动仍然保留",
        "如果不打算保留，就把它收回",
        "处于 Failed 或 Canceled 阶段的 Execute",
    ),
    Situation.PARTLY_REVERTED: Chinese(
        "回退只完成了一部分",
        "回退在结束之前失败或被取消",
        "阅读消息中的原因链，排除原因，然后再创建一个回退：它会从停下的地方继续",
        "条件 `Clean`，原因 `RollbackIncomplete`",
    ),
    Situation.NOT_SELECTED: Chinese(
        "不在回退的选择范围内",
        "这次回退只收回 `spec.only` 选中的部分",
        "再创建一个不带它的回退，收回其余部分",
    ),
    Situation.PARTIAL_LEFT: Chinese(
        "未成功的部分留有对象",
        "原执行中未成功的部分留下了对象；条件中列出了它们",
        "再创建一个同时收回这些部分的回退；之后仍留下且不应保留的，请手工删除",
        "条件 `Clean`，原因 `ObjectsLeftStanding`，出现在未成功的 Execute 之后",
    ),
    Situation.LEFT_STANDING: Chinese(
        "回退后仍留有对象",
        "原执行中没有被收回的部分留下了对象；条件中列出了它们",
        "手工删除不应保留的对象",
        "条件 `Clean`，原因 `ObjectsLeftStanding`",
    ),
    Situation.PROOF_DIFFERS: Chinese(
        "核验发现差异",
        "有对象与 Execute 之前不一致；条件中列出了对象和字段",
        "查明是谁修改的，并手工改回应有的值",
        "条件 `Verified`，原因 `Differs`",
    ),
    Situation.NOT_CHECKED: Chinese(
        "未能核验",
        "无法核验每个对象是否与 Execute 之前一致；条件中说明了原因",
        "请自行检查预案涉及的对象",
        "条件 `Verified`，原因 `NotChecked`",
    ),
    Situation.CONSEQUENCE: Chinese(
        "受其他动作影响",
        "这是结果，不是原因",
        "找到处于 Failed 阶段的动作",
    ),
    Situation.SHORTENED: Chinese(
        "状态被缩短",
        "状态树非常大",
        "在 Temporal 的运行历史中查看细节",
    ),
    Situation.NOT_SEARCHABLE: Chinese(
        "无法在 Temporal 中检索",
        "Temporal 的命名空间没有注册搜索属性",
        "注册这些搜索属性",
        "条件 `Searchable`，原因 `NotRegistered`",
    ),
}
"""A row for each row of the table in the code."""
