"""Speech synthesis by espeak-ng, called through ctypes.

espeak-ng keeps one global state and is not thread safe: use it from one thread of a process.
"""

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from mraf.errors import MissingError

_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1


def synthesise(
    text: str, *, variant: str, rate: int, pitch: int, pitch_range: int
) -> tuple[npt.NDArray[np.int16], int]:
    """Speak a text and return the sound [N] and its sample rate.

    The library never resets the phase of its oscillators, not even in espeak_Terminate, so its output
    depends on earlier utterances. Loading it again for each utterance (about 5 ms) makes the speech a
    function of its arguments.

    Args:
        text: what is spoken.
        variant: language and voice variant, such as "en+m3".
        rate: words a minute.
        pitch: base pitch, 0 to 100.
        pitch_range: 0 to 100, monotone to lively.
    """
    import _ctypes

    try:
        import espeakng_loader

        library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        data = str(espeakng_loader.get_data_path()).encode()
    except (ImportError, OSError) as error:
        raise MissingError(
            f"espeak-ng cannot be loaded ({error}); run: pip install espeakng-loader"
        ) from error
    pieces: list[npt.NDArray[np.int16]] = []

    def collect(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 200, data, _DONT_EXIT)
    if sample_rate <= 0:
        raise MissingError("espeak-ng does not start; run: pip install -U espeakng-loader")
    try:
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # by default the clock is the seed
        callback_type = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        callback = callback_type(collect)  # ctypes itself holds no reference to it
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(variant.encode()) != 0:
            raise MissingError(
                f"espeak-ng has no voice {variant!r}; run: pip install -U espeakng-loader"
            )
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode() + b"\0"
        size = ctypes.c_size_t(len(encoded))
        library.espeak_Synth(encoded, size, 0, 0, 0, _UTF8, None, None)
    finally:
        library.espeak_Terminate()
        unload = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary  # type: ignore[attr-defined]
        unload(library._handle)
    return np.concatenate(pieces or [np.zeros(1, np.int16)]), sample_rate
