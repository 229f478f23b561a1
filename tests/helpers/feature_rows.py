"""Rows of a feature table with chosen figures of quality."""

import numpy as np

from mraf.data.table.features import FeatureRow


def row(clip: str, **figures) -> FeatureRow:
    vector = np.ones(3, np.float32)
    return FeatureRow(clip, clip, "h", "x", face=vector, voice=vector, **figures)


def extracted_row(clip: str, size: float, snr: float | None, people: int = 1) -> FeatureRow:
    face = {"face_quality": 0.99, "face_frames": 8, "face_size": size, "faces_seen": people}
    return row(clip, **face, voice_quality=0.9, voice_seconds=3.0, voice_snr=snr)
