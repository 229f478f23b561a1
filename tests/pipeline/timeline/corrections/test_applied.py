"""Timelines after corrections."""

from dataclasses import replace

from mraf.pipeline.timeline.corrections.applied import applied, corrected, with_numbers_of
from mraf.pipeline.timeline.corrections.edits import rename_of, split_of
from mraf.pipeline.timeline.timeline import Turn
from tests.helpers.conversations import conversation, person, track

TALK = conversation()


def names(timeline) -> list[str]:
    return [each.name for each in timeline.people]


def said(timeline, name) -> list[tuple[float, float]]:
    return [(t.start, t.end) for t in timeline.turns if t.speaker == name]


def of(timeline, name):
    return next(each for each in timeline.people if each.name == name)


def test_a_stranger_gets_a_name_and_the_others_keep_their_numbers():
    found = corrected(TALK, rename_of("unknown 1=Bob", TALK))
    assert names(found) == ["Ann", "Bob", "unknown 2"]
    bob = of(found, "Bob")
    assert (bob.unknown, bob.named_by, bob.probability, bob.seconds) == (False, "hand", None, 22.5)
    assert said(found, "Bob") == said(TALK, "unknown 1") and bob.picture
    assert [t.speaker for t in found.tracks] == ["Ann", "Bob", "Ann", "Bob", None]
    assert corrected(found, rename_of("Bob=unknown", found)).people[1].name == "unknown 3"


def test_a_wrong_name_is_taken_away():
    found = corrected(TALK, rename_of("Ann=unknown", TALK))
    assert names(found) == ["unknown 3", "unknown 1", "unknown 2"]
    nobody = found.people[0]
    assert (nobody.unknown, nobody.named_by, nobody.probability) == (True, None, None)


def test_two_become_one():
    found = corrected(TALK, rename_of("unknown 2=unknown 1", TALK))
    assert names(found) == ["Ann", "unknown 1"]
    assert said(found, "unknown 1") == [(10.5, 30.0), (52.0, 60.0)]
    assert of(found, "unknown 1").seconds == 27.5 and not any(t.overlap for t in found.turns)
    assert of(found, "unknown 1").named_by is None
    found = corrected(TALK, rename_of("unknown 1=Ann", TALK))
    assert names(found) == ["Ann", "unknown 2"] and of(found, "Ann").named_by == "hand"
    assert of(found, "Ann").seconds == 52.5 and of(found, "Ann").picture
    assert [round(t.overlap, 3) for t in found.turns] == [0.0, 1.0, 1.0, 0.0, 0.0]


def test_turns_of_a_part_become_anothers():
    found = corrected(TALK, split_of("Ann@40-55=unknown", TALK))
    assert names(found) == ["Ann", "unknown 1", "unknown 2", "unknown 3"]
    assert said(found, "Ann") == [(0.0, 10.0), (30.0, 40.0)]
    assert said(found, "unknown 3") == [(40.0, 50.0)]
    assert of(found, "unknown 3").seconds == 10.0 and of(found, "Ann").seconds == 20.0
    # Less than half of the face lies there: it stays Ann's, who is not seen speaking then.
    assert [t.speaker for t in found.tracks][2] == "Ann"
    assert [t.track for t in found.turns if t.speaker == "unknown 3"] == [None]
    found = corrected(TALK, split_of("Ann@25-55=Bob", TALK))
    assert [t.speaker for t in found.tracks][2] == "Bob"
    assert [t.track for t in found.turns if t.speaker == "Bob"] == [2]
    assert names(found) == ["Ann", "unknown 1", "unknown 2", "Bob"]


def test_a_part_goes_to_somebody_who_is_there_and_slivers_stay():
    found = corrected(TALK, split_of("unknown 1@24.9-60=Ann", TALK))
    assert said(found, "unknown 1") == [(10.5, 25.0)]
    assert said(found, "Ann") == [(0.0, 10.0), (30.0, 50.0), (52.0, 60.0)]
    everything = corrected(TALK, split_of("unknown 2@0-60=Ann", TALK))
    assert names(everything) == ["Ann", "unknown 1"]  # nothing is left of the second
    assert said(everything, "Ann") == [(0.0, 10.0), (24.0, 50.0)]


def again(before, after, *edits):
    """What a later run makes of the corrections of an earlier one."""
    kept = []
    for make in edits:
        edit = make(before)
        kept.append(edit)
        before = corrected(before, edit)
    return before, *applied(after, kept)


def test_corrections_are_made_again_in_the_same_timeline():
    by_hand, found, notes = again(
        TALK,
        TALK,
        lambda t: rename_of("unknown 1=Bob", t),
        lambda t: split_of("Ann@30-60=unknown", t),
        lambda t: rename_of("unknown 2=Bob", t),
        lambda t: rename_of("unknown 3=Eve", t),
    )
    assert found == by_hand and notes == [] and set(names(found)) == {"Ann", "Bob", "Eve"}


