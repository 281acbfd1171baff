"""The folder of a scene's pairs: what is there, writing files, records last; no pixels.

A pair is done when its record and all its files are there. Files are written first, each to a
temporary name and then renamed; the record comes last.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...files.writing import remove_partial_files, write_atomically
from .plan import WarpPair
from .record import RECORDS_NAME, PairRecord, read_records


class PairFolder:
    """The folder that holds a scene's pairs and their records.

    Args:
        path: The folder; made when first written to.
        records_name: Name of the file that holds their records.
    """

    def __init__(self, path: Path, records_name: str = RECORDS_NAME):
        self.path, self._records_path = path, path / records_name
        self.records = {record.name: record for record in read_records(path, records_name)}

    def clean(self) -> None:
        """Remove what a killed run left half-written."""
        if self.path.is_dir():
            remove_partial_files(self.path)
            self._rewrite_records()

    def missing_files(self, pair: WarpPair, kinds: Iterable[str], extension: str) -> set[str]:
        """Kinds of the pair's wanted files that are not there."""
        record = self.records.get(pair.name)
        if record is not None and record.rejected:
            return set()
        return {
            kind
            for kind in kinds
            if record is None
            or kind not in record.files
            or not (self.path / pair.file_name(kind, extension)).is_file()
        }

    def write_file(self, name: str, content: bytes) -> None:
        """Write one file of a pair; it is whole or not there."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / name, content)

    def replace_record(self, record: PairRecord) -> None:
        """Append a record; files that only an earlier record of the same pair names go first."""
        self.path.mkdir(parents=True, exist_ok=True)
        before = self.records.get(record.name)
        stale = set(before.files.values()) - set(record.files.values()) if before else set()
        for name in sorted(stale):
            (self.path / name).unlink(missing_ok=True)
        with self._records_path.open("ab") as file:
            size = file.tell()
            try:
                file.write(record.to_line().encode())
                file.flush()
            except OSError:
                file.truncate(size)
                raise
        self.records[record.name] = record

    def finish(self) -> None:
        """Bring the records into their canonical order."""
        if self.records:
            self._rewrite_records()

    def _rewrite_records(self) -> None:
        ordered = sorted(self.records.values(), key=lambda record: record.sort_key)
        content = "".join(record.to_line() for record in ordered).encode()
        path = self._records_path
        if path.is_file() and path.read_bytes() != content:
            write_atomically(path, content)
