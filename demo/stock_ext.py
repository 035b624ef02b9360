# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A store with shelves, a fuel tank and a workshop that draws on it."""
from decimal import Decimal

__all__ = ['USERS', 'fill']

USERS = [
    ('store', "Sonia Marchal", ['stock.group_stock']),
    ('storechief', "Armand Coste", [
            'stock_ext.group_stock_approval', 'stock.group_stock_admin']),
    ('director', "Diane Marchand", ['stock_ext.group_stock_approval']),
    ]

# code, name, cost price: spare parts of the store's own
_PARTS = [
    ('BULB', "Headlight bulb H7", '4.20'), ('WIPER', "Wiper blade", '11.50'),
    ('BRAKE', "Brake pads, set", '96.00'), ('BELT', "V-belt", '18.00'),
    ('FLUID', "Brake fluid DOT 4, 1 l", '7.30')]

# code, delivered 100 days ago, taken by one issue, issues in 90 days
_USE = [
    ('TYRE', 40, 4, 19), ('FILTER', 30, 2, 25), ('OIL', 300, 12, 30),
    ('ADBLUE', 2000, 90, 24), ('DIESEL', 30000, 650, 60),
    ('GLOVES', 60, 10, 20), ('JACKET', 20, 1, 9), ('PALLET', 100, 20, 30),
    ('BULB', 26, 1, 26), ('WIPER', 42, 2, 20), ('BRAKE', 24, 1, 12)]


def fill(demo):
    "Make places, custodians, 90 days of movements and open documents"
    _make_parts(demo)
    places = _make_places(demo)
    _set_bases(demo, places)
    _make_custodians(demo, places)
    _receive(demo, places)
    _issue(demo, places)
    if 'lot' in demo.get('stock.move')._fields:
        _keep_lots(demo, places)
    _leave_open(demo, places)
    _expect(demo)
    _hand_over(demo, places)
    _scan(demo, places)
    _want(demo)


def _make_parts(demo):
    unit = demo.xml_id('product.uom_unit')
    for code, name, cost in _PARTS:
        template, = demo.create('product.template', [{
                    'name': name,
                    'type': 'goods',
                    'default_uom': unit,
                    'products': [('create', [{
                                    'suffix_code': code,
                                    'cost_price': Decimal(cost)}])],
                    }])
        demo.products[code], = template.products


def _make_places(demo):
    Location = demo.get('stock.location')
    store = demo.warehouse.storage_location
    places = {
        'shelf': Location(
            name="Shelf A1", code='A1', type='storage', parent=store),
        'tank': Location(
            name="Fuel tank", code='TANK', type='storage', parent=store,
            tank=True),
        'workshop': Location(
            name="Workshop", code='WORKSHOP', type='storage'),
        }
    Location.save(list(places.values()))
    places['store'] = store
    places['used'], = demo.create('stock.location', [
            {'name': "Used up", 'code': 'USED', 'type': 'lost_found'}])
    return places


def _set_bases(demo, places):
    Basis = demo.get('stock.basis')
    issue, transfer = [
        Basis.find([('code', '=', c)])[0] for c in ['ISSUE', 'TRANSFER']]
    issue.from_location = places['store']
    issue.to_location = places['used']
    transfer.from_location = places['store']
    transfer.to_location = places['workshop']
    Basis.save([issue, transfer])
    demo.bases = {b.code: b for b in Basis.find([])}


def _make_custodians(demo, places):
    keeper = demo.users['store'].employee
    before, mechanic = demo.employees[1], demo.employees[9]
    demo.create('stock.location.custodian', [
            {'location': demo.warehouse.id, 'employee': before.id,
                'from_date': demo.on(-400), 'to_date': demo.on(-61)},
            {'location': places['workshop'].id, 'employee': mechanic.id,
                'from_date': demo.on(-200)},
            ])
    demo.create('stock.location.custodian', [
            {'location': demo.warehouse.id, 'employee': keeper.id,
                'from_date': demo.on(-60)}])
    Inventory = demo.get('stock.inventory')
    Inventory.click(
        Inventory.find([
                ('custodian', '!=', None), ('state', '=', 'draft')]),
        'cancel')


def _movement(
        demo, basis, from_, to, product, quantity, days, lot=None, **values):
    return {
        'basis': demo.bases[basis].id,
        'from_location': from_.id,
        'to_location': to.id,
        'date': demo.on(days),
        'requested_by': demo.random.choice(demo.employees).id,
        'moves': [{
                'product': demo.products[product].id,
                'quantity': quantity,
                **({'lot': lot} if lot else {})}],
        **values,
        }


def _draw_up(demo, movements):
    Shipment = demo.get('stock.shipment.internal')
    return Shipment._proxy.draw_up(movements, demo.context)


def _receive(demo, places):
    "Found goods stand for the deliveries of the months before"
    _draw_up(demo, [
            _movement(
                demo, 'FOUND', demo.bases['FOUND'].from_location,
                places['tank' if code in {'DIESEL', 'ADBLUE'} else 'shelf'],
                code, quantity, -100, basis_text="Opening balance")
            for code, quantity, _, _ in _USE])


def _issue(demo, places):
    movements = [
        _movement(
            demo, 'ISSUE', places['store'], places['used'], code,
            quantity, -demo.random.randrange(90))
        for code, _, quantity, count in _USE for _ in range(count)]
    movements.sort(key=lambda m: m['date'])
    size = 60
    for start in demo.progress(range(0, len(movements), size), "Movements"):
        _draw_up(demo, movements[start:start + size])


