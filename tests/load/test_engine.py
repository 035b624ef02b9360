# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import io
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from pathlib import Path

from proteus import Model

from caravan import cli
from caravan.errors import Failure
from caravan.load import convert
from caravan.load.convert import Format
from caravan.load.engine import Column, Loader, Row
from caravan.load.mapping import Mapping
from caravan.testing import activate_modules
from trytond.modules.company.tests.tools import create_company
from trytond.tests.test_tryton import drop_db


class Countries(Loader):
    "Countries, a small model that refuses bad rows"
    model = 'country.country'
    modules = ['country']
    key = 'code'
    columns = [
        Column('code', required=True),
        Column('name', required=True),
        Column('population', convert.integer)]
    size = 4

    def known(self, keys):
        return set(self.find('country.country', 'code', keys))

    def values(self, rows):
        return [
            (r, {'code': r['code'], 'name': r['name']}) for r in rows]


class EngineTestCase(unittest.TestCase):
    "Test the engine of caravan load"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = activate_modules(
            ['company', 'country'], create_company)
        cls.addClassCleanup(drop_db)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, text, name='rows.csv', encoding='utf-8'):
        path = self.folder / name
        path.write_text(text, encoding=encoding)
        return path

    def load(self, text, mapping=None, **kwargs):
        path = self.write(text)
        loader = Countries(self.config, **kwargs)
        result = loader.load(path, mapping, progress=False)
        rejects = self.folder / 'rows.csv.rejects.csv'
        return result, rejects.read_text() if rejects.exists() else ''

    def test_load(self):
        "Good rows come in once, bad rows go out with their reason"
        text = (
            'code,name,population\n'
            'QA,Alpha,1\n'
            'QB,Beta,many\n'
            'QC,,3\n'
            'QA,Again,4\n'
            'QD,Delta\n'
            'QE,Epsilon,\n')
        result, rejects = self.load(text)
        self.assertEqual(result, (2, 0, 4))
        self.assertEqual(rejects.splitlines()[1:], [
                '3,population,"""many"" is not a number",QB,Beta,many',
                '4,name,is empty,QC,,3',
                '6,,has 2 cells where the header has 3,QD,Delta',
                '5,code,"""QA"" stands twice in the file",QA,Again,4'])
        result, again = self.load(text)
        self.assertEqual(result, (0, 2, 4))
        self.assertEqual(again, rejects)

    def test_refused_by_server(self):
        "A refused slice loses only the row that is bad"
        rows = ''.join(f'X{i},Name {i}\n' for i in range(10))
        result, rejects = self.load(
            'code,name\n' + rows.replace('X5', 'X55'))
        self.assertEqual(result, (9, 0, 1))
        self.assertIn('X55', rejects)
        self.assertIn('Code', rejects)

    def test_dry_run(self):
        result, _ = self.load('code,name\nZZ,Zed\n', dry_run=True)
        self.assertEqual(result, (1, 0, 0))
        Country = Model.get('country.country')
        self.assertFalse(Country.find([('code', '=', 'ZZ')]))

    def test_mapping(self):
        path = self.write(
            '[columns]\ncode = "Kürzel"\n'
            '[constants]\nname = "Unnamed"\n'
            '[values.code]\n"one" = "QO"\n', 'map.toml')
        result, _ = self.load('Kürzel\none\n', Mapping.read(path))
        self.assertEqual(result, (1, 0, 0))
        Country = Model.get('country.country')
        country, = Country.find([('code', '=', 'QO')])
        self.assertEqual(country.name, "Unnamed")

    def test_bad_mapping(self):
        for text, words in [
                ('[columns', "not TOML"),
                ('[column]\na = 1', "unknown part"),
                ('[format]\ntimezone = "Moon"', "unknown time zone"),
                ('[format]\ncomma = "x"', "unknown part")]:
            with self.subTest(text), self.assertRaisesRegex(Failure, words):
                Mapping.read(self.write(text, 'map.toml'))
        with self.assertRaisesRegex(Failure, "names \"nose\""):
            self.load('code,name\n', Mapping(columns={'nose': 'x'}))

    def test_bad_file(self):
        "Nothing is written where the file as a whole is bad"
        Country = Model.get('country.country')
        before = len(Country.find())
        for text, words in [
                ('name\nx\n', "has no column \"code\""),
                ('', "is empty"),
                ('code,name\nQX,"open\n', "line 2: unexpected end"),
                ('code,name,name\n', "more than one column")]:
            with self.subTest(text), self.assertRaisesRegex(Failure, words):
                self.load(text)
        self.assertEqual(len(Country.find()), before)

    def test_encoding(self):
        path = self.write('code,name\nQU,Украина\n', encoding='cp1251')
        loader = Countries(self.config)
        with self.assertRaisesRegex(Failure, "is not UTF-8"):
            loader.load(path, progress=False)
        loader.load(
            path, Mapping(file={'encoding': 'cp1251'}), progress=False)
        self.assertEqual(loader.loaded, 1)

    def test_inactive_module(self):
        loader = Countries(self.config)
        loader.modules = ['fleet']
        with self.assertRaisesRegex(Failure, "fleet is not active"):
            loader.load(self.write('code,name\n'), progress=False)

    def test_formula_in_rejects(self):
        _, rejects = self.load('code,name\n,=1+1\n')
        self.assertIn("'=1+1", rejects)


