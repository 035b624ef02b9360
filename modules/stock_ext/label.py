# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from stdnum import ean

from caravan.report import Report
from trytond.i18n import gettext

from .exceptions import LabelError


class LabelReport(Report):
    "Labels with the code as text, as barcode and as QR"

    @classmethod
    def get_context(cls, records, header, data):
        context = super().get_context(records, header, data)
        if 'barcode' not in context or 'qrcode' not in context:
            raise LabelError(gettext('stock_ext.msg_label_barcode'))
        context['labels'] = [cls.label(r) for r in records]
        return context

    @classmethod
    def label(cls, record):
        """Return the dictionary of what stands on the label of record.

        Its keys are title, text, code, the symbology of its barcode as
        python-barcode names it, None when no barcode can hold the code, and
        what its QR code holds.
        """
        code = cls.code(record)
        if not code:
            raise LabelError(gettext(
                    'stock_ext.msg_label_code', record=record.rec_name))
        symbology = 'code128' if code.isascii() else None
        if code.isdigit() and len(code) == 13 and ean.is_valid(code):
            symbology = 'ean13'
        return {
            'title': cls.title(record),
            'text': cls.text(record),
            'code': code,
            'symbology': symbology,
            'qr': cls.qr(record),
            }

    @classmethod
    def title(cls, record):
        return record.name

    @classmethod
    def code(cls, record):
        return record.code

    @classmethod
    def qr(cls, record):
        return cls.code(record)

    @classmethod
    def text(cls, record):
        return ''


class ProductLabel(LabelReport):
    __name__ = 'product.product.label'

    @classmethod
    def code(cls, product):
        identifier = product.identifier_get({'ean'})
        return identifier.code if identifier else product.code

    @classmethod
    def text(cls, product):
        return ' '.join(filter(None, [
                    product.code, product.default_uom.symbol]))


class LocationLabel(LabelReport):
    __name__ = 'stock.location.label'

    @classmethod
    def text(cls, location):
        "Return the way to the location"
        return ' / '.join(l.name for l in cls._way(location))

    @classmethod
    def _way(cls, location):
        if location.parent:
            yield from cls._way(location.parent)
        yield location
