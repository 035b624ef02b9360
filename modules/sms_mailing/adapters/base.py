# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The interface of the adapters."""
from collections import namedtuple
from dataclasses import dataclass, field

__all__ = [
    'ACCEPTED', 'Adapter', 'Incoming', 'Outgoing', 'REJECTED', 'RETRY',
    'Report', 'Result', 'Settings', 'UNKNOWN']

# What became of a message that was handed to a gateway
ACCEPTED = 'accepted'   # the gateway has it
RETRY = 'retry'         # it surely has it not: try again later
REJECTED = 'rejected'   # it will never take it
UNKNOWN = 'unknown'     # nobody can tell: a person or a receipt decides


@dataclass(frozen=True)
class Outgoing:
    """A message on its way out.

    id and token name it for receipts; address is normalised; encoding is one
    of engine.gsm for an SMS, else None; callback is the URL for receipts and
    unsubscribe the one-click URL, both None where none is configured;
    language is its code, None where it is not known;
    headers says whether the message is bulk marketing.
    """
    id: int
    token: str
    channel: str
    address: str
    sender: str = None
    subject: str = None
    text: str = ''
    html: str = None
    encoding: str = None
    language: str = None
    marketing: bool = False
    callback: str = None
    unsubscribe: str = None


@dataclass(frozen=True)
class Report:
    """What a gateway says about a message, at once or later.

    kind is a state of engine.delivery or one of click, open, reply,
    unsubscribe, complaint; refusal is None, 'stop', 'bad_number', 'bounce'
    or 'complaint'; raw is what was received, for the archive.
    id and token, or the reference that the gateway gave, name the message
    where it is not known by the way the report came.
    """
    kind: str
    code: str = None
    refusal: str = None
    raw: str = None
    id: int = None
    token: str = None
    reference: str = None


@dataclass(frozen=True)
class Incoming:
    "A text that somebody sent to us"
    sender: str
    text: str
    recipient: str = None
    reference: str = None


@dataclass(frozen=True)
class Result:
    """The outcome of handing over one message.

    reports and incoming are what the gateway told in the same breath.
    """
    outcome: str
    reference: str = None
    code: str = None
    error: str = None
    refusal: str = None
    reports: tuple = field(default=())
    incoming: tuple = field(default=())


Settings = namedtuple('Settings', ['get', 'account', 'sender', 'connections'])
Settings.__doc__ = """What an adapter works with.

get(name, default=None) reads an option of the account's section in the
configuration; account is the id of the account.
"""


class Adapter:
    """One way to the outside.

    name is its key, label what people see, channels the set it serves,
    receipts tells whether it reports deliveries, polled whether it must be
    asked for them, idempotent whether the same token submitted twice is sent
    once.
    """
    name = None
    label = None
    channels = frozenset()
    receipts = False
    polled = False
    idempotent = False

    def __init__(self, settings):
        self.settings = settings

    def submit(self, messages):
        """Hand over messages, return their Result in the same order.

        Never raises for what a gateway or a network does.
        """
        raise TypeError(f"{type(self).__name__} can not send")

    def reports(self, request):
        "Return the Report of a callback, a werkzeug request"
        return []

    def incoming(self, request):
        "Return the Incoming of a callback, a werkzeug request"
        return []

    def authentic(self, request, secret):
        """Return whether an incoming callback is from the gateway.

        secret is the last part of the address that was called.
        """
        return False

    def poll(self):
        """Return the Report waiting at the gateway, each with its reference

        Never raises for what a gateway or a network does.
        """
        return []

    def close(self):
        "Let go of connections; the adapter is not used after"

    def check(self):
        "Return what is missing in the configuration, a list of options"
        return []
