# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Customers in somebody's charge, a year of contacts and today's work."""
import datetime as dt
from decimal import Decimal

__all__ = ['USERS', 'fill']

USERS = [
    ('anna', "Anna Berger", ['crm_party.group_crm']),
    ('boris', "Boris Laurent", ['crm_party.group_crm']),
    ('celine', "Céline Masson", ['crm_party.group_crm_team']),
    ('director', "Diane Marchand", [
            'crm_party.group_crm_admin', 'crm_party.group_crm_analytics']),
    ]
_TYPES = [
    ("Call", 'call', True, False, True, 10, "#90caf9"),
    ("Visit", 'visit', True, False, False, 60, "#a5d6a7"),
    ("Meeting", 'meeting', True, False, False, 60, "#ffe082"),
    ("E-mail", 'email', True, False, False, None, "#ce93d8"),
    ("Promise", 'document', False, True, False, None, "#ef9a9a"),
    ("Offer", 'offer', True, False, False, None, "#80cbc4"),
    ]
_RESULTS = [
    ("Wants an Offer", "Call", 'success', "Promise", 1, None),
    ("Wants a Visit", "Call", 'success', "Visit", 4, None),
    ("Ordered", "Call", 'success', "Call", 30, 'customer'),
    ("Nobody Answers", "Call", 'neutral', "Call", 1, None),
    ("Call Later", "Call", 'neutral', "Call", 14, None),
    ("No Need", "Call", 'failure', None, None, None),
    ("Interested", "Visit", 'success', "Promise", 2, None),
    ("Not Interested", "Visit", 'failure', None, None, None),
    ]
_SOURCES = ["Fair", "Recommendation", "Website", "Cold Call"]
_SUBJECTS = {
    "Call": ["Rates for the autumn", "Late delivery", "New depot",
        "Contract for next year", "Extra trailer in December"],
    "Visit": ["Loading dock", "Yearly review", "New contact person"],
    "Meeting": ["Tender", "Prices of fuel"],
    "E-mail": ["Timetable", "Certificate of insurance"],
    "Promise": ["Send the price list", "Send the proof of delivery",
        "Answer on the damaged pallet"],
    "Offer": ["Regular line to Lyon", "Storage of 40 pallets"],
    }


def fill(demo):
    "Make types, profiles, contacts of a year and the work of these days"
    types = _make_types(demo)
    results = _make_results(demo, types)
    managers = _make_managers(demo)
    owners = _make_profiles(demo, managers)
    _make_history(demo, types, results, owners)
    _make_plan(demo, types, owners)
    _make_notes(demo)
    _make_segments(demo, types)
    _make_leads(demo, types)
    _make_cases(demo, owners)
    _make_contracts(demo, owners)
    _make_invoices(demo, owners)
    _make_discounts(demo)
    _make_rates(demo, types)
    _make_sheets(demo)
    _learn(demo)


def _make_managers(demo):
    "Return the employees in charge of customers, make them a team"
    anna, boris, celine = (
        demo.users[login].employee for login in ['anna', 'boris', 'celine'])
    for employee in [anna, boris]:
        employee.supervisor = celine
    demo.get('company.employee').save([anna, boris])
    return [anna, boris]


def _make_types(demo):
    records = demo.create('crm.activity.type', [{
                'name': name,
                'channel': channel,
                'counts_as_contact': contact,
                'is_promise': promise,
                'require_result': require,
                'default_duration': (
                    dt.timedelta(minutes=minutes) if minutes else None),
                'color': color,
                'reminders': [('create', [
                            {'before': dt.timedelta(minutes=15)}])],
                } for (name, channel, contact, promise, require, minutes,
                    color) in _TYPES])
    return {r.name: r.id for r in records}


def _make_results(demo, types):
    records = demo.create('crm.activity.result', [{
                'name': name,
                'type': types[type_],
                'outcome': outcome,
                'next_type': types.get(next_type),
                'next_delay': delay,
                'set_status': status,
                } for name, type_, outcome, next_type, delay, status
            in _RESULTS])
    results = {}
    for record, (_, type_, *_rest) in zip(records, _RESULTS):
        results.setdefault(type_, []).append(record.id)
    return results


