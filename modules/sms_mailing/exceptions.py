# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.exceptions import UserError, UserWarning
from trytond.model.exceptions import AccessError, ValidationError


class TemplateTextError(ValidationError):
    pass


class SegmentValidationError(ValidationError):
    pass


class AccountValidationError(ValidationError):
    pass


class MailingValidationError(ValidationError):
    pass


class RuleValidationError(ValidationError):
    pass


class EmptyAudienceError(UserError):
    pass


class ApprovalError(UserError):
    pass


class SendError(UserError):
    pass


class ArchiveError(AccessError):
    pass


class AppendOnlyError(AccessError):
    pass


class RefusalWarning(UserWarning):
    pass


class RepeatedTopicWarning(UserWarning):
    pass
