import numpy as np
import pytest

from skmix.cli.report import blocks, decimals, hanging, shortened


def test_one_block_is_aligned():
    assert blocks(["component", "0", "10"], [["weight", "0.5", "0.25"], ["a", "-1.5", "10"]]) == [
        "component  weight     a",
        "0             0.5  -1.5",
        "10           0.25    10",
    ]


def test_wide_tables_go_on_below():
    lines = blocks(["k", "0"], [[f"column {i}", str(i)] for i in range(20)])
    assert max(map(len, lines)) <= 80
    assert lines.count("") == 2
    assert [line.split()[0] for line in lines if line] == ["k", "0"] * 3
    assert " ".join(lines).count("column") == 20


def test_a_column_wider_than_the_page_still_has_its_block():
    lines = blocks(["k", "0"], [["w", "1"], ["x" * 30, "2"]], width=20)
    assert lines == ["k  w", "0  1", "", "k  " + "x" * 30, "0  " + "2".rjust(30)]


def test_long_names_keep_both_ends():
    name = "the length of the left hand, in cm (2)"
    assert len(shortened(name)) == 32
    assert shortened(name).startswith("the length of th...")
    assert shortened(name).endswith("in cm (2)")
    assert shortened("short") == "short"


def test_hanging():
    assert hanging("one two three", "label", 8, width=16) == ["label   one two", "        three"]
    assert hanging("", "label", 8) == ["label   "]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([70.89705882, 5.5], ["70.8971", "5.5000"]),
        ([0.0, 0.0], ["0.00000", "0.00000"]),
        ([-123456.7, 1.0], ["-123457", "1"]),
        ([0.00012345678, -1e-7], ["0.000123457", "-0.000000100"]),
        ([2.5e140, 1.0], ["2.50000e+140", "1.00000e+00"]),
        ([2.5e-140, 0.0], ["2.50000e-140", "0.00000e+00"]),
    ],
)
def test_decimals(values, expected):
    assert decimals(np.array(values)) == expected
