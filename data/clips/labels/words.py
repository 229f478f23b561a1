"""Words that the names of folders are made of, in lower case with one underscore between words."""

import re

CONTAINERS = frozenset(
    """
    aac actors aiff align aligned amr audio audios avi celebrities celebs clip clips content corpora corpus cropped data dataset
    datasets dcim download downloads extracted face faces file files film films flac footage frames identities
    m4a m4v media mkv mov movie movies mp3 mp4 mpeg mpg mvlrs_v1 ogg opus original originals output participants people
    persons processed raw recordings sample samples segment segments set sets sound sounds speaker speakers subjects
    upload uploads utterances video videos voice voices volunteers wav wave waves wavs webm wmv unzippedfaces
    aufnahmen vidéos vídeos
    """.split()
)
SPLITS = frozenset(
    """
    train training trainset val valid validation valset dev devel development test testing testset eval
    evaluation holdout heldout trainval pretrain main unlabeled unlabelled enrol enroll enrolment enrollment
    """.split()
)
CONTAINER = re.compile(
    r"(mpg|mpeg)_\w+"  # GRID: mpg_6000, mpg_vcd
    r"|(audio|wav|flac|video|mp4)_?\d+(\.\d+)?k(hz|bps)?"
    r"|(wav|flac)(8|16|22|24|44|48)(k|khz)?(_\w+)?|\d{1,3}_?k(b|hz|bps)?"
    r"|(audio|video)_?(wav|flac|flash|flv|mp3|mp4|avi|mov|only)s?"
    r"|(voxceleb|vox|lrs|lrw)_?[123]?(_(dev|test|wav|mp4|aac|mp4_aac|txt|v\d))*|mav_?celeb(_?v?\d)?|grid(_?corpus)?"
    r"|(dataset|corpus)_?v?\d*|libri(speech|tts|_?light)|(tcd_?)?timit|vctk(_corpus.*)?|ravdess|crema_?d|"
    r"(mead|celebv_?hq|avspeech|ava_avd|voxconverse|ami|commonvoice|common_voice.*|aishell_?\d?)"
)
SPLIT = re.compile(
    r"(folds?|splits?|cv)_?(\d{1,2}|[a-e])|(train|val|valid|dev|test|eval)_?(set|data|split|clean|other|\d{1,3}|[a-e])?(_\d{1,3})?"
)
DATE = re.compile(
    r"(?P<year>(19|20)\d\d)(_?(q[1-4]|[hst][1-3])|_?(0?[1-9]|1[0-2])(_?(0?[1-9]|[12]\d|3[01]))?)?|(0?[1-9]|[12]\d|3[01])_(0?[1-9]|1[0-2])_(19|20)\d\d"
)
MONTH_OR_DAY = re.compile(r"(0?[1-9]|[12]\d|3[01])")
RECORDING = re.compile(
    r"(v|vid|video|rec|recording|session|sess|sitzung|clip|take|scene|part|teil|tape|disc|disk|cd|talk|interview|"
    r"lecture|vorlesung|speech|rede|episode|ep|folge|day|visit|meeting|call|podcast|show|vlog|stream|news|"
    r"conversation|dialog|dialogue|monologue|presentation|webinar|keynote|press_conference|debate|story|reading|"
    r"entretien|entrevista|gespräch|conférence|vortrag|kitchen|garden|office|living_room|bedroom|bathroom|classroom|"
    r"studio|outdoors?|indoors?|outside|inside|street|beach|car|küche|garten|büro|"
    r"chapter|trial|round|block|utt|utterance|sentence|phrase|test|birthday|wedding|holiday|vacation|home|work)"
    r"s?(_?\d+)?(_.*)?|[rt]_?\d+"
)
BATCH = re.compile(
    r"(set|batch|group|part|disc|disk|cd|dvd|volume|vol|chunk|shard|archive|backup|folder|dir|drive|usb|card|camera|"
    r"cam|day|week|month|season|class|room|site|lab|new|old|more|other|others|misc)s?(_?(\d+|[a-z]))?"
)
ID = re.compile(
    r"(id_?\d{4,}|sub_?\d+|[mf][a-z]{3}\d|p\d{3}|(spk|spkr|speaker|person|subject|subj|participant|user|actor)_?\d+)"
)
PLACES = frozenset(
    """
    applications backup backups bin camera cloud default desktop documents dropbox external flat folder google_drive
    home icloud in inbox input library local log lib mnt my_videos my_movies new new_folder onedrive opt out
    own pictures private project projects public root share shared src srv stuff temp temporary test tests tmp
    all colleagues customers employees everyone family friends guests kids kunden members party patients project_files
    staff students team teachers todo tree unsorted untitled_folder user users usr var work workspace x y
    """.split()
)
YOUTUBE = re.compile(r"[\w-]{11}")
SHORT_ID = re.compile(r"[a-z]{1,2}\d{1,4}")

