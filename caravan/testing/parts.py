# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.
"""Parts of the web client's page: forms, lists, lines, dialogues."""
import datetime as dt
import re
from decimal import Decimal

__all__ = ['ClientError', 'Part']

# The index of the widget of a field nearest to the root: a list of lines may
# hold fields of the same name
_NEAREST = '''([root, name]) => {
    let best = -1, best_depth = Infinity;
    root.querySelectorAll('[data-field]').forEach((el, index) => {
        if (el.dataset.field !== name && el.dataset.label !== name) {
            return;
        }
        let depth = 0;
        for (let up = el.parentElement; up && up !== root;
                up = up.parentElement) {
            depth += up.dataset.field ? 2 : 0;
        }
        depth += el.offsetParent === null ? 1 : 0;
        if (depth < best_depth) {
            best = index;
            best_depth = depth;
        }
    });
    return best;
}'''
_SHOW = '''el => {
    for (let up = el; up; up = up.parentElement) {
        if (up.matches('.tab-pane') && !up.matches('.active')) {
            const link = document.querySelector(`a[href="#${up.id}"]`);
            if (link) {
                jQuery(link).tab('show');
            }
        }
    }
}'''
_ROWS = '''root => Array.from(root.querySelectorAll('tbody > tr'))
    .filter(row => row.offsetParent !== null)
    .map(row => {
        const values = {};
        row.querySelectorAll('td[data-title]').forEach(cell => {
            if (cell.offsetParent === null) {
                return;
            }
            const label = cell.dataset.title.replace(/: $/, '');
            const input = cell.querySelector('input, select');
            const text = (cell.innerText || '').trim();
            if (input && input.selectedOptions) {
                values[label] = input.selectedOptions[0].text;
            } else if (input && input.type == 'checkbox') {
                values[label] = input.checked;
            } else if (!(label in values) || text) {
                values[label] = text || (input ? input.value : '');
            }
        });
        return values;
    })'''


class ClientError(AssertionError):
    "The client complains, or does not show what the test looks for"


