# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

from caravan.days import to_local
from trytond.i18n import gettext
from trytond.pool import Pool

from .engine.haul import peak
from .exceptions import CapacityWarning, DocumentError, PlanError
from .tools import format_datetime


class PlanningMixin:
    "What is checked before a trip is planned or sent off"
    __slots__ = ()

    @classmethod
    def check_complete(cls, trips):
        "Say what a trip lacks before it can be planned"
        for trip in trips:
            for name in ['vehicle', 'planned_departure', 'planned_arrival',
                    'driver']:
                if getattr(trip, name) or (
                        name == 'driver' and trip.ownership == 'partner'):
                    continue
                raise PlanError(gettext(
                        'fleet.msg_trip_incomplete',
                        trip=trip.rec_name,
                        **cls.__names__(name)))
            for record in trip.occupied:
                if record.state != 'active':
                    raise PlanError(gettext(
                            'fleet.msg_trip_not_active',
                            trip=trip.rec_name,
                            record=record.rec_name,
                            state=record.state_string))

    @classmethod
    def check_orders(cls, trips):
        "Refuse orders that were taken back since they came on the trip"
        for trip in trips:
            for order in trip.orders:
                if order.state not in {'confirmed', 'in_transit'}:
                    raise PlanError(gettext(
                            'fleet.msg_trip_order_state',
                            trip=trip.rec_name,
                            order=order.rec_name,
                            state=order.state_string))

    @property
    def vehicles(self):
        "The vehicle and the trailers"
        return [v for v in [self.vehicle, *self.trailers] if v]

    @property
    def drivers(self):
        return [d for d in [self.driver, self.second_driver] if d]

    @property
    def occupied(self):
        return self.vehicles + self.drivers

    @classmethod
    def check_documents(cls, trips):
        "Refuse vehicles and drivers whose papers do not last for the trip"
        for trip, problems in cls.document_problems(trips).items():
            if problems:
                trip._refuse_documents(problems)

    @classmethod
    def document_problems(cls, trips):
        """Return {trip: [(vehicle or driver, type, document)]}.

        The document ends before the trip does or begins after it, or is None
        if it is missing.
        """
        Document = Pool().get('fleet.document')
        result = {t: [] for t in trips if t.arrival or t.planned_arrival}
        uses = [
            (t, (o, *t._days())) for t in result for o in t.occupied]
        for (trip, (owner, *_)), problems in zip(
                uses, Document.problems([use for _, use in uses])):
            result[trip] += [(owner, *problem) for problem in problems]
        return {t: t._document_problems(p) for t, p in result.items()}

    def _document_problems(self, problems):
        "Return those of the problems that stop this trip"
        return problems

    def _days(self):
        "Return the first and the last day of the trip"
        end = self.arrival or self.planned_arrival
        start = self.departure or self.planned_departure or end
        return tuple(
            to_local(self.company, at).date() for at in [start, end])

    def _refuse_documents(self, problems):
        raise DocumentError(gettext(
                'fleet.msg_trip_documents',
                trip=self.rec_name,
                arrival=format_datetime(self.company, self.planned_arrival)),
            '\n'.join(self._describe_documents(problems)))

    def _describe_documents(self, problems):
        Lang = Pool().get('ir.lang')
        lang = Lang.get()
        since, _ = self._days()
        for owner, type_, document in problems:
            names = {'owner': owner.rec_name, 'type': type_.rec_name}
            if not document:
                yield gettext('fleet.msg_document_none', **names)
            elif document.valid_from and document.valid_from > since:
                yield gettext(
                    'fleet.msg_document_begins',
                    date=lang.strftime(document.valid_from), **names)
            else:
                yield gettext(
                    'fleet.msg_document_ends',
                    date=lang.strftime(document.valid_to), **names)

    @classmethod
    def check_capacity(cls, trips):
        "Warn of more weight or volume than vehicle and trailers hold"
        for trip in trips:
            if (trip.load_share or 0) > 100:
                trip._warn_capacity('capacity', gettext(
                        'fleet.msg_trip_overload',
                        trip=trip.rec_name,
                        load=round(peak(trip._legs())),
                        payload=trip._capacity('payload_kg')))
            if (trip.volume_share or 0) > 100:
                trip._warn_capacity('volume', gettext(
                        'fleet.msg_trip_volume',
                        trip=trip.rec_name,
                        share=round(trip.volume_share),
                        volume=trip._capacity('volume_m3')))

    def _warn_capacity(self, name, message):
        Warning = Pool().get('res.user.warning')
        key = Warning.format(name, [self])
        if Warning.check(key):
            raise CapacityWarning(key, message)
