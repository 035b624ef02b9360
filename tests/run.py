# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Run the tests, each suite in a process of its own, some at a time.

The suites are found, so that a new file cannot be forgotten:

    sqlite:MODULE       the tests of a module on SQLite
    postgresql:MODULE   the same on PostgreSQL
    NAME                tests/test_NAME.py
    FOLDER              tests/FOLDER/test_*.py

As a company's server, Python runs with -O, but for sqlite:MODULE and together,
where assertions are checked.
Patterns choose some of them: tests/run.py 'sqlite:*' layout.  What a suite
needs and the machine lacks is shown as skipped, with REQUIRE_ALL=1 as failed.
The output of each suite and the time of each of its tests stay in the
artefacts; the output of failures is printed.
The last line counts the tests.
"""
import argparse
import contextlib
import fnmatch
import json
import operator
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from caravan.testing.environment import require_all
from caravan.testing.keys import MODULES, cache_folder, source_key

TESTS = Path(__file__).resolve().parent
TIMEOUT = 50 * 60
_OURS = r'(caravan|trytond\.modules\.(%s))(\.|$)' % '|'.join(MODULES)
# What takes longest starts first
_LONG = [
    'browser', 'postgresql', 'together', 'tour', 'postgresql:*', 'sqlite:*',
    'load', 'desktop', 'libreoffice', 'extras', 'access']


@dataclass
class Result:
    """What a suite gave: numbers of tests, seconds, reasons of skips.

    cpu are the seconds of processor that its process used.
    """
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    cpu: float = 0
    seconds: float = 0
    reasons: list = field(default_factory=list)

    @property
    def note(self):
        return '; '.join(sorted(set(self.reasons)))


def find_suites():
    "Return the names of all suites, those that take longest first"
    names = [f'{b}:{m}' for b in ['sqlite', 'postgresql'] for m in MODULES]
    names += [p.stem.removeprefix('test_') for p in TESTS.glob('test_*.py')]
    names += {p.parent.name for p in TESTS.glob('*/test_*.py')}
    names = set(names) - set(MODULES)

    def rank(name):
        for index, pattern in enumerate(_LONG):
            if fnmatch.fnmatch(name, pattern):
                return index, name
        return len(_LONG), name
    return sorted(names, key=rank)


def load(name):
    "Return the tests of a suite"
    loader = unittest.TestLoader()
    backend, _, module = name.partition(':')
    if module:
        return loader.loadTestsFromName(f'test_{module}')
    if (TESTS / f'test_{name}.py').exists():
        return loader.loadTestsFromName(f'test_{name}')
    folder = str(TESTS / name)
    return loader.discover(folder, top_level_dir=folder)


class TimedResult(unittest.TextTestResult):
    "Result that knows how long each test took"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.times = []

    def startTest(self, test):
        self._started = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self.times.append((time.monotonic() - self._started, test))

    def summary(self):
        "Return the numbers of tests, one for all the subtests of a test"
        def tests(outcomes):
            return {id(getattr(t, 'test_case', t)) for t, _ in outcomes}
        broken = tests([
                *self.failures, *self.errors,
                *((t, None) for t in self.unexpectedSuccesses)])
        skipped = tests(self.skipped) - broken
        run = {id(test) for _, test in self.times}
        return {
            'passed': len(run - broken - skipped),
            'failed': len(broken),
            'skipped': len(skipped),
            'reasons': [reason for _, reason in self.skipped],
            }


def run_here(name, path):
    "Run a suite in this process, write its result to path"
    warnings.filterwarnings(
        'error', category=DeprecationWarning, module=_OURS)
    runner = unittest.TextTestRunner(
        stream=sys.stderr, resultclass=TimedResult)
    outcome = runner.run(load(name))
    result = outcome.summary()
    Path(path).with_name('times.txt').write_text(''.join(
            f"{seconds:8.2f} s  {test}\n" for seconds, test in sorted(
                outcome.times, key=operator.itemgetter(0), reverse=True)))
    result['cpu'] = sum(
        sum(resource.getrusage(who)[:2])
        for who in [resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN])
    Path(path).write_text(json.dumps(result))


class Runner:
    "Runs suites in processes, keeps their output in the folder artefacts"

    def __init__(self, artefacts, cluster=None):
        self.artefacts = artefacts
        self.cluster = cluster
        self.processes = set()
        self.sqlite_cache = cache_folder() / 'sqlite' / source_key()

    def folder(self, name):
        return self.artefacts / name.replace(':', '-')

    def environment(self, name):
        "Return the variables of the process of a suite"
        result = {
            k: v for k, v in os.environ.items()
            if not k.startswith(('TRYTOND_', 'DB_', 'PYTHON'))}
        result['CARAVAN_ARTEFACTS'] = str(self.folder(name))
        result['TEST_NETWORK'] = '0'
        if name.startswith('postgresql'):
            database = 'test_' + name.replace(':', '_')
            result.update(self.cluster.environment(database))
        else:
            result['DB_NAME'] = ':memory:'
            result['DB_CACHE'] = str(self.sqlite_cache)
        return result

    def run(self, name):
        "Return the result of a suite"
        if name.startswith('postgresql') and not self.cluster:
            missing = "PostgreSQL is not installed"
            if require_all():
                return Result(failed=1, reasons=[missing])
            return Result(skipped=1, reasons=[missing])
        shutil.rmtree(self.folder(name), ignore_errors=True)
        self.folder(name).mkdir(parents=True)
        started = time.monotonic()
        reason = self._execute(name)
        path = self.folder(name) / 'result.json'
        if path.exists():
            result = Result(**json.loads(path.read_text()))
            if not result.passed + result.failed + result.skipped:
                reason = "no test was run"
        else:
            result = Result()
            reason = reason or "the process ended without a result"
        if reason:
            result.failed += 1
            result.reasons.append(reason)
        result.seconds = time.monotonic() - started
        return result

    def _execute(self, name):
        "Run the process of a suite, return what went wrong with it"
        command = [sys.executable, '-W', 'ignore::DeprecationWarning']
        if name != 'together' and not name.startswith('sqlite:'):
            # What assertions find those suites show
            command.append('-O')
        command += [
            __file__, '--here', str(self.folder(name) / 'result.json'), name]
        with (self.folder(name) / 'output.txt').open('w') as output:
            process = subprocess.Popen(
                command, cwd=self.folder(name), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
                env=self.environment(name))
            self.processes.add(process)
            try:
                process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                return f"stopped after {TIMEOUT // 60} minutes"
            finally:
                self.kill(process)
                self.processes.discard(process)

    def kill(self, process):
        "End a suite with all that it started"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def run_all(self, names, jobs):
        "Yield the name and the result of each suite as it ends"
        with ThreadPoolExecutor(jobs) as executor:
            futures = {executor.submit(self.run, n): n for n in names}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                for process in list(self.processes):
                    self.kill(process)
                raise


def drop_stale():
    "Keep of the SQLite databases the base and what fits our sources"
    folder = cache_folder() / 'sqlite'
    for path in folder.glob('*/'):
        if path.name != source_key():
            # Another run may be at the same
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def postgresql(names):
    "Yield a running cluster if a suite wants it and the machine has it"
    if not any(n.startswith('postgresql') for n in names):
        yield None
        return
    from caravan.testing.cluster import Cluster
    try:
        cluster = Cluster()
    except FileNotFoundError:
        yield None
        return
    with cluster:
        yield cluster


def report(name, result):
    "Print a line of the table"
    state = 'failed' if result.failed else (
        'passed' if result.passed else 'skipped')
    print(
        f"{state:8}{name:24}{result.passed:6}{result.failed:8}"
        f"{result.skipped:9}{result.seconds:9.1f}{result.cpu:8.1f}  "
        f"{result.note}".rstrip(),
        flush=True)


def run(names, artefacts, jobs):
    "Run the suites, return how many tests passed, failed, were skipped"
    total, failures = Counter(passed=0, failed=0, skipped=0), []
    started = time.monotonic()
    print(f"{'':8}{'suite':24}{'passed':>6}{'failed':>8}{'skipped':>9}"
        f"{'seconds':>9}{'cpu':>8}", flush=True)
    with postgresql(names) as cluster:
        runner = Runner(artefacts, cluster)
        for name, result in runner.run_all(names, jobs):
            report(name, result)
            for key in total:
                total[key] += getattr(result, key)
            if result.failed:
                failures.append(name)
        for name in failures:
            output = runner.folder(name) / 'output.txt'
            if output.exists():
                print(f"\n{'=' * 30} {name} {'=' * 30}")
                print(output.read_text(errors='replace'))
    print(f"\n{time.monotonic() - started:.0f} seconds")
    return total


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('patterns', nargs='*', metavar='SUITE')
    parser.add_argument('--list', action='store_true', help="name the suites")
    parser.add_argument(
        '-j', '--jobs', type=int, default=os.cpu_count() + 1,
        help="processes at a time (default: one more than processors, as "
        "the suites of the clients wait most of the time)")
    parser.add_argument(
        '--artefacts', type=Path, default=TESTS.parent / '.artefacts')
    parser.add_argument('--here', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return run_here(options.patterns[0], options.here)
    patterns = options.patterns or ['*']
    names = [n for n in find_suites()
        if any(fnmatch.fnmatch(n, p) for p in patterns)]
    if not names:
        sys.exit(f"no suite is named {' '.join(patterns)}, see --list")
    if options.list:
        return print(*names, sep='\n')
    # Let what was started end with this process
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    drop_stale()
    total = run(names, options.artefacts.resolve(), options.jobs)
    line = ', '.join(f'{number} {key}' for key, number in total.items())
    (options.artefacts / 'summary.txt').write_text(line + '\n')
    print(line, flush=True)
    sys.exit(1 if total['failed'] else 0)


if __name__ == '__main__':
    main()
