# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""The progress bar of all that takes time in the demo."""
import sys

from tqdm import tqdm

__all__ = ['progress_bar']


def progress_bar(iterable=None, label='', total=None):
    "Return iterable with a bar; where no person looks it is one line"
    return tqdm(
        iterable, desc=f"{label:<28}", total=total, ascii=' #',
        mininterval=.2 if sys.stderr.isatty() else 600,
        bar_format='{desc} {bar:30} {n_fmt}/{total_fmt}  {elapsed}')
