"""The command `mraf doctor`."""

from mraf.pipeline.commands.terminal.options import JsonOption, WeightsOption
from mraf.pipeline.commands.terminal.output import count, print_json, show, show_rows


def doctor(weights_dir: WeightsOption = None, as_json: JsonOption = False) -> None:
    """Check the installation: versions, devices, encoders, weights.

    It changes nothing and fetches nothing. Add its output when you report a problem.
    """
    from mraf.pipeline.doctor import examine

    findings = examine(weights_dir)
    if as_json:
        print_json({name: value for name, value, _ in findings})
        return
    show_rows("mraf doctor", ("Part", "Found", "Remark"), findings)
    remarks = sum(bool(remark) for *_, remark in findings)
    show("Everything is in place." if not remarks else f"See {count(remarks, 'remark')} above.")
