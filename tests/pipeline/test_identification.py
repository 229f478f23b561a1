from pathlib import Path

import pytest

from mraf.errors import UsageError
from mraf.pipeline import identification
from mraf.pipeline.identification import Identifier, identify
from mraf.pipeline.workspace import Workspace
from tests.pipeline.extraction.test_processes import is_running, wait_until


def test_the_end_of_a_with_block_ends_the_decoder_and_a_later_call_starts_another(
    trained, sample_videos
):
    clip = sample_videos / "person01/Urdu/rec1/01.mp4"
    with Identifier(trained) as identifier:
        before = identifier(clip)
        (decoder,) = identifier._extractor._decoders
        pid = decoder.pid
        assert is_running(pid)
    wait_until(lambda: not is_running(pid))
    assert identifier(clip) == before
    identifier.close()
    assert decoder.pid is None


def test_a_list_of_clips_ends_with_a_closed_identifier(trained, tmp_path, monkeypatch):
    made, plain = [], identification.Identifier

    def make(*arguments, **options):
        made.append(plain(*arguments, **options))
        return made[0]

    monkeypatch.setattr(identification, "Identifier", make)
    (tmp_path / "broken.mp4").write_text("no video")
    (answer,) = identify([tmp_path / "broken.mp4"], workspace=trained)
    assert answer.speaker is None and "broken.mp4" in answer.error
    assert made[0]._extractor._decoders[0].pid is None


def test_the_configuration_of_a_model_is_read_once_and_its_training_clips_never(
    trained, monkeypatch
):
    read, whole = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or whole(path))
    Identifier(trained).close()
    folder = Workspace.at(trained).model()
    of_the_model = sorted(path.name for path in read if path.parent == folder)
    assert of_the_model == ["config.json", "labels.json", "metrics.json", "model.safetensors"]


def test_a_model_of_another_version_of_the_extraction_is_refused(trained, monkeypatch):
    monkeypatch.setattr("mraf.extractors.extractor.RULES", 4)
    with pytest.raises(
        UsageError, match=r"rules=3, but .*rules=4.*Run `mraf extract` and `mraf train`"
    ):
        Identifier(trained)
