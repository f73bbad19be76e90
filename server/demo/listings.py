"""The demo market as data: nine people in Egypt, their listings, and what they are talking about. No I/O.

What it is made to show:

- **A ring of three without a pair.** Mona's camera goes to Layla, Layla's guitar to Omar, Omar's bicycle to Mona. Each
  wants the next one's thing, and no two of the three want anything of each other's, so no two-party trade could help.
- A second ring of three: armchair (Nour), espresso machine (Salma), sewing machine (Hana).
- A ring of four: laptop (Karim), electric scooter (Nour), smartphone (Salma), game console (Youssef).
- A chain: Hana gives her bricks away, Omar wants them and gives his tent, Karim wants the tent.
- Pairs that want each other's things, and three trades of such pairs that are under way.
"""

from dataclasses import dataclass, field
from typing import Any

PASSWORD = "swap-loop-demo"  # noqa: S105 - everyone may know it
GUEST = "guest"  # registered last: who finds this account knows that the market is complete
RING_OF_THREE = ("camera", "bicycle", "guitar")  # each wants the next one, and the last wants the first


@dataclass(frozen=True, slots=True)
class Person:
    key: str
    name: str
    governorate: str
    locale: str = "en"

    @property
    def email(self) -> str:
        return f"{self.key}@demo.swaploop.example"


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing; `wants` is the contract's, `value` is in EGP."""

    key: str
    owner: str
    title: str
    description: str
    category: str
    condition: str
    value: int
    wants: dict[str, Any] | None
    looking_for: str = "item_swap"
    open_to_give: bool = False


@dataclass(frozen=True, slots=True)
class Talk:
    """A trade under way: who owns `offered` asks for `requested`, then people say things and make moves.

    A step is (person, what they say) or (person, ":" + the move they make).
    """

    offered: str
    requested: str
    message: str
    steps: list[tuple[str, str]] = field(default_factory=list)


PEOPLE = [
    Person("mona", "Mona Hassan", "Cairo"),
    Person("omar", "Omar Farouk", "Giza"),
    Person("layla", "ليلى سامي", "Alexandria", "ar"),
    Person("karim", "Karim Nabil", "Cairo"),
    Person("nour", "نور الدين عادل", "Dakahlia", "ar"),
    Person("salma", "Salma Adel", "Giza"),
    Person("youssef", "يوسف شريف", "Aswan", "ar"),
    Person("hana", "Hana Mostafa", "Port Said"),
    Person(GUEST, "Guest", "Cairo"),
]

