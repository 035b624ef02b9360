# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import csv
import datetime as dt
import io
import unittest

from trytond.modules.crm_party.exceptions import ImportFileError
from trytond.modules.crm_party.kernel import vcard

from .common import CrmTestCase

CSV = """\
Code;Firma;Telefon;Mail;Geburtstag;Land;Betreuer;Farbe
A1;Blue Harbor LLC;+49 30 1234567;info@example.com;01.02.1980;DE;Anna;red
A2;Bad Phone;12;;;;;
A3;Bad Mail;;nobody;;;;
A4;Bad Date;;;32.13.2000;;;
A5;Bad Country;;;;Moon;Nobody;
A6;;;;;;;
A7;ООО Ромашка;;;;;;
A8;Romashka;;;;;;
A9;Known Twin;;;;;;
"""


class ImportTestCase(CrmTestCase):
    "Test import"

    def setUp(self):
        super().setUp()
        self.create('country.country', name="Germany", code='DE')
        self.known = self.create_party("Known Twin Ltd", profile={})

    def open(self, content, name='customers.csv', **values):
        if isinstance(content, str):
            content = content.encode()
        return self.create('crm.import', company=self.company.id,
            file=content, file_name=name, **values)

    def run_import(self, *args, **kwargs):
        Import = self.get('crm.import')
        import_ = self.open(*args, **kwargs)
        Import.preview([import_])
        Import.do([Import(import_.id)])
        return Import(import_.id)

    def parties(self):
        Party = self.get('party.party')
        return {
            (p.code if p.code.startswith('A') else None, p.name)
            for p in Party.search([('crm_profiles.status', '!=', None)])}

    def lines(self, import_):
        return {
            line.name or line.number: (line.action, line.column, line.reason)
            for line in import_.lines}

    def test_preview(self):
        Import = self.get('crm.import')
        import_ = self.open(CSV)
        before = self.parties()
        Import.preview([import_])
        import_ = Import(import_.id)
        self.assertEqual(self.parties(), before)
        self.assertEqual(
            {c.name: c.field for c in import_.columns}, {
                'Code': 'code', 'Firma': 'name', 'Telefon': 'phone',
                'Mail': 'email', 'Geburtstag': 'birth_date',
                'Land': 'country', 'Betreuer': 'manager', 'Farbe': None})
        self.assertEqual(
            [import_.create_count, import_.update_count,
                import_.duplicate_count, import_.error_count],
            [2, 0, 2, 5])
        lines = self.lines(import_)
        for name, column, words in [
                ("Bad Phone", "Phone", "\"12\" is not a phone"),
                ("Bad Mail", "E-mail", "\"nobody\" is not an e-mail"),
                ("Bad Date", "Birth Date", "\"32.13.2000\" is not a date"),
                ("Bad Country", "Country, Manager", "no \"Moon\""),
                (7, "Name", "empty")]:
            with self.subTest(name):
                self.assertEqual(lines[name][:2], ('error', column))
                self.assertIn(words, lines[name][2])
        self.assertIn("row 8", lines["Romashka"][2])
        self.assertIn("Anna", lines["Known Twin"][2])
        rows = list(csv.reader(io.StringIO(
                    bytes(import_.errors).decode('utf-8-sig'))))
        self.assertEqual(len(rows), 8)
        self.assertEqual(rows[1][:2], ['3', "Phone"])
        self.assertEqual(rows[1][3:6], ['A2', "Bad Phone", '12'])

    def test_do_and_undo(self):
        Import = self.get('crm.import')
        before = self.parties()
        import_ = self.run_import(CSV)
        self.assertEqual(self.parties() - before, {
                ('A1', "Blue Harbor LLC"), ('A7', "ООО Ромашка")})
        party, = self.get('party.party').search([('code', '=', 'A1')])
        self.assertEqual(party.birth_date, dt.date(1980, 2, 1))
        self.assertEqual(party.crm_profiles[0].manager, self.manager)
        self.assertEqual(
            {m.value_compact for m in party.contact_mechanisms},
            {'+49301234567', 'info@example.com'})
        self.assertEqual(party.addresses[0].country.code, 'DE')
        Import.undo([import_])
        self.assertEqual(self.parties(), before)

    def test_undo_in_use(self):
        Import = self.get('crm.import')
        import_ = self.run_import(CSV)
        party, = self.get('party.party').search([('code', '=', 'A1')])
        self.plan(party)
        Import.undo([import_])
        party = self.get('party.party')(party.id)
        self.assertFalse(party.active)
        self.assertIn(
            "archived", self.lines(Import(import_.id))[party.name][2])

    def test_update(self):
        Import = self.get('crm.import')
        Party = self.get('party.party')
        self.run_import(CSV)
        party, = Party.search([('code', '=', 'A1')])
        import_ = self.run_import(
            'code,name,email,city,status\n'
            'A1,Blue Harbour,new@example.com,Kiel,blocked\n'
            'A99,Newcomer,,,\n', key='code')
        self.assertEqual(
            (import_.update_count, import_.create_count), (1, 1))
        party = Party(party.id)
        self.assertEqual(party.name, "Blue Harbour")
        self.assertEqual(len(party.contact_mechanisms), 3)
        self.assertEqual(party.crm_profiles[0].status, 'blocked')
        self.assertEqual(len(party.addresses), 2)
        Import.undo([import_])
        party = Party(party.id)
        self.assertEqual(party.name, "Blue Harbor LLC")
        self.assertEqual(len(party.contact_mechanisms), 2)
        self.assertEqual(party.crm_profiles[0].status, 'prospect')
        self.assertEqual(len(party.addresses), 1)
        self.assertFalse(Party.search([('code', '=', 'A99')]))

    def test_update_undo_exact(self):
        "What somebody has changed or added since stays"
        Import = self.get('crm.import')
        Party = self.get('party.party')
        party = self.create_party("Old Name", profile={}, code='A1')
        note = "Calls at noon"
        import_ = self.run_import(
            'code,name,email,status,note,birthday\n'
            f'A1,New Name,new@example.com,blocked,{note},1980-02-01\n',
            key='code')
        party = Party(party.id)
        party.name = "Newer Name"
        party.contact_mechanisms = [
            *party.contact_mechanisms,
            self.get('party.contact_mechanism')(
                type='email', value='later@example.com')]
        party.save()
        profile, = party.crm_profiles
        profile.status = 'customer'
        profile.save()
        Import.undo([import_])
        party = Party(party.id)
        profile, = party.crm_profiles
        self.assertEqual(party.name, "Newer Name")
        self.assertIsNone(party.birth_date)
        self.assertEqual(
            [m.value for m in party.contact_mechanisms],
            ['later@example.com'])
        self.assertEqual((profile.status, profile.note), ('customer', None))

    def test_undo_noted(self):
        "Who got a note since is archived, not deleted"
        Import = self.get('crm.import')
        import_ = self.run_import('name\nJane\n')
        party = import_.lines[0].party
        self.create('ir.note', resource=str(party), message="Likes tea")
        Import.undo([import_])
        self.assertFalse(self.get('party.party')(party.id).active)
        self.assertTrue(self.get('ir.note').search([]))

    def test_create_anyway(self):
        "Rows of one name are several parties if that is wanted"
        content = 'name,city\nJane,Kiel\nJane,Lyon\n'
        self.assertEqual(self.run_import(content).create_count, 1)
        import_ = self.run_import(content, duplicates='create')
        self.assertEqual(import_.create_count, 2)

    def test_lookup(self):
        "What is in capitals here may be in small letters there"
        category = self.create('party.category', name="Wholesale")
        import_ = self.run_import(
            'name,category\nJane,wholesale\nJohn,WHOLESALE\n')
        self.assertEqual(
            [line.party.categories for line in import_.lines],
            [(category,)] * 2)

    def test_undo_merged(self):
        "Who has taken over an imported party stays"
        Import = self.get('crm.import')
        Party = self.get('party.party')
        kept = self.create_party("Jane Doe", profile={})
        import_ = self.run_import('name\nJane\n')
        self.merge(import_.lines[0].party, kept)
        Import.undo([Import(import_.id)])
        self.assertTrue(Party.search([('id', '=', kept.id)]))
        self.assertIn(
            "archived", self.lines(Import(import_.id))["Jane"][2])

    def test_undo_erased(self):
        "Nothing of an erased party is left, nor put back"
        Import = self.get('crm.import')
        party = self.create_party("Jane", profile={}, code='A1')
        import_ = self.run_import(
            'code,name,email\nA1,Jane Doe,jane@example.com\n', key='code')
        self.erase(party)
        line, = Import(import_.id).lines
        self.assertEqual(
            [line.name, line.cells, line.values, line.before], [None] * 4)
        Import.undo([Import(import_.id)])
        self.assertIsNone(self.get('party.party')(party.id).name)

    def test_phones(self):
        "Numbers by the country of the row, wherever its column is"
        self.create('country.country', name="Kazakhstan", code='KZ')
        import_ = self.run_import(
            'name,phone,phone 2,mobile,country\n'
            'Almaty,8 (701) 123-45-67,+1 202 555 0143 ext. 12,'
            '701 123 45 68,KZ\n'
            'Nowhere,701 123 45 67,,,\n')
        self.assertEqual(
            self.lines(import_)["Nowhere"][:2], ('error', "Phone"))
        party = import_.lines[0].party
        self.assertEqual(
            [(m.type, m.value, m.value_compact)
                for m in party.contact_mechanisms], [
                ('phone', '+7 701 123 4567', '+77011234567'),
                ('phone', '+1 202-555-0143 ext. 12', '+12025550143'),
                ('mobile', '+7 701 123 4568', '+77011234568')])

    def test_codes(self):
        "A code that is taken does not stop the import"
        self.create_party("Taken", code='A1')
        import_ = self.run_import(
            'code,name\nA1,One\nA2,Two\nA2,Three\n', duplicates='create')
        self.assertEqual(
            {n: line[:2] for n, line in self.lines(import_).items()}, {
                "One": ('error', "Code"), "Two": ('create', None),
                "Three": ('duplicate', None)})

    def test_mapping(self):
        "A file with the same columns finds its mapping again"
        Import = self.get('crm.import')
        content = 'foo;bar\nJane;jane@example.com\n'
        import_ = self.open(content)
        Import.read_columns([import_])
        for column, field in zip(
                Import(import_.id).columns, ['name', 'email']):
            column.field = field
            column.save()
        import_ = Import(import_.id)
        Import.save_mapping([import_])
        again = self.open(content.replace("Jane", "Joan"))
        Import.preview([again])
        self.assertEqual(
            [c.field for c in Import(again.id).columns], ['name', 'email'])
        self.assertEqual(Import(again.id).create_count, 1)

    def test_formats(self):
        "The same rows from each kind of file"
        from odf.opendocument import OpenDocumentSpreadsheet
        from odf.table import Table, TableCell, TableRow
        from odf.text import P
        from openpyxl import Workbook
        rows = [["Name", "Birthday"], ["Иван", "1980-02-01"]]
        book = Workbook()
        book.active.append(rows[0])
        book.active.append(["Иван", dt.date(1980, 2, 1)])
        xlsx = io.BytesIO()
        book.save(xlsx)
        document = OpenDocumentSpreadsheet()
        table = Table(name="Sheet")
        for row in rows:
            line = TableRow()
            for cell in row:
                element = TableCell(valuetype='string')
                element.addElement(P(text=cell))
                line.addElement(element)
            table.addElement(line)
        document.spreadsheet.addElement(table)
        ods = io.BytesIO()
        document.write(ods)
        text = '\n'.join(','.join(r) for r in rows)
        card = (
            'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Иван\r\n'
            'BDAY:1980-02-01\r\nEND:VCARD\r\n')
        for name, content in [
                ('a.xlsx', xlsx.getvalue()), ('a.ods', ods.getvalue()),
                ('a.csv', text.encode()), ('b.csv', text.encode('cp1251')),
                ('a.vcf', card.encode())]:
            with self.subTest(name):
                import_ = self.run_import(content, name)
                self.assertEqual(import_.create_count, 1)
                party = import_.lines[0].party
                self.assertEqual(party.name, "Иван")
                self.assertEqual(party.birth_date, dt.date(1980, 2, 1))
                self.get('crm.import').undo([import_])

    def test_bad_file(self):
        Import = self.get('crm.import')
        for content, name in [
                (b'', 'a.csv'), (b'PK\x03\x04', 'a.xlsx'),
                (b'foo,bar\n1,2\n', 'a.csv')]:
            with self.subTest(name), self.assertRaises(ImportFileError):
                Import.preview([self.open(content or b' ', name)])

    def test_names(self):
        "Persons in parts, with headings and words of other languages"
        content = '\n'.join([
                'Prénom;Nom;Courriel;Type;Date de naissance',
                'Jean;Dupont;jean@example.com;particulier;01.02.1980',
                ';Transports Martin;info@example.com;Société;'])
        for encoding in ['utf-8', 'utf-8-sig', 'utf-16', 'cp1252']:
            with self.subTest(encoding):
                import_ = self.open(
                    content.encode(encoding))
                self.get('crm.import').preview([import_])
                lines = self.get('crm.import')(import_.id).lines
                self.assertEqual(
                    [(l.name, l.action) for l in lines], [
                        ("Jean Dupont", 'create'),
                        ("Transports Martin", 'create')])
        for header, row, name, kind in [
                ('Vorname,Nachname', 'Eva,Weiß', "Eva Weiß", 'person'),
                ('Фамилия|Имя', 'Иванов|Иван', "Иван Иванов", 'person'),
                ('First Name\tName', 'Ann\tAnn Lee', "Ann Lee", None),
                ('Company,First name,Surname', 'ACME,Ann,Lee', "ACME", None),
                ('Last name', 'Lee', "Lee", 'person')]:
            with self.subTest(header):
                line, = self.run_import(f'{header}\n{row}\n').lines
                self.assertEqual(
                    (line.party.name, line.party.crm_kind), (name, kind))

    def test_many(self):
        "Hundreds of rows in a fixed number of look-ups"
        Import = self.get('crm.import')

        def preview(number):
            import_ = self.open('name,email\n' + ''.join(
                    f'Customer Number {i},c{i}@example.com\n'
                    for i in range(number)))
            import_ = Import(import_.id)
            Import.read_columns([import_])
            Import(import_.id)._get_lines()
        self.assertConstantQueries(preview)


