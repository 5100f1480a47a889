"""What is said of an action beyond its one object: each managed cluster, Jobs and HTTP requests.

Sentences about a request get addresses that are redacted already.
Source: docs/spec/drworkflow.md, "clusterExecutionMode", "Job" and "HTTP".
"""

from collections.abc import Collection, Sequence

from api.objects import Target
from planning.messages.text import called, counted, listed, placed

_LISTED = 600
"""Bytes that the clusters may take in one message."""


# PerCluster: one Subscription for each managed cluster.

NOT_A_SELECTOR = "write matchLabels and matchExpressions"
NO_CLUSTER_ID = "the ManagedCluster has no spec.clusterId"


def no_cluster(parent: Target) -> str:
    """Reason: nothing to do it in."""
    return f"no ManagedCluster matches the subscribers of {placed(parent)}"


def bad_selector(reason: str) -> str:
    """Reason: a clusterAffinity that Kubernetes would refuse."""
    return f"spec.subscribers[].clusterAffinity is not a label selector: {reason}"


def no_operator(operator: str) -> str:
    """Reason of `bad_selector`."""
    return f'"{operator}" is not an operator; write In, NotIn, Exists or DoesNotExist'


def no_values(key: str, operator: str) -> str:
    """Reason of `bad_selector`."""
    return f"{operator} of {key} needs values"


def needless_values(key: str, operator: str) -> str:
    """Reason of `bad_selector`."""
    return f"{operator} of {key} takes no values"


def child_not_begun(timeout: str) -> str:
    """The action's timeout (Go duration) was over before the cluster's turn came."""
    return f"not begun within {timeout}"


def child_left(child: Target) -> str:
    """A cluster that an earlier attempt began with is no target any more."""
    return f"No longer a target: {placed(child)} was left as it is"


def existed(target: Target) -> str:
    """A cluster's Subscription was there already, and is taken as it is."""
    return f"{called(target)} existed before"


def done_in_clusters(parent: Target, made: int, found: int) -> str:
    """All clusters are done: `Created Subscription app in 3 clusters, and it is ready`."""
    parts = [f"Created {called(parent)} in {counted(made, 'cluster')}"] if made else []
    parts += [f"{called(parent)} existed before in {counted(found, 'cluster')}"] if found else []
    return f"{'; '.join(parts)}; ready in all of them"


def deleted_in_clusters(parent: Target, number: int) -> str:
    """The Subscriptions of all clusters are gone; there may have been none."""
    if not number:
        return f"{called(parent)} was already absent in every cluster"
    return f"Deleted {called(parent)} in {counted(number, 'cluster')}"


def failed_in_clusters(failures: Sequence[str], total: int) -> str:
    """Reason: clusters in which it failed, each as `namespace/name: reason`."""
    return f"{len(failures)} of {counted(total, 'cluster')} failed: {listed(failures, _LISTED)}"


def waiting_in_clusters(parent: Target, said: Sequence[str], number: int, total: int) -> str:
    """While it waits in a number of all clusters; `said` is what those that have begun wait for."""
    head = f"Waiting for {called(parent)} in {number} of {counted(total, 'cluster')}"
    return f"{head}: {listed(said, _LISTED)}" if said else head


def canceled_in_clusters(parent: Target, done: int, total: int) -> str:
    """A cancel came between two attempts, and not all clusters were done."""
    return f"Canceled between two attempts: {called(parent)} is done in {done} of {counted(total, 'cluster')}"


NO_ADDRESS = "it has no address"


# Whole messages.


def request_succeeded(method: str, url: str, status: int, final_url: str) -> str:
    """The answer is a success; `final_url` is where redirects led, the same without any."""
    led = "" if final_url == url else f" after a redirect to {final_url}"
    return f"HTTP {method} {url} succeeded with status {status}{led}"


def request_failed(method: str, url: str, reason: str) -> str:
    """The request was not made, not answered, or answered otherwise than it should."""
    return f"HTTP {method} {url} failed: {reason}"


def request_not_usable(action: str, reason: str) -> str:
    """The definition makes no request."""
    return f"The request of action {action} cannot be made: {reason}"


def request_canceled(method: str, url: str) -> str:
    """A cancel came between two attempts; nothing can be looked at."""
    return f"Canceled between two attempts: whether HTTP {method} {url} had its effect is not known"


# Reasons: what follows `failed: `.

BROKEN = "the connection broke before the answer was there"
LOST = "an attempt was lost with its worker"


def answered(status: int, expected: Collection[int], final_url: str | None, excerpt: str) -> str:
    """The status is none of success; `final_url` is where a redirect led, if it did; `excerpt` the body's beginning."""
    where = f"{final_url} answered" if final_url else "it was answered"
    wanted = f", not one of {', '.join(str(code) for code in sorted(expected))}" if expected else ""
    return f"{where} {status}{wanted}{f': {excerpt}' if excerpt else ''}"


def too_many_redirects(most: int) -> str:
    """Redirects form a cycle, or are too many."""
    return f"it was redirected more than {most} times"


