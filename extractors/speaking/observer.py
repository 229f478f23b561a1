"""Look at the pictures of a file, slice by slice: cuts, faces that are followed, and their lips."""

import numpy as np

from mraf.extractors import encoders, processor
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.face.looks import LookFinder
from mraf.extractors.face.mtcnn import Faces
from mraf.extractors.speaking.lr_asd import LipReader
from mraf.extractors.speaking.part import Part
from mraf.extractors.streaming.parts import Seen
from mraf.extractors.streaming.slices import Slice
from mraf.extractors.weights import Weights


class PictureObserver:
    """Finds cuts and faces in the slices of a file, follows the faces and reads their lips.

    Args:
        pair: the encoders; that of the face is used.
        lr_asd: weights of LR-ASD; without them no lips are read.
        device: "cpu", or a device of torch.
        threads: of each network, on a CPU.
        precision: "auto", "single" or "bfloat16" of the arithmetic on a CPU.
    """

    def __init__(
        self,
        pair: EncoderPair,
        lr_asd: Weights | None,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "auto",
    ) -> None:
        chosen = processor.choose_precision(precision)
        self._finder = LookFinder(device, threads)
        self._encoder = encoders.build(pair.face, device, threads, chosen)
        self._reader = LipReader(lr_asd, device, threads, chosen) if lr_asd else None
        self._part = Part(self._encoder, self._reader)

    def find(self, piece: Slice) -> list[Faces]:
        """Return the faces in each look of a slice; several threads may call it ahead of time."""
        return self._finder.find(piece.colour)

    def add(self, piece: Slice, faces: list[Faces], speech: np.ndarray | None = None) -> None:
        """Take in the next slice.

        Args:
            piece: the slice, which follows the one before.
            faces: what `find` returns for it.
            speech: `[K]` bool: true where speech may be heard at a tick; None: anywhere. Lips are read there
                and shortly before and after.
        """
        self._part.add(piece, faces, speech)

    def begin(self, before: Seen | None = None) -> None:
        """Let go of all that came; the next slice follows the part `before`, or begins a file."""
        self._part = Part(self._encoder, self._reader, before)

    def finish(self) -> Seen:
        """Close all tracks and return what was seen; the next slice begins another part."""
        seen = self._part.finish()
        self.begin(seen)
        return seen
