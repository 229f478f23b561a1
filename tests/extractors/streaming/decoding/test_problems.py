from mraf.extractors.streaming.decoding.problems import Problem, Problems, merged


def told(problems) -> tuple[str, ...]:
    return tuple(each.told() for each in problems)


def test_the_first_of_a_kind_is_told_and_the_others_counted():
    problems = Problems()
    assert problems.take() == () and problems.first() is None
    problems.note("sound", "Invalid data", 61.24)
    problems.note("sound", "other", 70.0)
    problems.note("file", "Input/output error", 80.0)
    assert problems.first() == "Invalid data"
    assert told(problems.take()) == (
        "sound: cannot be decoded in 2 places, first at 61.2 s (Invalid data)",
        "file: cannot be read at 80.0 s (Input/output error)",
    )
    assert problems.take() == () and problems.first() == "Invalid data"


def test_those_of_several_stretches_are_one_of_each_kind():
    late = Problem(kind="sound", text="late", first=130.0, count=3, seconds=2.0)
    early = Problem(kind="sound", text="early", first=10.0, seconds=1.5, again=True)
    (found,) = merged([late, early])
    assert found == Problem(
        kind="sound", text="early", first=10.0, count=4, seconds=3.5, again=True
    )
    stretch = Problem(kind="stretch", text="the decoder crashed", first=4.0, count=2)
    rest = Problem(kind="rest", text="the decoder crashed", first=60.0)
    assert told([stretch, rest]) == (
        "file: passed over in 2 places, first at 4.0 s (the decoder crashed)",
        "file: from 60.0 s on it is not read (the decoder crashed)",
    )


def test_those_before_the_start_are_an_earlier_passs():
    problems = Problems(start=60.0)
    problems.note("sound", "Invalid data", 59.9)
    assert problems.take() == () and problems.first() == "Invalid data"
    problems.note("sound", "Invalid data", 60.0)
    assert told(problems.take()) == ("sound: cannot be decoded at 60.0 s (Invalid data)",)
