"""How far a build has come and how long it will take, as numbers and as a line of text. Pure."""

from dataclasses import dataclass, replace

# A rate seen over less than this is luck, not a measurement, in seconds.
SETTLED = 15.0


@dataclass(frozen=True)
class Progress:
    """Packages by number, for people; their source in bytes, which tells the time better than their number."""

    packages: int
    packages_done: int
    size: int
    size_done: int
    elapsed: float

    def after(self, size: int, elapsed: float) -> "Progress":
        """Count one more package of that size; 0 is a package that was not expected."""
        counted = self.packages_done + (size > 0)
        return replace(self, packages_done=counted, size_done=self.size_done + size, elapsed=elapsed)

    def linked(self, size: int) -> "Progress":
        """Count a program that has been linked."""
        return replace(self, size_done=self.size_done + size)

    def remaining(self) -> float | None:
        """Estimate the seconds still to go, from the rate so far; None while nothing honest can be said."""
        if self.elapsed < SETTLED or self.size_done == 0:
            return None
        return self.elapsed * (self.size - self.size_done) / self.size_done

    def line(self) -> str:
        """Put it into words."""
        return f"compiled {self.packages_done} of {self.packages} packages, {in_words(self.remaining())}"


def in_words(seconds: float | None) -> str:
    """Say how long something will take, no more exactly than an estimate can be."""
    if seconds is None:
        return "estimating the time"
    if seconds < 50:
        return "less than a minute to go"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'' if minutes == 1 else 's'} to go"
