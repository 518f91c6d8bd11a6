import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import DataFolderLocked, StoreUnavailable
from storage.lock import LOCK_FILE, DataFolderLock

HOLD = """
import sys
from pathlib import Path
from storage.lock import DataFolderLock
lock = DataFolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""

FORK_AND_HOLD = HOLD.replace(
    'print("held", flush=True)',
    """
import os, time
if os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep(60)
    os._exit(0)
""",
)


def holder(folder: Path, program: str = HOLD) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_owner_is_told_who_has_the_folder_and_what_to_do(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(DataFolderLocked) as refused:
        DataFolderLock(tmp_path)
    for part in (str(tmp_path), str(process.pid), "--data-dir"):
        assert part in str(refused.value)
    end(process)
    DataFolderLock(tmp_path).close()


def test_within_one_process_too(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path), pytest.raises(DataFolderLocked, match=str(os.getpid())):
        DataFolderLock(tmp_path)
    with DataFolderLock(tmp_path):
        pass


def test_a_refused_attempt_does_not_loosen_the_lock(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path):
        with pytest.raises(DataFolderLocked):
            DataFolderLock(tmp_path)
        process = subprocess.run(
            [sys.executable, "-c", HOLD, str(tmp_path)],
            capture_output=True, text=True, input="", check=False,
        )  # fmt: skip
        assert "DataFolderLocked" in process.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_the_system_lets_go_of_a_killed_owners_lock(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / LOCK_FILE).read_text() == str(process.pid)
    with DataFolderLock(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == str(os.getpid())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_that_outlives_a_killed_owner_does_not_keep_the_lock(tmp_path: Path) -> None:
    process = holder(tmp_path, FORK_AND_HOLD)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    try:
        DataFolderLock(tmp_path).close()
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_whatever_lies_in_a_stale_lock_file_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("not a number at all")
    with DataFolderLock(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == str(os.getpid())
    assert (tmp_path / LOCK_FILE).read_text() == ""


def test_the_folder_is_made_and_a_bad_one_is_a_sentence(tmp_path: Path) -> None:
    lock = DataFolderLock(tmp_path / "new" / "folder")
    lock.close()
    lock.close()
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnavailable, match="RAGSTONE_DATA_DIR"):
        DataFolderLock(tmp_path / "file")
