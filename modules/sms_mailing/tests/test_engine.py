# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The pure rules, without a database."""
import datetime as dt
import itertools
import json
import random
import unittest
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from trytond.modules.sms_mailing.engine import (
    address, delivery, gsm, keyword, template)
from trytond.modules.sms_mailing.engine.table import inert
from trytond.modules.sms_mailing.engine.window import Window, next_opening

CASES = json.loads(
    Path(__file__).with_name('cases.json').read_text('utf-8'))


class GsmTestCase(unittest.TestCase):
    "Test alphabets and parts"

    def test_cases(self):
        "Published segment cases"
        for case in CASES['segments']:
            with self.subTest(case=case['id']):
                count = gsm.count(case['text'])
                self.assertEqual(count.encoding, case['encoding'])
                self.assertEqual(count.parts, case['segments'])
                self.assertEqual(
                    list(count.part_units), case['part_units'])

    def test_national(self):
        "Published cases of the national tables"
        for case in CASES['national_shift']:
            with self.subTest(case=case['id']):
                count = gsm.count(case['text'], **case['national'])
                self.assertEqual(count.encoding, case['encoding'])
                self.assertEqual(count.parts, case['segments'])
                self.assertEqual(
                    list(count.part_units), case['part_units'])

    def test_national_limits(self):
        "Each table takes its octets, a letter of a single shift two septets"
        for text, tables, expected in [
                ('ş' * 155, {'locking': 'tr'}, ('GSM-7', (155,))),
                ('ş' * 156, {'locking': 'tr'}, ('GSM-7', (149, 7))),
                ('ş' * 78, {'single_shift': 'tr'}, ('GSM-7', (148, 8))),
                ('ú' * 77 + 'a', {'single_shift': 'es'}, ('GSM-7', (155,))),
                ('ção' * 50, {'locking': 'pt'}, ('GSM-7', (150,))),
                ('ção' * 31, {'single_shift': 'pt'}, ('GSM-7', (155,))),
                ('ção' * 32, {'single_shift': 'pt'}, ('GSM-7', (149, 11))),
                ('a' * 152, {'locking': 'pt', 'single_shift': 'pt'},
                    ('GSM-7', (152,))),
                ('a' * 153, {'locking': 'pt', 'single_shift': 'pt'},
                    ('GSM-7', (146, 7))),
                ('ж' * 71, {'locking': 'tr'}, ('UCS-2', (67, 4))),
                ('ş', {}, ('UCS-2', (1,))),
                ]:
            with self.subTest(text=text[:5], tables=tables):
                count = gsm.count(text, **tables)
                self.assertEqual(
                    (count.encoding, count.part_units), expected)

    def test_national_codes(self):
        "Codes of TS 23.038, annex A"
        for text, tables, code in [
                ('ışğ€', {'locking': 'tr'}, '071d0c04'),
                ('İ', {'single_shift': 'tr'}, '1b49'),
                ('áÑ', {'single_shift': 'es'}, '1b615d'),
                ('ãõ^', {'locking': 'pt'}, '7b7c16'),
                ('ã', {'single_shift': 'pt'}, '1b7b'),
                ]:
            with self.subTest(text=text, tables=tables):
                self.assertEqual(gsm.encode(text, **tables).hex(), code)

    def test_encode(self):
        "Published codes"
        for case in CASES['encode']:
            with self.subTest(text=case['text']):
                self.assertEqual(
                    gsm.encode(case['text']).hex(), case['hex'])

    def test_boundaries(self):
        "Lengths around the limits, a pair is never cut"
        for text, parts in [
                ('', (0,)),
                ('a' * 160, (160,)),
                ('a' * 161, (153, 8)),
                ('a' * 306, (153, 153)),
                ('a' * 307, (153, 153, 1)),
                ('€' * 80, (160,)),
                ('€' * 80 + 'a', (152, 9)),
                ('a' * 152 + '€' + 'a' * 10, (152, 12)),
                ('ж' * 70, (70,)),
                ('ж' * 71, (67, 4)),
                ('ж' * 66 + '😀' + 'ж' * 10, (66, 12)),
                ('[' * 70 + 'ж', (67, 4)),
                ]:
            with self.subTest(text=text[:10], length=len(text)):
                self.assertEqual(gsm.count(text).part_units, parts)

    def test_parts_join(self):
        "The parts are the text, none is over its limit"
        signs = 'aZ1 €[]~жш😀\n@'
        generator = random.Random(11)
        for _ in range(300):
            text = ''.join(
                generator.choices(signs, k=generator.randrange(1, 500)))
            encoding, parts = gsm.split(text)
            self.assertEqual(''.join(parts), text)
            limit = gsm.LIMITS[encoding][len(parts) > 1]
            for units in gsm.count(text).part_units:
                self.assertLessEqual(units, limit)
                self.assertGreater(units, 0)

    def test_alphabet(self):
        "All 138 characters and nothing else are in the alphabet"
        inside = [
            chr(c) for c in range(0x10000)
            if not 0xd800 <= c < 0xe000 and not gsm.offending(chr(c))]
        self.assertEqual(len(inside), 127 + 10)

    def test_sanitise(self):
        "Published look-alikes and ours"
        for case in CASES['sanitize']:
            with self.subTest(text=case['text']):
                self.assertEqual(
                    gsm.sanitise(case['text']), case['expect'])
        for text, expected in [
                ("«Hi» – 10\u202f000\xa0€…", '"Hi" - 10 000 €...'),
                ("ＡＢＣ１", "ABC1"),
                ("zero\u200bwidth\ufeff", "zerowidth"),
                ("e\u0301", "é"),
                ("tab\tstop", "tab stop"),
                ("привет 👩\u200d🚀", "привет 👩\u200d🚀"),
                ("½ ÷ 2", "1/2 / 2"),
                ]:
            with self.subTest(text=text):
                self.assertEqual(gsm.sanitise(text), expected)

    def test_transliterate(self):
        for text, expected in [
                ("Привет, Щука", "Privet, Shchuka"),
                ("Ștefan și țara", "Stefan si tara"),
                ("Łódź", "Lodz"),
                ("Öl über ñ", "Öl über ñ"),
                ("日本", "日本"),
                ]:
            with self.subTest(text=text):
                self.assertEqual(gsm.transliterate(text), expected)

    def test_offending(self):
        self.assertEqual(gsm.offending("a«b»c«"), ['«', '»'])
        self.assertEqual(gsm.offending("plain €[]"), [])


