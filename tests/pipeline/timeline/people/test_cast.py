from tests.helpers.scenes import Said, Scene, Shot


def test_people_are_in_the_order_in_which_they_are_heard_where_the_sound_comes_late():
    """A face that is seen before a voice is heard, but after what is said was said, came first."""
    said = [
        Said(start=10.05, stop=14, who="N"),
        *(Said(start=15 + 5 * i, stop=19 + 5 * i, who="A") for i in range(10)),
    ]
    shots = [Shot(start=0, stop=10.1), Shot(start=10.1, stop=66, seen="A")]
    found = Scene(said=said, shots=shots, late=0.24).assembled().timeline
    first, second = found.people
    assert found.turns[0].speaker == first.name and not first.seen_seconds
    assert second.seen_seconds > 50
    assert found.tracks[0].times[0] < found.turns[0].start < found.tracks[0].times[0] + 0.24
