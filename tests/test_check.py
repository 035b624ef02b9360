# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
import datetime as dt
import importlib.metadata
import unittest
from types import SimpleNamespace
from unittest.mock import patch

from proteus import Model

import trytond.config
from caravan import check
from caravan.testing import activate_modules
from trytond.modules.company.tests.tools import create_company
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME, drop_db
from trytond.transaction import Transaction


class CheckTestCase(unittest.TestCase):
    "Test caravan check"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = activate_modules('fleet', create_company)
        cls.addClassCleanup(drop_db)

    def levels(self, results):
        return {(level, subject) for level, subject, _ in results}

    def test_versions(self):
        self.assertIn((check.OK, "series"), self.levels(
                check.check_versions()))
        other = SimpleNamespace(name='trytond_sale', version='7.0.1')
        with patch.object(
                importlib.metadata, 'distributions', return_value=[other]):
            self.assertIn((check.FAILED, "series"), self.levels(
                    check.check_versions()))

    def test_modules(self):
        self.assertEqual(
            self.levels(check.check_modules(self.config)),
            {(check.OK, "modules")})
        Module = Model.get('ir.module')
        carrier, = Module.find([('name', '=', 'carrier')])
        carrier.click('activate')
        try:
            self.assertIn((check.FAILED, "modules"), self.levels(
                    check.check_modules(self.config)))
        finally:
            carrier.click('cancel')

    def test_cron(self):
        Cron = Model.get('ir.cron')
        for delta, level in [
                (dt.timedelta(hours=1), check.OK),
                (dt.timedelta(hours=-3), check.FAILED)]:
            crons = Cron.find()
            for cron in crons:
                cron.next_call = dt.datetime.now() + delta
            Cron.save(crons)
            with self.subTest(delta):
                self.assertEqual(
                    self.levels(check.check_cron(self.config)),
                    {(level, "cron")})

    def test_queue(self):
        self.assertEqual(
            self.levels(check.check_queue(self.config)),
            {(check.OK, "worker")})
        hours_ago = dt.datetime.now() - dt.timedelta(hours=3)
        for dequeued, level in [
                (None, check.FAILED), (hours_ago, check.WARNING)]:
            with self.subTest(level):
                self.push(enqueued_at=hours_ago, dequeued_at=dequeued)
                self.assertIn((level, "worker"), self.levels(
                        check.check_queue(self.config)))

    def push(self, **values):
        with Transaction().start(DB_NAME, 0):
            Queue = Pool().get('ir.queue')
            Queue.create([{'name': 'test', 'data': {}, **values}])
            Transaction().commit()

    def test_web_client(self):
        with patch.object(trytond.config, 'get', return_value='/nowhere'):
            self.assertIn((check.WARNING, "web client"), self.levels(
                    check.check_configuration()))
