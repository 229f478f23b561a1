"""Draw boxes with names, and a lower line with who speaks, into pictures."""

import numpy as np

from mraf.pipeline.timeline.outputs.annotated.lettering import drawable, lettering
from mraf.pipeline.timeline.outputs.annotated.moments import Face, Moments
from mraf.pipeline.timeline.outputs.colours import NOBODY, colour_of
from mraf.pipeline.timeline.timeline import Timeline

_DARK, _PALE = "#14171A", "#B9C0C8"
_ASIDE = "not in the picture"
_SHADE = 0.72  # opacity of what lies behind text
_LEAST_LETTERS = 11  # pixels


class Drawing:
    """Draws what a timeline says of a moment into the picture of that moment."""

    def __init__(self, timeline: Timeline) -> None:
        self._moments = Moments(timeline)
        self._colours = {each.name: colour_of(at) for at, each in enumerate(timeline.people)}
        self._unknown = {each.name for each in timeline.people if each.unknown}
        self.texts = drawable([each.name for each in timeline.people])
        self._has_faces = bool(timeline.tracks)

    def draw(self, picture: np.ndarray, time: float) -> None:
        """Draw into a picture `[H, W, 3]` uint8 RGB, in place.

        Args:
            picture: upright, writable.
            time: seconds from the beginning of the file.
        """
        faces = self._moments.faces(time)
        for face in faces:
            self._face(picture, face)
        self._lower_line(picture, time, {face.name for face in faces})

    def _face(self, picture: np.ndarray, face: Face) -> None:
        height, width = picture.shape[:2]
        x1, y1, x2, y2 = (
            round(side * scale)
            for side, scale in zip(face.box, (width, height, width, height), strict=True)
        )
        colour, ink = self._colours.get(face.name or "", (NOBODY, "#FFFFFF"))
        thin = max(1, round(min(height, width) / 270))
        thickness = 2 * thin if face.speaks else thin
        dashes = 6 * thin if face.name in self._unknown else 0
        _frame(picture, (x1, y1, x2, y2), thickness, colour, dashes)
        if face.name is None:
            return
        size = _letters_of(picture)
        text = lettering(
            self.texts[face.name], size, max(width // 2, 1), ink if face.speaks else "#FFFFFF"
        )
        pad = max(2, size // 4)
        top = y1 - thickness - text.shape[0]
        if top < 0:  # no room above the face
            top = min(y2 + thickness, height - text.shape[0])
        left = max(0, min(x1 - thickness // 2, width - text.shape[1] - 2 * pad))
        behind = (left, top, left + text.shape[1] + 2 * pad, top + text.shape[0])
        _fill(picture, behind, colour if face.speaks else _DARK, 1.0 if face.speaks else _SHADE)
        _paste(picture, text, left + pad, top)

    def _lower_line(self, picture: np.ndarray, time: float, seen: set[str | None]) -> None:
        speaking = {
            turn.speaker: self._moments.is_absent(turn, time, seen)
            for turn in self._moments.turns(time)
        }
        if not speaking:
            return
        height, width = picture.shape[:2]
        size = _letters_of(picture)
        pad = max(3, size // 2)
        parts = [
            (name, self.texts[name], _ASIDE if unseen and self._has_faces else "")
            for name, unseen in speaking.items()
        ]
        lines = [
            [lettering(text, size, width, colour) for text, colour in texts if text]
            for _, *texts in ((n, (t, "#FFFFFF"), (a, _PALE)) for n, t, a in parts)
        ]
        room = width - pad - sum(2 * size + sum(each.shape[1] for each in line) for line in lines)
        if room < 0:  # shorter, without what is said of them
            most = max(1, (width - pad) // len(parts) - 2 * size)
            lines = [[lettering(text, size, most, "#FFFFFF")] for _, text, _ in parts]
        top = height - lines[0][0].shape[0] - pad // 2
        _fill(picture, (0, top, width, height), _DARK, _SHADE)
        left = pad
        for (name, *_), line in zip(parts, lines, strict=True):
            dot = (top + height - size // 2) // 2
            behind = (left, dot, left + size // 2, dot + size // 2)
            _fill(picture, behind, self._colours[name][0], 1.0)
            left += size
            for text in line:
                _paste(picture, text, left, top + pad // 4)
                left += text.shape[1] + size // 2
            left += size


def _letters_of(picture: np.ndarray) -> int:
    return max(_LEAST_LETTERS, round(min(picture.shape[:2]) / 27))


def _frame(
    picture: np.ndarray, box: tuple[int, int, int, int], thickness: int, colour: str, dashes: int
) -> None:
    x1, y1, x2, y2 = box
    step = dashes or max(x2 - x1, y2 - y1, 1) + 2 * thickness
    for x in range(x1 - thickness, x2 + thickness, 2 * step if dashes else step):
        end = min(x + step, x2 + thickness)
        _fill(picture, (x, y1 - thickness, end, y1), colour, 1.0)
        _fill(picture, (x, y2, end, y2 + thickness), colour, 1.0)
    for y in range(y1, y2, 2 * step if dashes else step):
        end = min(y + step, y2)
        _fill(picture, (x1 - thickness, y, x1, end), colour, 1.0)
        _fill(picture, (x2, y, x2 + thickness, end), colour, 1.0)


def _fill(picture: np.ndarray, box: tuple[int, int, int, int], colour: str, opacity: float) -> None:
    x1, y1, x2, y2 = (max(0, side) for side in box)
    area = picture[y1:y2, x1:x2]
    value = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
    if opacity == 1.0:
        area[:] = value
    else:
        area[:] = area * np.float32(1 - opacity) + value * np.float32(opacity)


def _paste(picture: np.ndarray, text: np.ndarray, left: int, top: int) -> None:
    """Put a picture `[h, w, 4]` with opacity onto another; what lies beyond its sides is left out."""
    left, top = max(left, 0), max(top, 0)
    area = picture[top : top + text.shape[0], left : left + text.shape[1]]
    text = text[: area.shape[0], : area.shape[1]]
    opacity = text[..., 3:].astype(np.float32) / 255
    area[:] = area * (1 - opacity) + text[..., :3] * opacity
