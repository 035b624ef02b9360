# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from .engine.table import inert

__all__ = ['InertExportMixin']


class InertExportMixin:
    "Export what people wrote to us as text, never as a formula"
    __slots__ = ()

    @classmethod
    def export_data(cls, records, fields_names, header=False):
        return [
            [inert(v) for v in row]
            for row in super().export_data(
                records, fields_names, header=header)]
