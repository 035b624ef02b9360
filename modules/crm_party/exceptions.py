# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
from trytond.exceptions import UserError, UserWarning
from trytond.model.exceptions import AccessError, ValidationError


class ActivityDoneError(AccessError):
    pass


class ActivityResultError(ValidationError):
    pass


class ContractError(ValidationError):
    pass


class DiscountError(ValidationError):
    pass


class DocumentError(UserError):
    pass


class DuePlanError(UserError):
    pass


class DuplicateWarning(UserWarning):
    pass


class HandoverError(ValidationError):
    pass


class ImportFileError(UserError):
    pass


class LeadConversionError(ValidationError):
    pass


class NextStepError(UserError):
    pass


class SegmentDomainError(ValidationError):
    pass
