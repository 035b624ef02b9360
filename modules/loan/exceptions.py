# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.exceptions import UserError, UserWarning
from trytond.model.exceptions import AccessError, ValidationError


class TermsError(UserError):
    pass


class LimitError(ValidationError):
    pass


class DecisionError(UserError):
    pass


class PostingError(UserError):
    pass


class AmountError(UserError):
    pass


class DateError(UserError):
    pass


class ScheduleAccessError(AccessError):
    pass


class TransactionAccessError(AccessError):
    pass


class WaterfallError(UserError):
    pass


class BucketError(ValidationError):
    pass


class RateError(UserError):
    pass


class DocumentError(UserError):
    pass


class DisburseWarning(UserWarning):
    pass
