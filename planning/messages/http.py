"""Sentences about HTTP actions: what was asked, what was answered, and why that is no success.

They appear in the status and in Temporal's UI; the caller has redacted them. `url` is a result of `safe_url`.
Source: docs/spec/drplanexecution.md,
"Messages"; docs/spec/drworkflow.md, "HTTP".
"""

from collections.abc import Collection

NO_ADDRESS = "it has no address"


# Whole messages.


def succeeded(method: str, url: str, status: int, final_url: str) -> str:
    """The answer is a success; `final_url` is where redirects led, the same without any."""
    led = "" if final_url == url else f" after a redirect to {final_url}"
    return f"HTTP {method} {url} succeeded with status {status}{led}"


def failed(method: str, url: str, reason: str) -> str:
    """The request was not made, not answered, or answered otherwise than it should."""
    return f"HTTP {method} {url} failed: {reason}"


def not_usable(action: str, reason: str) -> str:
    """The definition makes no request."""
    return f"The request of action {action} cannot be made: {reason}"


def canceled(method: str, url: str) -> str:
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


def outcome_unknown(reason: str, *, repeated: bool) -> str:
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
