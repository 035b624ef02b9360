# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from sql import Literal
from sql.conditionals import Coalesce

from trytond.i18n import gettext
from trytond.model import DeactivableMixin, ModelSQL, ModelView, fields
from trytond.pyson import Bool, Eval, If
from trytond.transaction import Transaction

from .exceptions import BucketError
from .terms import RATE_DIGITS

# More than any loan is late
NEVER = 1_000_000


class Bucket(DeactivableMixin, ModelSQL, ModelView):
    __name__ = 'loan.bucket'

    name = fields.Char("Name", required=True, translate=True)
    days_from = fields.Integer(
        "Days from", required=True, domain=[('days_from', '>=', 0)],
        help="The first number of days late; 0 is a loan that is not late.")
    days_to = fields.Integer(
        "Days to",
        domain=[If(Bool(Eval('days_to')),
                ('days_to', '>=', Eval('days_from', 0)), ())],
        help="The last number of days late.\nLeave empty for no end.")
    color = fields.Char("Colour", help="The colour in graphs.")
    provision_rate = fields.Numeric(
        "Provision", digits=RATE_DIGITS, required=True,
        domain=[
            ('provision_rate', '>=', 0),
            ('provision_rate', '<=', 1),
            ],
        help="The part of the principal outstanding that is provided for.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls._order = [('days_from', 'ASC'), ('id', 'ASC')]

    @classmethod
    def default_provision_rate(cls):
        return 0

    @classmethod
    def validate_fields(cls, buckets, field_names):
        super().validate_fields(buckets, field_names)
        cls.check_apart(buckets, field_names)

    @classmethod
    def check_apart(cls, buckets, field_names=None):
        "Refuse buckets that a loan could be in at once"
        if field_names and not (
                field_names & {'days_from', 'days_to', 'active'}):
            return
        one, other = cls.__table__(), cls.__table__()
        cursor = Transaction().connection.cursor()
        cursor.execute(*one.join(other, condition=(
                    (one.id != other.id) & (other.active == Literal(True))
                    & (one.days_from <= Coalesce(other.days_to, NEVER))
                    & (other.days_from <= Coalesce(one.days_to, NEVER))
                    )).select(
                one.id, other.id,
                where=fields.SQL_OPERATORS['in'](
                    one.id, list(map(int, buckets)))
                & (one.active == Literal(True)), limit=1))
        if ids := cursor.fetchone():
            bucket, twin = cls.browse(ids)
            raise BucketError(gettext(
                    'loan.msg_bucket_apart', bucket=bucket.rec_name,
                    other=twin.rec_name))