class CommandTestCase(unittest.TestCase):
    "Test the command line: one clear line and an exit code"

    def run_command(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = cli.main(arguments)
            except SystemExit as stop:
                code = stop.code
        return code, out.getvalue(), err.getvalue()

    def test_failures(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, 'rows.csv')
            file.write_text('a\n')
            two = Path(folder, 'two.txt')
            two.write_text('one\ntwo\n')
            for arguments, words in [
                    (['load', 'dragons', file], "no kind \"dragons\""),
                    (['load', 'parties', 'nowhere.csv'], "no file nowhere"),
                    (['load', 'parties', file], "Name the database"),
                    (['load', 'parties', file, '-d', 'x', '-c', 'no.conf'],
                        "no configuration file"),
                    (['load', 'parties', file, '-d', 'no such'],
                        "no database \"no such\""),
                    (['load', 'parties', file, '--url', 'ftp://x'],
                        "not an address"),
                    (['load', 'parties', file,
                        '--url', 'http://127.0.0.1:9/x/',
                        '--password-file', two], "exactly one line"),
                    (['check'], "Name a database")]:
                with self.subTest(words):
                    code, out, err = self.run_command(*map(str, arguments))
                    self.assertEqual(code, 2)
                    self.assertEqual(len(err.splitlines()), 1)
                    self.assertIn(words, err)

    def test_columns(self):
        code, out, _ = self.run_command('load', 'parties', '--columns')
        self.assertEqual(code, 0)
        self.assertIn('required', out)


class ConvertTestCase(unittest.TestCase):
    "Test the converters"

    def test_values(self):
        format_ = Format()
        german = Format(
            date='%d.%m.%Y', datetime='%d.%m.%Y %H:%M', decimal=',',
            timezone='Asia/Kolkata')
        for converter, cell, format_, result in [
                (convert.text, 7.0, format_, '7'),
                (convert.decimal, '1,234.50', format_, Decimal('1234.50')),
                (convert.decimal, '1.234,50', german, Decimal('1234.50')),
                (convert.decimal, 0.1, format_, Decimal('0.1')),
                (convert.integer, '12', format_, 12),
                (convert.boolean, 'Yes', format_, True),
                (convert.date, '31.12.2026', german, '2026-12-31'),
                (convert.datetime, '2019-03-18 12:19:22', format_,
                    '2019-03-18 12:19:22'),
                (convert.datetime, '18.03.2019 12:00', german,
                    '2019-03-18 06:30:00')]:
            with self.subTest(cell=cell):
                value = converter(cell, format_)
                if isinstance(result, str):
                    value = str(value)
                self.assertEqual(value, result)

    def test_errors(self):
        for converter, cell in [
                (convert.decimal, 'NaN'), (convert.decimal, '1x'),
                (convert.decimal, float('inf')), (convert.integer, '1.5'),
                (convert.boolean, 'perhaps'), (convert.date, '31/12'),
                (convert.datetime, 'soon')]:
            with self.subTest(cell=cell), self.assertRaises(ValueError):
                converter(cell, Format())

    def test_row(self):
        row = Row(2, {'a': 1}, ['1'])
        self.assertEqual((row['a'], row.line), (1, 2))