def test_people_are_found_by_their_times_where_numbers_are_others():
    others = {"unknown 1": "unknown 2", "unknown 2": "unknown 1"}
    swapped = replace(
        TALK,
        people=tuple(replace(p, name=others.get(p.name, p.name)) for p in TALK.people),
        turns=tuple(replace(t, speaker=others.get(t.speaker, t.speaker)) for t in TALK.turns),
        tracks=tuple(replace(t, speaker=others.get(t.speaker, t.speaker)) for t in TALK.tracks),
    )
    _, found, notes = again(TALK, swapped, lambda t: rename_of("unknown 1=Bob", t))
    assert said(found, "Bob") == said(TALK, "unknown 1") and notes == []
    _, found, _ = again(TALK, swapped, lambda t: rename_of("Ann=unknown 2", t))
    assert said(found, "unknown 1") == [(0.0, 10.0), (24.0, 50.0)]


def test_what_cannot_be_made_again_is_told():
    other = conversation(
        people=(person("unknown 1"),),
        turns=(Turn(start=70.0, end=80.0, speaker="unknown 1"),),
        tracks=(),
    )
    _, found, notes = again(TALK, other, lambda t: rename_of("unknown 1=Bob", t))
    assert found == other and notes == [
        "a correction could not be made again, as nobody speaks or is seen then: unknown 1=Bob"
    ]


def of_lengths(*turns, tracks=(), **more):
    """A timeline in which people speak for some seconds, one after the other."""
    made, at = [], 0.0
    for name, seconds in turns:
        made.append(Turn(start=at, end=at + seconds, speaker=name))
        at += seconds + 1.0
    speakers = dict.fromkeys([*(name for name, _ in turns), *(t.speaker for t in tracks)])
    people = tuple(person(name) for name in speakers)
    return conversation(
        **{"turns": tuple(made), "people": people, "tracks": tuple(tracks), "duration": at, **more}
    )


def test_a_correction_of_one_does_not_name_a_bigger_one_who_is_one_with_them_now():
    """Else minutes of somebody else have the name that was given to one minute, by hand, in silence."""
    talk = of_lengths(("unknown 1", 60.0), ("Host", 3000.0), ("Host", 3000.0))
    fewer = of_lengths(("Host", 60.0), ("Host", 3000.0), ("Host", 3000.0))
    edit = rename_of("unknown 1=Bob", talk)
    by_hand, found, notes = again(talk, fewer, lambda t: rename_of("unknown 1=Bob", t))
    assert found == fewer and notes == [
        "a correction could not be made again, as whoever speaks and is seen then is mostly somebody else: "
        "unknown 1=Bob"
    ]
    # Nor the next time, when the earlier timeline has them as one, too; and it is made where they are two again.
    assert applied(found, [edit]) == (fewer, notes)
    assert applied(talk, [edit]) == (by_hand, [])


def test_names_of_two_who_are_one_voice_now_are_not_put_in_each_others_place():
    talk = of_lengths(("unknown 1", 60.0), ("unknown 2", 60.0))
    makes = (lambda t: rename_of("unknown 1=Ann", t), lambda t: rename_of("unknown 2=Bob", t))
    one = of_lengths(("unknown 1", 60.0), ("unknown 1", 60.0))
    _, found, notes = again(talk, one, *makes)
    assert names(found) == ["unknown 1"] and [note[-13:] for note in notes] == [
        "unknown 1=Ann",
        "unknown 2=Bob",
    ]
    talk = of_lengths(("unknown 1", 80.0), ("unknown 2", 60.0))
    one = of_lengths(("unknown 1", 80.0), ("unknown 1", 60.0))
    _, found, notes = again(talk, one, *makes)
    assert names(found) == ["Ann"] and len(notes) == 1 and "unknown 2=Bob" in notes[0]


def test_a_voice_and_a_face_of_two_names_that_are_one_now_have_the_first():
    talk = of_lengths(("unknown 1", 60.0), tracks=[track("unknown 2", 0, 300)], duration=400.0)
    linked = of_lengths(("unknown 1", 60.0), tracks=[track("unknown 1", 0, 300)], duration=400.0)
    makes = (lambda t: rename_of("unknown 1=Bob", t), lambda t: rename_of("unknown 2=Eve", t))
    _, found, notes = again(talk, linked, *makes)
    assert names(found) == ["Bob"] and len(notes) == 1 and "unknown 2=Eve" in notes[0]


