# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""LibreOffice converts what several users print at the same moment."""
import io
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from odf.opendocument import OpenDocumentText
from odf.text import P

from caravan.report import convert_document, converter
from caravan.testing.environment import require


def document(text):
    "Return the bytes of an ODT with text"
    odt = OpenDocumentText()
    odt.text.addElement(P(text=text))
    result = io.BytesIO()
    odt.write(result)
    return result.getvalue()


class ConversionTestCase(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        require(
            converter(),
            "soffice is missing: install libreoffice-writer-nogui")

    def test_at_once(self):
        "Prints of several users do not wait for or disturb each other"
        documents = [document(f"Print {i}") for i in range(4)]
        with ThreadPoolExecutor(len(documents)) as executor:
            results = list(executor.map(
                    lambda d: convert_document(d, 'odt', 'pdf'), documents))
        for extension, content in results:
            self.assertEqual(extension, 'pdf')
            self.assertTrue(content.startswith(b'%PDF'))

    def test_format(self):
        "A format is given with the extension of its files"
        extension, content = convert_document(
            document("Text"), 'odt', 'docx7')
        self.assertEqual(extension, 'docx')
        self.assertTrue(content.startswith(b'PK'))

    def test_broken(self):
        "What can't be converted is given as it was rendered"
        with self.assertLogs('caravan.report', 'ERROR'):
            result = convert_document(b'text', 'odt', 'unknown')
        self.assertEqual(result, ('odt', b'text'))

    def test_timeout(self):
        "What takes too long is stopped with all that it started"
        with patch('caravan.report.TIMEOUT', 0.01), \
                self.assertLogs('caravan.report', 'ERROR'):
            result = convert_document(
                b'text', 'odt', 'pdf', 'test_timeout')
        self.assertEqual(result, ('odt', b'text'))
        running = subprocess.run(
            ['pgrep', '--full', 'convert-to pdf .*test_timeout[.]odt'],
            capture_output=True, text=True)
        self.assertFalse(running.stdout)
