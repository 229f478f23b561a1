"""Names of languages that a folder or a manifest may carry.

Only used to recognise which folder of a path names the language; any other
name is accepted where the layout says that it is one.
"""

NAMES = frozenset(
    """
    afrikaans albanian amharic arabic armenian assamese azerbaijani balochi basque belarusian
    bengali bosnian bulgarian burmese cantonese catalan chinese croatian czech danish dari dutch
    english estonian farsi filipino finnish french galician georgian german greek gujarati hausa
    hebrew hindi hungarian icelandic igbo indonesian irish italian japanese javanese kannada kashmiri
    kazakh khmer korean kurdish kyrgyz lao latin latvian lithuanian macedonian malay malayalam maltese
    mandarin marathi mongolian nepali norwegian odia pashto persian polish portuguese punjabi romanian
    russian sanskrit saraiki serbian sindhi sinhala slovak slovenian somali spanish swahili swedish
    tagalog tajik tamil tatar telugu thai tibetan tigrinya turkish turkmen ukrainian urdu uyghur uzbek
    vietnamese welsh xhosa yiddish yoruba zulu
    """.split()
)


def canonical(name: str) -> str:
    """A language's name in its usual case ("english" -> "English"); any other name as it is."""
    return name.capitalize() if is_language(name) else name


def is_language(name: str) -> bool:
    """Whether a folder name is the English name of a language, in any case."""
    return name.lower() in NAMES
