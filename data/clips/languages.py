"""English names of languages, to recognise the folder of a path that names the language.

Where the layout of the folders is known, any other name is accepted too.
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
    """Return a language's name in its usual case ("english" -> "English"), any other name unchanged."""
    return name.capitalize() if is_language(name) else name


def is_language(name: str) -> bool:
    """Return True where a name is the English name of a language, in any case."""
    return name.lower() in NAMES
