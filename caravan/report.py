# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Prints of the suite: what they all share on top of trytond's Report."""
import io
import logging
import shlex
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

import trytond.config as config
from trytond.pool import Pool
from trytond.report import Report as BaseReport
from trytond.transaction import Transaction

__all__ = ['Report', 'converter']

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
    seconds where one call each takes minutes.
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
                content = _convert_all(content, extension)
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
        return super().convert(report, data, **kwargs)


def _convert_all(content, extension, timeout=5 * 60):
    """Return the zip content with its documents converted to extension.

    content is the bytes of a zip of documents.  Documents that LibreOffice
    did not convert stay as they are.
    """
    with tempfile.TemporaryDirectory(prefix='caravan_') as directory:
        directory = Path(directory)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            archive.extractall(directory)
        output = directory / 'converted'
        try:
            subprocess.run([
                    converter(), f'-env:UserInstallation=file://{directory}/p',
                    '--headless', '--nolockcheck', '--nodefault',
                    '--norestore', '--convert-to', extension,
                    '--outdir', str(output),
                    *(str(directory / n) for n in names)],
                timeout=timeout, check=True, capture_output=True)
        except (subprocess.SubprocessError, OSError):
            logger.error(
                "fail to convert %s documents to %s", len(names), extension,
                exc_info=True)
        result = io.BytesIO()
        with zipfile.ZipFile(result, 'w', zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                path = output / Path(name).with_suffix('.' + extension)
                if not path.exists():
                    path = directory / name
                archive.write(path, path.name)
        return result.getvalue()
