from dataclasses import replace

import numpy as np
import pytest

from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.errors import UsageError
from mraf.extractors.weights import PUBLISHED as WEIGHTS
from mraf.pipeline.fingerprints import (
    check_encoders,
    check_fits,
    dims_of,
    encoders_of,
    fingerprint_of,
)
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
    assert dims_of(MADE) == (128, 192) and dims_of(PUBLISHED) == (512, 192)


def test_tracks_of_files_neither_mix_features_nor_keep_models_from_them(labels_of):
    asked = replace(MADE, audio_track="2", video_track=1)
    assert fingerprint_of(labels_of(MADE, asked)) == MADE
    assert check_fits(asked, MADE, what="these", model="m") == ()
    assert check_fits(MADE, asked, what="these", model="m") == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"voice_weights": "9"}, "mixes encoders .*voice=campplus@9"),
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
    with pytest.raises(
        UsageError, match="face=x@0.1.0 voice=campplus@92f2, and this version.*no such encoder"
    ):
        dims_of(replace(MADE, face="x"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"face": "facenet"}, "'m' was trained on .* face=dlib.*but the table are of face=facenet"),
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
        (
            PUBLISHED,
            replace(EXTRACTED, face_weights="0"),
            r"--face facenet --voice ecapa with their published weights\.$",
        ),
    ],
)
def test_other_mixtures_with_published_vectors_are_refused(trained, found, said):
    with pytest.raises(UsageError, match=said):
        check_fits(trained, found, what="the table", model="m")


EARLIER = replace(PUBLISHED, face_weights="polysim", voice_weights="polysim")


@pytest.mark.parametrize("found", [PUBLISHED, EXTRACTED])
@pytest.mark.parametrize("check", [check_encoders, check_fits])
def test_a_model_of_an_earlier_import_is_to_be_trained_again(check, found):
    with pytest.raises(UsageError, match="import the features and train again") as caught:
        check(EARLIER, found, what="the table", model="m")
    assert "'m'" in str(caught.value) and "--face" not in str(caught.value)
    assert check_fits(EARLIER, EARLIER, what="the table", model="m") == ()


def test_an_earlier_import_is_to_be_renewed_for_a_model_of_a_later_one():
    with pytest.raises(UsageError, match="imported the table .* import them again") as caught:
        check_fits(PUBLISHED, EARLIER, what="the table", model="m")
    assert "--face" not in str(caught.value)


def test_the_encoders_of_a_model_are_known_without_their_weights():
    pair = encoders_of(PUBLISHED, model="m")
    assert (pair.face.weights, pair.voice.weights) == (None, None)
    assert (pair.face.sha256, pair.voice.sha256) == tuple(
        WEIGHTS[name].sha256 for name in ("facenet", "ecapa")
    )
    assert encoders_of(MADE, model="m").face.sha256 is None


OLD = replace(MADE, voice="ge2e", voice_weights="0.1.4")


@pytest.mark.parametrize(
    ("trained", "found", "said"),
    [
        (
            OLD,
            MADE,
            "The model 'm' was trained on .*voice=ge2e@0.1.4, and GE2E was .*into a new work",
        ),
        (
            MADE,
            OLD,
            "The table were made with .*voice=ge2e@0.1.4, and GE2E was .*into a new workspace",
        ),
    ],
)
def test_features_and_models_of_an_encoder_that_is_gone_say_so(trained, found, said):
    with pytest.raises(UsageError, match=said) as caught:
        check_fits(trained, found, what="the table", model="m")
    assert "cannot be compared" not in str(caught.value)
    with pytest.raises(
        UsageError, match="GE2E was an encoder of earlier versions of mraf. Extract"
    ):
        dims_of(OLD)
    with pytest.raises(
        UsageError, match=r"GE2E was .*extract` into a new workspace .*`mraf train`"
    ):
        encoders_of(OLD, model="m")


@pytest.mark.parametrize("change", [{"face": "x"}, {"voice": "ecapa2"}])
def test_a_model_of_encoders_that_are_gone_is_refused(change):
    said = "'m' was trained on vectors of .*no such encoder .*dlib.*campplus.*`mraf train`"
    with pytest.raises(UsageError, match=said):
        encoders_of(replace(MADE, **change), model="m")


def test_a_table_of_published_and_extracted_vectors_is_refused_with_the_remedy(labels_of, tmp_path):
    said = "mixes vectors that POLY-SIM publishes .*`mraf polysim import` into one"
    with pytest.raises(UsageError, match=said):
        fingerprint_of(labels_of(PUBLISHED, EXTRACTED))
    with pytest.raises(UsageError, match=said):
        train(tmp_path)