class KeywordTestCase(unittest.TestCase):
    "Test answers"

    def test_cases(self):
        for case in CASES['opt_out']:
            with self.subTest(text=case['text']):
                self.assertIs(
                    keyword.opt_out(case['text']), case['opt_out'])

    def test_classify(self):
        for text, action in [
                ("стоп!", keyword.STOP),
                ("«Stop»", keyword.STOP),
                ("Arrêt", keyword.STOP),
                ("  отписаться\n", keyword.STOP),
                ("Dezabonează", keyword.STOP),
                ("Oprește", keyword.STOP),
                ("Désabonnement.", keyword.STOP),
                ("відписатися", keyword.STOP),
                ("Abmelden!", keyword.STOP),
                ("td", keyword.STOP),
                ("Стоп, пожалуйста", keyword.MAYBE),
                ("Dezabonare, vă rog", keyword.MAYBE),
                ("Start", keyword.START),
                ("подписаться", keyword.START),
                ("помощь?", keyword.HELP),
                ("Please, STOP", keyword.MAYBE),
                ("Stop sending me this", keyword.MAYBE),
                ("unsubscribe me now", keyword.MAYBE),
                ("The end of the month is fine", None),
                ("End of May", None),
                ("Cancel my order 12", None),
                ("Yes", None),
                ("", None),
                ("!!!", None),
                (None, None),
                ]:
            with self.subTest(text=text):
                self.assertEqual(keyword.classify(text), action)

    def test_spelling(self):
        "Letters apart, on another keyboard, again and again, with signs"
        for text in [
                "S T O P", "s.t.o.p.", "с т о п", "STOP STOP!!! stop",
                "CTOП", "ST\u041eP", "ST0P", "\U0001f6d1 stop \U0001f6d1",
                "ＳＴＯＰ", "st\u200bop", "Stop\n", "opt-out", "Opt Out.",
                "unsubscribe unsubscribe"]:
            with self.subTest(text=text):
                self.assertEqual(keyword.classify(text), keyword.STOP)
        self.assertIsNone(keyword.classify("A B C D"))

    def test_phrases(self):
        "What people write in other words and languages"
        for text in [
                "отмена", "Отмена!", "Не присылайте", "«не присылайте!!!»",
                "Не пишите.", "ОТПИШИТЕ МЕНЯ", "Удалите мой номер",
                "Не надсилайте", "Don't text", "Don\u2019t send", "remove me",
                "No more messages", "Nu mai trimiteți", "Dezabonează-mă",
                "Arrêtez", "Stop pub", "Keine Werbung!", "İptal",
                "Rezygnuję", "Uitschrijven", "отпиши ме", "退订"]:
            with self.subTest(text=text):
                self.assertEqual(keyword.classify(text), keyword.STOP)

    def test_doubtful(self):
        "With more around it, or a slip of the finger, a person decides"
        for text in [
                "Пожалуйста, не присылайте мне больше рекламу",
                "больше не присылайте", "не пишите мне", "stop,please",
                "cancel please", "Remove me please", "отписатся",
                "unsubcribe", "unsubscirbe", "Stop texting me!",
                "отпишите меня от рассылки", "Bitte abmelden",
                "Как отписаться?", "I want to unsubscribe",
                "Vreau dezabonare de la mesaje"]:
            with self.subTest(text=text):
                self.assertEqual(keyword.classify(text), keyword.MAYBE)

    def test_sentences(self):
        "Sentences that use the same words mean what they say"
        for text in [
                "Не присылайте водителя завтра", "Отмена заказа 5",
                "Не пишите адрес на коробке", "Don't stop the deliveries",
                "Do not send the invoice by post, I come myself",
                "I will stop by tomorrow", "Next stop is Lyon",
                "Remove the second pallet, please", "The end", "Нет, спасибо",
                "Не беспокойтесь, всё хорошо", "Arrêt de bus ou gare ?",
                "Можно отменить доставку?", "Отказ от страховки оформлен?",
                "How do I cancel a trip", "No more trucks are needed today",
                "Basta cosi", "Info about prices", "не надо",
                "Abmelden des LKW ist erledigt", "Rezygnuję z palety 3",
                "Отправьте счёт и не присылайте курьера",
                ]:
            with self.subTest(text=text):
                self.assertNotIn(
                    keyword.classify(text),
                    {keyword.STOP, keyword.MAYBE, keyword.START})

    def test_own_words(self):
        words = {keyword.normalise("Genug"): keyword.STOP}
        self.assertEqual(keyword.classify("genug.", words), keyword.STOP)
        self.assertIsNone(keyword.classify("STOP", words))