class VcardTestCase(unittest.TestCase):
    "Test vCards"

    def test_read(self):
        text = (
            'BEGIN:VCARD\nVERSION:3.0\nN:Doe;Jane;;;\nFN:Jane\\, Doe\n'
            'ORG:Blue Harbor;Sales\nTEL;TYPE=CELL,VOICE:+49 170 1\n'
            'item1.TEL;TYPE=WORK:+49 30 1\nEMAIL;TYPE=INTERNET:a@b.example\n'
            'ADR;TYPE=WORK:;;Main St. 1;Kiel;;24103;Germany\n'
            'NOTE:first\\nsecond\\, th\n ird\nEND:VCARD\n'
            'BEGIN:VCARD\nVERSION:2.1\n'
            'N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=98=D0=B2;=\n'
            '=D0=90\nBDAY:19800201\nEND:VCARD\n'
            'BEGIN:VCARD\nVERSION:4.0\nFN:Acme\nORG:Acme\nBDAY:soon\n'
            'END:VCARD\nEND:VCARD\nBEGIN:VCARD\nFN:Cut')
        jane, ivan, acme = [card for _, card in vcard.read(text.encode())]
        self.assertEqual(jane, {
                'name': "Jane, Doe", 'kind': 'person',
                'mobile': '+49 170 1', 'phone': '+49 30 1',
                'email': 'a@b.example', 'street': "Main St. 1",
                'city': "Kiel", 'postal_code': '24103',
                'country': "Germany", 'note': "first\nsecond, third"})
        self.assertEqual(ivan, {
                'name': "А Ив", 'kind': 'person',
                'birth_date': dt.date(1980, 2, 1)})
        self.assertEqual(acme, {
                'name': "Acme", 'kind': 'organisation',
                'birth_date': 'soon'})
