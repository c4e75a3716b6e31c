"""
Texts as a reader sees them: what cannot be seen is written out.

A sign without a picture can hide what a text says: a line break forges a line, a
right-to-left override (U+202E) turns an address around, a zero-width space parts a
word for a machine and not for a person. Everything that can be seen stays as it is,
in whatever script: escaping it would only cost room.

Source: Unicode Standard Annex 44, general categories; Trojan Source, CVE-2021-42574.
"""

import unicodedata

# Controls, formats, halves of pairs, private signs, and what parts lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    r"""
    *text* with each sign that cannot be seen as its escape.

    >>> visible("drive C\u202e\n")
    'drive C\\u202e\\u000a'
    """
    if text.isprintable():
        return text
    return "".join(
        _escaped(one) if unicodedata.category(one) in _UNSEEN else one for one in text
    )


def _escaped(sign: str) -> str:
    """The escape of a sign, as JSON writes it: one or two units of UTF-16."""
    units = sign.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    return "".join(f"\\u{unit}" for unit in units)
