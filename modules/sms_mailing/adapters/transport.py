# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""HTTP without guessing: what was surely not sent is told apart.

A request may be repeated only when no byte of it can have been acted upon.
Everything that breaks after the request was written is a Lost: nobody knows.
"""
import http.client
import select
import ssl
from concurrent.futures import ThreadPoolExecutor
from threading import local
from urllib.parse import urlsplit

__all__ = ['Client', 'Lost', 'NotSent']

MAX_ANSWER = 64 * 1024


class NotSent(Exception):
    "The request surely did not reach the gateway"


class Lost(Exception):
    "The request was written, its answer did not come"


class Client:
    """Connections to one gateway, kept open and used side by side.

    url is that of the gateway, timeout in seconds, connections how many,
    size how many bytes of an answer are read.
    """

    def __init__(self, url, timeout=30, connections=4, size=MAX_ANSWER):
        self.url = urlsplit(url)
        if self.url.scheme not in {'http', 'https'} or not self.url.hostname:
            raise ValueError(f"not an HTTP address: {url}")
        self.timeout = timeout
        self.connections = connections
        self.size = size
        self._local = local()
        self._open = []
        self._executor = None

    def _connection(self):
        connection = getattr(self._local, 'connection', None)
        if connection is None:
            if self.url.scheme == 'https':
                connection = http.client.HTTPSConnection(
                    self.url.hostname, self.url.port, timeout=self.timeout,
                    context=ssl.create_default_context())
            else:
                connection = http.client.HTTPConnection(
                    self.url.hostname, self.url.port, timeout=self.timeout)
            self._local.connection = connection
            self._open.append(connection)
        if connection.sock is not None and _is_stale(connection.sock):
            connection.close()
        return connection

    def request(self, method, target, body=None, headers=None):
        """Return the status and the text of an answer.

        Raises NotSent or Lost.
        """
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
        except OSError as exception:
            connection.close()
            raise NotSent(str(exception)) from exception
        try:
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            text = answer.read(self.size).decode('utf-8', 'replace')
            if not answer.isclosed():
                connection.close()
            return answer.status, text
        except (OSError, http.client.HTTPException) as exception:
            connection.close()
            raise Lost(
                str(exception) or type(exception).__name__) from exception

    def map(self, function, items):
        "Return [function(item)] in order, worked on side by side"
        items = list(items)
        workers = min(self.connections, len(items))
        if workers <= 1:
            return [function(i) for i in items]
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self.connections)
        return list(self._executor.map(function, items))

    def close(self):
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None
        for connection in self._open:
            connection.close()


def _is_stale(sock):
    "Return whether the other side has closed an idle connection"
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    try:
        readable, _, _ = select.select([sock], [], [], 0)
    except (OSError, ValueError):
        return True
    return bool(readable)