def _make_profiles(demo, managers):
    "Return {party id: employee id}"
    sources = demo.create('crm.source', [{'name': n} for n in _SOURCES])
    owners, values = {}, []
    for party in demo.parties:
        manager = demo.random.choice(managers).id
        owners[party.id] = manager
        values.append({
                'party': party.id,
                'company': demo.company.id,
                'manager': manager,
                'status': demo.random.choice(
                    ['customer', 'customer', 'customer', 'prospect']),
                'source': demo.random.choice(sources).id,
                'since': demo.on(-demo.random.randrange(100, 900)),
                })
    # Other modules may have dealt with some of the customers already
    known = {
        p.party.id: p.id for p in demo.get('crm.profile').find([])}
    demo.create(
        'crm.profile', [v for v in values if v['party'] not in known])
    proxy = demo.get('crm.profile')._proxy
    for manager in managers:
        ids = [known[p] for p, m in owners.items()
            if p in known and m == manager.id]
        if ids:
            proxy.write(ids, {'manager': manager.id}, demo.context)
    return owners


def _make_history(demo, types, results, owners):
    values = []
    names = ["Call", "Call", "Call", "Visit", "E-mail", "Offer"]
    for party, employee in owners.items():
        rhythm = demo.random.randrange(20, 90)
        day = -demo.random.randrange(1, 2 * rhythm)
        while day > -365:
            name = demo.random.choice(names)
            date = demo.on(day)
            values.append({
                    **_activity(demo, types, name, party, employee, date),
                    'state': 'done',
                    'done_at': dt.datetime.combine(
                        date, dt.time(demo.random.randrange(7, 16), 30)),
                    'done_by': employee,
                    'result': demo.random.choice(results.get(name, [None])),
                    })
            day -= round(rhythm * demo.random.uniform(0.7, 1.3))
    _create(demo, values, "Contacts of a year")


def _make_plan(demo, types, owners):
    values = []
    for party, employee in demo.random.sample(sorted(owners.items()), 60):
        name = demo.random.choice(
            ["Call", "Call", "Visit", "Meeting", "Promise"])
        day = demo.random.choice([-6, -3, -1, 0, 0, 0, 1, 2, 4, 7, 12])
        plan = _activity(demo, types, name, party, employee, demo.on(day))
        if demo.random.random() < 0.6:
            plan['time'] = dt.time(
                demo.random.randrange(8, 17), demo.random.choice([0, 30]))
        plan['priority'] = demo.random.choice(['0', '1', '1', '2'])
        values.append(plan)
    _create(demo, values, "Planned activities")


def _activity(demo, types, name, party, employee, date):
    return {
        'company': demo.company.id,
        'type': types[name],
        'party': party,
        'employee': employee,
        'date': date,
        'subject': demo.random.choice(_SUBJECTS[name]),
        }


def _create(demo, values, label, size=100):
    slices = range(0, len(values), size)
    for start in demo.progress(slices, label):
        demo.create('crm.activity', values[start:start + size])


def _make_notes(demo):
    demo.create('ir.note', [{
                'resource': f'party.party,{party.id}',
                'message': "Wants to be called before nine.",
                } for party in demo.random.sample(demo.parties, 15)])


def _make_segments(demo, types):
    "Make target groups and the rules that plan the mornings"
    key, prospects = demo.create('crm.segment', [{
                'name': "Key Accounts",
                'company': demo.company.id,
                'kind': 'static',
                'members': [
                    ('add', [p.id for p in demo.parties[:12]])],
                'contact_interval': 14,
                }, {
                'name': "Prospects",
                'company': demo.company.id,
                'domain': '[["crm_status", "=", "prospect"]]',
                }])
    demo.create('crm.watch.rule', [{
                'name': name,
                'company': demo.company.id,
                'kind': kind,
                'days': days,
                'segment': segment,
                'type': types["Call"],
                'maximum': 5,
                } for name, kind, days, segment in [
                    ("Silent Key Accounts", 'silence', 0, key.id),
                    ("Silent Customers", 'silence', 10, None),
                    ("Birthdays", 'birthday', 0, None)]])


