import os
import subprocess
import sys

import pytest

import skmix
from skmix.cli import main
from skmix.cli.command import make_parser
from skmix.solvers import SOLVERS


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"skmix {skmix.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["demo", "--help"]])
def test_help(capsys, arguments):
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: skmix")
    assert err == ""


def test_help_names_the_solvers(capsys):
    main(["fit", "--help"])
    assert "{" + ",".join(SOLVERS) + "}" in "".join(capsys.readouterr().out.split())


def test_no_command_prints_help(capsys):
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == make_parser().format_help()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bake"], "invalid choice: 'bake'"),
        (["--bake"], "unrecognized arguments: --bake"),
        (["demo", "now"], "unrecognized arguments: now"),
        (["fit", "d.csv", "--comp", "2"], "--components"),  # no abbreviations: a later option could make them mean two
    ],
)
def test_bad_arguments_get_one_sentence(capsys, arguments, message):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("skmix: error: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes and encodings")
def test_a_reader_that_leaves_and_a_terminal_of_few_letters(tmp_path):
    """`skmix fit … | head` is no error to complain of, nor is a name that ASCII cannot spell."""
    (tmp_path / "d.csv").write_text("größe\n1\n2\n3\n", encoding="utf-8")
    program = "import sys; from skmix.cli import main; sys.exit(main(['fit', 'd.csv', '--components', '1']))"
    run = {"args": [sys.executable, "-c", program], "cwd": tmp_path, "stderr": subprocess.PIPE, "text": True}
    run["env"] = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": os.path.dirname(skmix.__path__[0])}
    reader, writer = os.pipe()
    os.close(reader)
    left = subprocess.run(**run, stdout=writer, check=False)
    os.close(writer)
    assert (left.returncode, left.stderr) == (141, "")
    printed = subprocess.run(**run, stdout=subprocess.PIPE, check=False)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert r"gr\xf6\xdfe" in printed.stdout
