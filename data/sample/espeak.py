"""Speech synthesis by espeak-ng, called through ctypes.

espeak-ng keeps one global state and is not thread safe: use it from one thread of a process.
"""

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from mraf.errors import MissingError


class Engine:
    """One utterance of espeak-ng.

    The library never resets the phase of its oscillators, not even in espeak_Terminate, so its output
    depends on earlier utterances. Loading it again for each utterance (about 5 ms) makes the speech a
    function of its arguments.
    """

    _RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
    _SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1

    def __enter__(self) -> "Engine":
        try:
            import espeakng_loader

            self._library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
            data = str(espeakng_loader.get_data_path()).encode()
        except (ImportError, OSError) as error:
            raise MissingError(
                f"espeak-ng cannot be loaded ({error}); run: pip install espeakng-loader"
            ) from error
        self._pieces: list[npt.NDArray[np.int16]] = []
        self._rate = self._library.espeak_Initialize(self._SYNCHRONOUS, 200, data, self._DONT_EXIT)
        if self._rate <= 0:
            raise MissingError("espeak-ng does not start; run: pip install -U espeakng-loader")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # by default the clock is the seed
        callback_type = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        self._callback = callback_type(self._collect)  # ctypes itself holds no reference to it
        self._library.espeak_SetSynthCallback(self._callback)
        return self

    def __exit__(self, *_: object) -> None:
        import _ctypes

        self._library.espeak_Terminate()
        unload = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary  # type: ignore[attr-defined]
        unload(self._library._handle)

    def _collect(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def synthesise(
        self, text: str, *, variant: str, rate: int, pitch: int, pitch_range: int
    ) -> tuple[npt.NDArray[np.int16], int]:
        """Speak a text and return the sound [N] and its sample rate.

        Args:
            text: what is spoken.
            variant: language and voice variant, such as "en+m3".
            rate: words a minute.
            pitch: base pitch, 0 to 100.
            pitch_range: 0 to 100, monotone to lively.
        """
        library = self._library
        if library.espeak_SetVoiceByName(variant.encode()) != 0:
            raise MissingError(
                f"espeak-ng has no voice {variant!r}; run: pip install -U espeakng-loader"
            )
        pairs = ((self._RATE, rate), (self._PITCH, pitch), (self._RANGE, pitch_range))
        for parameter, value in pairs:
            library.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        size = ctypes.c_size_t(len(data))
        library.espeak_Synth(data, size, 0, 0, 0, self._UTF8, None, None)
        return np.concatenate(self._pieces or [np.zeros(1, np.int16)]), self._rate
