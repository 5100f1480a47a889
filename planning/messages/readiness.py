"""What is said of the readiness of an object: what it waits for, why it will not come, and what ended the wait.

Reasons follow `… but it was not ready within 5m: `, and are shown alone while an action waits.
Source: docs/spec/drworkflow.md, "waitReady".
"""

from api.objects import Target
from planning.messages.text import because, counted, placed

# Why an object is not ready yet.

NOT_OBSERVED = "its controller has not seen its latest change"
ROLLING = "its update has not reached every replica"
SCHEDULED_NOWHERE = "on how many nodes it runs is not known yet"
SUSPENDED = "it is suspended"
PAUSED = "it is paused"
NO_STATUS = "no controller has written its status yet"
NO_ADDRESS = "its load balancer has no address yet"
UNBOUND_OVERRIDE = "Clusternet has not bound it to its feed yet"


def replicas(number: int, wanted: int, state: str) -> str:
    """Too few are in a state: `1 of 3 replicas available`."""
    return f"{number} of {counted(wanted, 'replica')} {state}"


def too_many(number: int) -> str:
    """Replicas of the former revision still exist."""
    return f"{counted(number, 'replica')} of before still to go"


def completions(number: int, wanted: int) -> str:
    """A Job goes on."""
    return f"{number} of {counted(wanted, 'completion')}"


def condition(name: str, status: str, detail: str) -> str:
    """A condition is not as it should be: `condition Ready is False: NoNodes: …`."""
    return f"condition {name} is {status or 'not set'}{because(detail)}"


def phase(name: str, detail: str = "") -> str:
    """It is not done: `its phase is Pending`; `detail` is what it says of that."""
    return f"its phase is {name or 'not known'}{because(detail)}"


def with_cause(reason: str, *causes: str) -> str:
    """Add what is known of the cause: `0 of 1 replica updated; ReplicaFailure: FailedCreate: …`."""
    return "; ".join([reason, *(cause for cause in causes if cause)])


def last_warning(detail: str) -> str:
    """Its newest event of type Warning."""
    return f"last warning: {detail}"


def pod(name: str, cause: str) -> str:
    """Return why one pod does not work."""
    return f"pod {name}: {cause}"


def container(name: str, cause: str) -> str:
    """A container does not start: `container main: ImagePullBackOff: …`."""
    return f"container {name}: {cause}"


def restarted(last: str, times: int) -> str:
    """A container ends again and again; `last` is how it ended."""
    return f"{last}, restarted {counted(times, 'time')}"


def chart(phase: str, detail: str) -> str:
    """Clusternet has not found a HelmChart's chart."""
    found = "Clusternet did not find the chart" if phase else "Clusternet has not looked for the chart yet"
    return f"{found}{because(detail)}"


# Why an object will not become ready.

BEING_DELETED = "it is being deleted"
GONE = "it was deleted before it was seen to be ready"


def object_failed(detail: str) -> str:
    """It says itself that it failed; `detail` is what it says."""
    return f"it failed{because(detail)}"


def stalled(detail: str) -> str:
    """Its controller has given up, until somebody changes it."""
    return f"its controller has stalled{because(detail)}"


def replaced_since(uid: str) -> str:
    """Another object has its name now."""
    return f"another object has its name now (uid {uid})"


def canceled(detail: str) -> str:
    """An execution was cancelled; `detail` is its message."""
    return f"it was cancelled{because(detail)}"


LOST = "it lost the volume that it was bound to"


# Why it cannot be known whether an object is ready.

WITHOUT_STATUS = "its kind has no status"
OLD_STATUS = "its status is older than its latest change, and does not say which one it is about"


def no_status_within(seconds: float) -> str:
    """Its kind has a status, and no controller has written one."""
    return f"no controller has written its status within {seconds:g} s"


def not_understood(phase: str) -> str:
    """Its status says neither yes nor no."""
    return f"its status has no condition Ready{f', and its phase is {phase}' if phase else ''}"


# What Clusternet says of a Subscription.

NOT_BOUND = "Clusternet has bound it to no cluster yet"
NOT_DESCRIBED = "Clusternet has made no Description yet"
NOT_REPORTED = "Clusternet has not reported its state yet"


def bad_binding(binding: str) -> str:
    """A binding that names no cluster."""
    return f'status.bindingClusters holds "{binding}", which is not namespace/name'


def not_part_yet(feed: str) -> str:
    """What goes to the cluster does not hold this feed."""
    return f"{feed} is not part of its Description yet"


def description(name: str, phase: str, detail: str) -> str:
    """What goes to the cluster has not arrived."""
    return f"Description {name} is {phase or 'not handled yet'}{because(detail)}"


def description_failed(name: str, detail: str) -> str:
    """The cluster refused it."""
    return f"Description {name} failed{because(detail)}"


def in_cluster(cluster: str, reason: str) -> str:
    """Return the reason of one cluster (`namespace/name`)."""
    return f"{cluster}: {reason}"


# What an action says that waits.

NOT_LOOKED_AT = "it has not been looked at yet"


def waiting(target: Target, reason: str) -> str:
    """While it waits, in the status and in Temporal's UI."""
    return f"Waiting for {placed(target)} to be ready: {reason}"


def unanswered(reason: str) -> str:
    """Reason while the API server is away."""
    return f"the API server cannot be asked: {reason}"


def and_ready(done: str) -> str:
    """The operation is done, and its object is ready; `done` is what was done."""
    return f"{done}, and it is ready"


def and_not_known(done: str, reason: str) -> str:
    """The operation is done, and nothing tells whether its object is ready."""
    return f"{done}; whether it is ready is not known: {reason}"


def not_ready_within(done: str, timeout: str, reason: str) -> str:
    """The operation is done, but the action's timeout (Go duration) is over."""
    return f"{done}, but it was not ready within {timeout}: {reason}"


def never_ready(done: str, reason: str) -> str:
    """The operation is done, but waiting any longer is of no use."""
    return f"{done}, but it will not become ready: {reason}"


def not_seen(done: str, reason: str) -> str:
    """The operation is done, but the API server did not let the actor look."""
    return f"{done}, but whether it is ready cannot be seen: {reason}"


def canceled_not_ready(done: str, reason: str) -> str:
    """A cancel came between two attempts; the operation was done."""
    return f"Canceled between two attempts: {done[0].lower()}{done[1:]}, but it is not ready: {reason}"
