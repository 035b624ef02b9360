# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Each thing has its place and its name, the same in all modules."""
import ast
import re
import unittest
from collections import Counter

from lxml import etree
from sources import (
    MODULES, NAMES, ROOT, bases, callee, files, module_code, module_data, name,
    parents, records, tree, tryton_cfg)

_HEADER = [
    "This file is part of Caravan.  The LICENSE file at the top level of",
    "this repository contains the full copyright notice and licence terms."]
_PARTS = [
    '__init__.py', 'doc/design.rst', 'exceptions.py', 'message.xml',
    'tests/__init__.py', 'tests/test_module.py', 'tests/test_scenario.py',
    'tryton.cfg']
_IDS = {
    'ir.action.act_window': r'act_\w+',
    'ir.action.act_window.domain': r'act_\w+_domain_\w+',
    'ir.action.act_window.view': r'act_\w+_view\d+',
    'ir.action.report': r'report_\w+',
    'ir.action.wizard': r'wizard_\w+',
    'ir.cron': r'cron_\w+',
    'ir.message': r'msg_\w+',
    'ir.model.access': r'access_\w+',
    'ir.model.button': r'\w+_button',
    'ir.rule': r'rule_\w+',
    'ir.rule.group': r'rule_group_\w+',
    'ir.sequence': r'sequence_\w+',
    'ir.sequence.type': r'sequence_type_\w+',
    'ir.ui.icon': r'\w+_icon',
    'ir.ui.view':
        r'\w+_view_(form|list|list_form|tree|graph|calendar|board)(_\w+)?',
    'res.group': r'group_\w+',
    }
# Position of the label among the arguments of a field
_LABELS = {
    'Many2Many': 3, 'Many2One': 1, 'One2Many': 2, 'One2One': 3, 'Dict': 1,
    'Reference': 0, 'Selection': 1, 'MultiSelection': 1, 'Binary': 0,
    'Boolean': 0, 'Char': 0, 'Text': 0, 'FullText': 0, 'Integer': 0,
    'BigInteger': 0, 'Float': 0, 'Numeric': 0, 'Monetary': 0, 'Date': 0,
    'DateTime': 0, 'Timestamp': 0, 'Time': 0, 'TimeDelta': 0,
    }
_ERRORS = {
    'AccessError', 'RequiredValidationError', 'UserError', 'UserWarning',
    'ValidationError'}
_DATABASE = {
    'browse', 'create', 'delete', 'save', 'search', 'search_count', 'write'}
_SLICES = {'batched', 'grouped_slice', 'sliced', 'slices'}
# Loops over few things that are no records, each a query for all records
_FEW = {
    'modules/crm_party/import_line.py': "one call a kind of detail",
    'modules/crm_party/import_row.py': "one query a name of a master",
    'modules/fleet/overlap.py': "one query a rule",
    'modules/sms_mailing/rule.py': "each rule has a domain of its own",
    'modules/sms_mailing/segment.py': "each segment has a domain of its own",
    'modules/stock_ext/movement.py': "one query a field of a document",
    }


def _is_field(node):
    return (isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == 'fields')


