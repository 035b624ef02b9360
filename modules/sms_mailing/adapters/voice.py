# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Calls that speak a text.

The text is turned into speech by espeak-ng on this machine.  The call is made
by a gateway with an HTTP interface or by a program, a SIP client for example.

Options of the section, besides those of the HTTP gateway:

    espeak          the program that speaks, espeak-ng by default
    voice           its voice, that of the language of the message by default
    speed           words a minute, 150 by default
    body            may hold {audio}, the speech as WAV in base64
    command         what makes the call instead of the gateway, with {to}
                    {audio} (the name of a WAV file) {token} {id} {sender}
    timeout         seconds that a call may take, 120 by default

The status with which the command ends tells the outcome: 0 somebody listened,
1 nobody answered, 75 it could not call now, any other it never will.
"""
import base64
import shlex
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .base import ACCEPTED, REJECTED, RETRY, UNKNOWN, Report, Result
from .http import FIELD, Http

__all__ = ['Voice']

# What sysexits.h calls EX_TEMPFAIL
_LATER = 75
_SPEAK_TIMEOUT = 30


class SpeechError(Exception):
    "The text could not be spoken"


class Voice(Http):
    name = 'voice'
    label = "Voice Call"
    channels = frozenset(['voice'])

    def check(self):
        missing = [] if self.settings.get('command') else super().check()
        if not shutil.which(self._espeak):
            missing.append('espeak')
        return missing

    @property
    def _espeak(self):
        return self.settings.get('espeak', 'espeak-ng')

    def speak(self, message):
        "Return the text of a message as speech, a WAV in bytes"
        language = (message.language or 'en').partition('_')[0]
        with tempfile.TemporaryDirectory() as folder:
            # What comes from a pipe does not know its length
            path = Path(folder, 'speech.wav')
            try:
                subprocess.run(
                    [
                        self._espeak, '--stdin', '-w', str(path),
                        '-v', self.settings.get('voice', language),
                        '-s', self.settings.get('speed', '150')],
                    input=message.text.encode(), check=True,
                    capture_output=True, timeout=_SPEAK_TIMEOUT)
                return path.read_bytes()
            except (OSError, subprocess.SubprocessError) as exception:
                raise SpeechError(str(exception)[:200]) from exception

    def submit(self, messages):
        if not self.settings.get('command'):
            return super().submit(messages)
        # A call lasts: as many at once as there may be connections
        with ThreadPoolExecutor(self.settings.connections) as executor:
            return list(executor.map(self._call, messages))

    def _submit(self, message):
        try:
            return super()._submit(message)
        except SpeechError as exception:
            return Result(RETRY, code='speech', error=str(exception))

    def _values(self, message):
        values = super()._values(message)
        if '{audio}' in self.settings.get('body', ''):
            values['audio'] = base64.b64encode(self.speak(message)).decode()
        return values

    def _call(self, message):
        "Make a call by the command, return its Result"
        try:
            audio = self.speak(message)
        except SpeechError as exception:
            return Result(RETRY, code='speech', error=str(exception))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f'{message.id}.wav')
            path.write_bytes(audio)
            return self._run({**super()._values(message), 'audio': str(path)})

    def _run(self, values):
        # Split before it is filled in: no value becomes two words or an option
        # of another program
        command = [
            FIELD.sub(lambda m: values[m.group(1)], word)
            for word in shlex.split(self.settings.get('command'))]
        try:
            done = subprocess.run(
                command, capture_output=True, stdin=subprocess.DEVNULL,
                timeout=float(self.settings.get('timeout', 120)))
        except OSError as exception:
            return Result(RETRY, code='command', error=str(exception)[:200])
        except subprocess.TimeoutExpired:
            return Result(UNKNOWN, code='timeout', error="no end of the call")
        return _result(done.returncode, done.stdout.decode('utf-8', 'replace'))


def _result(status, output):
    "Return the Result of a call by the status of its command"
    output = output.strip()[:200]
    if status in {0, 1}:
        kind = 'undelivered' if status else 'delivered'
        return Result(ACCEPTED, reports=(Report(kind, raw=output),))
    if status == _LATER:
        return Result(RETRY, code=str(status), error=output)
    if status < 0:
        # Killed by a signal: the phone may have rung
        return Result(UNKNOWN, code=str(status), error=output)
    return Result(REJECTED, code=str(status), error=output)
