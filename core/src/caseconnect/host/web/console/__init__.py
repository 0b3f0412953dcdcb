"""The console: what people see of the daemon, and what they do to it. `connect serve` has it on a listener of its own.

How the parts go together:

- `asking.py` says what a page is: `Page(path, show, menu)`. `show(ask)` only reads, in a worker thread, and answers
  `Shown(template, values, title)`. `pages/` holds them; `pages.PAGES` lists them, all for viewers unless they say more.
- `app.py` renders `templates/<template>` with `person`, `csrf`, `menu`, `path`, `title` and `may(role)` beside the
  values, and serves `static/` by `static('name.css')`. Nothing inline: the browser runs and draws only what is there.
- A form that does something posts to `/plan/{action}` with `<input type=hidden name=csrf value="{{ csrf }}">` and the
  fields of `actions.ACTIONS[action]`; a field that stands for many (`key`, `seq`, `matter`, `subject`) is repeated for
  each. What would happen is shown there, and done by `/do/{action}` if it is still the same.
- `guard.py` is in front of everything: no route without a role, no POST without its token and from elsewhere.
"""