def test_a_name_that_was_taken_away_is_not_there_anyhow():
    talk = of_lengths(("Ann", 60.0), ("unknown 1", 500.0))
    fewer = of_lengths(("unknown 1", 60.0), ("unknown 1", 500.0))
    assert again(talk, fewer, lambda t: rename_of("Ann=unknown", t))[1:] == (fewer, [])


def test_two_whom_somebody_has_made_one_may_be_one_voice_now():
    talk = of_lengths(("unknown 1", 40.0), ("unknown 2", 60.0), ("unknown 3", 30.0))
    one = of_lengths(("unknown 1", 40.0), ("unknown 1", 60.0), ("unknown 3", 30.0))
    _, found, notes = again(talk, one, lambda t: rename_of("unknown 1=unknown 2", t))
    assert found == one and notes == []
    two = renamed(talk, {"unknown 2": "Ann"})
    _, found, notes = again(two, one, lambda t: rename_of("unknown 1=Ann", t))
    assert said(found, "Ann") == [(0.0, 40.0), (41.0, 101.0)] and notes == []


def test_one_who_is_not_found_alone_is_not_made_one_with_another():
    talk = of_lengths(("unknown 1", 40.0), ("unknown 2", 60.0), ("unknown 3", 500.0))
    fewer = of_lengths(("unknown 1", 40.0), ("unknown 2", 60.0), ("unknown 2", 500.0))
    _, found, notes = again(talk, fewer, lambda t: rename_of("unknown 1=unknown 2", t))
    assert found == fewer and len(notes) == 1 and "one of the two cannot be found" in notes[0]


def test_only_the_part_of_a_split_counts():
    talk = of_lengths(("unknown 1", 40.0), ("unknown 2", 400.0))
    one = of_lengths(("unknown 1", 40.0), ("unknown 1", 400.0))
    _, found, notes = again(talk, one, lambda t: split_of("unknown 1@0-40=Bob", t))
    assert said(found, "Bob") == [(0.0, 40.0)] and notes == []
    _, found, notes = again(talk, one, lambda t: split_of("unknown 1@0-=Bob", t))
    assert found == one and len(notes) == 1


def test_what_a_file_has_grown_by_does_not_count():
    talk = of_lengths(("unknown 1", 60.0), ("unknown 2", 10.0))
    grown = of_lengths(("unknown 1", 60.0), ("unknown 2", 10.0), ("unknown 1", 500.0))
    _, found, notes = again(talk, grown, lambda t: rename_of("unknown 1=Bob", t))
    assert names(found) == ["Bob", "unknown 2"] and notes == []


def test_a_voice_whose_face_was_found_since_is_still_the_same():
    turns = (("unknown 1", 60.0), ("unknown 2", 10.0))
    talk = of_lengths(*turns, tracks=[track("unknown 3", 0, 300)], duration=1000.0)
    linked = replace(talk, people=talk.people[:2], tracks=(track("unknown 1", 0, 300),))
    _, found, notes = again(talk, linked, lambda t: rename_of("unknown 1=Bob", t))
    assert names(found) == ["Bob", "unknown 2"] and notes == []
    # Of somebody who was seen then, the face counts as much.
    seen = replace(linked, tracks=(track("unknown 1", 0, 60),))
    other = replace(linked, tracks=(track("unknown 1", 0, 900),))
    _, found, notes = again(seen, other, lambda t: rename_of("unknown 1=Bob", t))
    assert found == other and len(notes) == 1


def test_the_model_may_know_the_name_by_now():
    named = corrected(TALK, rename_of("unknown 1=Bob", TALK))
    named = replace(named, people=(named.people[0], person("Bob"), named.people[2]))
    _, found, notes = again(TALK, named, lambda t: rename_of("unknown 1=Bob", t))
    assert found == named and notes == []


def test_people_keep_their_numbers_and_new_ones_come_behind():
    other = {"unknown 1": "unknown 2", "unknown 2": "unknown 1"}
    now = replace(
        TALK,
        people=(
            *(replace(p, name=other.get(p.name, p.name)) for p in TALK.people),
            person("unknown 3"),
        ),
        turns=(
            *(replace(t, speaker=other.get(t.speaker, t.speaker)) for t in TALK.turns),
            Turn(start=70.0, end=80.0, speaker="unknown 3"),
        ),
        tracks=(),
    )
    found = with_numbers_of(TALK, now)
    assert names(found) == ["Ann", "unknown 1", "unknown 2", "unknown 3"]
    assert said(found, "unknown 1") == said(TALK, "unknown 1")
    gone = with_numbers_of(corrected(TALK, rename_of("unknown 2=Bob", TALK)), now)
    assert names(gone) == ["Ann", "unknown 1", "unknown 2", "unknown 3"]


