import shutil

from mraf.pipeline.identification import Identifier
from tests.helpers.described_clips import PAIR, clip
from tests.pipeline.people.enrolment.test_enrol import clips_of, rows_of


def test_an_identifier_knows_at_once_who_is_enrolled_and_who_is_forgotten(workspace, tmp_path):
    new = clip(tmp_path / "t" / "f.mp4", "fay")
    with Identifier(workspace, encoders=PAIR) as identifier:
        assert identifier(new).candidates[0].speaker != "Fay"
        report = identifier.enrol("Fay", clips_of(tmp_path, "fay"))
        assert report.new and identifier.speakers[-1] == "Fay"
        assert identifier(new).candidates[0].speaker == "Fay"
        with Identifier(workspace, encoders=PAIR) as other:
            assert other.speakers == identifier.speakers
            assert identifier.forget("Fay").clips == 2
            assert "Fay" not in identifier.speakers and "Fay" in other.speakers
            other.reload()
            assert "Fay" not in other.speakers
    assert rows_of(workspace, speaker="Fay") == []


def test_a_model_that_lies_elsewhere_forgets_too(workspace, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "m"
    shutil.copytree(workspace / "models" / "prototypes", elsewhere)
    with Identifier(workspace, model=str(elsewhere), encoders=PAIR) as identifier:
        report = identifier.forget("ben")
        assert report.models == ("prototypes", str(elsewhere)) and report.untouched == {}
        assert "ben" not in identifier.speakers
