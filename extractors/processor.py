"""The processor of this machine: what it is called, and in which precision it computes fastest."""

import platform
from functools import cache
from pathlib import Path

from mraf.errors import MrafError, UsageError, choices

PRECISIONS = ("auto", "single", "bfloat16")
"""Precisions of the encoders' arithmetic on a CPU; "auto" is bfloat16 where that is fast."""

_CPUINFO = Path("/proc/cpuinfo")


def name() -> str:
    """Return the name of the processor, as its maker has it."""
    return _read().get("model name") or platform.processor() or platform.machine()


def flags() -> frozenset[str]:
    """Return the instruction sets of the processor by Linux's names; none on other systems."""
    return frozenset(_read().get("flags", "").split())


def has_amx() -> bool:
    """Return True for a processor with matrix units (AMX) that multiply in bfloat16."""
    return {"amx_tile", "amx_bf16"} <= flags()


def choose_precision(wanted: str) -> str:
    """Return "single" or "bfloat16" for one of `PRECISIONS`.

    Raises UsageError for another word, and for bfloat16 on a processor that cannot compute in it.
    """
    if wanted not in PRECISIONS:
        raise UsageError(f"There is no precision '{wanted}' {choices(wanted, PRECISIONS)}")
    if wanted == "auto":
        return "bfloat16" if has_amx() else "single"
    known = flags()
    if wanted == "bfloat16" and known and not _can_bfloat16(known):
        raise UsageError(
            f"--precision bfloat16: this processor ({name()}) has neither AMX nor AVX-512, and cannot "
            "compute in bfloat16. Leave the option out, or say --precision single."
        )
    return wanted


def refuse_or_remark(precision: str, device: str) -> str | None:
    """Return a line for people where this processor is slow at what it is asked for; else None.

    Args:
        precision: one of `PRECISIONS`.
        device: of the encoders; only "cpu" computes on the processor.

    Raises UsageError as `choose_precision` does.
    """
    if device != "cpu":
        if precision == "bfloat16":
            return f"--precision is of the arithmetic on a CPU; on {device} it is half precision."
        return None
    choose_precision(precision)
    known = flags()
    if precision == "bfloat16" and known and not has_amx() and "avx512_bf16" not in known:
        return (
            "bfloat16 is slower than single precision on this processor, which has no AMX; leave "
            "--precision out for the fastest."
        )
    if platform.machine() == "x86_64" and known and "avx2" not in known:
        return f"This processor ({name()}) has no AVX2: extraction takes several times as long."
    return None


def require(instructions: str, what: str, instead: str) -> None:
    """Raise MrafError where the processor is known to lack a set of instructions.

    A library that was built for them would end the process without a word.

    Args:
        instructions: Linux's name of the set, e.g. "avx".
        what: needs them, for the message.
        instead: the remedy, for the message.
    """
    known = flags()
    if known and platform.machine() == "x86_64" and instructions not in known:
        raise MrafError(
            f"{what} cannot run on this processor ({name()}): it has no {instructions.upper()}. "
            f"{instead}"
        )


def _can_bfloat16(known: frozenset[str]) -> bool:
    return "avx512bw" in known or has_amx()


@cache
def _read() -> dict[str, str]:
    """Return the fields of the first processor in Linux's list; none on other systems."""
    try:
        text = _CPUINFO.read_text("utf-8", "replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}
