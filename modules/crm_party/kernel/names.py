# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Keys by which names of persons and organisations are compared.

Pure functions over text: no database, no Pool.
"""
import re
import unicodedata

__all__ = [
    'common_length', 'name_key', 'numbers', 'ratio', 'score', 'sorted_key']

_LETTERS = {
    'а': 'a', 'б': 'b', 'в': 'v', 'г': 'g', 'д': 'd', 'е': 'e', 'ё': 'e',
    'ж': 'zh', 'з': 'z', 'и': 'i', 'й': 'y', 'к': 'k', 'л': 'l', 'м': 'm',
    'н': 'n', 'о': 'o', 'п': 'p', 'р': 'r', 'с': 's', 'т': 't', 'у': 'u',
    'ф': 'f', 'х': 'kh', 'ц': 'ts', 'ч': 'ch', 'ш': 'sh', 'щ': 'shch',
    'ъ': '', 'ы': 'y', 'ь': '', 'э': 'e', 'ю': 'yu', 'я': 'ya',
    'і': 'i', 'ї': 'yi', 'є': 'ye', 'ґ': 'g', 'ў': 'u',
    'ә': 'a', 'ғ': 'g', 'қ': 'k', 'ң': 'n', 'ө': 'o', 'ұ': 'u', 'ү': 'u',
    'һ': 'h',
    'ß': 'ss', 'æ': 'ae', 'œ': 'oe', 'ø': 'o', 'đ': 'd', 'ł': 'l', 'þ': 'th',
    'ð': 'd', 'ı': 'i', '&': ' and ',
    }
_TRANSLITERATION = str.maketrans(_LETTERS)
_DOTTED = re.compile(r'\b(?:\w\.){2,}(?:\w\b)?')
_NOT_WORD = re.compile(r'[\W_]+')
_NUMBER = re.compile(r'\d+')
_LEGAL_FORMS = {
    'ab', 'ag', 'ao', 'as', 'bv', 'co', 'company', 'corp', 'corporation',
    'doo', 'gmbh', 'inc', 'incorporated', 'ip', 'kft', 'kg', 'limited',
    'llc', 'llp', 'ltd', 'nv', 'oao', 'oo', 'ooo', 'oy', 'oyj', 'pao', 'plc',
    'pty', 'sa', 'sarl', 'sas', 'sl', 'spa', 'srl', 'sro', 'tdv', 'too',
    'ug', 'zao', 'zoo',
    }


def name_key(name):
    """Return the text by which a name is compared with others.

    Lower case, transliterated from Cyrillic, without accents, punctuation
    and legal form ("ООО Ромашка" and "Romashka LLC" give "romashka").  The
    words keep their order.  A name that is nothing but legal forms keeps
    them; an empty name gives an empty key.
    """
    text = (name or '').lower().translate(_TRANSLITERATION)
    text = unicodedata.normalize('NFKD', text)
    text = ''.join(c for c in text if not unicodedata.combining(c))
    text = _DOTTED.sub(lambda m: m.group().replace('.', '') + ' ', text)
    words = _NOT_WORD.sub(' ', text).split()
    return ' '.join([w for w in words if w not in _LEGAL_FORMS] or words)


def sorted_key(key):
    "Return the words of a key in alphabetic order"
    return ' '.join(sorted(key.split()))


def numbers(key):
    "Return the numbers of a key: \"taxi 1\" and \"taxi 2\" are two"
    return tuple(sorted(_NUMBER.findall(key)))


def common_length(a, b):
    "Return the length of the longest common subsequence of two texts"
    # Hyyrö (2004), bit-parallel: a bit of row is 0 where a match ends
    positions = {}
    for i, char in enumerate(a):
        positions[char] = positions.get(char, 0) | 1 << i
    mask = (1 << len(a)) - 1
    row = mask
    for char in b:
        matches = row & positions.get(char, 0)
        row = ((row + matches) | (row - matches)) & mask
    return len(a) - row.bit_count()


def ratio(a, b):
    """Return how alike two keys are, from 0 to 1.

    Twice the longest common subsequence over the sum of the lengths, words
    in alphabetic order: "kim lee" and "lee kim" are 1.
    """
    a, b = sorted_key(a), sorted_key(b)
    if not a or not b:
        return 0.0
    if a == b:
        return 1.0
    return 2 * common_length(a, b) / (len(a) + len(b))


def score(
        name=0, postal_code=False, date=False, identifier=False, email=False,
        phone=False):
    """Return how likely two parties are one, from 0 to 1.

    name is the ratio of their keys and counts from 0.8, the others tell
    whether both have the same value (date: birth or registration).  A name
    alone reaches 0.6: it is a hint, never a proof.
    """
    named = name if name >= 0.8 else 0
    return max(
        1.0 if identifier else 0,
        0.95 if email else 0,
        0.9 if phone else 0,
        round(0.6 * named + 0.2 * bool(postal_code) + 0.2 * bool(date), 4))
