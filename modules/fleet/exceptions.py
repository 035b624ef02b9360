# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from trytond.exceptions import UserError, UserWarning
from trytond.model.exceptions import AccessError, ValidationError


class OverlapError(ValidationError):
    pass


class RangeError(ValidationError):
    pass


class PlateError(ValidationError):
    pass


class VINError(ValidationError):
    pass


class WarningStepsError(ValidationError):
    pass


class DocumentError(UserError):
    pass


class CapacityWarning(UserWarning):
    pass


class DriverHoursWarning(UserWarning):
    pass


class ExtensionError(ValidationError):
    pass


class StateError(AccessError):
    pass


class PlanError(UserError):
    pass


class ReadingError(ValidationError):
    pass


class ReadingWarning(UserWarning):
    pass


class ContainerError(ValidationError):
    pass


class UNNumberError(ValidationError):
    pass


class EngineError(UserError):
    pass


class TariffError(UserError):
    pass


class LayoutError(ValidationError):
    pass


class PrintError(UserError):
    pass


class FuelError(UserError):
    pass


class FuelWarning(UserWarning):
    pass


class ServiceError(UserError):
    pass


class IncidentError(UserError):
    pass


class PayError(UserError):
    pass


class PayWarning(UserWarning):
    pass


class StatementError(UserError):
    pass