class Part:
    "What holds fields, buttons or rows on the page"

    def __init__(self, client, root=None):
        self.client = client
        self._root = root

    @property
    def root(self):
        return self._root

    # Fields

    def field(self, name):
        "Return the widget of the field of that name or label, shown"
        index = self.client.page.evaluate(
            _NEAREST, [self.root.element_handle(), name])
        if index < 0:
            raise ClientError(f"No field {name} on {self._names()}")
        widget = self.root.locator('[data-field]').nth(index)
        if not widget.is_visible():
            widget.evaluate(_SHOW)
        return widget

    def _names(self):
        return self.root.evaluate(
            '''root => Array.from(
                root.querySelectorAll('[data-field]')).map(
                    el => el.dataset.field).join(', ')''')

    def fill(self, name, value):
        """Fill the field of that name or label as a person does.

        value is text as typed, or a date, datetime, Decimal, int, bool or a
        path for a file.  A text for a link is completed: the record of
        exactly that name, else the first found, is taken.
        """
        widget = self.field(name)
        kind = widget.get_attribute('data-widget')
        fill = getattr(self, f'_fill_{kind}', self._fill_entry)
        fill(widget, value)
        self.client.wait()

    def fill_all(self, **values):
        "Fill the fields of those names in order"
        for name, value in values.items():
            self.fill(name, value)

    def _fill_entry(self, widget, value):
        widget.locator('input:visible, textarea:visible').first.click()
        # A number shows another entry while it is edited
        self.client.wait()
        keyboard = self.client.page.keyboard
        keyboard.press('Control+a')
        keyboard.press('Delete')
        keyboard.type(self._text(value))
        keyboard.press('Tab')

    def _text(self, value):
        "Return value as the user types it"
        if isinstance(value, dt.date):
            has_time = isinstance(value, dt.datetime)
            return self.client.page.evaluate(
                '''([text, time]) => {
                    const format = Sao.common.date_format() +
                        (time ? ' %H:%M:%S' : '');
                    return Sao.common.format_datetime(
                        format, moment(text));
                }''', [value.isoformat(), has_time])
        if isinstance(value, (int, float, Decimal)):
            return str(value)
        return '' if value is None else str(value)

    def _fill_text(self, widget, value):
        area = widget.locator('textarea:visible').first
        area.fill(str(value))
        area.dispatch_event('change')
        self.client.page.keyboard.press('Tab')

    def _fill_boolean(self, widget, value):
        box = widget.locator('input[type=checkbox]')
        if box.is_checked() != bool(value):
            box.click()

    def _fill_selection(self, widget, value):
        widget.locator('select').select_option(label=value)

    def _fill_multiselection(self, widget, value):
        widget.locator('select').select_option(label=list(value))

    def _fill_binary(self, widget, value):
        widget.locator('input[type=file]').set_input_files(str(value))

    _fill_image = _fill_binary

    def _fill_reference(self, widget, value):
        model, name = value
        widget.locator('select').select_option(label=model)
        self.client.wait()
        self._fill_many2one(widget, name)

    def _fill_many2one(self, widget, value):
        entry = widget.locator('input.form-control:visible').first
        entry.click()
        keyboard = self.client.page.keyboard
        keyboard.press('Control+a')
        keyboard.press('Delete')
        if not value:
            keyboard.press('Tab')
            return
        keyboard.type(value)
        self.client.wait()
        found = widget.locator('.dropdown-completion li.completion')
        names = [name.strip() for name in found.all_text_contents()]
        if not names:
            raise ClientError(f"Nothing to complete {value} with")
        index = names.index(value) if value in names else 0
        found.nth(index).locator('a').click()
        self.client.wait()

    def value(self, name):
        "Return what the field shows: a text, True or False for a box"
        widget = self.field(name)
        kind = widget.get_attribute('data-widget')
        if kind == 'boolean':
            return widget.locator('input[type=checkbox]').is_checked()
        if kind in {'selection', 'multiselection'}:
            return widget.locator('select option:checked').inner_text()
        entries = widget.locator('input:visible, textarea:visible')
        if entries.count():
            return entries.first.input_value()
        return widget.inner_text().strip()

    def shows(self, name):
        "Return whether the field is on the page and visible"
        index = self.client.page.evaluate(
            _NEAREST, [self.root.element_handle(), name])
        return index >= 0 and self.root.locator(
            '[data-field]').nth(index).is_visible()

    def page_of(self, label):
        "Open the page of the notebook, or the tab of the list"
        # A tab of a list tells how many there are after its label
        self.root.locator('ul[role=tablist] a:visible').filter(
            has_text=re.compile(rf'^\s*{re.escape(label)}\s*(\d+\+?)?\s*$')
            ).first.click()
        self.client.wait()

    def lines(self, name):
        "Return the part of the page that holds the lines of the field"
        return Lines(self.client, self.field(name))

    # Buttons

    def _button(self, label, root):
        button = root.locator('button:visible').filter(
            has_text=re.compile(rf'^\s*{re.escape(label)}\s*$')).first
        if not button.count():
            raise ClientError(f"No button {label} in {self.buttons()}")
        return button

    def buttons(self):
        "Return the labels of the buttons that can be pressed"
        texts = self.root.locator(
            '.panel-body button:visible:enabled, .modal-body '
            'button:visible:enabled, .modal-footer button:visible:enabled'
            ).all_text_contents()
        return [text.strip() for text in texts if text.strip()]

    def press(self, label, row=None):
        "Press the button, of the row of the list if one is given"
        root = self.root if row is None else self.row(row)
        self._button(label, root).click()
        self.client.wait()

    # Rows

    def rows(self):
        "Return the rows of the list as {label of the column: text}"
        return self.root.evaluate(_ROWS)

    def row(self, text):
        "Return the row of that index, or the first that holds text"
        rows = self.root.locator('tbody > tr:visible')
        if isinstance(text, int):
            return rows.nth(text)
        found = rows.filter(has_text=text).first
        if not found.count():
            raise ClientError(f"No row with {text} in {self.rows()[:5]}")
        return found

    def select(self, *texts):
        "Tick these rows and no other"
        for box in self.root.locator(
                'tbody td.selection-state input:checked').all():
            box.uncheck()
        for text in texts:
            self.row(text).locator('td.selection-state input').check()
        self.client.wait()

    def open(self, text):
        "Open the row as a form"
        row = self.row(text)
        # A double click on a link would open its target
        plain = row.locator(
            'td[data-title]:visible:not(:has(a, button, input))')
        if plain.count():
            before = self._state()
            plain.first.dblclick()
            self.client.wait()
            # A page under load may see two clicks
            if not before or self._state() != before:
                return
        row.locator('td.selection-state input').check()
        self.client.wait()
        self._switch()

    def _state(self):
        "Return what changes when a row is opened, None if nobody can tell"

    def _switch(self):
        self.client.tool('switch_')

    def search(self, text):
        "Search the list with a text of the filter line"
        entry = self.root.locator('form.filter-box input.form-control').first
        entry.fill(text)
        entry.press('Enter')
        self.client.wait()

    def count(self):
        "Return the number of rows shown"
        return self.root.locator('tbody > tr:visible').count()


class Lines(Part):
    "The lines of a one2many or many2many field"

    def _tool(self, title):
        self.root.locator(f'button[title="{title}"]:visible').first.click()
        self.client.wait()

    def new(self):
        """Add a line, return the part to fill it in.

        An editable list is filled in place; else a dialogue opens, to be
        closed with press('Add').
        """
        dialogues = self.client.dialogues.count()
        self._tool('New')
        opened = self.client.dialogues.count() > dialogues
        return self.client if opened else self

    def add(self, text):
        "Add an existing record to a many2many by its name"
        entry = self.root.locator('input.form-control:visible').first
        entry.click()
        self.client.page.keyboard.type(text)
        self.client.wait()
        self.client.page.locator(
            '.dropdown-completion:visible li.completion a').filter(
            has_text=text).first.click()
        self.client.wait()

    def switch(self):
        "Switch between list and form"
        self._tool('Switch')

    _switch = switch