GROUPS = frozenset(
    """
    male female males females man men woman women boy boys girl girls m f hommes femmes homme femme männer frauen
    mann frau hombres mujeres hombre mujer uomini donne homens mulheres masculino femenino adult adults child children
    erwachsene kinder enfants adultes young old native nonnative non_native known unknown seen unseen real fake genuine
    spoof bonafide impostor impostors target nontarget clean noisy noise good bad left right control controls
    spring summer autumn fall winter frühling sommer herbst printemps été automne hiver primavera verano otoño
    invierno estate autunno inverno north south east west morning afternoon evening night
    january february march april may june july august september october november december jan feb mar apr jun jul
    aug sep sept oct nov dec januar februar märz mai juni juli oktober dezember janvier février mars avril juin
    juillet août septembre octobre novembre décembre enero febrero marzo abril mayo junio julio agosto septiembre
    octubre noviembre diciembre gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre
    monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag
    sonntag q1 q2 q3 q4
    """.split()
)
"""Names of folders that hold several people, in case people are below them."""
GROUP = re.compile(
    r"(teams?|gruppe|groupe|grupo|gruppo|dr|region|dialect|cohort|wave|year|jahr|semester|term|grade|klasse|classe|speakers?"
    r"|people|age|unit|section|department|dept|school|family|location|country|city|level|tier)_?(\d+|[a-z])|[a-z]"
)

GIVEN_NAMES = frozenset(
    """
    april august autumn jan may june summer
    aaron abdul abdullah adam ahmed aisha alan albert alex alexander alexandra ali alice alina amina amir amit amy ana
    anastasia andrea andreas andrew andy angela anil anita ann anna anne annie anthony anton antonio arthur asha ayesha
    barbara ben benjamin bernd betty bill bob boris brian bruno carl carla carlos carmen carol caroline catherine
    charles charlie charlotte chen chris christian christina christine claire clara claudia dan daniel daniela
    david deepak denis diana diego dieter dimitri dmitri donald dora dorothy dylan edward elena eli elisabeth elizabeth
    ella emil emily emma eric erik erika esther eva eve fatima fatma felix fernando florian francesca francesco francis
    francois françois frank frida fritz gabriel george georg gerhard giovanni giulia grace greta guido hanna hannah hans
    harry hasan hassan heidi heike helen helena helmut henri henry hugo hussein ian ibrahim igor ines ingrid irene
    isabel isabella ivan jack jacob jakob james jan jane janet jason javier jean jennifer jens jessica jim joan joe johan
    johann johanna john jonas jonathan jordan jorge jose josé joseph joshua juan judith jules julia julian julie jürgen karen
    karl karin katarina kate katharina katherine kathrin kavita kevin khalid kim klaus kumar lara lars laura lea
    lee lena leo leon leila li liam lina linda lisa liu lou louis louise luca lucas lucia lucy luis luisa lukas mahmoud
    manuel marco margaret maria marie marina mario mark markus martha martin martina mary maryam matteo matthew max maya
    mehmet mei melissa mia michael michel michelle miguel mike mohamed mohammed monica monika muhammad mustafa nadia nancy
    natalia natasha nathan neha nicolas nicole nikolai nina nina noah olga oliver olivia omar oscar otto pablo pamela patricia
    patrick paul paula pedro peter petra philip philipp pierre pooja priya rachel raj rahul rajesh ralf ravi rebecca richard
    rita robert roberto robin roger roland rosa rose ruth ryan sabine sam samuel sana sandra santiago sara sarah sergei
    sergio silvia simon sofia sophia sophie stefan stephanie stephen steve steven sunil susan susanne svetlana tanja tariq
    teresa thomas tim tom tomas udo ulrich ursula usman valentina vera victor victoria vijay viktor vincent vladimir walter
    wang wei werner will william wolfgang xavier yan yasmin youssef yuki yusuf yvonne zara zhang zoe zoé zainab
    """.split()
)
"""Common given names. That a name is not here means nothing."""
