# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Words by which a customer answers: stop, start, help.

Only a whole answer counts: punctuation, quotes, case and accents aside, it
must be one of the words.  An answer that begins with such a word, or is one
with a courtesy, is for a person to read: until then no marketing is sent.
"""
import re
import unicodedata

__all__ = [
    'HELP', 'MAYBE', 'START', 'STOP', 'WORDS', 'classify', 'normalise',
    'opt_out']

STOP, START, HELP, MAYBE = 'stop', 'start', 'help', 'maybe'

# Sources: the words that operators in North America must obey (CTIA), those
# of the big aggregators, and ours for Romanian, Russian and Ukrainian
WORDS = {
    STOP: {
        'en': [
            "STOP", "STOP ALL", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END",
            "QUIT", "REVOKE", "OPT OUT", "OPTOUT", "OPT-OUT", "REMOVE", "TD"],
        'fr': ["ARRET", "ARRÊT", "ARRETER", "DESABONNER", "DESABONNEMENT"],
        'es': ["BAJA", "ALTO", "CANCELAR"],
        'de': ["STOPP", "ABMELDEN"],
        'ro': ["DEZABONARE", "DEZABONEAZA", "DEZABONEZ", "OPRESTE", "OPRITI"],
        'ru': ["СТОП", "ОТПИСАТЬСЯ", "ОТПИСКА", "ОТПИСАТЬ", "ОТКАЗ",
            "НЕТ РЕКЛАМЕ", "ПРЕКРАТИТЬ"],
        'uk': ["ВІДПИСАТИСЯ", "ВІДПИСКА", "ВІДМОВА"],
        },
    START: {
        'en': ["START", "UNSTOP", "SUBSCRIBE", "RESUME", "OPT IN", "OPTIN",
            "OPT-IN"],
        'fr': ["ABONNER"],
        'ro': ["ABONARE", "ABONEAZA"],
        'ru': ["СТАРТ", "ПОДПИСАТЬСЯ", "ПОДПИСКА"],
        'uk': ["ПІДПИСАТИСЯ", "ПІДПИСКА"],
        },
    HELP: {
        'en': ["HELP", "INFO"],
        'fr': ["AIDE"],
        'ro': ["AJUTOR"],
        'ru': ["ПОМОЩЬ", "ИНФО"],
        'uk': ["ДОПОМОГА"],
        },
    }

_COURTESY = {
    'PLEASE', 'PLS', 'PLZ', 'THANKS', 'THANK', 'YOU', 'THX', 'HI', 'HELLO',
    'ПОЖАЛУЙСТА', 'СПАСИБО', 'БУДЬ', 'ЛАСКА', 'ЗДРАВСТВУЙТЕ', 'VA', 'ROG',
    'TE', 'MULTUMESC', 'MERCI', 'SVP', 'BITTE', 'DANKE'}
# Words with a meaning of their own in a sentence prove nothing there
_COMMON = {
    'END', 'CANCEL', 'REMOVE', 'ALTO', 'BAJA', 'START', 'RESUME', 'INFO',
    'HELP', 'AIDE', 'ОТКАЗ', 'ВІДМОВА'}
_EDGES = re.compile(r'^[\W_]+|[\W_]+$')
# The breve makes a letter of its own only of the Cyrillic I and U
_ACCENTS = re.compile(
    '(?<![\u0418\u0423])\u0306|[\u0300-\u0305\u0307-\u036f]')
_SPACES = re.compile(r'\s+')


def normalise(text):
    """Return text in capitals, without accents, outer signs and spaces.

    >>> normalise("  Stop. ")
    'STOP'
    """
    text = unicodedata.normalize('NFKC', text or '')
    text = unicodedata.normalize('NFD', text.upper())
    text = unicodedata.normalize('NFC', _ACCENTS.sub('', text))
    return _SPACES.sub(' ', _EDGES.sub('', text))


def _index(words):
    return {
        normalise(word): action for action, languages in words.items()
        for values in languages.values() for word in values}


_DEFAULT = _index(WORDS)


def classify(text, words=None):
    """Return what an incoming text asks for.

    STOP, START or HELP for a whole keyword, MAYBE for a text that a person
    must read before any marketing is sent, None for anything else.  words
    maps a normalised keyword to its action; the built-in ones are the
    default.
    """
    if words is None:
        words = _DEFAULT
    answer = normalise(text)
    if action := words.get(answer):
        return action
    tokens = [normalise(t) for t in answer.split(' ')]
    kept = [t for t in tokens if t and t not in _COURTESY]
    if len(kept) < len(tokens) and words.get(' '.join(kept)) == STOP:
        return MAYBE
    if kept and kept[0] not in _COMMON and words.get(kept[0]) == STOP:
        return MAYBE
    return None


def opt_out(text, words=None):
    """Return True for a refusal, None for a doubtful one, else False."""
    return {STOP: True, MAYBE: None}.get(classify(text, words), False)
