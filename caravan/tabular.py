# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Tables that people bring: CSV and text files, XLSX, XLS and ODS sheets.

No database and no Pool: the command line and the import wizards of the
modules read files through this one place.
"""
import csv
import io
import re
from pathlib import Path

__all__ = ['Table', 'TableError', 'guarded', 'write_csv']

DELIMITERS = ',;\t|'
SHEETS = {'.xlsx', '.xlsm', '.xls', '.ods'}
_FORMULA = re.compile(r'^[=+\-@\t\r]')
_NUMBER = re.compile(r'^[+-]?[\d\s().,/-]+$')


class TableError(ValueError):
    "The file can't be read as a table; the message says what to do"


class Table:
    """A file read as a header and rows of cells.

    source is a path or the bytes of the file, name its name where source is
    bytes.  encoding defaults to UTF-8 (with or without BOM) or UTF-16 with
    BOM; fallback is an encoding to try when the text is not UTF-8.
    delimiter defaults to the most frequent of comma, semicolon, tab and bar
    in the header.  sheet is the name of a sheet, the first by default.
    header=False gives every row as data.

    The whole file is checked on opening: TableError is raised before any row
    is given.  Iterating yields (line number, [cells]), line numbers as an
    editor or a spreadsheet shows them; cells of text files are str, those of
    sheets str, float, bool, date, time or datetime; empty rows are left out.
    """

    def __init__(self, source, name=None, encoding=None, delimiter=None,
            sheet=None, header=True, fallback=None):
        if isinstance(source, (str, Path)):
            path = Path(source)
            if not path.is_file():
                raise TableError(f"There is no file {path}.")
            name = name or path.name
        self.source = source
        self.name = name or "table"
        self.encoding = encoding
        self.fallback = fallback
        self.delimiter = delimiter
        self.sheet = sheet
        if Path(self.name).suffix.lower() in SHEETS:
            self._read = self._read_sheet
            self._sheet_rows = self._open_sheet()
        else:
            self._read = self._read_text
            self._find_encoding()
            self._find_delimiter()
        self.header = None
        self.count = 0
        for _, cells in self._rows():
            if header and self.header is None:
                self.header = [str(c).strip() for c in cells]
            else:
                self.count += 1
        self._skip = int(bool(header))
        if header and self.header is None:
            raise TableError(f"{self.name} is empty: it has no header line.")
        if header:
            self._check_header()

    def _check_header(self):
        doubles = sorted({
                c for c in self.header if c and self.header.count(c) > 1})
        if doubles:
            raise TableError(
                f"{self.name} has more than one column "
                f"\"{doubles[0]}\": rename one of them.")

    def __len__(self):
        return self.count

    def __iter__(self):
        rows = self._rows()
        for _ in range(self._skip):
            next(rows)
        yield from rows

    def _rows(self):
        for line, cells in self._read():
            if any(c not in {'', None} for c in cells):
                yield line, cells

    # Text

    def _open(self, encoding, errors='strict'):
        if isinstance(self.source, (bytes, bytearray)):
            return io.TextIOWrapper(
                io.BytesIO(self.source), encoding=encoding, errors=errors,
                newline='')
        return open(
            self.source, encoding=encoding, errors=errors, newline='')

    def _start(self):
        if isinstance(self.source, (bytes, bytearray)):
            return bytes(self.source[:4])
        with open(self.source, 'rb') as file:
            return file.read(4)

    def _find_encoding(self):
        start = self._start()
        if self.encoding:
            candidates = [self.encoding]
        elif start[:2] in {b'\xff\xfe', b'\xfe\xff'}:
            candidates = ['utf-16']
        else:
            candidates = filter(None, ['utf-8-sig', self.fallback])
        problem = None
        for encoding in candidates:
            try:
                with self._open(encoding) as file:
                    while chunk := file.read(1 << 16):
                        if '\0' in chunk:
                            raise TableError(
                                f"{self.name} is not a text file.")
            except UnicodeError as error:
                problem = error
            except LookupError:
                raise TableError(
                    f"There is no encoding \"{encoding}\".") from None
            else:
                self.encoding = encoding
                return
        raise TableError(
            f"{self.name}, line {self._bad_line(encoding)}, is not "
            f"{problem.encoding.upper()} text: name its encoding, for "
            "example cp1251.")

    def _bad_line(self, encoding):
        "Return the number of the first line that is not in encoding"
        with self._open(encoding, errors='replace') as file:
            return next(
                n for n, line in enumerate(file, 1) if '\ufffd' in line)

    def _find_delimiter(self):
        if self.delimiter:
            return
        with self._open(self.encoding) as file:
            first = next((line for line in file if line.strip()), '')
        self.delimiter = max(DELIMITERS, key=first.count)

    def _read_text(self):
        with self._open(self.encoding) as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            line = 1
            try:
                for cells in reader:
                    yield line, [c.strip() for c in cells]
                    line = reader.line_num + 1
            except csv.Error as error:
                raise TableError(
                    f"{self.name}, line {line}: {error}.") from error

    # Sheets

    def _open_sheet(self):
        try:
            from python_calamine import CalamineError, CalamineWorkbook
        except ImportError:
            raise TableError(
                f"Reading {self.name} needs python-calamine: install the "
                "extra \"import\" or save the sheet as CSV.") from None
        source = self.source
        try:
            if isinstance(source, (bytes, bytearray)):
                book = CalamineWorkbook.from_filelike(io.BytesIO(source))
            else:
                book = CalamineWorkbook.from_path(str(source))
        except (CalamineError, OSError) as error:
            raise TableError(
                f"{self.name} can't be read as a sheet: {error}.") from error
        sheet = self.sheet or book.sheet_names[0]
        if sheet not in book.sheet_names:
            raise TableError(
                f"{self.name} has no sheet \"{sheet}\", only "
                + ', '.join(book.sheet_names) + '.')
        return book.get_sheet_by_name(sheet)

    def _read_sheet(self):
        sheet = self._sheet_rows
        first = sheet.start[0] + 1 if sheet.start else 1
        for line, cells in enumerate(
                sheet.to_python(skip_empty_area=True), first):
            yield line, [
                c.strip() if isinstance(c, str) else c for c in cells]


def guarded(value):
    """Return a text cell that no spreadsheet takes for a formula.

    Numbers and phone numbers stay as they are; other texts that start with
    one of = + - @ tab or return get a leading apostrophe (OWASP, CSV
    injection).
    """
    if (isinstance(value, str) and _FORMULA.match(value)
            and not _NUMBER.match(value)):
        return "'" + value
    return value


def write_csv(file, rows):
    "Write rows of cells as CSV into an open text file, formulas guarded"
    writer = csv.writer(file)
    writer.writerows([guarded(c) for c in row] for row in rows)