class LayoutTestCase(unittest.TestCase):
    "Test layout"

    def _subtests(self, faults, message):
        "Fail for each fault with its place"
        for fault in faults:
            with self.subTest(fault):
                self.fail(message)

    def test_header(self):
        "Each file begins with our licence"
        def comment(path):
            text = path.read_text()
            lines = text.splitlines()
            if path.suffix == '.py':
                return [line.removeprefix('# ') for line in lines[:3]][
                    text.startswith('#!'):][:2]
            return [
                re.sub(r'^<!-- | -->$', '', line) for line in lines[1:3]]

        paths = [
            p for p in files('.py') + [
                p for m in NAMES for p in module_data(m)]
            if p.read_text().strip()]
        self._subtests(
            [name(p) for p in paths if comment(p) != _HEADER],
            "begins with another header")

    def test_parts(self):
        "Each module has what the others have"
        for module in NAMES:
            if 'register' not in tryton_cfg(module):
                continue
            folder = MODULES / module
            missing = [p for p in _PARTS if not (folder / p).exists()]
            for pattern in ['view/*.xml', 'tests/scenario_*.rst']:
                if not list(folder.glob(pattern)):
                    missing.append(pattern)
            if not (ROOT / 'doc' / 'guide' / f'{module}.rst').exists():
                missing.append(f'doc/guide/{module}.rst')
            with self.subTest(module=module):
                self.assertFalse(missing)

    def test_test_module(self):
        "The tests of a module run with all it can extend"
        for module in NAMES:
            extend = set(
                tryton_cfg(module)['tryton'].get('extras_depend', []))
            if not any(
                    s.startswith('register ') for s in tryton_cfg(module)):
                continue
            document = tree(MODULES / module / 'tests' / 'test_module.py')
            extras = set()
            for node in ast.walk(document):
                if (isinstance(node, ast.Assign)
                        and node.targets[0].id == 'extras'):
                    extras.update(ast.literal_eval(node.value))
            registered = {
                other for section in tryton_cfg(module)
                for other in section.split()[1:]}
            with self.subTest(module=module):
                self.assertLessEqual(registered, extend)
                self.assertLessEqual(registered, extras)

    def test_sorted(self):
        "The lists of tryton.cfg are in order"
        for module in NAMES:
            for key in ['depends', 'extras_depend']:
                values = tryton_cfg(module)['tryton'].get(key, [])
                with self.subTest(module=module, key=key):
                    self.assertEqual(values, sorted(values))

    def test_keys(self):
        "Tryton ignores what it does not know in tryton.cfg"
        for module in NAMES:
            for section, values in tryton_cfg(module).items():
                known = {'model', 'wizard', 'report'}
                if section == 'tryton':
                    known = {
                        'version', 'depends', 'extras_depend', 'xml',
                        'include_dirs', 'test_include_dirs'}
                elif section == 'register_mixin':
                    continue
                with self.subTest(module=module, section=section):
                    self.assertRegex(section, r'^(tryton|register( \w+)*)$')
                    self.assertLessEqual(set(values), known)

    def test_xml_files(self):
        "Each XML file is loaded, with views it stands beside its Python file"
        for module in NAMES:
            loaded = {
                f for key, values in tryton_cfg(module)['tryton'].items()
                if key == 'xml' for f in values}
            found = {
                str(p.relative_to(MODULES / module))
                for p in module_data(module)}
            with self.subTest(module=module):
                self.assertEqual(loaded, found)
            for path in {
                    path for path, model, _, _ in records(module)
                    if model == 'ir.ui.view'}:
                with self.subTest(path=name(path)):
                    self.assertTrue(
                        path.with_suffix('.py').exists(),
                        "has no Python file")

    def test_ids(self):
        "The name of a record tells what it is"
        for module in NAMES:
            self._subtests([
                    f"{name(path)}: {model} {xml_id}"
                    for path, model, xml_id, _ in records(module)
                    if '.' not in xml_id and model in _IDS
                    and not re.fullmatch(_IDS[model], xml_id)],
                "is not named as its like")
            for path, document in module_data(module).items():
                self._subtests([
                        f"{name(path)}: {m.get('id')}"
                        for m in document.iter('menuitem')
                        if not m.get('id').split('.')[-1].startswith(
                            'menu_')],
                    "menus begin with menu_")

    def test_views(self):
        "A view is called as its file, each file is a view"
        for module in NAMES:
            used = Counter()
            for path, model, xml_id, values in records(module):
                if model != 'ir.ui.view' or 'name' not in values:
                    continue
                used[values['name'].text] += 1
                with self.subTest(path=name(path), id=xml_id):
                    self.assertEqual(
                        values['name'].text, xml_id.replace('_view', '', 1))
            found = {p.stem for p in (MODULES / module).glob('view/*.xml')}
            with self.subTest(module=module):
                self.assertEqual(set(used), found)

    def test_view_documents(self):
        "Views are XML without white space at the end of lines"
        for module in NAMES:
            for path in sorted((MODULES / module).glob('view/*.xml')):
                with self.subTest(path=name(path)):
                    etree.parse(path)
                    self.assertNotRegex(path.read_text(), r'[ \t]+\n')

    def test_messages(self):
        "Each message is used and each one that is used exists"
        for module in NAMES:
            defined = {
                xml_id for _, model, xml_id, _ in records(module)
                if model == 'ir.message'}
            used = set()
            for path in module_code(module):
                used.update(re.findall(
                        rf"'{module}\.(msg_\w+)'", path.read_text()))
                for start in re.findall(
                        rf"'{module}\.(msg_\w*){{", path.read_text()):
                    used.update(m for m in defined if m.startswith(start))
            with self.subTest(module=module):
                self.assertEqual(used - defined, set(), "does not exist")
                self.assertEqual(defined - used, set(), "is not used")

    def test_literal_errors(self):
        "What users read can be translated"
        faults = []
        for module in NAMES:
            for path in module_code(module):
                own = _exceptions(path)
                for node in ast.walk(tree(path)):
                    if (isinstance(node, ast.Raise)
                            and isinstance(node.exc, ast.Call)
                            and callee(node.exc) in own
                            and _literal(node.exc)):
                        faults.append(f"{name(path)}:{node.lineno}")
        self._subtests(faults, "raises a literal sentence")

    def test_length(self):
        "Functions fit on a screen, files are split by subject"
        faults = []
        for path in files('.py'):
            if len(path.read_text().splitlines()) > 800:
                faults.append(name(path))
            faults += [
                f"{name(path)}:{node.lineno} {node.name}"
                for node in ast.walk(tree(path))
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                and node.end_lineno - node.lineno >= 60]
        self._subtests(faults, "is too long")

    def test_loops(self):
        "Records are handled in sets: no call of the database in a loop"
        faults = []
        for module in NAMES:
            for path in module_code(module):
                if name(path) in _FEW:
                    continue
                for node in ast.walk(tree(path)):
                    if (isinstance(node, ast.Call)
                            and isinstance(node.func, ast.Attribute)
                            and node.func.attr in _DATABASE
                            and not _no_record(node)
                            and _in_loop(node)):
                        faults.append(
                            f"{name(path)}:{node.lineno} {node.func.attr}")
        self._subtests(faults, "is called in a loop")

    def test_swallowed(self):
        "No error disappears"
        faults = []
        for path in files('.py'):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ExceptHandler) and all(
                        isinstance(s, (ast.Pass, ast.Continue))
                        for s in node.body):
                    faults.append(f"{name(path)}:{node.lineno}")
        self._subtests(faults, "swallows an error")

    def test_open_ends(self):
        "Nothing is left for later"
        pattern = re.compile(r'\b(TODO|FIXME|XXX|NotImplemented(Error)?)\b')
        self._subtests([
                f"{name(path)}:{number}"
                for path in files('.py', '.xml', '.cfg', '.toml')
                if path.name != 'test_layout.py'
                for number, line in enumerate(
                    path.read_text().splitlines(), 1)
                if pattern.search(line)],
            "is left open")

    def test_labels(self):
        "Labels are in double quotes, symbols in single ones"
        faults = []
        for module in NAMES:
            for path in module_code(module):
                source = path.read_text()
                for node in ast.walk(tree(path)):
                    faults += [
                        f"{name(path)}:{text.lineno}"
                        for text in _texts(node)
                        if re.match(
                            r"f?'[^\"]*$",
                            ast.get_source_segment(source, text))]
        self._subtests(faults, "is a label in single quotes")

    def test_ondelete(self):
        """Each Many2One that is stored says what the end of its target means

        A required one keeps its target alive.
        """
        faults = []
        for module in NAMES:
            for path in module_code(module):
                for node in ast.walk(tree(path)):
                    if (_is_field(node) and node.func.attr == 'Many2One'
                            and not {'ondelete', 'required'} & {
                                k.arg for k in node.keywords}
                            and _stored(node)):
                        faults.append(f"{name(path)}:{node.lineno}")
        self._subtests(faults, "has no ondelete")

    def test_overrides(self):
        "The hooks of 8.0 are used in the place of create, write and delete"
        faults = []
        for module in NAMES:
            for path in module_code(module):
                faults += [
                    f"{name(path)}:{function.lineno} {function.name}"
                    for node in ast.walk(tree(path))
                    if isinstance(node, ast.ClassDef)
                    for function in node.body
                    if isinstance(function, ast.FunctionDef)
                    and function.name in {'create', 'write', 'delete'}
                    and 'Wizard' not in bases(node)]
        self._subtests(faults, "is overridden")

    def test_groups(self):
        "The administrator is in each group of ours"
        for module in NAMES:
            groups = {
                xml_id for _, model, xml_id, _ in records(module)
                if model == 'res.group'}
            given = {
                values['group'].get('ref')
                for _, model, _, values in records(module)
                if model == 'res.user-res.group'
                and values['user'].get('ref') == 'res.user_admin'}
            with self.subTest(module=module):
                self.assertEqual(groups - given, set())

    def test_noupdate(self):
        "Crons and sequences belong to the user once they are there"
        for module in NAMES:
            for path, document in module_data(module).items():
                for record in document.iter('record'):
                    if record.get('model') in {'ir.cron', 'ir.sequence'}:
                        with self.subTest(
                                path=name(path), id=record.get('id')):
                            self.assertEqual(
                                record.getparent().get('noupdate'), '1')

    def test_design(self):
        "The design of each module describes each of its models"
        for module in NAMES:
            path = MODULES / module / 'doc' / 'design.rst'
            models = _menu_models(module)
            if not models:
                continue
            text = path.read_text() if path.exists() else ''
            with self.subTest(module=module):
                self.assertEqual({
                        m for m in models
                        if f'.. _model-{m}:' not in text}, set())


