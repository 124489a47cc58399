"""How the project's words are kept plain: the reading of prose, the turns to replace, and their counts."""
