# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Run the desktop client of Tryton and do what standard input says.

A program for the Python of the desktop client, which has neither trytond nor
this suite.  Each line of standard input is a JSON list: ["open", URL],
["form"] for the form of the first record, ["close"] for the tab in front.
What the client shows as an error goes to standard error as well.
"""
import json
import sys
import threading
import traceback

from gi.repository import GLib
from tryton import client
from tryton.common import common
from tryton.gui import Main


def tell_errors(dialog):
    "Make the dialog write what it shows"
    build = dialog.build_dialog

    def build_dialog(self, parent, title, details=''):
        print(f"Client error: {title}\n{details}", file=sys.stderr, flush=True)
        return build(self, parent, title, details)
    dialog.build_dialog = build_dialog


def form(main):
    "Show the first record of the tab in front as a form"
    screen = main.get_page().screen
    if screen.group:
        screen.current_record = screen.group[0]
    screen.switch_view('form')


COMMANDS = {
    'open': lambda main, url: main.open_url(url),
    'form': form,
    'close': lambda main: main.sig_win_close(),
    }


def run(name, *arguments):
    try:
        COMMANDS[name](Main(), *arguments)
    except Exception:
        traceback.print_exc()


def listen():
    for line in sys.stdin:
        GLib.idle_add(run, *json.loads(line))


tell_errors(common.ErrorDialog)
threading.Thread(target=listen, daemon=True).start()
client.main()
