import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mraf.data.table.export import safe_cell
from mraf.data.table.features import FeatureTable
from tests.data.table.test_features import fill, row


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
    ],
)
def test_formulas_become_text(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["ann", "", "a=1", "1-2", 3, -0.5, None])
def test_other_values_stay_unchanged(value):
    assert safe_cell(value) is value


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_is_read_back_from_the_csv_file(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("export")
    table = fill(FeatureTable(folder / "features"), row("a", speaker=name))
    table.export(folder / "t.csv")
    with (folder / "t.csv").open(encoding="utf-8", newline="") as file:
        (found,) = csv.DictReader(file)
    assert found["speaker"] in (name, f"'{name}")
    assert found["face"] == "1 1 1 1"
