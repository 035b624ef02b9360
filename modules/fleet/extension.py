# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.i18n import gettext
from trytond.model import Check, ModelSQL, ModelView, Unique, fields
from trytond.pool import Pool, PoolMeta
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction, without_check_access

from .engine.hours import compensation_deadline, extension_limit
from .exceptions import ExtensionError


class DriverExtension(ModelSQL, ModelView):
    __name__ = 'fleet.driver.extension'

    company = fields.Many2One(
        'company.company', "Company", required=True, ondelete='RESTRICT')
    driver = fields.Many2One(
        'fleet.driver', "Driver", required=True, ondelete='CASCADE',
        domain=[
            ('company', '=', Eval('company', -1)),
            ])
    date = fields.Date("Date", required=True)
    trip = fields.Many2One(
        'fleet.trip', "Trip", ondelete='RESTRICT',
        domain=[
            ('company', '=', Eval('company', -1)),
            ['OR',
                ('driver', '=', Eval('driver', -1)),
                ('second_driver', '=', Eval('driver', -1)),
                ],
            ])
    hours = fields.Float(
        "Hours", digits=(5, 2), required=True,
        help="Driven beyond the limits of the day or the week.")
    rest = fields.Selection([
            ('weekly_rest', "Weekly Rest"),
            ('regular_weekly_rest', "Regular Weekly Rest"),
            ], "To Reach", required=True, sort=False,
        help="The rest the driver takes after it, at home or at the base.")
    break_minutes = fields.Integer(
        "Break Before", required=True,
        domain=[('break_minutes', '>=', 0)],
        help="The minutes of the uninterrupted break just before.")
    reason = fields.Text(
        "Reason", required=True,
        help="What happened, as the driver wrote it on the record sheet.")
    compensate_by = fields.Function(
        fields.Date(
            "Compensate By",
            help="The last day to rest as many hours longer."),
        'on_change_with_compensate_by')
    compensated_on = fields.Date(
        "Compensated On", domain=['OR',
            ('compensated_on', '=', None),
            ('compensated_on', '>=', Eval('date')),
            ], help="The day of the rest that was longer.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        t = cls.__table__()
        cls._sql_constraints += [
            ('day_unique', Unique(t, t.driver, t.date),
                'fleet.msg_extension_day_unique'),
            ('hours_positive', Check(t, t.hours > 0),
                'fleet.msg_extension_hours'),
            ]
        cls._order = [('date', 'DESC'), ('id', 'DESC')]

    @classmethod
    def default_company(cls):
        return Transaction().context.get('company')

    @classmethod
    def default_rest(cls):
        return 'weekly_rest'

    @classmethod
    def default_break_minutes(cls):
        return 0

    @fields.depends('trip', 'driver')
    def on_change_trip(self):
        if self.trip and not self.driver:
            self.driver = self.trip.driver

    @fields.depends('date', 'driver')
    def on_change_with_compensate_by(self, name=None):
        Driver = Pool().get('fleet.driver')
        if self.date and self.driver:
            return compensation_deadline(
                self.date, Driver.regimes([self.driver])[self.driver])

    def get_rec_name(self, name):
        lang = Pool().get('ir.lang').get()
        return f'{self.driver.rec_name} {lang.strftime(self.date)}'

    @classmethod
    def validate_fields(cls, extensions, field_names):
        super().validate_fields(extensions, field_names)
        cls.check_limit(extensions, field_names)

    @classmethod
    def check_limit(cls, extensions, field_names=None):
        "Refuse more hours than the regime of the driver allows"
        Driver = Pool().get('fleet.driver')
        if field_names and not (
                field_names & {'hours', 'rest', 'break_minutes', 'driver'}):
            return
        regimes = Driver.regimes([e.driver for e in extensions])
        for extension in extensions:
            regime = regimes[extension.driver]
            limit = extension_limit(
                extension.rest, extension.break_minutes, regime)
            if extension.hours > limit:
                raise ExtensionError(gettext(
                        'fleet.msg_extension_limit',
                        driver=extension.driver.rec_name,
                        limit=round(limit, 1),
                        minutes=round(regime.extension_break)))

    @classmethod
    def view_attributes(cls):
        return super().view_attributes() + [
            ('/tree', 'visual',
                If(Bool(Eval('compensated_on')), 'muted', 'warning')),
            ]


class Driver(metaclass=PoolMeta):
    __name__ = 'fleet.driver'

    @classmethod
    @without_check_access
    def extensions(cls, drivers):
        Extension = Pool().get('fleet.driver.extension')
        result = super().extensions(drivers)
        for extension in Extension.search([
                    ('driver', 'in', [d.id for d in drivers]),
                    ], order=[]):
            result[extension.driver][extension.date] = extension.hours
        return result
