import os
import sys

import pytest

from skmix.cli.errors import InputError
from skmix.cli.outputs import Output


def test_appears_at_the_end(tmp_path):
    target = tmp_path / "out.csv"
    with Output(target) as output:
        output.write(lambda path: path.write_text("new"))
        assert not target.exists()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_failure_leaves_the_old_file(tmp_path):
    def fail(path):
        path.write_text("half")
        raise KeyboardInterrupt

    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), Output(target) as output:
        output.write(fail)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_failing_to_write_is_bad_input(tmp_path):
    def fill_the_disk(path):
        raise OSError(28, "No space left on device")

    target = tmp_path / "out.csv"
    with pytest.raises(InputError, match=r"cannot write .*out\.csv: No space left on device"), Output(target) as output:
        output.write(fill_the_disk)
    assert os.listdir(tmp_path) == []


def test_refused_before_anything_is_done(tmp_path):
    with pytest.raises(InputError, match="it is a directory"), Output(tmp_path):
        pytest.fail("entered")
    with pytest.raises(InputError, match="No such file or directory"), Output(tmp_path / "no" / "out.csv"):
        pytest.fail("entered")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
def test_files_that_are_not_regular(tmp_path):
    with pytest.raises(InputError, match="it is not a regular file"), Output(tmp_path.__class__(os.devnull)):
        pytest.fail("entered")
    link, target = tmp_path / "link.csv", tmp_path / "target.csv"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    with Output(link) as output:
        output.write(lambda path: path.write_text("new"))
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
