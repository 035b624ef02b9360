# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""What stops a command with one clear line."""

__all__ = ['Failure']


class Failure(Exception):
    "The command can't go on; the message is the line that the user reads"
