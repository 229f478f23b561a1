import pytest

from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from tests.helpers.scenes import Scene, dialogue

ASKED = "5 people who speak were asked for; 2 can be told apart"


@pytest.mark.parametrize(
    ("count", "notes"),
    [
        (SpeakerCount(speakers=5), (ASKED,)),
        (SpeakerCount(least=5), (ASKED,)),
        (SpeakerCount(speakers=2), ()),
        (SpeakerCount(most=5), ()),
    ],
)
def test_fewer_people_than_were_asked_for_are_told(count, notes):
    assert Scene(said=dialogue("AB", 4)).assembled(count=count).timeline.notes == notes