def no_connection(place: str, reason: str) -> str:
    """Nobody could be reached: the request was never sent. `place` is host and port."""
    return f"no connection to {place}: {reason}"


def not_resolved(host: str, reason: str) -> str:
    """The name has no address."""
    return f"the name {host} cannot be resolved: {reason}"


def not_sent_in_time(place: str, timeout: str) -> str:
    """The action's timeout (Go duration) was over before the request could be sent."""
    return f"no connection to {place} within {timeout}"


def not_answered_in_time(timeout: str) -> str:
    """The action's timeout (Go duration) was over before the answer was there."""
    return f"no answer within {timeout}"


def endless_head(kilobytes: int) -> str:
    """The server sent so much before the end of the headers, informational answers (100 to 199) among it."""
    return f"the server sent more than {kilobytes} KB of headers or informational answers and no end of them"


def too_many_informational_answers(most: int) -> str:
    """The server sent so many informational answers (100 to 199), and no other one."""
    return f"the server sent more than {most} informational answers and no other one"


def too_much_on_the_wire(kilobytes: int) -> str:
    """The server sent so much before the end of the headers that TLS alone can be the cause."""
    return f"the server sent more than {kilobytes} KB of TLS records and no end of its headers"


def request_outcome_unknown(reason: str, *, repeated: bool) -> str:
    """A request that is not to be made twice may have had its effect."""
    why = "" if repeated else "; it is not repeated, for the action sets no retryPolicy of its own"
    return f"outcome unknown: {reason}{why}"


def host_not_allowed(host: str) -> str:
    """The operator's list does not hold it."""
    return f"host {host} is not allowed by the worker's setting DRPLAN_HTTP_ALLOWED_HOSTS"


def address_guarded(host: str, address: str, kind: str) -> str:
    """It is an address that only an entry of its own opens; `kind` is e.g. `link-local`."""
    what = f"{host} is" if host == address else f"host {host} resolves to {address},"
    return (
        f"{what} a {kind} address, and these are refused unless the worker's setting DRPLAN_HTTP_ALLOWED_HOSTS lists it"
    )


# What keeps a request from being made: what follows `cannot be made: `.

NO_REQUEST = "it has no http block"
NOT_A_URL = "its url is not a URL such as https://shop.example.com/health"


def not_a_method(methods: Collection[str]) -> str:
    """The method is none."""
    return f"its method is none of {', '.join(methods)}"


def not_a_header(name: str) -> str:
    """A header's name or value cannot be sent; the value is not shown."""
    return f'header "{name}" cannot be sent: a name has no spaces, and a value no line breaks'


# What is waited for.


def waiting_for_connection(place: str) -> str:
    """Nothing was sent yet."""
    return f"Waiting for a connection to {place}"


def waiting_for_answer(url: str) -> str:
    """The request is on its way."""
    return f"Waiting for {url} to answer"


JOB_NOT_LOOKED_AT = "it has not been looked at"


def job_completed(target: Target) -> str:
    """The Job was created and has done its work."""
    return f"{called(target)} completed"


def job_failed(target: Target, reason: str) -> str:
    """The Job has given up; `reason` tells of the Job and of its last pod."""
    return f"{called(target)} failed{f': {reason}' if reason else ''}"


def job_unfinished(target: Target, timeout: str, progress: str) -> str:
    """The action's timeout (Go duration) is over, and the Job goes on."""
    return f"{called(target)} did not finish within {timeout}: {progress}"


def job_unseen(target: Target, timeout: str, reason: str) -> str:
    """The action's timeout (Go duration) is over, and at the end the Job could not be read."""
    return f"whether {called(target)} has finished after {timeout} is not known: {reason}"


def job_not_to_be_seen(target: Target, reason: str) -> str:
    """The Job was created, and may not be looked at."""
    return f"{called(target)} was created, but whether it has finished cannot be seen: {reason}"


def job_gone(target: Target) -> str:
    """The Job, or the one of that name that this action made, is no longer there."""
    return f"{called(target)} was gone before it was seen to have finished: outcome unknown"


def job_progress(done: int, wanted: int, failed: int) -> str:
    """How far a Job has come."""
    pods = f", {counted(failed, 'pod')} failed" if failed else ""
    return f"{done} of {counted(wanted, 'completion')}{pods}"


def waiting_for_job(target: Target, progress: str) -> str:
    """While it runs."""
    return f"Waiting for {placed(target)} to finish: {progress}"


def container_failed(container: str, reason: str, code: int, message: str) -> str:
    """How a container ended, in its own words where it left any."""
    said = f": {message}" if message else ""
    return f"container {container}: {reason or 'ended'} (exit code {code}){said}"


def canceled_job(what: str) -> str:
    """A cancel came between two attempts, and the Job has not succeeded; `what` is its state."""
    return f"Canceled between two attempts: {what}"


def job_unfinished_at_cancel(target: Target, progress: str) -> str:
    """What follows `canceled_job` for a Job that goes on: nobody waits for it any more."""
    return f"{called(target)} has not finished: {progress}"
