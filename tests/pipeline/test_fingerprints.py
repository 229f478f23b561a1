from dataclasses import replace

import numpy as np
import pytest

from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.errors import UsageError
from mraf.pipeline.fingerprints import check_fits, dims_of, fingerprint_of
from mraf.pipeline.training.train import train
from tests.mraf.test_fingerprint import MADE, PUBLISHED


@pytest.fixture
def labels_of(tmp_path):
    """Labels of a table with a row for each fingerprint."""

    def labels(*made):
        table = FeatureTable(tmp_path / "features")
        with table.writer() as writer:
            for number, each in enumerate(made):
                vector = np.ones(4, np.float32)
                writer.add(
                    FeatureRow(
                        clip=f"{number}",
                        path=f"{number}.mp4",
                        source_hash=f"{number}",
                        extractor=each.to_json(),
                        face=vector,
                        voice=vector,
                    )
                )
        return table.labels()

    return labels


def test_a_table_has_one_fingerprint(labels_of):
    assert fingerprint_of(labels_of(MADE, MADE)) == MADE
    assert dims_of(MADE) == (128, 256) and dims_of(PUBLISHED) == (512, 192)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"voice_weights": "9"}, "mixes encoders .*voice=ge2e@9"),
        ({"rules": 2}, "options or versions .*rules=2.*`mraf extract` on all clips again"),
        ({"frames": 3}, "options or versions .*frames=3"),
    ],
)
def test_a_table_that_mixes_features_is_refused(labels_of, tmp_path, change, said):
    with pytest.raises(UsageError, match=said):
        fingerprint_of(labels_of(MADE, replace(MADE, **change)))
    with pytest.raises(UsageError, match=said):
        train(tmp_path)


def test_encoders_that_are_gone_are_named():
    with pytest.raises(UsageError, match="face=x@0.1.0 voice=ge2e@0.1.4, and this version"):
        dims_of(replace(MADE, face="x"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"face": "x"}, "'m' was trained on vectors of face=dlib.*but the table are of face=x"),
        ({"rules": 4}, "rules=3, but the table are of .*rules=4.*extract` and `mraf train` again"),
    ],
)
def test_a_model_of_other_features_is_refused(change, said):
    assert check_fits(MADE, MADE, what="the table", model="m") == ()
    with pytest.raises(UsageError, match=said):
        check_fits(MADE, replace(MADE, **change), what="the table", model="m")


EXTRACTED = replace(PUBLISHED, polysim=None, frames=3, seconds=9.0, rules=3)


def test_a_model_of_published_vectors_fits_what_its_encoders_extract_with_a_note():
    (note,) = check_fits(PUBLISHED, EXTRACTED, what="the table", model="m")
    assert "POLY-SIM v1" in note and "mraf polysim verify" in note
    assert check_fits(PUBLISHED, PUBLISHED, what="the table", model="m") == ()


@pytest.mark.parametrize(
    ("trained", "found", "said"),
    [
        (EXTRACTED, PUBLISHED, r"frames=3 .* the table are of polysim=v1 .*`mraf train`"),
        (replace(PUBLISHED, polysim="v2"), PUBLISHED, "of polysim=v2 .* are of polysim=v1 "),
        (PUBLISHED, replace(EXTRACTED, face_weights="0"), "--face facenet .*`mraf polysim import`"),
    ],
)
def test_other_mixtures_with_published_vectors_are_refused(trained, found, said):
    with pytest.raises(UsageError, match=said):
        check_fits(trained, found, what="the table", model="m")


def test_a_table_of_published_and_extracted_vectors_is_refused_with_the_remedy(labels_of, tmp_path):
    said = "mixes vectors that POLY-SIM publishes .*`mraf polysim import` into one"
    with pytest.raises(UsageError, match=said):
        fingerprint_of(labels_of(PUBLISHED, EXTRACTED))
    with pytest.raises(UsageError, match=said):
        train(tmp_path)
