# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Each print of the suite, on the demo company, opened by LibreOffice."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from proteus import Model, Report
from proteus.config import set_trytond

import trytond.config
from caravan.testing import demo
from caravan.testing.databases import MODULES
from caravan.testing.environment import require


class PrintsTestCase(unittest.TestCase):
    "Test the prints as a person sees them"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for program, package in [
                ('soffice', 'libreoffice-writer-nogui'),
                ('pdftotext', 'poppler-utils')]:
            require(
                shutil.which(program),
                f"{program} is missing: install {package}")
        cls.folder = Path(cls.enterClassContext(
                tempfile.TemporaryDirectory()))
        database = demo.database(cls.folder)
        trytond.config.set('database', 'path', str(cls.folder))
        cls.config = set_trytond(database.stem)
        cls.artefacts = Path(os.environ.get('CARAVAN_ARTEFACTS', '.artefacts'))
        cls.artefacts = cls.artefacts.absolute() / 'prints'
        shutil.rmtree(cls.artefacts, ignore_errors=True)
        cls.artefacts.mkdir(parents=True)

    def reports(self):
        "Return the prints that start from a record"
        Action = Model.get('ir.action.report')
        return [
            a for a in Action.find([('model', '!=', None)])
            if (a.report or '').split('/')[0] in MODULES]

    def render(self, action):
        "Return the path of the rendered print, None without a record"
        records = Model.get(action.model).find(
            [], order=[('id', 'ASC')], limit=1)
        if not records:
            return None
        extension, content, _, _ = Report(action.report_name).execute(
            records, {
                'id': records[0].id,
                'ids': [records[0].id],
                'model': action.model,
                'action_id': action.action.id,
                })
        path = self.artefacts / f'{action.report_name}.{extension}'
        path.write_bytes(
            content.encode() if isinstance(content, str) else content)
        return path

    def test_prints(self):
        "Each print has a record in the demo, opens and says something"
        reports = self.reports()
        self.assertGreater(len(reports), 12)
        paths = {a.report_name: self.render(a) for a in reports}
        for name, path in paths.items():
            with self.subTest(name):
                self.assertTrue(path, "the demo has no record to print")
        documents = [
            p for p in paths.values() if p and p.suffix != '.pdf']
        subprocess.run([
                'soffice', f'-env:UserInstallation=file://{self.folder}/p',
                '--headless', '--norestore', '--convert-to', 'pdf',
                '--outdir', self.artefacts, *documents],
            check=True, capture_output=True, timeout=300)
        for path in filter(None, paths.values()):
            with self.subTest(path.stem):
                self.assert_readable(path.with_suffix('.pdf'))

    def assert_readable(self, path):
        "Fail unless the PDF has text and shows no error of a template"
        self.assertTrue(path.exists(), "LibreOffice does not open it")
        text = subprocess.run(
            ['pdftotext', '-layout', path, '-'], check=True,
            capture_output=True, text=True).stdout
        self.assertGreater(len(text.split()), 5)
        for mark in ['<py:', '<if', '</for', '${', 'None', 'relatorio://']:
            self.assertNotIn(mark, text)
        subprocess.run(
            ['pdftoppm', '-r', '60', '-png', path, path.with_suffix('')],
            check=True)
