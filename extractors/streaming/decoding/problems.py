"""What cannot be read of a file, for people: the first place of each kind, and how many there are."""

from dataclasses import dataclass, field


@dataclass
class Problems:
    """Problems of the picture, the sound and the file, as they are met."""

    _found: dict[str, tuple[int, float, str]] = field(default_factory=dict)

    def note(self, kind: str, text: str, time: float) -> None:
        """Note a problem of a kind at a time in s; of each kind the first is told, and the others counted."""
        count, first, told = self._found.get(kind, (0, time, text))
        self._found[kind] = (count + 1, first, told)

    def told(self) -> tuple[str, ...]:
        """Return them in words, as `picture: cannot be decoded at 61.2 s (Invalid data)`."""
        return tuple(_told(kind, *found) for kind, found in self._found.items())

    def first(self) -> str | None:
        """Return the text of the first problem, None without one."""
        return next((text for _, _, text in self._found.values()), None)


def _told(kind: str, count: int, first: float, text: str) -> str:
    places = f"in {count} places, first " if count > 1 else ""
    verb = "read" if kind == "file" else "decoded"
    return f"{kind}: cannot be {verb} {places}at {first:.1f} s ({text})"