class DeliveryTestCase(unittest.TestCase):
    "Test receipts"

    def test_words(self):
        "What providers say by number, by word or by both"
        for provider, raw, state in [
                ('kannel', 'type=1', 'delivered'),
                ('kannel', 'type=32', 'sent'),
                ('kannel', 'type=16&a=NACK/8', 'failed'),
                ('smpp', 'stat:UNDELIV err:027', 'undelivered'),
                ('smpp', 'stat:DELETED', 'undelivered'),
                ('smpp', 'stat:ENROUTE', 'sent'),
                ('smpp', 'id:7 STAT:delivrd', 'delivered'),
                ('twilio', 'queued', 'sent'),
                ('infobip', 'groupId 2 UNDELIVERABLE', 'undelivered'),
                ('infobip', 'id 26 PENDING_ACCEPTED groupId 1', 'sent'),
                ('infobip', 'DELIVERED_TO_HANDSET', 'delivered'),
                ('infobip', 'SEEN', 'read'),
                ('infobip', 'UNDELIVERABLE_NOT_DELIVERED', 'undelivered'),
                ('infobip', 'groupId 3 DELIVERED_TO_OPERATOR', 'sent'),
                ]:
            with self.subTest(provider=provider, raw=raw):
                self.assertEqual(
                    delivery.interpret(provider, raw).state, state)

    def test_cases(self):
        for case in CASES['delivery']:
            with self.subTest(provider=case['provider'], raw=case['raw']):
                receipt = delivery.interpret(case['provider'], case['raw'])
                self.assertEqual(receipt.state, case['state'])
                self.assertEqual(receipt.final, case['final'])

    def test_ordering(self):
        for case in CASES['ordering']:
            self.assertEqual(delivery.fold(case['events']), case['state'])

    def test_any_order(self):
        "The order of the receipts does not matter"
        states = ['sent', 'undelivered', 'delivered', 'unknown', 'read']
        for size in range(1, 5):
            for chosen in itertools.combinations(states, size):
                results = {
                    delivery.fold(p, 'sending')
                    for p in itertools.permutations(chosen)}
                self.assertEqual(len(results), 1, chosen)

    def test_never_back(self):
        self.assertEqual(
            delivery.fold(['sent', 'queued'], 'delivered'), 'delivered')
        self.assertEqual(delivery.fold(['nonsense'], 'sent'), 'sent')

    def test_refusal(self):
        receipt = delivery.interpret('twilio', 'failed + ErrorCode 21610')
        self.assertEqual(receipt.refusal, 'stop')

    def test_garbage(self):
        for provider in ['kannel', 'smpp', 'twilio', 'infobip']:
            receipt = delivery.interpret(provider, '\x00&&==%%')
            self.assertEqual(receipt.state, 'unknown')
        self.assertRaises(
            ValueError, delivery.interpret, 'nobody', 'type=1')


