# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Prints of the suite: what they all share on top of trytond's Report."""
import io
import logging
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import zipfile
from pathlib import Path

import trytond.config as config
from trytond.pool import Pool
from trytond.report import Report as BaseReport
from trytond.report.report import FORMAT2EXT
from trytond.transaction import Transaction

__all__ = ['Report', 'convert_document', 'converter']

TIMEOUT = 5 * 60

logger = logging.getLogger(__name__)


def converter():
    "Return the command that converts documents, None when it is missing"
    command = config.get('report', 'convert_command', default='soffice')
    program, = shlex.split(command)[:1] or ['']
    return shutil.which(program)


class Report(BaseReport):
    """Report that is printed with or without LibreOffice.

    A document that can't be converted is given as it was rendered, and many
    documents are converted by one call of LibreOffice: 100 of them take some
    seconds where one call each takes minutes.  Each call has a profile of its
    own, so that several users may print at once.
    """

    @classmethod
    def execute(cls, ids, data):
        if len(ids) < 2:
            return super().execute(ids, data)
        action = cls._get_action(data)
        extension = action.extension or action.template_extension
        with Transaction().set_context(_report_rendered_only=True):
            type_, content, direct, name = super().execute(ids, data)
        if type_ == 'zip':
            if extension != action.template_extension and converter():
                content = _convert_zip(content, extension)
        elif type_ != extension:
            type_, content = cls.convert(action, content)
        return type_, content, direct, name

    @classmethod
    def _get_action(cls, data):
        ActionReport = Pool().get('ir.action.report')
        if data.get('action_id'):
            return ActionReport(data['action_id'])
        action, = ActionReport.search(
            [('report_name', '=', cls.__name__)], limit=1)
        return action

    @classmethod
    def convert(cls, report, data, **kwargs):
        output = report.extension or report.template_extension
        if output != report.template_extension:
            if Transaction().context.get('_report_rendered_only'):
                return report.template_extension, data
            if not converter():
                logger.warning(
                    "%s is given as %s: LibreOffice is missing",
                    report.report_name, report.template_extension)
                return report.template_extension, data
            if not config.get('report', 'convert_command'):
                return convert_document(
                    data, report.template_extension, output,
                    report.report_name)
        return super().convert(report, data, **kwargs)


def convert_document(data, extension, format_, name='document'):
    """Return the extension and the bytes of a document converted.

    data are the bytes or the text of the document, extension is what it is,
    format_ what LibreOffice shall make of it.  What it did not convert is
    returned as it is.
    """
    with tempfile.TemporaryDirectory(prefix='caravan_') as directory:
        path = Path(directory, f'{name}.{extension}')
        if isinstance(data, str):
            data = data.encode('utf-8')
        path.write_bytes(data)
        converted = _run_converter([path], format_)[path]
        return converted.suffix[1:], converted.read_bytes()


def _convert_zip(content, extension):
    """Return the zip content with its documents converted to extension.

    content is the bytes of a zip of documents.  Documents that LibreOffice
    did not convert stay as they are.
    """
    with tempfile.TemporaryDirectory(prefix='caravan_') as directory:
        directory = Path(directory)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            archive.extractall(directory)
        converted = _run_converter(
            [directory / n for n in names], extension)
        result = io.BytesIO()
        with zipfile.ZipFile(result, 'w', zipfile.ZIP_DEFLATED) as archive:
            for path in converted.values():
                archive.write(path, path.name)
        return result.getvalue()


def _run_converter(paths, format_):
    """Return {path: path of what it was converted to, or itself}.

    paths are the documents, all in a directory that this may write to,
    format_ is the one that the report asks for.
    """
    directory = paths[0].parent
    extension = FORMAT2EXT.get(format_, format_)
    output = directory / 'converted'
    process = subprocess.Popen([
            converter(), f'-env:UserInstallation=file://{directory}/p',
            '--headless', '--nolockcheck', '--nodefault', '--norestore',
            '--convert-to', extension, '--outdir', str(output),
            *map(str, paths)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        logger.error("LibreOffice was stopped after %s seconds", TIMEOUT)
        # What was started is a script, its child does the work
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    result = {}
    for path in paths:
        converted = output / Path(path.name).with_suffix('.' + extension)
        if not converted.exists():
            logger.error("fail to convert %s to %s", path.name, format_)
            converted = path
        result[path] = converted
    return result
