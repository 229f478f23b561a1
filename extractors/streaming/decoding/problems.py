"""Damage of a file, for people: the first place of each kind, and how many there are."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

_TEXTS = {
    "file": "file: cannot be read {places}at {first:.1f} s ({text})",
    "stretch": "file: passed over {places}at {first:.1f} s ({text})",
    "rest": "file: from {first:.1f} s on it is not read ({text})",
}
_OTHERS = "{kind}: cannot be decoded {places}at {first:.1f} s ({text})"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Damage of one kind in a stretch of a file."""

    kind: str  # "picture", "sound", "file", "stretch" (passed over) or "rest" (not read)
    text: str  # the cause of the first
    first: float  # s
    count: int = 1
    seconds: float = 0.0  # of a file that were passed over, in all
    again: bool = False  # a limit or the machine may be the cause: a later run may fare better

    def told(self) -> str:
        """Return it in words, as `picture: cannot be decoded at 61.2 s (Invalid data)`."""
        places = f"in {self.count} places, first " if self.count > 1 else ""
        text = _TEXTS.get(self.kind, _OTHERS)
        return text.format(kind=self.kind, places=places, first=self.first, text=self.text)


def merged(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return one problem of each kind: the first, with the number of all."""
    found: dict[str, Problem] = {}
    for each in problems:
        known = found.get(each.kind)
        if known is None:
            found[each.kind] = each
            continue
        first = min(known, each, key=lambda one: one.first)
        found[each.kind] = replace(
            first,
            count=known.count + each.count,
            seconds=known.seconds + each.seconds,
            again=known.again or each.again,
        )
    return tuple(found.values())


@dataclass
class Problems:
    """Problems of the picture, the sound and the file, as they are met.

    Those before `start` are an earlier pass's, which is not to be told twice.
    """

    start: float = 0.0  # s
    _new: list[Problem] = field(default_factory=list)
    _first: str | None = None

    def note(self, kind: str, text: str, time: float, *, again: bool = False) -> None:
        """Note a problem of a kind at a time in s."""
        self._first = self._first or text
        if time >= self.start:
            self._new = list(
                merged([*self._new, Problem(kind=kind, text=text, first=time, again=again)])
            )

    def take(self) -> tuple[Problem, ...]:
        """Return those that were met since the last call, one of each kind."""
        found, self._new = tuple(self._new), []
        return found

    def first(self) -> str | None:
        """Return the text of the first problem, None without one."""
        return self._first
