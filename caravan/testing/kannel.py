# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""A Kannel of the tests' own on the loopback.

The gateway of Debian (packages kannel and kannel-extras) runs from a
configuration in a folder, as any user; fakesmsc plays the network.

    with Kannel(folder, get_url='http://127.0.0.1:8000/db/mailing/in/1/x') \
            as kannel:
        kannel.options   # of the section of an account
        kannel.received()   # [(from, to, text)] at the network
        kannel.incoming('+37369000001', "STOP")
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import unquote_to_bytes

from caravan.server import free_port

__all__ = ['Kannel', 'find_programs']

_SMSC = '/usr/lib/kannel/test/fakesmsc'
_CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = adm
status-password = adm
smsbox-port = {smsbox}
admin-interface = 127.0.0.1
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
admin-deny-ip = "*.*.*.*"
admin-allow-ip = "127.0.0.1"
dlr-storage = internal
store-type = spool
store-location = "{folder}/spool"
log-file = "{folder}/bearerbox.log"
log-level = 1

group = smsc
smsc = fake
smsc-id = FAKE
host = 127.0.0.1
port = {smsc}
connect-allow-ip = 127.0.0.1
throughput = 0

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
global-sender = 13013
log-file = "{folder}/smsbox.log"
log-level = 1
max-pending-requests = 128
http-request-retry = 10
http-queue-delay = 1

group = sendsms-user
username = caravan
password = caravan
concatenation = true
max-messages = 10
forced-smsc = FAKE

group = sms-service
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
get-url = "{get_url}?from=%p&to=%P&text=%b&charset=%C&coding=%c&id=%I"
"""
_MESSAGE = re.compile(
    rb'Got message \d+: <(\S+) (\S+) (?:udh (\S+) )?(text|data|ucs-2) (.*)>$',
    re.M)
_SENT = b'fakesmsc: sent message'


def find_programs():
    "Return {name: path} of the programs of Kannel, None if one is missing"
    programs = {
        'bearerbox': shutil.which('bearerbox', path=_path()),
        'smsbox': shutil.which('smsbox', path=_path()),
        'fakesmsc': _SMSC if Path(_SMSC).exists() else None,
        }
    return programs if all(programs.values()) else None


def _path():
    return os.environ.get('PATH', '') + ':/usr/sbin:/usr/local/sbin'


class Kannel:
    """A gateway with a network behind it, usable as a context manager.

    folder receives configuration, spool and logs; get_url is where incoming
    messages are handed in.
    """

    def __init__(self, folder, get_url='http://127.0.0.1:9/'):
        self.programs = find_programs()
        if not self.programs:
            raise FileNotFoundError(
                "bearerbox, smsbox or fakesmsc are not on this machine: "
                "install kannel and kannel-extras")
        self.folder = Path(folder)
        self.get_url = get_url
        self.ports = {
            n: free_port() for n in ['admin', 'smsbox', 'smsc', 'sendsms']}
        self.processes = {}

    @property
    def options(self):
        "The options of the section of an account"
        return {
            'url': f'http://127.0.0.1:{self.ports["sendsms"]}'
            '/cgi-bin/sendsms',
            'username': 'caravan',
            'password': 'caravan',
            'timeout': '10',
            }

    def __enter__(self):
        self.configure()
        self.start()
        return self

    def __exit__(self, *args):
        self.stop()

    def configure(self):
        (self.folder / 'spool').mkdir(parents=True, exist_ok=True)
        (self.folder / 'kannel.conf').write_text(_CONFIGURATION.format(
                folder=self.folder, get_url=self.get_url, **self.ports))

    def _launch(self, name, *arguments):
        program = name.partition('-')[0]
        with (self.folder / f'{program}.out').open('ab') as output:
            self.processes[name] = subprocess.Popen(
                [self.programs[program], *arguments],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True)

    def _wait(self, port, timeout=120):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with socket.socket() as sock:
                if not sock.connect_ex(('127.0.0.1', self.ports[port])):
                    return
            time.sleep(0.05)
        raise TimeoutError(f"Kannel is not listening for {port}")

    def start(self):
        "Start bearerbox, smsbox and the network, wait until they listen"
        self._launch('bearerbox', '-v', '4', 'kannel.conf')
        self._wait('smsbox')
        self._wait('smsc')
        self._launch('smsbox', '-v', '4', 'kannel.conf')
        self._wait('sendsms')
        self._listen()

    def kill(self):
        "Kill all at once, as a power cut does; the spool stays"
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.processes.clear()

    def stop(self):
        for name in ['fakesmsc', 'smsbox', 'bearerbox']:
            self._end(name)

    def _listen(self):
        self._launch(
            'fakesmsc', '-H', '127.0.0.1', '-r', str(self.ports['smsc']),
            '-m', '0', '1 2 text none')

    def _end(self, name):
        process = self.processes.pop(name, None)
        if process and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def incoming(self, sender, text, to='13013'):
        "Let somebody write to us; the network has one line at a time"
        self._end('fakesmsc')
        seen = (self.folder / 'fakesmsc.out').stat().st_size
        self._launch(
            'fakesmsc-once', '-H', '127.0.0.1', '-r',
            str(self.ports['smsc']), '-i', '0.1', '-m', '1',
            f'{sender} {to} text {text}')
        self._wait_sent(seen)
        time.sleep(1)
        self._end('fakesmsc-once')
        self._listen()

    def _wait_sent(self, seen, timeout=120):
        "Wait until the network has said that it sent the message"
        log, end = self.folder / 'fakesmsc.out', time.monotonic() + timeout
        while _SENT not in log.read_bytes()[seen:]:
            if time.monotonic() > end:
                raise TimeoutError("Kannel does not take the message")
            time.sleep(0.05)

    def received(self):
        """Return [(from, to, text)] of what reached the network

        A text of several parts stands there part by part.
        """
        log = (self.folder / 'fakesmsc.out').read_bytes()
        result = []
        for sender, to, _, kind, text in _MESSAGE.findall(log):
            if kind == b'text':
                text = text.decode('utf-8', 'replace')
            else:
                text = unquote_to_bytes(text.replace(b'+', b' ')).decode(
                    'utf-16-be' if kind == b'ucs-2' else 'latin-1',
                    'replace')
            result.append((sender.decode(), to.decode(), text))
        return result
