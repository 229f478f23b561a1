"""Languages: their English names, and the codes and other names that people write for them."""

import re
import unicodedata
from functools import cache

_TABLE = """
Afrikaans af afr | Akan ak aka twi | Albanian sq sqi alb shqip | Amharic am amh አማርኛ | Arabic ar ara arb العربية
Armenian hy hye arm հայերեն | Assamese as asm অসমীয়া | Aymara aym | Azerbaijani az aze azeri azərbaycanca
Balochi bal baluchi | Bambara bamanankan | Bashkir | Basque eu eus baq euskara | Belarusian be bel беларуская
Bemba | Bengali bn ben bangla বাংলা | Berber ber tamazight tarifit | Bhojpuri bho | Bosnian bs bos bosanski
Breton bre | Bulgarian bg bul български | Burmese my mya bur မြန်မာဘာသာ | Cantonese yue 粵語 粤语 廣東話
Catalan ca cat català | Cebuano ceb | Chechen che | Chichewa ny nya nyanja | Chinese zh zho chi 中文 汉语 漢語
Chuvash chv | Croatian hr hrv hrvatski | Czech cs ces cze čeština česky | Danish da dan dansk | Dari prs
Dutch nl nld dut flemish nederlands | English en eng | Esperanto eo epo | Estonian et est eesti | Ewe
Faroese fo fao | Filipino fil | Finnish fi fin suomi | Fon fon | French fr fra fre français francais
Frisian fy fry | Fulani fulfulde pular | Galician gl glg galego | Georgian ka kat geo ქართული
German de deu ger deutsch | Greek el ell gre ελληνικά | Guarani gn grn | Gujarati gu guj ગુજરાતી
Haitian ht hat kreyol kreyòl creole | Hausa ha hau | Hawaiian haw | Hebrew he heb עברית
Hindi hi hin हिन्दी हिंदी | Hmong hmn | Hungarian hu hun magyar | Icelandic is isl ice íslenska | Igbo ig ibo
Ilocano ilo | Indonesian id ind bahasa | Irish ga gle gaeilge | Italian it ita italiano | Japanese ja jpn 日本語
Javanese jv jav | Kabyle kab | Kannada kn kan ಕನ್ನಡ | Kashmiri ks kas | Kazakh kk kaz қазақша
Khmer km khm ខ្មែរ | Kikuyu kik gikuyu | Kinyarwanda rw | Kirundi | Konkani | Korean ko kor 한국어
Kurdish ku kur kurdî | Kyrgyz ky kir | Lao lo | Latin la lat | Latvian lv lav latviešu | Lingala
Lithuanian lt lit lietuvių | Luganda lg ganda | Luo luo | Luxembourgish lb ltz lëtzebuergesch
Macedonian mk mkd македонски | Madurese | Magahi | Maithili | Malagasy mg mlg | Malay ms msa may melayu
Malayalam ml mal മലയാളം | Maltese mt mlt malti | Mandarin cmn putonghua 普通话 國語 | Maori mi mri māori
Mapudungun arn | Marathi mr mar मराठी | Meitei manipuri | Minangkabau | Mongolian mn mon монгол | Mossi mooré
Nahuatl | Ndebele nr nde | Nepali ne nep नेपाली | Norwegian no nor nb nob nn nno norsk bokmål nynorsk
Odia or ori ory oriya ଓଡ଼ିଆ | Oromo orm | Pashto ps pus پښتو | Persian fa fas per pes farsi فارسی
Polish pl pol polski | Portuguese pt por português portugues | Punjabi pa pan panjabi ਪੰਜਾਬੀ پنجابی | Quechua qu
Rajasthani | Romanian ro ron rum română romana | Romansh rumantsch | Russian ru rus русский | Samoan smo
Sanskrit sa san | Santali | Saraiki skr | Sepedi | Serbian sr srp српски srpski | Sesotho | Shanghainese wuu
Shona | Sindhi sd snd سنڌي | Sinhala si sin සිංහල | Slovak sk slk slo slovenčina
Slovenian sl slv slovene slovenščina | Somali so som | Spanish es spa castilian español espanol castellano
Sundanese | Swahili sw swa kiswahili | Swedish sv swe svenska | Tagalog tl tgl | Taiwanese hokkien minnan
Tajik tg tgk | Tamil ta tam தமிழ் | Tatar tt tat | Telugu te tel తెలుగు | Thai th tha ไทย | Tibetan bo bod tib
Tigrinya ti tir | Tongan | Tsonga | Tswana tn tsn setswana | Turkish tr tur türkçe turkce | Turkmen tk tuk
Ukrainian uk ukr українська | Urdu ur urd اردو | Uyghur ug uig uighur | Uzbek uz uzb oʻzbekcha | Venda
Vietnamese vi vie tiếng\N{NO-BREAK SPACE}việt | Welsh cy cym wel cymraeg | Wolof wo wol | Xhosa xh xho
Yakut sah sakha | Yiddish yi yid | Yoruba yo yor yorùbá | Zazaki zza | Zulu zu zul isizulu
"""
"""The English name of each language, its codes of two and three letters (ISO 639), and other names."""

