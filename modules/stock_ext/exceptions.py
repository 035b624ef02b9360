# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.exceptions import UserError, UserWarning
from trytond.model.exceptions import ValidationError


class BasisError(ValidationError):
    pass


class ApprovalError(UserError):
    pass


class MovementError(UserError):
    pass


class ShortageError(UserError):
    pass


class DeliveryError(UserError):
    pass


class CustodianError(UserError):
    pass


class CoverRequestError(UserError):
    pass


class TurnoverError(UserError):
    pass


class ScanError(UserError):
    pass


class ScanShortWarning(UserWarning):
    pass


class LabelError(UserError):
    pass
