# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from types import SimpleNamespace

from caravan.days import to_local
from caravan.report import Report
from trytond.i18n import gettext
from trytond.model import DeactivableMixin, ModelSQL, ModelView, Unique, fields
from trytond.modules.company import CompanyReport
from trytond.pool import Pool

from .exceptions import LayoutError
from .tools import format_datetime

CONTENTS = [
    (None, ""),
    ('sender', "Sender"),
    ('consignee', "Consignee"),
    ('delivery', "Place of Delivery"),
    ('taking_over', "Place and Date of Taking Over"),
    ('documents', "Documents Attached"),
    ('marks', "Marks and Numbers"),
    ('packages', "Number of Packages"),
    ('packing', "Method of Packing"),
    ('nature', "Nature of the Goods"),
    ('statistical', "Statistical Number"),
    ('gross', "Gross Weight"),
    ('volume', "Volume"),
    ('instructions', "Sender's Instructions"),
    ('payment', "Payment of Carriage"),
    ('cash', "Cash on Delivery"),
    ('carrier', "Carrier"),
    ('vehicles', "Vehicles"),
    ('made_out', "Made Out At and On"),
    ]
_NAMESPACE = '{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}'
DRAW = _NAMESPACE % 'drawing'
SVG = _NAMESPACE % 'svg-compatible'
TEXT = _NAMESPACE % 'text'
# Width and height of the page in millimetres
PAGE = (210, 297)


class CMRLayout(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'fleet.cmr.layout'

    name = fields.Char("Name", required=True, translate=True)
    title = fields.Char("Title", required=True, translate=True)
    statement = fields.Text(
        "Statement", required=True, translate=True,
        help="That the carriage is subject to the Convention, as its "
        "article 6 demands.")
    copies = fields.One2Many('fleet.cmr.copy', 'layout', "Copies")
    boxes = fields.One2Many('fleet.cmr.box', 'layout', "Boxes")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('id', 'ASC')]


class CMRCopy(ModelSQL, ModelView):
    __name__ = 'fleet.cmr.copy'

    layout = fields.Many2One(
        'fleet.cmr.layout', "Layout", required=True, ondelete='CASCADE')
    number = fields.Integer("Number", required=True)
    name = fields.Char(
        "Name", required=True, translate=True, help="Whose copy it is.")
    color = fields.Selection([
            ('red', "Red"),
            ('blue', "Blue"),
            ('green', "Green"),
            ('black', "Black"),
            ], "Color", required=True, sort=False)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('number_unique', Unique(t, t.layout, t.number),
                'fleet.msg_cmr_copy_unique'),
            ]
        cls._order = [('number', 'ASC'), ('id', 'ASC')]


class CMRBox(ModelSQL, ModelView):
    __name__ = 'fleet.cmr.box'

    layout = fields.Many2One(
        'fleet.cmr.layout', "Layout", required=True, ondelete='CASCADE')
    number = fields.Integer("Number", required=True)
    title = fields.Char("Title", required=True, translate=True)
    content = fields.Selection(
        CONTENTS, "Content", sort=False,
        help="What is printed in it, empty to fill it in by hand.")
    x = fields.Float(
        "Left", required=True, digits=(4, 1),
        domain=[('x', '>=', 0), ('x', '<', PAGE[0])],
        help="In millimetres from the left edge of the page.")
    y = fields.Float(
        "Top", required=True, digits=(4, 1),
        domain=[('y', '>=', 0), ('y', '<', PAGE[1])],
        help="In millimetres from the upper edge of the page.")
    width = fields.Float(
        "Width", required=True, digits=(4, 1),
        domain=[('width', '>', 0)], help="In millimetres.")
    height = fields.Float(
        "Height", required=True, digits=(4, 1),
        domain=[('height', '>', 0)], help="In millimetres.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('number_unique', Unique(t, t.layout, t.number),
                'fleet.msg_cmr_box_unique'),
            ]
        cls._order = [('number', 'ASC'), ('id', 'ASC')]

    def get_rec_name(self, name):
        return f'{self.number} {self.title}'

    @classmethod
    def validate_fields(cls, boxes, field_names):
        super().validate_fields(boxes, field_names)
        for box in boxes:
            if (box.x + box.width > PAGE[0]
                    or box.y + box.height > PAGE[1]):
                raise LayoutError(gettext(
                        'fleet.msg_cmr_box_outside', box=box.rec_name))


def carried(trips, data):
    """Return the (trip, order) that a print is for.

    data: of the print, with `orders` only for orders of these ids
    """
    ids = data.get('orders')
    return [
        (trip, order) for trip in trips for order in trip.orders
        if ids is None or order.id in ids]


