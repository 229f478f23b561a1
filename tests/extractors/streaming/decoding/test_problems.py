from mraf.extractors.streaming.decoding.problems import Problems


def test_the_first_of_a_kind_is_told_and_the_others_counted():
    problems = Problems()
    assert problems.told() == () and problems.first() is None
    problems.note("sound", "Invalid data", 61.24)
    problems.note("sound", "other", 70.0)
    problems.note("file", "Input/output error", 80.0)
    assert problems.first() == "Invalid data"
    assert problems.told() == (
        "sound: cannot be decoded in 2 places, first at 61.2 s (Invalid data)",
        "file: cannot be read at 80.0 s (Input/output error)",
    )
