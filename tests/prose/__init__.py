"""How the project's words are kept plain: what counts as prose, the turns to replace, and how often they come."""