_GIVEN_NAMES = frozenset(
    "alb ara ben bos dan est fin geo han heb ind ita jav kan kas kat kaz kir kor kur lao lit mal mar may mon "
    "nor ori pan per pol ron san sin sol som tam tat tel tir tur vie wel am my so or no is id as be he "
    "ewe fon haw lb luo mg mi que fo fy gn ht ny rw wo".split()
)
"""Codes that are people's names, initials or English words too."""

_WORDS = frozenset({"twi", "ewe", "fon", "luo", "lao"})
"""Names of languages that are as short as codes."""

_VARIANT = re.compile(
    r"(?P<name>[^()\[\]]+?)\s*(?:\((?P<a>[^()]{1,30})\)|\[(?P<b>[^\[\]]{1,30})\])"
    r"|(?P<code>[^\W\d_]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))"
    r"|(?P<script>[^\W\d_]{2})[-_][a-z]{4}"
    r"|(?P<long>[^\W\d_]{4,})[-_ ](?P<region>us|uk|gb|usa|au|ca|in|br|pt|mx|es|fr|de|at|ch|cn|tw|hk|pk)"
)
_ADJECTIVES = re.compile(
    r"(?:american|australian|brazilian|british|canadian|egyptian|european|indian|latin american|mandarin|"
    r"mexican|modern|pakistani|simplified|standard|swiss|traditional|us|uk)[-_ ](?P<name>[^\W\d_]+)"
)


@cache
def _names() -> dict[str, str]:
    """Return the English name of each language by each of its names, in lower case."""
    names = {}
    for entry in re.split(r"[|\n]", _TABLE.strip()):
        english, *others = entry.split(" ") if entry.strip() else [""]
        words = [english, *others] if english else others
        words = [word for word in words if word]
        for word in words:
            names[_plain(word)] = words[0]
    return names


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


@cache
def _english_name(name: str) -> str | None:
    """Return the English name of a language; None where the name is not that of a language."""
    known, plain = _names(), _plain(name)
    if plain in known:
        return known[plain]
    if match := _VARIANT.fullmatch(plain):
        groups = match.groupdict()
        return known.get(
            groups["name"] or groups["code"] or groups["script"] or groups["long"] or ""
        )
    match = _ADJECTIVES.fullmatch(plain)
    return known.get(match["name"]) if match else None


def canonical(name: str) -> str:
    """Return the English name of a language, any other name unchanged.

    "english", "en", "en-US", "eng" and "English (US)" are "English", "Deutsch" is "German".
    """
    return _english_name(name) or name


def is_language(name: str) -> bool:
    """Return True where a name or code, in any case, is that of a language."""
    return _english_name(name) is not None


def is_only_code(name: str) -> bool:
    """Return True for a code of two or three letters alone, as "en" and "URD", not "en-US" and "English"."""
    plain = _plain(name)
    return is_language(name) and len(plain) in (2, 3) and plain.isascii() and plain not in _WORDS


def may_be_given_name(name: str) -> bool:
    """Return True where a code of a language may be a person as well: "dan" and "ben", "Bo", "MS"."""
    return _plain(name) in _GIVEN_NAMES or (is_only_code(name) and not name.strip().islower())
