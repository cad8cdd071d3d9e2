"""Files appear whole, with their mode; checksums see what matters."""

from pathlib import Path

from local.files import checksum, read_json, tail, write_atomic


def test_a_secret_file_is_never_open_to_others(tmp_path: Path) -> None:
    write_atomic(tmp_path / "key", "s3cret")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_half_a_json_file_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"pid": 1')
    assert read_json(tmp_path / "a.json") is None
    assert read_json(tmp_path / "missing.json") is None


def test_a_folder_s_checksum_changes_with_names_and_bytes_only(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "a.py").write_text("1")
    before = checksum(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"x")
    (folder / "a.py").touch()
    assert checksum(folder) == before
    (folder / "a.py").rename(folder / "b.py")
    renamed = checksum(folder)
    (folder / "b.py").write_text("2")
    assert len({before, renamed, checksum(folder)}) == 3


def test_parts_do_not_run_into_each_other() -> None:
    assert checksum("ab", "c") != checksum("a", "bc")


def test_tail_gives_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("\n".join(str(number) for number in range(10_000)) + "\n")
    assert tail(log, 3) == ["9997", "9998", "9999"]
    assert tail(tmp_path / "none.log", 3) == []
