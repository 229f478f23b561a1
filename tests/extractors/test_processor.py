import pytest

from mraf.errors import MrafError, UsageError
from mraf.extractors import processor
from mraf.extractors.encoders import EncoderSpec, build

OLD = "fpu sse4_2"
AVX2 = "fpu sse4_2 avx2"
AVX512 = "fpu sse4_2 avx2 avx512f avx512bw"
AMX = f"{AVX512} amx_bf16 amx_tile"


@pytest.fixture
def on(tmp_path, monkeypatch):
    """Put a processor with some flags in place of the machine's."""
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")

    def put(flags: str) -> None:
        text = f"processor\t: 0\nmodel name\t: Some 9000\nflags\t\t: {flags}\n\nprocessor\t: 1\n"
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
        processor._read.cache_clear()

    yield put
    processor._read.cache_clear()


@pytest.mark.parametrize(
    ("flags", "chosen"), [(OLD, "single"), (AVX2, "single"), (AVX512, "single"), (AMX, "bfloat16")]
)
def test_auto_is_bfloat16_where_the_processor_has_matrix_units(on, flags, chosen):
    on(flags)
    assert processor.choose_precision("auto") == chosen
    assert processor.choose_precision("single") == "single"


def test_bfloat16_is_refused_where_the_processor_cannot_compute_in_it(on):
    on(AVX2)
    with pytest.raises(UsageError, match="Some 9000"):
        processor.choose_precision("bfloat16")


@pytest.mark.parametrize("flags", [AVX512, AMX])
def test_bfloat16_is_taken_where_it_was_asked_for(on, flags):
    on(flags)
    assert processor.choose_precision("bfloat16") == "bfloat16"


def test_a_precision_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="Did you mean 'bfloat16'"):
        processor.choose_precision("bfloat")


@pytest.mark.parametrize(
    ("flags", "precision", "device", "says"),
    [
        (AMX, "bfloat16", "cpu", None),
        (AVX512, "auto", "cpu", None),
        (AVX512, "bfloat16", "cpu", "slower than single precision"),
        (f"{AVX512} avx512_bf16", "bfloat16", "cpu", None),
        (AVX2, "bfloat16", "cuda", "on cuda it is half precision"),
        (OLD, "auto", "cpu", "no AVX2"),
        (OLD, "auto", "cuda", None),
        (AVX2, "auto", "cpu", None),
    ],
)
def test_it_says_where_extraction_will_be_slow(on, flags, precision, device, says):
    on(flags)
    line = processor.refuse_or_remark(precision, device)
    assert line is None if says is None else says in line


def test_a_library_that_the_processor_cannot_run_is_refused_in_words(on):
    on(OLD)
    with pytest.raises(MrafError, match=r"dlib.*Some 9000.*no AVX.*--face facenet"):
        build(EncoderSpec(name="dlib"))
    on(AVX2 + " avx")
    processor.require("avx", "dlib", "")


def test_a_system_that_does_not_list_its_processor_gets_single_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "absent")
    processor._read.cache_clear()
    assert processor.flags() == frozenset() and processor.name()
    assert processor.choose_precision("auto") == "single"
    assert processor.choose_precision("bfloat16") == "bfloat16"  # it may be able to
    assert processor.refuse_or_remark("bfloat16", "cpu") is None
    processor._read.cache_clear()