class CMR(Report, CompanyReport):
    __name__ = 'fleet.trip.cmr'

    @classmethod
    def get_context(cls, trips, header, data):
        Layout = Pool().get('fleet.cmr.layout')
        context = super().get_context(trips, header, data)
        layouts = Layout.search([], limit=1)
        if not layouts:
            raise LayoutError(gettext('fleet.msg_cmr_no_layout'))
        layout, = layouts
        copies = [
            c for c in layout.copies
            if c.number in data.get('copies', [c.number])]
        context['layout'] = layout
        context['pages'] = lambda: cls.pages(
            carried(trips, data), layout, copies)
        return context

    @classmethod
    def pages(cls, orders, layout, copies):
        """Return what each page shows: a copy of the note of an order.

        orders: list of (trip, order)
        """
        pages = []
        for trip, order in orders:
            contents = cls.contents(trip, order)
            for copy in copies:
                pages.append(cls.page(
                        len(pages) + 1, order, layout, copy, contents))
        return pages

    @classmethod
    def page(cls, number, order, layout, copy, contents):
        color = copy.color
        boxes = [
            cls.frame(number, f'plain_{color}', (10, 8, 95, 12), [
                    cls.caption(f'name_{color}', str(copy.number)),
                    cls.caption(f'caption_{color}', copy.name)]),
            cls.frame(number, f'box_{color}', (105, 20, 95, 27), [
                    cls.caption(f'name_{color}', f'CMR {order.number}'),
                    cls.caption(f'caption_{color}', layout.title),
                    cls.caption(f'caption_{color}', layout.statement)]),
            ]
        boxes += [cls.frame(
                number, f'box_{color}', (b.x, b.y, b.width, b.height),
                [cls.caption(f'caption_{color}', f'{b.number} {b.title}')],
                contents.get(b.content, [])) for b in layout.boxes]
        return SimpleNamespace(
            number=number, boxes=boxes,
            paragraph={
                TEXT + 'style-name': 'Standard' if number == 1 else 'break',
                })

    @classmethod
    def caption(cls, style, text):
        return SimpleNamespace(style={TEXT + 'style-name': style}, text=text)

    @classmethod
    def frame(cls, page, style, place, captions, lines=()):
        "Return a box at a place (x, y, width, height in mm) of a page"
        attributes = dict(zip(
                [SVG + n for n in ['x', 'y', 'width', 'height']],
                [f'{value}mm' for value in place]))
        attributes[DRAW + 'style-name'] = style
        attributes[TEXT + 'anchor-page-number'] = str(page)
        return SimpleNamespace(
            frame=attributes, captions=captions, lines=lines)

    @classmethod
    def contents(cls, trip, order):
        "Return the lines of each content"
        stops = order.stops
        load = next((s for s in stops if s.kind == 'load'), None)
        unload = next(
            (s for s in reversed(stops) if s.kind == 'unload'), None)
        cargo = order.cargo
        return {
            'sender': cls.party(load, order),
            'consignee': cls.party(unload, order),
            'delivery': cls.place(unload),
            'taking_over': cls.place(load) + cls.taken_over(trip, order),
            'documents': cls.lines(order.attached_documents),
            'marks': cls.column(cargo, 'marks') + [
                c.container for c in cargo if c.container],
            'packages': cls.column(cargo, 'packages'),
            'packing': cls.column(cargo, 'packing'),
            'nature': [cls.nature(c) for c in cargo],
            'statistical': cls.column(cargo, 'statistical_number'),
            'gross': cls.column(cargo, 'gross_kg'),
            'volume': cls.column(cargo, 'volume_m3'),
            'instructions': cls.lines(order.instructions),
            'payment': (
                [order.carriage_payment_string]
                if order.carriage_payment else []),
            'cash': ([
                    cls.format_currency(
                        order.cash_on_delivery, None, order.currency)]
                if order.cash_on_delivery else []),
            'carrier': cls.carrier(trip),
            'vehicles': [v.rec_name for v in trip.vehicles],
            'made_out': cls.made_out(trip, load),
            }

    @classmethod
    def lines(cls, text):
        return (text or '').splitlines()

    @classmethod
    def column(cls, cargo, name):
        "Return a line for each cargo, so that the columns stay aligned"
        values = [getattr(c, name) for c in cargo]
        if not any(v is not None for v in values):
            return []
        return [
            cls.format_number(int(v) if v == int(v) else v, None)
            if isinstance(v, (int, float))
            else v or '–' for v in values]

    @classmethod
    def nature(cls, cargo):
        "The goods by the name ADR demands, where it applies"
        if not cargo.un_number:
            return cargo.description
        return ', '.join(filter(None, [
                    f'UN {cargo.un_number}', cargo.description,
                    cargo.adr_class, cargo.packing_group]))

    @classmethod
    def party(cls, stop, order):
        if not stop:
            return [order.party.rec_name]
        address = stop.address
        name = address.party_name or address.party.name
        return [name, *(
                l for l in (address.full_address or '').splitlines()
                if l and l != name)]

    @classmethod
    def place(cls, stop):
        if not stop:
            return []
        address = stop.address
        return [', '.join(filter(None, [
                        ' '.join(filter(None, [
                                    address.postal_code, address.city])),
                        address.country.name if address.country else None]))]

    @classmethod
    def taken_over(cls, trip, order):
        at = order.pickup_at or trip.departure or trip.planned_departure
        return [format_datetime(trip.company, at)] if at else []

    @classmethod
    def carrier(cls, trip):
        party = trip.company.party
        if trip.ownership == 'partner' and trip.vehicle.owner:
            party = trip.vehicle.owner
        address = party.address_get()
        return [party.name, *(
                (address.full_address or '').splitlines() if address else []),
            ' + '.join(v.rec_name for v in trip.vehicles)]

    @classmethod
    def made_out(cls, trip, load):
        at = trip.departure or trip.planned_departure
        place = load.address.city if load else None
        day = cls.format_date(
            to_local(trip.company, at).date(), None) if at else None
        return [', '.join(filter(None, [place, day]))]
