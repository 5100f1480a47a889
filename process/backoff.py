"""Growing pauses between retries, with jitter so that many callers do not retry in step."""

import random


class Backoff:
    """Pauses in seconds that double from `first` up to `cap`; each is drawn from its upper half."""

    def __init__(self, first: float = 0.5, cap: float = 30.0) -> None:
        self._first = first
        self._cap = cap
        self._failures = 0

    def pause(self) -> float:
        """Return the pause after one more failure."""
        span = min(self._cap, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return float(span * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        """Start again from the first pause, after a success."""
        self._failures = 0
