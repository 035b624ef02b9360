# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""SMS alphabets and parts, after 3GPP TS 23.038 and TS 23.040.

Units are septets for GSM-7 (a character of the extension table takes two)
and UTF-16 code units for UCS-2 (a character outside of the basic plane takes
two).  A single message holds 160 or 70 units; a message of several parts
gives six octets of each to the concatenation header, which leaves 153 or 67.
An escaped pair and a surrogate pair are never cut, so that a part may be one
unit short.
"""
import re
import unicodedata
from collections import namedtuple
from functools import lru_cache

__all__ = [
    'GSM_7', 'MAX_PARTS', 'UCS_2', 'Count', 'count', 'encode', 'offending',
    'sanitise', 'split', 'transliterate']

GSM_7 = 'GSM-7'
UCS_2 = 'UCS-2'
# (single message, part of several)
LIMITS = {GSM_7: (160, 153), UCS_2: (70, 67)}
# The total of the concatenation header is one octet
MAX_PARTS = 255

# TS 23.038, 6.2.1: position is the code, escape stands at 0x1b
_ESCAPE = 0x1b
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà")
# TS 23.038, 6.2.1.1
_EXTENSION = {
    '\f': 0x0a, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2f, '[': 0x3c,
    '~': 0x3d, ']': 0x3e, '|': 0x40, '€': 0x65,
    }
# TS 23.038, A.3: tables that take the place of the basic one
_LOCKING = {
    'tr': _BASIC.translate(str.maketrans("èìØøÆæ¡¿", "€ıĞğŞşİç")),
    'pt': (
        "@£$¥êéúíóç\nÔô\rÁáΔ_ªÇÀ∞^\\€Ó|\x1bÂâÊÉ"
        " !\"#º%&'()*+,-./0123456789:;<=>?"
        "ÍABCDEFGHIJKLMNOPQRSTUVWXYZÃÕÚÜ§"
        "~abcdefghijklmnopqrstuvwxyzãõ`üà"),
    }
# TS 23.038, A.2: tables that take the place of the extension
_SINGLE_SHIFT = {
    'tr': {
        **_EXTENSION, 'Ğ': 0x47, 'İ': 0x49, 'Ş': 0x53, 'ç': 0x63, 'ğ': 0x67,
        'ı': 0x69, 'ş': 0x73},
    'es': {
        **_EXTENSION, 'ç': 0x09, 'Á': 0x41, 'Í': 0x49, 'Ó': 0x4f, 'Ú': 0x55,
        'á': 0x61, 'í': 0x69, 'ó': 0x6f, 'ú': 0x75},
    'pt': {
        **_EXTENSION, 'ê': 0x05, 'ç': 0x09, 'Ô': 0x0b, 'ô': 0x0c, 'Á': 0x0e,
        'á': 0x0f, 'Φ': 0x12, 'Γ': 0x13, 'Ω': 0x15, 'Π': 0x16, 'Ψ': 0x17,
        'Σ': 0x18, 'Θ': 0x19, 'Ê': 0x1f, 'À': 0x41, 'Í': 0x49, 'Ó': 0x4f,
        'Ú': 0x55, 'Ã': 0x5b, 'Õ': 0x5c, 'Â': 0x61, 'í': 0x69, 'ó': 0x6f,
        'ú': 0x75, 'ã': 0x7b, 'õ': 0x7c, 'â': 0x7f},
    }
_ASTRAL = re.compile('[\U00010000-\U0010ffff]')

_Alphabet = namedtuple('_Alphabet', ['codes', 'foreign', 'double', 'limits'])
Count = namedtuple('Count', ['encoding', 'parts', 'units', 'part_units'])
Count.__doc__ = """What a text costs.