def test_many_turns_take_no_time():
    """20,000 turns, as in a day: every turn with each other would be 400 million looks."""
    turns = tuple(
        Turn(start=4.0 * i, end=4.0 * i + 4.5, speaker=f"unknown {1 + i % 3}")
        for i in range(20_000)
    )
    people = tuple(person(f"unknown {i}") for i in (1, 2, 3))
    talk = conversation(turns=turns, people=people, tracks=(), duration=80_001.0)
    found = corrected(talk, rename_of("unknown 3=unknown 1", talk))
    assert len(names(found)) == 2 and of(found, "unknown 1").seconds > 50_000


def renamed(timeline, names):
    """The same timeline, as the model would name people another time."""
    return replace(
        timeline,
        people=tuple(
            replace(person(names[p.name]), seconds=p.seconds) if p.name in names else p
            for p in timeline.people
        ),
        turns=tuple(replace(t, speaker=names.get(t.speaker, t.speaker)) for t in timeline.turns),
        tracks=tuple(replace(t, speaker=names.get(t.speaker, t.speaker)) for t in timeline.tracks),
    )


def test_two_become_one_only_where_somebody_said_so():
    """The model takes another for whom a correction named, now: else all that this one says were the first's."""
    later = renamed(TALK, {"unknown 2": "Bob"})
    for how in ("unknown 1=Bob", "unknown 1@10-26=Bob"):
        make = split_of if "@" in how else rename_of
        _, found, notes = again(TALK, later, lambda t, how=how, make=make: make(how, t))
        assert of(found, "Bob").named_by == "hand" and (24.0, 30.0) not in said(found, "Bob")
        (other,) = {t.speaker for t in found.turns if (t.start, t.end) == (24.0, 30.0)}
        assert other.startswith("unknown ") and of(found, other).named_by is None
        (note,) = notes
        assert "'Bob' is whom a correction calls so" in note and "first appears at 0:24" in note


def test_a_merge_is_made_again_with_the_one_of_whom_it_was_said():
    """Ann of then is not known any more, and the model takes somebody else for her."""
    later = renamed(TALK, {"Ann": "unknown 1", "unknown 1": "Ann"})
    _, found, notes = again(TALK, later, lambda t: rename_of("unknown 2=Ann", t))
    assert said(found, "Ann") == [(0.0, 10.0), (24.0, 50.0)] and len(notes) == 1
    assert sorted(names(found)) == ["Ann", "unknown 3"]
    assert said(found, "unknown 3") == [(10.5, 25.0), (52.0, 60.0)]
    # The model gives her name to the one of two who are one by hand.
    later = renamed(TALK, {"Ann": "unknown 2", "unknown 2": "Ann"})
    _, found, notes = again(TALK, later, lambda t: rename_of("unknown 2=Ann", t))
    assert said(found, "Ann") == [(0.0, 10.0), (24.0, 50.0)] and notes == []


def test_a_name_that_was_taken_back_by_hand_is_the_models_again():
    later = renamed(TALK, {"unknown 2": "Bob"})
    for second in ("Bob=unknown", "Bob=Robert"):
        _, found, notes = again(
            TALK,
            later,
            lambda t: rename_of("unknown 1=Bob", t),
            lambda t, second=second: rename_of(second, t),
        )
        assert said(found, "Bob") == [(24.0, 30.0)] and notes == []
        assert of(found, "Bob") == of(later, "Bob")
    # Unless somebody has said who it is.
    _, found, notes = again(
        TALK,
        later,
        lambda t: rename_of("unknown 1=Bob", t),
        lambda t: rename_of("unknown 2=Cy", t),
    )
    assert said(found, "Cy") == [(24.0, 30.0)] and notes == []


def test_names_by_hand_that_are_one_stay_one_where_the_first_cannot_be_found():
    def merged(timeline):
        return rename_of("unknown 2=Bob", timeline)

    made = corrected(TALK, rename_of("unknown 1=Bob", TALK))
    edit = replace(merged(made), name_speech=((70.0, 80.0),), name_seen=())
    found, notes = applied(made, [edit])
    assert names(found) == ["Ann", "Bob"] and notes == []


def test_hundreds_of_people_take_no_time(monkeypatch):
    """Spans of all were gathered for each two people: 7 minutes for 1,000 people of eight turns."""
    from mraf.pipeline.timeline.corrections import times

    looks = 0
    before = times._spans

    def counted(people, kind):
        nonlocal looks
        looks += len(people)
        return before(people, kind)

    monkeypatch.setattr(times, "_spans", counted)
    people = tuple(person(f"unknown {i + 1}") for i in range(1000))
    turns = tuple(
        Turn(start=2.0 * i, end=2.0 * i + 1.5, speaker=people[i % 1000].name) for i in range(8000)
    )
    talk = conversation(people=people, turns=turns, tracks=(), duration=16_000.0)
    assert with_numbers_of(talk, talk) == talk
    assert looks == 4000
