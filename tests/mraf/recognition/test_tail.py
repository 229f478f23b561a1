"""The highest scores of strangers."""

import numpy as np

from mraf.recognition.tail import safe_quantile


def test_one_look_alike_raises_the_threshold():
    logit, speaker = np.linspace(-5, 0, 1000), np.arange(1000) % 10
    alike = np.where(speaker == 0, logit + 4, logit)
    assert safe_quantile(alike, speaker, 0.01) > safe_quantile(logit, speaker, 0.01) + 2