def _make_leads(demo, types):
    "Make leads of the web form, one of them of a known customer"
    form, = demo.create('crm.lead.form', [{
                'name': "Contact Page",
                'company': demo.company.id,
                'employee': demo.users['anna'].employee.id,
                'consent_text': "I agree to be contacted about my request.",
                }])
    known = demo.parties[0].name
    demo.create('crm.lead', [{
                'form': form.id,
                'company': demo.company.id,
                'employee': form.employee.id,
                'name': name,
                'company_name': company,
                'email': f'{name.split()[0].lower()}@lead.example',
                'message': message,
                'consent': True,
                'consent_text': form.consent_text,
                } for name, company, message in [
                    ("Mona Lindt", "Lindt Ceramics",
                        "We need a weekly line from Lyon to Turin."),
                    ("Otto Kern", None, "What does a pallet to Lille cost?"),
                    ("Pia Rossi", known, "Please call me back today.")]])


def _make_cases(demo, owners):
    delay = dt.timedelta(days=2)
    complaint, question = demo.create('crm.case.type', [{
                'name': "Complaint", 'low': 3 * delay, 'normal': delay,
                'high': dt.timedelta(hours=8),
                }, {
                'name': "Question", 'normal': delay,
                }])
    opened = dt.datetime.combine(demo.on(-1), dt.time(9, 30))
    customers = demo.random.sample(sorted(owners.items()), 6)
    subjects = [
        ("Damaged pallet", complaint, '2'), ("Late delivery", complaint, '1'),
        ("Wrong invoice", complaint, '1'), ("Copy of a CMR", question, '0'),
        ("Driver was rude", complaint, '1'), ("Tolls", question, '1')]
    cases = demo.create('crm.case', [{
                'company': demo.company.id,
                'party': party,
                'employee': employee,
                'type': type_.id,
                'subject': subject,
                'priority': priority,
                'opened_at': opened,
                } for (party, employee), (subject, type_, priority) in zip(
                    customers, subjects)])
    demo.get('crm.case')._proxy.solve(
        [c.id for c in cases[-2:]], demo.context)


def _make_contracts(demo, owners):
    "Make contracts that run, that end soon and one that has ended"
    storage, line = demo.create('crm.contract.type', [
            {'name': "Storage"}, {'name': "Regular Line"}])
    values = []
    customers = demo.random.sample(sorted(owners.items()), 8)
    ends = [-20, 12, 25, 45, 90, 160, 240, None]
    for (party, manager), days in zip(customers, ends):
        type_, text, price = demo.random.choice([
                (storage, "Storage of 40 pallets", '360.00'),
                (line, "Weekly line to Lyon", '1450.00')])
        end = demo.on(days) if days is not None else None
        values.append({
                'company': demo.company.id,
                'type': type_.id,
                'party': party,
                'manager': manager,
                'currency': demo.company.currency.id,
                'signed_on': demo.on(-340),
                'start': demo.on(-330),
                'end': end,
                'notice': 1 if end else None,
                'renewal': 'manual' if end else 'none',
                'renewal_months': 12 if end else None,
                'lines': [('create', [{
                                'description': text,
                                'quantity': 1,
                                'unit_price': Decimal(price),
                                }])],
                })
    contracts = demo.create('crm.contract', values)
    demo.get('crm.contract')._proxy.activate(
        [c.id for c in contracts], demo.context)


def _make_invoices(demo, owners):
    "Make the invoices of a year: some customers come back, some are lost"
    product = demo.products['CARRIAGE']
    journal, = demo.get('account.journal').find(
        [('type', '=', 'revenue')], limit=1)
    days = []
    for party in demo.random.sample(sorted(owners), 12):
        rhythm = demo.random.choice([30, 60, 120])
        first = demo.random.randrange(20, 300)
        last = demo.random.choice([0, 0, 0, 150])
        days += [(-day, party) for day in range(first, last, -rhythm)]
    addresses = {
        a.party.id: a.id for a in demo.get('party.address').find(
            [('party', 'in', list(owners))])}
    invoices = demo.create('account.invoice', [{
                'type': 'out',
                'company': demo.company.id,
                'currency': demo.company.currency.id,
                'party': party,
                'invoice_address': addresses[party],
                'account': demo.accounts['receivable'].id,
                'journal': journal.id,
                'invoice_date': demo.on(day),
                'lines': [('create', [{
                                'type': 'line',
                                'company': demo.company.id,
                                'currency': demo.company.currency.id,
                                'product': product.id,
                                'unit': product.default_uom.id,
                                'account': demo.accounts['revenue'].id,
                                'quantity': demo.random.randrange(1, 9),
                                'unit_price': Decimal(
                                    demo.random.randrange(32, 64) * 10),
                                }])],
                } for day, party in sorted(days)])
    demo.get('account.invoice').click(invoices, 'post')
    _pay_invoices(demo, invoices)


