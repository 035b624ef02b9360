# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Words by which a customer answers: stop, start, help.

Only a whole answer counts: punctuation, quotes, case, accents, spaces between
the letters and repetitions aside, it must be one of the words.  An answer
that begins with such a word, holds one that means nothing else, is one with a
courtesy or but for a slip of a finger is for a person to read: until then no
marketing is sent.
"""
import re
import unicodedata
from functools import lru_cache

__all__ = [
    'HELP', 'MAYBE', 'START', 'STOP', 'WORDS', 'classify', 'fold',
    'normalise', 'opt_out']

STOP, START, HELP, MAYBE = 'stop', 'start', 'help', 'maybe'

# Sources: the words that operators in North America must obey (CTIA), those
# of the big aggregators and of European operators, and ours for Romanian,
# Russian and Ukrainian
WORDS = {
    STOP: {
        'en': [
            "STOP", "STOP ALL", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END",
            "QUIT", "REVOKE", "OPT OUT", "OPTOUT", "REMOVE", "REMOVE ME",
            "STOP SMS", "NO MORE SMS", "NO MORE MESSAGES",
            "DO NOT SEND", "DON'T SEND", "DO NOT TEXT", "DON'T TEXT",
            "LEAVE ME ALONE"],
        'fr': ["ARRET", "ARRETER", "ARRETEZ", "DESABONNER", "DESABONNEMENT",
            "STOP PUB", "PLUS DE SMS", "DESINSCRIRE", "DESINSCRIPTION"],
        'es': ["BAJA", "ALTO", "CANCELAR", "PARAR", "DARME DE BAJA",
            "NO ENVIAR", "NO ENVIEN"],
        'de': ["STOPP", "ABMELDEN", "ABBESTELLEN", "KEINE WERBUNG",
            "KEINE SMS"],
        'it': ["ANNULLA", "CANCELLAMI", "DISISCRIVIMI"],
        'pt': ["SAIR", "REMOVER", "DESCADASTRAR", "CANCELAR INSCRICAO"],
        'nl': ["AFMELDEN", "UITSCHRIJVEN"],
        'pl': ["WYPISZ", "WYPISZ MNIE", "REZYGNUJE", "REZYGNACJA"],
        'cs': ["ODHLASIT", "ODHLASIT SE"],
        'tr': ["DUR", "IPTAL", "RET"],
        'bg': ["ОТПИШИ МЕ", "ОТПИСВАНЕ", "СПРИ", "СПРЕТЕ"],
        'ro': ["DEZABONARE", "DEZABONEAZA", "DEZABONEAZA-MA", "DEZABONEZ",
            "DEZABONATI-MA", "OPRESTE", "OPRITI", "ANULARE", "ANULEAZA",
            "NU MAI TRIMITE", "NU MAI TRIMITETI", "FARA RECLAMA"],
        'ru': ["СТОП", "ОТПИСАТЬСЯ", "ОТПИСКА", "ОТПИСАТЬ", "ОТПИШИТЕ",
            "ОТПИШИТЕ МЕНЯ", "ОТКАЗ", "ОТКАЗАТЬСЯ", "ОТМЕНА", "ОТМЕНИТЬ",
            "НЕТ РЕКЛАМЕ", "ПРЕКРАТИТЬ", "ПРЕКРАТИТЕ",
            "НЕ ПРИСЫЛАТЬ", "НЕ ПРИСЫЛАЙ", "НЕ ПРИСЫЛАЙТЕ",
            "НЕ ОТПРАВЛЯТЬ", "НЕ ОТПРАВЛЯЙТЕ", "НЕ ПИШИТЕ", "НЕ БЕСПОКОИТЬ",
            "НЕ БЕСПОКОЙТЕ", "НЕ ШЛИТЕ", "УДАЛИТЕ МЕНЯ", "УДАЛИТЕ МОЙ НОМЕР",
            "OTPISATSYA", "OTPISKA"],
        'uk': ["ВІДПИСАТИСЯ", "ВІДПИСАТИСЬ", "ВІДПИСКА", "ВІДМОВА",
            "СКАСУВАТИ", "НЕ НАДСИЛАТИ", "НЕ НАДСИЛАЙТЕ", "НЕ ПИШІТЬ",
            "НЕ ТУРБУВАТИ"],
        'zh': ["TD", "退订", "退訂"],
        },
    START: {
        'en': ["START", "UNSTOP", "SUBSCRIBE", "RESUME", "OPT IN", "OPTIN"],
        'fr': ["ABONNER", "REABONNER"],
        'de': ["ANMELDEN"],
        'ro': ["ABONARE", "ABONEAZA"],
        'ru': ["СТАРТ", "ПОДПИСАТЬСЯ", "ПОДПИСКА"],
        'uk': ["ПІДПИСАТИСЯ", "ПІДПИСКА"],
        },
    HELP: {
        'en': ["HELP", "INFO"],
        'fr': ["AIDE"],
        'es': ["AYUDA"],
        'de': ["HILFE"],
        'ro': ["AJUTOR"],
        'ru': ["ПОМОЩЬ", "ИНФО"],
        'uk': ["ДОПОМОГА"],
        },
    }

# What people put around: courtesies, to whom, what is sent
_FILLERS = set("""
    PLEASE PLS PLZ THANKS THANK YOU THX HI HELLO OK ME MY NOW ANYMORE AGAIN
    SMS MMS TEXT TEXTS MESSAGE MESSAGES ADS SPAM TO THIS NUMBER ANY
    ПОЖАЛУЙСТА ПЖ ПЖЛ ПЖЛСТ СПАСИБО ЗДРАВСТВУЙТЕ ДОБРЫЙ ДЕНЬ МНЕ МЕНЯ НАМ
    БОЛЬШЕ СМС СООБЩЕНИЯ СООБЩЕНИЙ РЕКЛАМУ РЕКЛАМЫ РАССЫЛКУ РАССЫЛКИ СПАМ
    НА ЭТОТ НОМЕР ВАШУ ВАШИ ВАШЕЙ ОТ И ИЗ
    БУДЬ ЛАСКА ДЯКУЮ МЕНІ БІЛЬШЕ ПОВІДОМЛЕННЯ
    VA ROG TE MULTUMESC IMI MI MESAJE RECLAME MAI
    MERCI SVP SIL VOUS PLAIT BITTE DANKE POR FAVOR GRACIAS GRAZIE
    """.split())
# Words with a meaning of their own in a sentence prove nothing there
_COMMON = set("""
    END CANCEL REMOVE QUIT REVOKE ALTO BAJA PARAR CANCELAR SAIR REMOVER
    ANNULLA DUR IPTAL RET СПРИ СПРЕТЕ START RESUME INFO HELP AIDE
    ARRET ARRETER ARRETEZ OPRESTE OPRITI ANULARE ANULEAZA
    ОТКАЗ ОТКАЗАТЬСЯ ВІДМОВА ОТМЕНА ОТМЕНИТЬ СКАСУВАТИ ПРЕКРАТИТЬ
    ПРЕКРАТИТЕ TD ABMELDEN ABBESTELLEN AFMELDEN UITSCHRIJVEN REZYGNUJE
    REZYGNACJA
    """.split())
# Words that mean nothing else, wherever they stand
_PLAIN = set("""
    UNSUBSCRIBE OPTOUT DESABONNER DESABONNEMENT DEZABONARE DEZABONEAZA
    DEZABONEZ ОТПИСАТЬСЯ ОТПИСАТЬ ОТПИШИТЕ ОТПИСКА ВІДПИСАТИСЯ ВІДПИСАТИСЬ
    ВІДПИСКА
    """.split())
_NOTHING = re.compile(r"['’‘ʼ`´]")
_SIGNS = re.compile(r'[\W_]+')
# The breve makes a letter of its own only of the Cyrillic I and U
_ACCENTS = re.compile(
    '(?<![\u0418\u0423])\u0306|[\u0300-\u0305\u0307-\u036f]')
# One letter for those that look the same, whichever keyboard was on
_SAME = str.maketrans("АВЕКМНОРСТУХІЈЅ0", "ABEKMHOPCTYXIJSO")
# A shorter word is too near to others
_SLIP = 7


def normalise(text):
    """Return text in capitals, its words without accents and signs.

    >>> normalise("  Don't stop. ")
    'DONT STOP'
    """
    text = unicodedata.normalize('NFKC', text or '')
    text = ''.join(c for c in text if unicodedata.category(c) != 'Cf')
    text = unicodedata.normalize('NFD', text.upper())
    text = unicodedata.normalize('NFC', _ACCENTS.sub('', text))
    return _SIGNS.sub(' ', _NOTHING.sub('', text)).strip()


def _fold(text):
    "Return a normalised text as it looks"
    return text.translate(_SAME)


def fold(text):
    """Return what texts have in common that are the same answer.

    >>> fold("S.t.o.p!") == fold("stop stop")
    True
    """
    return ' '.join(_joined(_fold(normalise(text)).split()))


def _joined(tokens):
    "Return the tokens, letters that stand alone as one word, no repetition"
    if len(tokens) > 2 and all(len(t) == 1 for t in tokens):
        tokens = [''.join(tokens)]
    if len(set(tokens)) == 1:
        tokens = tokens[:1]
    return tokens


@lru_cache(maxsize=8)
def _index(items):
    """Return {folded word: action} of pairs of a keyword and its action.

    Beside it how many words the longest keyword has.
    """
    index = {_fold(normalise(word)): action for word, action in items}
    return index, max((w.count(' ') + 1 for w in index), default=0)


_DEFAULT = tuple(
    (word, action) for action, languages in WORDS.items()
    for values in languages.values() for word in values)
_FOLDED_FILLERS = {_fold(f) for f in _FILLERS}
_FOLDED_COMMON = {_fold(c) for c in _COMMON}
_FOLDED_PLAIN = {_fold(p) for p in _PLAIN}


def classify(text, words=None):
    """Return what an incoming text asks for.

    STOP, START or HELP for a whole keyword, MAYBE for a text that a person
    must read before any marketing is sent, None for anything else.  words
    maps a keyword to its action; the built-in ones are the default.
    """
    index, longest = _index(
        _DEFAULT if words is None else tuple(words.items()))
    tokens = _joined(_fold(normalise(text)).split())
    if action := index.get(' '.join(tokens)):
        return action
    return MAYBE if _is_doubtful(tokens, index, longest) else None


def _is_doubtful(tokens, index, longest):
    "Return whether a text may mean stop"
    if len(tokens) == 1:
        return len(tokens[0]) >= _SLIP and any(
            action == STOP and _is_slip(tokens[0], word)
            for word, action in index.items() if len(word) >= _SLIP)
    if any(t in _FOLDED_PLAIN and index.get(t) == STOP for t in tokens):
        return True
    for begin, token in enumerate(tokens):
        if _begins(tokens[begin:], index, longest):
            return True
        if token not in _FOLDED_FILLERS:
            return False
    return False


def _begins(tokens, index, longest):
    """Return whether tokens begin with a stop keyword.

    After one that also stands in other sentences, as all of several words
    may, nothing but fillers may follow.
    """
    for size in range(min(longest, len(tokens)), 0, -1):
        word, rest = ' '.join(tokens[:size]), tokens[size:]
        if index.get(word) != STOP:
            continue
        if size == 1 and word not in _FOLDED_COMMON:
            return True
        if _FOLDED_FILLERS.issuperset(rest):
            return True
    return False


def _is_slip(first, second):
    "Return whether two words differ by one letter too many, less or else"
    if first == second or abs(len(first) - len(second)) > 1:
        return False
    if len(first) > len(second):
        first, second = second, first
    same = next(
        (i for i, (a, b) in enumerate(zip(first, second)) if a != b),
        len(first))
    if len(first) < len(second):
        return first[same:] == second[same + 1:]
    return (
        first[same + 1:] == second[same + 1:]
        or (first[same:same + 2] == second[same:same + 2][::-1]
            and first[same + 2:] == second[same + 2:]))


def opt_out(text, words=None):
    """Return True for a refusal, None for a doubtful one, else False."""
    return {STOP: True, MAYBE: None}.get(classify(text, words), False)
