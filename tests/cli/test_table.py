import numpy as np
import pytest

from skmix.cli.errors import InputError
from skmix.cli.table import read_table

NAN = float("nan")


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(content):
        path = tmp_path / "d.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path.relative_to(tmp_path))

    return read


@pytest.mark.parametrize(
    ("content", "names", "data"),
    [
        ("a,b\n1,2\n3,4\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("a,b\n1,2\n3,4", ["a", "b"], [[1, 2], [3, 4]]),
        ("a,b\r\n1,2\r\n3,4\r\n\r\n\r\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("a,b\r1,2\r3,4\r", ["a", "b"], [[1, 2], [3, 4]]),
        ('\ufeff"a","b, c"\n1,2\n', ["a", "b, c"], [[1, 2]]),
        ('"a ""x""", "two\nlines"\n1,2\n', ['a "x"', "two lines"], [[1, 2]]),
        ("\n\n a , b \n 1 , 2e-3 \n\n3,-4\n", ["a", "b"], [[1, 2e-3], [3, -4]]),
        ("a,b\n1,\nNA,nan\n,4\nNaN,na\n", ["a", "b"], [[1, NAN], [NAN, NAN], [NAN, 4], [NAN, NAN]]),
        ('a\n1\n\n""\n4\n\n\n', ["a"], [[1], [NAN], [NAN], [4]]),
    ],
    ids=["plain", "no-end", "crlf", "cr", "bom", "quotes", "blanks", "missing", "one-column"],
)
def test_read(read, content, names, data):
    table = read(content)
    assert table.names == names
    assert table.notes == []
    assert table.data.dtype == np.float64
    np.testing.assert_array_equal(table.data, data)


def test_columns_left_out(read):
    table = read(",x,species,y,void\n1,1,cat,,\n2,2,NA,5,NA\n3,3,,6,\n")
    assert table.names == ["x", "y"]
    np.testing.assert_array_equal(table.data, [[1, NAN], [2, 5], [3, 6]])
    assert table.notes == [
        "column 1 has no name and is left out",
        "column 'species' holds text and is left out",
        "column 'void' is empty and is left out",
    ]


def test_names_that_are_numbers_are_noted(read):
    (note,) = read("1.5,2\n3,4\n").notes
    assert "the names of all columns are numbers" in note


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "d.csv is empty: a line with the names of the columns is needed"),
        ("\n \n", "d.csv is empty: a line with the names of the columns is needed"),
        ("a,b\n", "d.csv has a header but no rows"),
        ("a,b\n\n\n", "d.csv has a header but no rows"),
        ("a\n\n\n", "d.csv has a header but no rows"),
        ("a,b, a\n1,2,3\n", "d.csv, line 1: two columns are named 'a'"),
        ("a,b\n1,2\n3\n", "d.csv, line 3: 1 cell, but the header has 2 columns"),
        ("a,b\n1,2\n\n3,4,5\n", "d.csv, line 4: 3 cells, but the header has 2 columns"),
        ("a,b\n1,2\n3,four\n", "d.csv, line 3, column 'b': cannot read 'four' as a finite number"),
        ("a,b\nx,2\n3,y\n1,1\n", "d.csv, line 2, column 'a': cannot read 'x' as a finite number"),
        ("a,b\n1,2\n3,inf\n", "d.csv, line 3, column 'b': cannot read 'inf' as a finite number"),
        ("a\n1\n1e999\n", "d.csv, line 3, column 'a': cannot read '1e999' as a finite number"),
        ("a\n1\n1_0\n", "d.csv, line 3, column 'a': cannot read '1_0' as a finite number"),
        ('a,b\n1,"2\n\n"\n3,x\n', "d.csv, line 5, column 'b': cannot read 'x' as a finite number"),
        ("a\n1\n" + "z" * 99 + "\n", f"d.csv, line 3, column 'a': cannot read '{'z' * 37}...' as a finite number"),
        ('a,b\n1,"2\n3,4\n', "d.csv, line 2: a quotation mark is never closed"),
        ('a,b\n1,"2"3\n', "d.csv, line 2: ',' expected after '\"'"),
        (b"a,b\n1,2\n3,\xff\n", "d.csv, line 3: byte 0xff is not UTF-8 text"),
        ("a\n1\n".encode("utf-16"), "d.csv, line 1: byte 0xff is not UTF-8 text"),
        ("s,t\nx,y\n,\n", "d.csv has no numeric column"),
        (",\n1,2\n", "d.csv has no numeric column"),
        ("a;b\n1;2\n", "d.csv has no numeric column (is it separated by ';'? Commas are expected)"),
        (
            "a;b\n1,5;2,5\n",
            "d.csv, line 2: 3 cells, but the header has 1 column (is it separated by ';'? Commas are expected)",
        ),
    ],
)
def test_refused(read, content, message):
    with pytest.raises(InputError) as caught:
        read(content)
    assert str(caught.value) == message


def test_no_such_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    with pytest.raises(InputError, match=r"^cannot read nope\.csv: No such file or directory$"):
        read_table(Path("nope.csv"))
    with pytest.raises(InputError, match=r"^cannot read \.: "):
        read_table(Path("."))