def _pay_invoices(demo, invoices):
    "Pay what was invoiced long ago, customer by customer"
    Line = demo.get('account.move.line')
    due = {}
    for line in Line.find([
                ('account', '=', demo.accounts['receivable'].id),
                ('move.origin.id', 'in', [i.id for i in invoices],
                    'account.invoice'),
                ('date', '<', demo.on(-40))]):
        due.setdefault(line.party, []).append(line)
    journal, = demo.get('account.journal').find(
        [('type', '=', 'cash')], limit=1)
    period, = demo.get('account.period').find([
            ('start_date', '<=', demo.today), ('end_date', '>=', demo.today),
            ('type', '=', 'standard')])
    moves = demo.create('account.move', [{
                'company': demo.company.id,
                'journal': journal.id,
                'period': period.id,
                'date': demo.today,
                'lines': [('create', [
                            {'account': demo.accounts['cash'].id,
                                'debit': amount, 'credit': Decimal(0)},
                            {'account': demo.accounts['receivable'].id,
                                'party': party.id,
                                'debit': Decimal(0), 'credit': amount},
                            ])],
                } for party, lines in due.items()
            for amount in [sum(line.debit for line in lines)]])
    demo.get('account.move').click(moves, 'post')
    for move, lines in zip(
            demo.progress(moves, "Payments of customers"), due.values()):
        paid = [line for line in move.lines if line.credit]
        demo.wizard('account.move.reconcile_lines', lines + paid)


def _make_discounts(demo):
    "Make a discount that grows with the turnover, give it to some customers"
    category, = demo.create('crm.discount.category', [{
                'name': "Loyalty Card",
                'company': demo.company.id,
                'tiers': [('create', [{
                                'name': name,
                                'threshold': Decimal(threshold),
                                'percent': Decimal(percent),
                                } for name, threshold, percent in [
                                ("Bronze", '0', '0'),
                                ("Silver", '1000', '3'),
                                ("Gold", '5000', '7')]])],
                }])
    Profile = demo.get('crm.profile')
    profiles = Profile.find([('status', '=', 'customer')], limit=12)
    Profile._proxy.write(
        [p.id for p in profiles], {'discount_category': category.id},
        demo.context)


def _make_rates(demo, types):
    "Make what is paid by the piece, with what other modules record"
    rates = [
        {'name': f"{name} made", 'kind': 'activity',
            'activity_type': types[name], 'amount': Decimal(amount)}
        for name, amount in [("Call", '1.50'), ("Visit", '12.00')]]
    kinds = dict(
        demo.get('crm.work.rate')._proxy.get_kinds(demo.context))
    if 'loan' in kinds:
        rates.append({
                'name': "Loan paid out", 'kind': 'loan',
                'amount': Decimal('25.00')})
    demo.create('crm.work.rate', [
            {'company': demo.company.id, **rate} for rate in rates])


def _make_sheets(demo):
    "Make the work sheets of the last month and of this one"
    for day in [-demo.today.day, 0]:
        make = demo.wizard('crm.work.sheet.make')
        make.form.month = demo.on(day)
        make.execute('make')
    Sheet = demo.get('crm.work.sheet')
    last = demo.on(-demo.today.day).replace(day=1)
    Sheet.click(Sheet.find([('month', '=', last)]), 'close')


def _learn(demo):
    "Run the nightly jobs once"
    Cron = demo.get('ir.cron')
    for method in [
            'crm.profile|compute', 'crm.segment|snapshot',
            'crm.watch.rule|run', 'crm.duplicate|scan']:
        cron, = Cron.find([('method', '=', method)])
        Cron._proxy.run_once([cron.id], demo.context)
