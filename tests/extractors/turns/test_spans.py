import numpy as np
import pytest

from mraf.extractors.turns.frames import FRAME, Frames
from mraf.extractors.turns.spans import spans_of, stretches


def frames(speech: list[tuple[float, float]], length: float = 12.0, **more: object) -> Frames:
    time = FRAME * np.arange(int(length / FRAME))
    on = np.zeros(len(time), np.float32)
    for start, stop in speech:
        on[(time >= start) & (time < stop)] = 1
    zero = np.zeros_like(on)
    return Frames(**{"start": 0.0, "speech": on, "overlap": zero, "change": zero} | more)


def test_running_speech_is_cut_into_spans_that_overlap_by_half():
    spans = spans_of(frames([(1, 7)]), 12.0)
    assert np.diff(spans).ravel() == pytest.approx([1.5] * 7)
    assert np.diff(spans[:, 0]) == pytest.approx(np.full(6, 0.75), abs=0.01)
    assert spans[0, 0] == pytest.approx(1, abs=0.05) and spans[-1, 1] == pytest.approx(7, abs=0.05)


def test_a_pause_two_at_once_and_a_change_of_speaker_end_a_span():
    on = frames([(1, 2), (2.5, 3.5), (3.6, 4.6)])
    assert len(spans_of(on, 12.0)) == 3  # 0.1 s is no pause, but 2.1 s are two spans
    overlap, change = np.zeros_like(on.speech), np.zeros_like(on.speech)
    overlap[int(3 / FRAME) : int(3.2 / FRAME)] = 0.9
    change[int(4 / FRAME)] = 1
    cut = spans_of(Frames(start=0.0, speech=on.speech, overlap=overlap, change=change), 12.0)
    assert any(abs(stop - 3) < 0.1 for stop in cut[:, 1])
    assert any(abs(start - 4) < 0.1 for start in cut[:, 0])
    assert not any(start < 3.1 < stop for start, stop in cut)


def test_spans_end_with_the_sound_and_crumbs_are_none():
    spans = spans_of(frames([(1, 1.05), (9, 12)]), 10.0)
    assert spans.max() <= 10.0 and spans.min() > 8.9 and (np.diff(spans) > 0).all()
    assert spans_of(frames([]), 12.0).shape == (0, 2)


def test_stretches_of_true_values():
    assert stretches(np.array([1, 1, 0, 1], bool)).tolist() == [[0, 2], [3, 4]]
    assert stretches(np.zeros(0, bool)).shape == (0, 2)
