# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Pure rules of messages: alphabets, texts, addresses, receipts, replies.

Nothing here knows a database or the pool.
"""
