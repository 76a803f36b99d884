"""What is typed: samples of every kind of script, and one long text that mixes them."""

import random

SAMPLES = {
    "ascii": "The quick brown fox jumps over the lazy dog 0123456789 "
             "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "latin": "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿß ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŸẞ "
             "ąćęłńóśźż ĄĆĘŁŃÓŚŹŻ ěščřžýáíé ĚŠČŘŽÝÁÍÉ ğışöüç ĞİŞÖÜÇ",
    "cyrillic": "Съешь же ещё этих мягких французских булок, да выпей чаю ЪЁЖЫЭ їєґ ЇЄҐ",
    "greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία ΆΈΉΊΌΎΏ ΐΰ",
    "cjk": "漢字かなカナ한글 中文测试，。「」 こんにちは世界 안녕하세요",
    "rtl": "שלום עולם العربية مرحبا ١٢٣ ؟",
    "combining": "e\u0301 n\u0303 a\u030a\u0301 o\u0308\u0304 \u0e19\u0e35\u0e49 \u0926\u0947\u0935",
    "emoji": "😀🐝🚀❤️👍🏽 👩‍💻 🇪🇺",
    "symbols": "€£¥©®™§¶†‡•…–—‘’“”«»≤≥≠∞√∑→←⇒☃✓\u00a0¡¿½¼ªº",
}
ALL = " ".join(SAMPLES.values())


def mixed(n, seed=1):
    """`n` characters of all scripts in random words, always the same ones for a seed."""
    rng = random.Random(seed)
    words = [w for text in SAMPLES.values() for w in text.split(" ")]
    text = ""
    while len(text) < n:
        text += rng.choice(words) + " "
    return text[:n - 1] + "."
