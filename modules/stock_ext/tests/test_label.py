# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import shutil
import subprocess
import tempfile
from pathlib import Path

from caravan.report import converter
from caravan.testing.environment import require
from trytond.modules.stock_ext.code import parse
from trytond.modules.stock_ext.exceptions import LabelError
from trytond.modules.stock_ext.tests.common import (
    StockTestCase, create_lot, create_product)
from trytond.pool import Pool

EAN = '4006381333931'


class LabelTestCase(StockTestCase):
    "Test labels"
    modules = ['stock_ext', 'stock_lot']

    def setUp(self):
        super().setUp()
        Identifier = Pool().get('product.identifier')
        self.plain = create_product("Nut", code='NUT-7')
        self.product = create_product("Bolt", code='BOLT')
        Identifier.create([{
                    'product': self.product.id, 'type': 'ean', 'code': EAN}])

    def scan(self, name, records):
        "Return the sets of (symbology, text) that a scanner reads per page"
        require(converter(), "needs LibreOffice")
        require(shutil.which('zbarimg'), "needs zbarimg of zbar-tools")
        require(shutil.which('pdftoppm'), "needs pdftoppm of poppler-utils")
        Report = Pool().get(name, type='report')
        _, content, _, _ = Report.execute([r.id for r in records], {})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'labels.pdf')
            path.write_bytes(content)
            # As a scanner that looks more than once
            looks = [
                self.look(path, resolution) for resolution in [200, 300, 600]]
            return [set().union(*pages) for pages in zip(*looks)]

    def look(self, path, resolution):
        "Return what is read from each page at a resolution"
        root = path.with_name(f'at_{resolution}')
        subprocess.run(
            ['pdftoppm', '-r', str(resolution), '-png', str(path), str(root)],
            check=True)
        return [
            self.read(page)
            for page in sorted(path.parent.glob(f'{root.name}*.png'))]

    def read(self, page):
        result = subprocess.run(
            ['zbarimg', '-q', '-Sdisable', '-Sean13.enable',
                '-Scode128.enable', '-Sqrcode.enable', str(page)],
            capture_output=True, text=True)
        return {
            tuple(line.split(':', 1)) for line in result.stdout.splitlines()}

    def test_products(self):
        "A scanner reads the EAN or the code, a page per product"
        self.assertEqual(
            self.scan('product.product.label', [self.product, self.plain]), [
                {('EAN-13', EAN), ('QR-Code', EAN)},
                {('CODE-128', 'NUT-7'), ('QR-Code', 'NUT-7')}])

    def test_letters(self):
        "A code that no barcode can hold is in the QR code"
        product = create_product("Гайка", code='ГАЙКА-М8')
        page, = self.scan('product.product.label', [product])
        self.assertEqual(page, {('QR-Code', 'ГАЙКА-М8')})

    def test_locations(self):
        self.assertEqual(
            self.scan('stock.location.label', [self.shelf]),
            [{('CODE-128', 'SHELF'), ('QR-Code', 'SHELF')}])

    def test_lots(self):
        "The QR code of a lot names its product too"
        Line = Pool().get('stock.scan.line')
        lot = create_lot(self.product, 'L-9')
        page, = self.scan('stock.lot.label', [lot])
        qr = f'(01)0{EAN}(10)L-9'
        self.assertEqual(page, {('CODE-128', 'L-9'), ('QR-Code', qr)})
        self.assertEqual(parse(qr).lot, 'L-9')
        found = Line.find([qr])[qr]
        self.assertEqual((found.product, found.lot), (self.product, lot))

    def test_no_code(self):
        with self.assertRaisesRegex(LabelError, "no code"):
            self.print_('product.product.label', [create_product("None")])
