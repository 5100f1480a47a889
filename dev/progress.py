"""How far a build has come and how long it will take, as numbers and as a line of text. Pure."""

from dataclasses import dataclass, replace

# A rate seen over less than this is luck, not a measurement, in seconds.
SETTLED = 15.0
# Linking a program takes about as long as compiling this many packages. Measured: docs/decisions/0001.
LINKING = 60


@dataclass(frozen=True)
class Progress:
    """Packages, of which `done` have had their turn, and programs still to be linked.

    Their number tells the time no worse than the size of their source: measured, docs/decisions/0001.
    """

    packages: int
    unlinked: int
    done: int = 0
    elapsed: float = 0.0

    def compiled(self, elapsed: float) -> "Progress":
        """Count one more package, `elapsed` seconds after the begin."""
        return replace(self, done=self.done + 1, elapsed=elapsed)

    def linked(self) -> "Progress":
        """Count a program that is finished."""
        return replace(self, unlinked=self.unlinked - 1)

    def remaining(self) -> float | None:
        """Estimate the seconds still to go, from the rate so far; None while nothing honest can be said."""
        if self.elapsed < SETTLED or self.done == 0:
            return None
        return self.elapsed * (self.packages - self.done + LINKING * self.unlinked) / self.done

    def line(self) -> str:
        """Put it into words."""
        return f"{self.done} of {self.packages} packages, {in_words(self.remaining())}"


def in_words(seconds: float | None) -> str:
    """Say how long something will take, no more exactly than an estimate can be."""
    if seconds is None:
        return "estimating the time"
    if seconds < 50:
        return "less than a minute to go"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'' if minutes == 1 else 's'} to go"