def _exceptions(path):
    "Return the names under which a file knows errors for users"
    result = set(_ERRORS)
    for node in ast.walk(tree(path)):
        if (isinstance(node, ast.ImportFrom)
                and (node.module or '').endswith('exceptions')):
            result.update(a.asname or a.name for a in node.names)
    return result


def _literal(call):
    "Return whether an argument is a sentence, not the key of a warning"
    return any(
        isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
            and ' ' in node.value)
        for node in call.args)


def _no_record(call):
    "Return whether this is no model: a regular expression, a file, SQL"
    receiver = call.func.value
    last = getattr(receiver, 'attr', getattr(receiver, 'id', ''))
    return (
        last in {'re', 'output', 'file', 'stream', 'writer', 'archive'}
        or re.fullmatch('_?[A-Z][A-Z0-9_]+', last) is not None
        or 'pattern' in last
        or any(isinstance(p, ast.Call) and callee(p) == 'execute'
            for p in parents(call)))


def _in_loop(node):
    "Return whether a call is repeated by a loop that does not cut slices"
    inside = node
    for parent in parents(node):
        if isinstance(
                parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return False
        if isinstance(parent, ast.While):
            return True
        if isinstance(parent, ast.For):
            once = [parent.iter, *parent.orelse]
            if inside not in once and not _cuts_slices(parent.iter):
                return True
        inside = parent
    return False


def _cuts_slices(node):
    "Return whether a loop is over grouped_slice(...) or range(0, n, size)"
    return isinstance(node, ast.Call) and (
        callee(node).lstrip('_') in _SLICES
        or callee(node) == 'range' and len(node.args) == 3)


def _texts(node):
    "Yield the constants that users read of a field or a help"
    def constants(value):
        if isinstance(value, (ast.Constant, ast.JoinedStr)):
            if getattr(value, 'value', '') is not None:
                yield value

    if not _is_field(node):
        return
    for keyword in node.keywords:
        if keyword.arg in {'string', 'help'}:
            yield from constants(keyword.value)
    position = _LABELS.get(node.func.attr)
    if position is not None and len(node.args) > position:
        yield from constants(node.args[position])
    if (node.func.attr in {'Selection', 'MultiSelection'} and node.args
            and isinstance(node.args[0], ast.List)):
        for option in node.args[0].elts:
            if isinstance(option, ast.Tuple) and len(option.elts) == 2:
                yield from constants(option.elts[1])


def _stored(node):
    "Return whether a field is a column of a table, as far as one can see"
    for parent in parents(node):
        if isinstance(parent, ast.Call) and callee(parent) == 'Function':
            return False
        if isinstance(parent, ast.ClassDef):
            names = bases(parent)
            defined = {
                t.id for s in parent.body if isinstance(s, ast.Assign)
                for t in s.targets if isinstance(t, ast.Name)} | {
                s.name for s in parent.body
                if isinstance(s, ast.FunctionDef)}
            return '__name__' in defined and 'table_query' not in defined and (
                'ModelView' not in names or 'ModelSQL' in names)
    return True


def _menu_models(module):
    "Return the models which a window of the module opens"
    return {
        values['res_model'].text for _, model, _, values in records(module)
        if model == 'ir.action.act_window' and 'res_model' in values
        and values['res_model'].text.startswith(tuple(
            f'{m}.' for m in _models(module)))}


def _models(module):
    "Return the first words of the names of the module's own models"
    names = set()
    for path in module_code(module):
        for node in ast.walk(tree(path)):
            if (isinstance(node, ast.ClassDef)
                    and 'metaclass' not in {k.arg for k in node.keywords}):
                names.update(
                    s.value.value.split('.')[0] for s in node.body
                    if isinstance(s, ast.Assign)
                    and isinstance(s.targets[0], ast.Name)
                    and s.targets[0].id == '__name__'
                    and isinstance(s.value, ast.Constant))
    return names