LISTINGS = [
    # ── pairs, and what makes a chain ──
    Listing(
        "lamp",
        "mona",
        "Reading lamp with two joints",
        "Stood on my desk for years and still lights every page. The cable is new; the bulb is included.",
        "lamps",
        "GOOD",
        850,
        {"categories": ["tableware"], "valueMax": 1_500},
        looking_for="credits",
    ),
    Listing(
        "drill",
        "omar",
        "Cordless drill, 18 V, with two batteries",
        "I put up every shelf in our flat with it, and we have no walls left. Charger, case and a box of bits included.",
        "power-tools",
        "GOOD",
        2_300,
        {"categories": ["watches"], "condition": "GOOD"},
    ),
    Listing(
        "plant",
        "layla",
        "نبتة مونستيرا كبيرة مع أصيصها",
        "كبرت عندي حتى ضاقت بها الشرفة. تحب الضوء غير المباشر والماء مرة في الأسبوع. الاستلام من سموحة.",
        "plants",
        "GOOD",
        750,
        {"categories": ["tableware"]},
        looking_for="flexible",
    ),
    Listing(
        "speakers",
        "karim",
        "A pair of bookshelf speakers",
        "Warm sound, walnut veneer, one small scratch on the left side that faces the wall anyway.",
        "speakers",
        "GOOD",
        2_700,
        {"categories": ["headphones"]},
    ),
    Listing(
        "headphones",
        "nour",
        "سماعة رأس عازلة للضوضاء",
        "استعملتها في المكتبة أيام الامتحانات فقط. البطارية تكفي يومين، ومعها الحقيبة والكابل.",
        "headphones",
        "LIKE_NEW",
        2_500,
        {"categories": ["audio"], "keywords": ["speakers", "سماعات مكتب"]},
    ),
    Listing(
        "tea-set",
        "salma",
        "Hand-painted teapot with two glasses, from Fayoum",
        "Made by a potter in Tunis village. Too pretty for me to use, and it deserves somebody who drinks tea.",
        "tableware",
        "NEW",
        800,
        {"categories": ["plants", "lamps"]},
    ),
    Listing(
        "watch",
        "youssef",
        "ساعة يد كلاسيكية بسوار أزرق",
        "ساعة ميكانيكية أنيقة تعمل بدقة، تمت صيانتها العام الماضي. أحتاج بدلا منها إلى عدة للبيت.",
        "watches",
        "GOOD",
        2_600,
        {"categories": ["power-tools"]},
    ),
    Listing(
        "bricks",
        "hana",
        "A big box of building bricks, about 900 pieces",
        "My boys have grown out of them. I would love to see another child build with them, whatever comes back for it.",
        "building-sets",
        "GOOD",
        1_400,
        None,
        looking_for="flexible",
        open_to_give=True,
    ),
    Listing(
        "novels",
        "mona",
        "Twelve novels by Naguib Mahfouz, in Arabic",
        "The Cairo Trilogy and nine more, read with care. I know them by heart and need something to play in the evening.",
        "novels",
        "GOOD",
        1_200,
        {"categories": ["board-games"]},
    ),
    Listing(
        "tent",
        "omar",
        "Tent for two, with a little flag",
        "Two trips to the White Desert and one to Ras Mohammed. Dry, complete, and up in five minutes.",
        "camping",
        "GOOD",
        2_600,
        {"categories": ["skateboards", "building-sets"]},
    ),
    Listing(
        "painting",
        "layla",
        "لوحة زيتية: مركب عند كورنيش الإسكندرية",
        "رسمتها من شرفتي في صباح شتوي هادئ. مع الإطار والحامل الخشبي.",
        "paintings",
        "LIKE_NEW",
        3_000,
        {"categories": ["rugs"]},
    ),
    Listing(
        "skateboard",
        "karim",
        "Skateboard and helmet",
        "Maple deck, soft wheels, rides well along the river. The helmet is size M. I would rather sleep under stars now.",
        "skateboards",
        "GOOD",
        1_900,
        {"categories": ["camping"], "valueMax": 4_000},
    ),
    Listing(
        "rug",
        "youssef",
        "سجادة نوبية منسوجة يدويا",
        "نسجتها جدتي في غرب سهيل، صوف طبيعي وألوان ثابتة، متر ونصف في مترين.",
        "rugs",
        "GOOD",
        2_900,
        {"categories": ["paintings", "handicrafts"]},
    ),
    Listing(
        "chess",
        "hana",
        "Chess set made of olive wood",
        "Every piece is there. The white king has been glued once, after a game that I would rather not talk about.",
        "board-games",
        "GOOD",
        1_100,
        {"categories": ["books"]},
    ),
    # ── the ring of four ──
    Listing(
        "laptop",
        "karim",
        "Laptop, 14 inch, 16 GB",
        "Two years old, new battery, English and Arabic keyboard. My new office is across town and I am tired of traffic.",
        "laptops",
        "GOOD",
        21_000,
        {"categories": ["electric-scooters"], "valueMin": 12_000},
    ),
    Listing(
        "scooter",
        "nour",
        "سكوتر كهربائي قابل للطي",
        "مدى ٣٠ كيلومترا، والإطارات جديدة. أعمل الآن من البيت ولم أعد أحتاج إليه.",
        "electric-scooters",
        "GOOD",
        19_500,
        {"categories": ["smartphones"], "condition": "GOOD"},
    ),
    Listing(
        "phone",
        "salma",
        "Smartphone with three cameras, 256 GB",
        "Used for a year in a case, no scratches, box and cable included. Two phones are one too many.",
        "smartphones",
        "LIKE_NEW",
        20_000,
        {"categories": ["gaming"], "keywords": ["console", "بلايستيشن", "ألعاب"]},
    ),
    Listing(
        "console",
        "youssef",
        "جهاز ألعاب مع ذراع تحكم وشاشة",
        "يعمل بكفاءة ومعه أربع ألعاب. بدأت الدراسة وأحتاج إلى جهاز أكتب عليه.",
        "consoles",
        "GOOD",
        18_500,
        {"categories": ["laptops", "desktops"]},
    ),
    # ── the second ring of three ──
    Listing(
        "armchair",
        "nour",
        "فوتيه من الستينيات",
        "تنجيد جديد وخشب زان أصلي. مريح إلى درجة أنني لا أنهي أي كتاب وأنا جالس عليه.",
        "sofas",
        "GOOD",
        3_300,
        {"categories": ["coffee-machines"]},
    ),
    Listing(
        "espresso",
        "salma",
        "Espresso machine",
        "Descaled last week, makes a proper crema. I have been told to drink less of it and want to sew my own curtains.",
        "coffee-machines",
        "GOOD",
        3_600,
        {"categories": ["sewing-machines"]},
    ),
    Listing(
        "sewing-machine",
        "hana",
        "Sewing machine, 12 stitches",
        "My mother's. Runs like a clock; spare needles and a tin of bobbins come with it. I am looking for a good seat.",
        "sewing-machines",
        "GOOD",
        3_400,
        {"categories": ["sofas", "chairs"]},
    ),
    # ── the ring of three ──
    Listing(
        "guitar",
        "layla",
        "جيتار كلاسيك صناعة يدوية (classical guitar)",
        "صوت دافئ وخشب أرز، معه حقيبة صلبة. قررت أن أتفرغ لتصوير البحر بدلا من الغناء له.",
        "guitars",
        "LIKE_NEW",
        13_500,
        {"categories": ["cameras"], "condition": "GOOD", "valueMin": 8_000},
    ),
    Listing(
        "bicycle",
        "omar",
        "City bicycle with seven gears and a basket",
        "Serviced in spring, new brakes. I moved to the fifth floor without a lift, and I have always wanted to play.",
        "city-bicycles",
        "GOOD",
        12_800,
        {"categories": ["music"], "keywords": ["guitar", "oud"]},
    ),
    Listing(
        "camera",
        "mona",
        "Mirrorless camera with a 35 mm lens",
        "Eight thousand pictures old, two batteries, leather strap. I take photos with my phone now; I would rather ride.",
        "digital-cameras",
        "LIKE_NEW",
        14_500,
        {"categories": ["bicycles"], "valueMin": 9_000},
    ),
]

TALKS = [
    Talk(
        "skateboard",
        "tent",
        "Hi Omar! Would you take the skateboard, with the helmet, for your tent?",
        [
            ("omar", "Hello Karim, maybe! It is for my daughter. How hard are the wheels?"),
            ("omar", ":trade:interest"),
            ("karim", "Soft ones, good on rough pavement. I can bring it to Dokki on Friday so that she can try."),
            ("omar", "Friday after five would be great."),
        ],
    ),
    Talk(
        "headphones",
        "speakers",
        "السلام عليكم، هل تبدّل السماعات المكتبية بسماعة الرأس؟",
        [
            ("karim", "Wa alaikum as-salam! Yes, I would. Do they work with a cable as well?"),
            ("karim", ":trade:interest"),
            ("nour", "نعم، والكابل معها. أستطيع إرسالها مع شركة الشحن غدا."),
            ("karim", ":trade:confirm"),
            ("karim", "Confirmed. I will pack the speakers tonight."),
        ],
    ),
    Talk("chess", "novels", "Dear Mona, my chess set for your Mahfouz? I promise to read all twelve."),
]
