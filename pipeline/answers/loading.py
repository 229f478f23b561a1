"""The extractor of a model's clips: its options, and its making in a thread."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ClipExtractor, ExtractOptions
from mraf.fingerprint import Fingerprint
from mraf.pipeline.fingerprints import check_fits


class Loading:
    """An extractor that is made in a thread, for which Ctrl-C does not wait."""

    def __init__(self, make: Callable[[], ClipExtractor]) -> None:
        self._make = make
        self._made: SimpleQueue[ClipExtractor | BaseException] = SimpleQueue()
        self._abandoned = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def result(self) -> ClipExtractor:
        """Return the extractor when it is made, or raise the error of its making."""
        made = self._made.get()
        if isinstance(made, BaseException):
            raise made
        return made

    def abandon(self) -> None:
        """Close the extractor when it is made, without waiting for that."""
        self._abandoned.set()

    def _run(self) -> None:
        try:
            made = self._make()
        except BaseException as error:
            self._made.put(error)
            return
        self._made.put(made)
        if self._abandoned.is_set():
            made.close()


def options_of(
    trained: Fingerprint, pair: EncoderPair, model: str
) -> tuple[ExtractOptions, tuple[str, ...]]:
    """Return the options of the extraction that made a model's features, and notes on their use.

    Where it is not known how the features were extracted, these are the default options.

    Raises UsageError where these encoders and this version of mraf make others.
    """
    options = ExtractOptions()
    if trained.frames is not None and trained.seconds is not None:
        options = ExtractOptions(frames=trained.frames, max_seconds=trained.seconds)
    found = options.fingerprint(pair)
    notes = check_fits(trained, found, what="the features that it would get here", model=model)
    return options, notes