class AddressTestCase(unittest.TestCase):
    "Test addresses"

    def test_email(self):
        for value, valid in [
                ('a@b.co', True),
                ('first.last+tag@sub.example.org', True),
                ('a@b', False),
                ('a b@c.de', False),
                ('a@b.co\nBcc: x@y.z', False),
                ('a@b.co\r\n', False),
                ('a@b..co', False),
                ('<a@b.co>', False),
                ('a@b.co,c@d.co', False),
                ('', False),
                (None, False),
                ]:
            with self.subTest(value=value):
                self.assertIs(address.is_email(value), valid)

    def test_number(self):
        for value, number in [
                ('00373 69-12 34(56)', '+37369123456'),
                ('+44 (0)20 7946 0958', '+442079460958'),
                ('0049 (0) 30/123456', '+4930123456'),
                ('tel:+1-202-555-0143', '+12025550143'),
                ('+380\u202f44\u2009123·45·67', '+380441234567'),
                ('\uff0b\uff13\uff1973 69123456', '+397369123456'),
                ('+7 (916) 123-45-67', '+79161234567'),
                ('(0)20 7946', '0207946'),
                ]:
            with self.subTest(value=value):
                self.assertEqual(address.normalise('sms', value), number)
        for value, valid in [
                ('+37369123456', True),
                ('37369123456', False),
                ('+0123456789', False),
                ('+1234567890123456', False),
                ('+3736912345６', False),
                ('+37369123456\n', False),
                ]:
            with self.subTest(value=value):
                self.assertIs(address.is_number(value), valid)

    def test_msisdn(self):
        "Gateways name a number with a plus, without one or with a space"
        for value, number in [
                ('+37369123456', '+37369123456'),
                ('37369123456', '+37369123456'),
                (' 37369123456', '+37369123456'),
                ('13013', '13013'), ('Bank', 'Bank'),
                ('069123456', '069123456')]:
            with self.subTest(value=value):
                self.assertEqual(address.msisdn(value), number)


