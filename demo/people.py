# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Customers, suppliers and employees.

All are invented.  The numbers of the phones only look like French ones and
the addresses of e-mails are under the domain .example: nothing is sent.
"""
from trytond.tools import slugify

__all__ = ['fill']

_COUNTRIES = [
    ("Belgium", 'BE', 'BEL', '056'),
    ("Czechia", 'CZ', 'CZE', '203'),
    ("France", 'FR', 'FRA', '250'),
    ("Germany", 'DE', 'DEU', '276'),
    ("Italy", 'IT', 'ITA', '380'),
    ("Luxembourg", 'LU', 'LUX', '442'),
    ("Netherlands", 'NL', 'NLD', '528'),
    ("Poland", 'PL', 'POL', '616'),
    ("Spain", 'ES', 'ESP', '724'),
    ("Switzerland", 'CH', 'CHE', '756'),
    ]
_TOWNS = [
    ('13002', "Marseille"), ('31000', "Toulouse"), ('33000', "Bordeaux"),
    ('34000', "Montpellier"), ('35000', "Rennes"), ('38000', "Grenoble"),
    ('44000', "Nantes"), ('51100', "Reims"), ('54000', "Nancy"),
    ('59000', "Lille"), ('67000', "Strasbourg"), ('69003', "Lyon"),
    ('76600', "Le Havre"), ('83000', "Toulon"), ('86000', "Poitiers"),
    ]
_STREETS = [
    "rue des Tilleuls", "avenue de la Gare", "quai des Docks",
    "rue du Moulin", "boulevard du Port", "chemin des Vignes",
    "rue de l'Industrie", "place du Marché", "route de la Plaine"]
_FIRST = [
    "Adèle", "Amina", "Antoine", "Basile", "Camille", "Clara", "Denis",
    "Élise", "Farid", "Gaspard", "Hélène", "Inès", "Jules", "Karim", "Léa",
    "Louis", "Manon", "Nadia", "Olivier", "Paul", "Rosa", "Samir", "Sophie",
    "Théo", "Victor", "Yasmine"]
_LAST = [
    "Aubry", "Barbier", "Bonnet", "Carlier", "Chevalier", "Delmas", "Dubreuil",
    "Fabre", "Garnier", "Haddad", "Jacquet", "Lambert", "Lemoine", "Marty",
    "Noël", "Oliveira", "Perrin", "Quentin", "Renard", "Sauvage", "Tessier",
    "Vidal", "Weber", "Ziani"]
_TRADES = [
    "Bricks", "Ceramics", "Dairy", "Electronics", "Flour Mills", "Foods",
    "Furniture", "Glass", "Orchards", "Packaging", "Paper", "Pharma", "Steel",
    "Textiles", "Timber", "Vintners"]
_PLACES = [
    "Alpine", "Atlantic", "Bay", "Canal", "Delta", "Eastern", "Garonne",
    "Harbour", "Lakeside", "Northern", "Occitan", "Rhône", "Summit",
    "Valley"]
_SUPPLIERS = [
    "Occitane Fuels", "Grand Sud Trucks", "Pneus du Midi", "Bureau & Papier",
    "Matériaux Lacaze", "Atelier Diesel Nord"]
_EMPLOYEES = [
    "Bruno Caillat", "Chloé Ferrand", "Driss Amrani", "Emma Laporte",
    "Franck Moreau", "Gilles Rousset", "Hugo Pasquier", "Irène Colas",
    "Jonas Meyer", "Kevin Bardin", "Lucie Hamon", "Marc Thévenet"]


def fill(demo, companies=70, persons=150):
    "Make the countries, the customers, the suppliers and the employees"
    demo.countries.update({
            record.code: record for record in demo.create('country.country', [{
                        'name': name, 'code': code, 'code3': code3,
                        'code_numeric': number,
                        } for name, code, code3, number in _COUNTRIES])})
    names = _names(demo, _PLACES, _TRADES, companies)
    names += _names(demo, _FIRST, _LAST, persons)
    values = [_party(demo, i, n) for i, n in enumerate(names)]
    size = 50
    for start in demo.progress(range(0, len(values), size), "Customers"):
        demo.parties.extend(
            demo.create('party.party', values[start:start + size]))
    demo.suppliers.extend(demo.create('party.party', [
                _party(demo, i, n)
                for i, n in enumerate(_SUPPLIERS, len(names))]))
    demo.employees.extend(_make_employees(demo))


def _names(demo, firsts, lasts, count):
    pairs = [f"{first} {last}" for first in firsts for last in lasts]
    return demo.random.sample(pairs, count)


def _party(demo, index, name):
    postal_code, city = demo.random.choice(_TOWNS)
    number = demo.random.randrange(1, 120)
    slug = slugify(name).lower().replace('-', '.')
    return {
        'name': name,
        'addresses': [('create', [{
                        'street_unstructured':
                        f"{number} {demo.random.choice(_STREETS)}",
                        'postal_code': postal_code,
                        'city': city,
                        'country': demo.countries['FR'].id,
                        }])],
        'contact_mechanisms': [('create', [
                    {'type': 'mobile', 'value': _mobile(index)},
                    {'type': 'email', 'value': f'{slug}@post.example'},
                    ])],
        }


def _mobile(index):
    return f'+33 6 00 00 {index // 100:02} {index % 100:02}'


def _make_employees(demo):
    parties = demo.create('party.party', [{
                'name': name,
                'contact_mechanisms': [('create', [{
                                'type': 'mobile',
                                'value': _mobile(9000 + index)}])],
                } for index, name in enumerate(_EMPLOYEES)])
    return demo.create('company.employee', [{
                'party': party.id,
                'company': demo.company.id,
                'start_date': demo.on(-200 - 90 * index),
                } for index, party in enumerate(parties)])
