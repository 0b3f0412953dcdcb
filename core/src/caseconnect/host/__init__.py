"""The host: everything between the platforms and the rules. A plugin never imports from here."""
