"""The networks that observe a file, and their names in its stored parts."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mraf.extractors.encoders import EncoderPair
from mraf.extractors.weights import Weights
from mraf.pipeline.timeline.observation.observers import Observers

if TYPE_CHECKING:
    from mraf.extractors.speaking.lr_asd import Scorer


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The networks by which timelines are made."""

    pair: EncoderPair
    segmentation: Weights
    lr_asd: Weights | None  # None: lips are not looked at
    device: str = "cpu"
    threads: int = 1  # of each network, on a CPU
    precision: str = "auto"

    @property
    def made_by(self) -> str:
        """All that decides what is found in a file, in words."""
        lips = self.lr_asd.sha256[:12] if self.lr_asd else "none"
        heard = self.segmentation.sha256[:12]
        return f"{self.pair.fingerprint.encoders} segmentation={heard} lips={lips}"

    def observers(self) -> Observers:
        """Load those that observe, those of the picture beside those of the sound."""
        from mraf.extractors.speaking.observer import PictureObserver
        from mraf.extractors.turns.windows import SoundObserver
        from mraf.extractors.voice.vad import SpeechFinder

        how: dict[str, Any] = {
            "device": self.device,
            "threads": self.threads,
            "precision": self.precision,
        }

        def ears() -> SoundObserver:
            return SoundObserver(self.pair, self.segmentation, **how)

        with ThreadPoolExecutor(1, "loading") as pool:
            sound = pool.submit(ears)
            picture = PictureObserver(self.pair, self.lr_asd, **how)
            return Observers(
                sound=sound.result(),
                picture=picture,
                speech=SpeechFinder().probability,
                second=cache(ears),
            )

    def scorer(self) -> "Scorer | None":
        """Load the one that tells whose lips speak; None where its weights are not there."""
        from mraf.extractors.speaking.lr_asd import Scorer

        return None if self.lr_asd is None else Scorer(self.lr_asd, self.device)
