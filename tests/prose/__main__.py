"""Print each turn to replace with its place, and how often they occur: `python -m tests.prose [PATH …]`."""

import sys
from collections import Counter
from pathlib import Path

from tests.prose.count import GROUPS, ROOT, found, rate, texts_of

chosen = [Path(argument).resolve() for argument in sys.argv[1:]]
for name, group in GROUPS.items():
    texts = [text for text in texts_of(group) if not chosen or any(text.path.is_relative_to(path) for path in chosen)]
    hits = [(text, turn, match) for text in texts for turn, match in found(text)]
    if chosen:
        for text, turn, match in hits:
            start = max(0, match.start() - 40)
            where = f"{text.path.relative_to(ROOT)}:{text.line}"
            print(f"{where}: …{text.text[start : match.end() + 30]}… -> {turn.instead}")
    if texts:
        common = ", ".join(
            f"{phrase} {times}" for phrase, times in Counter(m[0].lower() for *_, m in hits).most_common(5)
        )
        print(f"{name}: {rate(texts):.1f} a 1,000 of {sum(text.words for text in texts):,} words ({common})")