encoding is GSM_7 or UCS_2, parts the number of messages on the air, units
the total and part_units the tuple of units of each part.
"""


def _septets(tables, concatenated):
    "Return what a message holds beside the header that names its tables"
    octets = 3 * tables + (5 if concatenated else 0)
    return 160 - -(-(octets + 1) * 8 // 7) if octets else 160


@lru_cache(maxsize=None)
def _alphabet(locking=None, single_shift=None):
    "Return the alphabet of the national tables, the default one for None"
    basic = _LOCKING[locking] if locking else _BASIC
    extension = _SINGLE_SHIFT[single_shift] if single_shift else _EXTENSION
    codes = {
        character: bytes([_ESCAPE, code])
        for character, code in extension.items()}
    codes.update(
        (character, bytes([code])) for code, character in enumerate(basic)
        if code != _ESCAPE)
    double = ''.join(c for c, code in codes.items() if len(code) > 1)
    tables = bool(locking) + bool(single_shift)
    return _Alphabet(
        codes, re.compile('[^%s]' % re.escape(''.join(codes))),
        re.compile('[%s]' % re.escape(double)),
        (_septets(tables, False), _septets(tables, True)))


_CODES, _NOT_GSM, *_ = _alphabet()


def offending(text):
    """Return the characters that force text out of GSM-7.

    Each character once, in order of appearance; an empty list for a text
    that fits the default alphabet.
    """
    return list(dict.fromkeys(_NOT_GSM.findall(text)))


def _measure(text, locking, single_shift):
    "Return the encoding, what takes two units and the limits of a text"
    alphabet = _alphabet(locking, single_shift)
    if alphabet.foreign.search(text):
        return UCS_2, _ASTRAL, LIMITS[UCS_2]
    return GSM_7, alphabet.double, alphabet.limits


def split(text, locking=None, single_shift=None):
    """Return the encoding of text and the list of its parts as strings.

    An empty text has one empty part.  locking (tr, pt) and single_shift (tr,
    es, pt) name national tables, for a gateway that sends them: each takes
    three octets of the header.
    """
    encoding, double, (single, part) = _measure(text, locking, single_shift)
    units = len(text) + len(double.findall(text))
    if units <= single:
        return encoding, [text]
    if units == len(text):
        return encoding, [
            text[i:i + part] for i in range(0, len(text), part)]
    parts, start, used = [], 0, 0
    for i, character in enumerate(text):
        size = 2 if double.match(character) else 1
        if used + size > part:
            parts.append(text[start:i])
            start, used = i, 0
        used += size
    parts.append(text[start:])
    return encoding, parts


@lru_cache(maxsize=4096)
def count(text, locking=None, single_shift=None):
    """Return the Count of text, which may be empty.

    >>> count("€" * 80 + "a").part_units
    (152, 9)

    locking and single_shift name national tables as for `split`:

    >>> count("ş" * 155, locking='tr').part_units
    (155,)
    """
    encoding, parts = split(text, locking, single_shift)
    _, double, _ = _measure(text, locking, single_shift)
    part_units = tuple(len(p) + len(double.findall(p)) for p in parts)
    return Count(encoding, len(parts), sum(part_units), part_units)


def encode(text, locking=None, single_shift=None):
    """Return text as unpacked septets of GSM-7, else as UTF-16 big endian.

    Source of the codes: TS 23.038, tables 6.2.1 and 6.2.1.1, those of annex A
    for the national tables that locking and single_shift name.
    """
    alphabet = _alphabet(locking, single_shift)
    if not alphabet.foreign.search(text):
        return b''.join(map(alphabet.codes.__getitem__, text))
    return text.encode('utf-16-be', 'surrogatepass')


# What word processors and number formats slip into a text.  The other
# characters go through the compatibility decomposition of Unicode.
_LOOKALIKES = {}
for _plain, _others in {
        '"': "«»“”„‟ʺˮ❝❞〝〞‶″",
        "'": "‘’‛‚`´ʹʻʼʽˈˊˋ❛❜′‵‹›",
        '-': "‐‑‒–—―⁃−⎼⎽﹘",
        '/': "÷⁄∕⧸",
        '\\': "⧵⧹∖",
        '|': "∣⎸⎹⏐⎜⎟¦",
        '*': "⁎∗⊛✢✣✤✥✱✲✳✺✻✽⚹",
        '~': "˜˷∼",
        '^': "ˆ",
        '+': "˖",
        '.': "。․",
        ':': "ː˸꞉∶⦂",
        ',': "‚、﹑､",
        ';': "⁏;",
        '!': "ǃ",
        '=': "꞊",
        '_': "‗",
        '(': "❨❪⟮⦅",
        ')': "❩❫⟯⦆",
        '{': "❴",
        '}': "❵",
        '...': "…",
        '1/4': "¼",
        '1/2': "½",
        '3/4': "¾",
        '(c)': "©",
        '(R)': "®",
        'TM': "™",
        'No.': "№",
        }.items():
    _LOOKALIKES.update(dict.fromkeys(_others, _plain))
# Small capitals
_LOOKALIKES.update(zip(
        "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "ABCDEFGHIJKLMNOPRSTUVWYZ"))
_LOOKALIKES['\t'] = ' '


def _plain_character(character):
    "Return the GSM-7 spelling of a character, itself if there is none"
    if character in _CODES:
        return character
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    category = unicodedata.category(character)
    if category in {'Zs', 'Zl', 'Zp'}:
        return ' '
    if category in {'Cf', 'Cc'} and character != '\u200d':
        return ''
    compatible = ''.join(
        _LOOKALIKES.get(c, c)
        for c in unicodedata.normalize('NFKC', character))
    if not _NOT_GSM.search(compatible):
        return compatible
    return character


def sanitise(text):
    """Return text with look-alikes replaced by characters of GSM-7.

    Typographic quotes, dashes, spaces, full-width forms and invisible
    characters change; letters of another alphabet and emoji do not, because
    that would change what is said.
    """
    text = unicodedata.normalize('NFC', text)
    if not _NOT_GSM.search(text):
        return text
    return _NOT_GSM.sub(lambda m: _plain_character(m.group()), text)


# Passport spelling, ICAO Doc 9303 part 3, the soft sign left out
_CYRILLIC = dict(zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie"
        " y  e iu ia i i ie g u".split(' ')))
_LETTERS = {
    'ł': 'l', 'đ': 'd', 'ð': 'd', 'þ': 'th', 'œ': 'oe', 'ı': 'i', 'ħ': 'h',
    'ŋ': 'n', **_CYRILLIC}


def _latin(character):
    if character in _CODES:
        return character
    lower = character.lower()
    if lower in _LETTERS:
        latin = _LETTERS[lower]
        return latin.capitalize() if lower != character else latin
    return ''.join(
        c for c in unicodedata.normalize('NFKD', character)
        if not unicodedata.combining(c))


def transliterate(text):
    """Return text in Latin letters without marks, sanitised.

    Cyrillic follows ICAO Doc 9303; a character that has no Latin spelling
    stays as it is, so that `offending` still tells about it.
    """
    text = sanitise(text)
    return _NOT_GSM.sub(lambda m: _latin(m.group()), text)
