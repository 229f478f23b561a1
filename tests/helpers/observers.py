"""Stand-ins for the networks that look at and listen to long files: they say what they were given."""

import threading

import numpy as np

from mraf.extractors.streaming.parts import FaceTrack, Heard, Seen
from mraf.pipeline.timeline.observation.observers import Observers


class Ears:
    """One window a second, whose vector is the mean and the spread of its sound."""

    def __init__(self):
        self.calls = []  # start, stop, seconds of sound

    def observe(self, wave, start, stop):
        self.calls.append((start, stop, len(wave) / 16_000))
        starts = np.arange(start, stop, 1.0)
        pieces = [wave[round((at - start) * 16_000) :][: 3 * 16_000] for at in starts]
        vectors = np.array([[[p.mean(), p.std()]] * 3 for p in pieces], np.float32)
        return Heard(
            starts=starts,
            activity=np.zeros((len(starts), 5, 3), np.uint8),
            vectors=vectors.reshape(len(starts), 3, 2),
            seconds=np.ones((len(starts), 3), np.float32),
            mfcc=np.zeros((0, 13), np.float32),
        )


class Eyes:
    """One track a part, with the brightness of each picture as a box."""

    def __init__(self):
        self.slices = []
        self.speech = []
        self.threads = set()
        self._part = []
        self.begun = []  # the parts before
        self._size = (0, 0)

    def begin(self, before=None):
        self.begun.append(before)
        self._part = []

    def find(self, slice_):
        self.threads.add(threading.get_ident())
        return [float(picture.mean()) for picture in slice_.colour]

    def add(self, slice_, faces, speech):
        self.slices.append(slice_.start)
        self.speech.append(speech)
        self._part += list(zip(slice_.looks, faces, strict=True))
        if len(slice_.grey):
            self._size = slice_.grey.shape[1:]

    def finish(self):
        ticks = np.array([tick for tick, _ in self._part])
        level = np.array([level for _, level in self._part], np.float32)
        self._part = []
        track = FaceTrack(
            times=ticks / 25,
            boxes=np.repeat(level[:, None], 4, 1),
            probability=np.ones(len(ticks), np.float32),
            size=20.0,
            vectors=np.zeros((0, 4), np.float32),
            vector_times=np.zeros(0),
            lips=np.full((3, 128), np.nan, np.float16),
            first_tick=int(ticks[0]),
            picture=b"\xff\xd8",
        )
        height, width = self._size
        return Seen(tracks=(track,), cuts=np.zeros(0), width=width, height=height)


def watching(ears=None, eyes=None, speech=None):
    """A function that returns stand-ins, as `observe` takes it."""
    made = Observers(sound=ears or Ears(), picture=eyes or Eyes(), speech=speech)
    return lambda: made