def _keep_lots(demo, places):
    "Two lots of brake fluid, the older one is used up first"
    product = demo.products['FLUID']
    lots = demo.create('stock.lot', [
            {'product': product.id, 'number': number}
            for number in ['DOT4-0412', 'DOT4-0519']])
    moves = [
        ('FOUND', demo.bases['FOUND'].from_location, places['shelf'], 24,
            -80, lots[0]),
        ('FOUND', demo.bases['FOUND'].from_location, places['shelf'], 36,
            -20, lots[1]),
        *(('ISSUE', places['store'], places['used'], 4, days, lots[0])
            for days in [-70, -58, -44, -31, -18]),
        *(('ISSUE', places['store'], places['used'], 3, days, lots[1])
            for days in [-9, -3, 0])]
    _draw_up(demo, [
            _movement(
                demo, basis, from_, to, 'FLUID', quantity, days,
                basis_text="Opening balance" if basis == 'FOUND' else None,
                lot=lot.id)
            for basis, from_, to, quantity, days, lot in moves])


def _leave_open(demo, places):
    "What the people of the store find in the morning"
    _draw_up(demo, [
            _movement(
                demo, 'TRANSFER', places['store'], places['workshop'],
                'OIL', 20, -1),
            _movement(
                demo, 'TRANSFER', places['store'], places['workshop'],
                'WIPER', 1, -2),
            _movement(
                demo, 'WRITE-OFF', places['store'],
                demo.bases['WRITE-OFF'].to_location, 'JACKET', 2, 0,
                basis_text="Act 12, torn"),
            ])


def _expect(demo):
    "Make what a truck brings today and what another one fetches"
    ShipmentIn = demo.get('stock.shipment.in')
    ShipmentOut = demo.get('stock.shipment.out')
    arrival = ShipmentIn(
        supplier=demo.suppliers[0], warehouse=demo.warehouse,
        planned_date=demo.today, reference="DN 20417")
    _plan(demo, arrival, arrival.incoming_moves, arrival.supplier_location,
        arrival.warehouse_input, [('FILTER', 3), ('TYRE', 2)])
    delivery = ShipmentOut(
        customer=demo.parties[0], warehouse=demo.warehouse,
        planned_date=demo.today, reference="Order 881")
    _plan(demo, delivery, delivery.outgoing_moves, delivery.warehouse_output,
        delivery.customer_location, [('PALLET', 4), ('GLOVES', 2)])
    arrival.save()
    delivery.save()
    delivery.click('wait')


def _plan(demo, shipment, moves, from_, to, goods):
    for code, quantity in goods:
        move = moves.new()
        move.product = demo.products[code]
        move.quantity = quantity
        move.from_location = from_
        move.to_location = to
        move.unit_price = demo.products[code].cost_price
        move.currency = shipment.company.currency


def _hand_over(demo, places):
    "The tank was taken over and counted, the shelf is still to be counted"
    Custodian = demo.get('stock.location.custodian')
    tank, shelf = [
        Custodian(location=places[name], employee=demo.employees[employee],
            from_date=demo.on(days))
        for name, employee, days in [('tank', 8, -20), ('shelf', 2, 0)]]
    Custodian.save([tank, shelf])
    stocktake, = tank.inventories
    for line in stocktake.lines:
        line.quantity = max(line.expected_quantity - 11, 0)
    stocktake.save()
    stocktake.click('confirm')


# The files of the terminals, by the profile that reads them
_FILES = [
    ('count', 'workshop.csv', 'workshop', ['WIPER;1', 'OIL;20']),
    ('count', 'shelf-a1.txt', 'shelf', [
            'FILTER;3', 'TYRE;2', 'BELT;4', '4006381333931;6', 'OLD-77;1']),
    ('move', 'to-workshop.csv', 'shelf', ['GLOVES;2', 'BULB;x']),
    ]


def _scan(demo, places):
    "One file of a terminal is done, others wait for codes nobody knows"
    Profile = demo.get('stock.scan.profile')
    for action, name, place, rows in _FILES:
        profile, = Profile.find([('action', '=', action)], limit=1)
        wizard = demo.wizard('stock.scan.import')
        wizard.form.profile = profile
        wizard.form.file = '\n'.join(rows).encode()
        wizard.form.file_name = name
        wizard.form.location = places[place]
        wizard.execute('import_')
        (session,), = wizard.actions
        if not session.unknown:
            session.click('process')


def _want(demo):
    "Keep two weeks of what is bought, request what runs out"
    Cover = demo.get('stock.cover')
    if 'target' not in Cover._fields:
        return
    bought = Cover.find([
            ('warehouse', '=', demo.warehouse.id),
            ('product.purchasable', '=', True),
            ('daily_consumption', '>', 0)])
    demo.create('stock.order_point', [{
                'product': cover.product.id,
                'location': demo.warehouse.id,
                'type': 'purchase',
                'min_quantity': round(14 * cover.daily_consumption),
                'target_quantity': round(42 * cover.daily_consumption),
                } for cover in bought])
    short = [
        c for c in Cover.find([
                ('id', 'in', [c.id for c in bought]),
                ('level', 'in', ['out', 'running_out'])])
        if c.target]
    if short:
        demo.wizard('stock.cover.request', short)
