"""How bytes travel: one owner a link, one deadline an exchange, one resynchronisation policy."""
