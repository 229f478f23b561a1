"""The number of people who speak, as somebody asked for it."""

from dataclasses import dataclass

MOST_NEW = 20
"""Voices that may be added at once, at most, where nobody limits them."""


@dataclass(frozen=True, kw_only=True)
class SpeakerCount:
    """The number of voices that somebody asked for."""

    speakers: int | None = None  # exactly so many, where there is that much speech
    least: int = 1
    most: int | None = None

    def may_fall(self, number: int) -> bool:
        """Return True where there may be one voice less than `number`."""
        return self.speakers is None and number > self.least

    def room(self, number: int) -> int:
        """Return the number of voices that may be added to `number`."""
        if self.speakers is not None:
            return max(0, self.speakers - number)
        return MOST_NEW if self.most is None else max(0, self.most - number)