class TemplateTestCase(unittest.TestCase):
    "Test the language of texts"

    def render(self, text, escape=None, **values):
        return template.Template(text).render(values, escape=escape)

    def test_render(self):
        values = {
            'name': " Ann Lee ", 'empty': '', 'day': dt.date(2026, 11, 21),
            'amount': template.Amount(Decimal('1234.5'), 'EUR'),
            'count': 3, 'rate': Decimal('2.345'),
            'at': dt.datetime(2026, 11, 21, 9, 5)}
        for text, expected in [
                ("Hi {name}!", "Hi Ann Lee!"),
                ("Hi {name|first|upper}", "Hi ANN"),
                ('Hi {empty|default:"client"}', "Hi client"),
                ('Hi {none|default:"a } b"}', "Hi a } b"),
                ("{day} {day|date}", "2026-11-21 2026-11-21"),
                ("{amount|money}", "1234.50 EUR"),
                ("{rate|number:1}", "2.3"),
                ("{at|time}", "09:05"),
                ("{name|cut:3}", "Ann"),
                ("x[, {empty}]y", "xy"),
                ("x[, {name}]y", "x, Ann Leey"),
                ("{{name}} [[x]]", "{name} [x]"),
                ("{count}", "3"),
                ("{ name | lower }", "ann lee"),
                ("${name}", "$Ann Lee"),
                ]:
            with self.subTest(text=text):
                self.assertEqual(self.render(text, **values), expected)

    def test_missing(self):
        with self.assertRaises(template.MissingValue) as raised:
            self.render("{a} {b} {a} [{c}]", b='')
        self.assertEqual(raised.exception.names, ['a', 'b'])

    def test_values_stay_values(self):
        "What a customer is called is never read as a text of ours"
        self.assertEqual(
            self.render("Hi {a}", a="{b} [x] {{c}}"), "Hi {b} [x] {{c}}")

    def test_escape(self):
        self.assertEqual(
            self.render(
                "<b>{a}</b>", template.escape_html, a="<script>&\""),
            "<b>&lt;script&gt;&amp;&quot;</b>")

    def test_single_line(self):
        self.assertEqual(
            template.single_line("a\r\nBcc: x\x00\u2028y"), "a Bcc: x y")

    def names(self, text):
        "Return the fields that a text reads, none if it is refused"
        try:
            return template.Template(text).names
        except template.TemplateError:
            return set()

    def test_hostile(self):
        "Three hundred texts that would be code elsewhere"
        names = [
            '__class__', '__import__("os").system("id")', 'a.__class__',
            'a.__globals__', 'self', '0', 'a[0]', 'a()', 'lambda: 0',
            "a if a else b", 'a+b', 'a.b.c.d.e.f', 'A', 'a..b', '.a', 'a.',
            '_a', 'a_', 'a__b', 'a\nb', '%s', '$a', 'a|', '|a', 'a|exec',
            'a|default', 'a|default:x', "a|default:'x'", 'a|upper:2',
            'a|cut', 'a|cut:"2"', 'a|cut:99999', 'a|a.b', 'a!r', 'a:>10',
            ]
        wraps = [
            '{%s}', '${%s}', 'x {%s} y', '[{%s}]', '{%s', '{ %s }{b}',
            '{b}{%s}', '{%s|upper}', '{{{%s}}}']
        count = 0
        for name in names:
            for wrap in wraps:
                text = wrap % name
                with self.subTest(text=text):
                    self.assertLessEqual(
                        self.names(text), {'a', 'b', 'self'})
                count += 1
        for text in ['{%', '{{', '}', ']', '[', '[[', '[]', '[x]', '{}',
                '[a [{b}] ]', '{' * 1001, '[{a}' * 100, '{a' + ' ' * 50000,
                '{a' + '|upper' * 1000, '<?python import os ?>{']:
            with self.subTest(text=text[:20]):
                if text in {'{{', '[['}:
                    self.assertEqual(self.render(text), text[0])
                else:
                    self.assertRaises(
                        template.TemplateError, template.Template, text)
            count += 1
        self.assertGreater(count, 300)


class TableTestCase(unittest.TestCase):
    "Test what a spreadsheet gets"

    def test_inert(self):
        "What begins like a formula is told to be text"
        for begin in ['=', '+', '-', '@', '\t', '\r', '\n', '\uff1d']:
            for text in [f'{begin}1+1', f'{begin}cmd|"/c calc"!A1', begin]:
                with self.subTest(text=text):
                    self.assertEqual(inert(text), f"'{text}")

    def test_values(self):
        "Numbers, phone numbers and plain texts stay"
        for value in [
                "Hello = world", "", "'quoted", None, 12, -5, True,
                '+37369000001', '-5', '-5,50', '+1.25',
                dt.date(2026, 11, 21)]:
            with self.subTest(value=value):
                self.assertEqual(inert(value), value)


class WindowTestCase(unittest.TestCase):
    "Test quiet hours"

    def test_opening(self):
        zone = ZoneInfo('Europe/Chisinau')
        day = Window(dt.time(9), dt.time(20), set(), zone)
        night = Window(dt.time(22), dt.time(6), set(), zone)
        week = Window(None, None, {0, 1, 2, 3, 4}, zone)
        # 2026-11-21 is a Saturday, Chisinau two hours ahead of UTC
        for window, now, expected in [
                (None, (21, 3), (21, 3)),
                (day, (21, 8), (21, 8)),
                (day, (21, 3), (21, 7)),
                (day, (21, 19), (22, 7)),
                (night, (21, 21), (21, 21)),
                (night, (21, 3), (21, 3)),
                (night, (21, 8), (21, 20)),
                (week, (21, 12), (22, 22)),
                (week, (23, 12), (23, 12)),
                ]:
            with self.subTest(now=now):
                self.assertEqual(
                    next_opening(window, dt.datetime(2026, 11, *now)),
                    dt.datetime(2026, 11, *expected))
