"""Which motif stands for which category in the pictures of the demo market, and the picture itself."""

from server.demo.motifs_at_home import (
    armchair,
    books,
    bricks,
    chess,
    coffee_machine,
    drill,
    lamp,
    painting,
    parcel,
    plant,
    rug,
    sewing_machine,
    teapot,
)
from server.demo.motifs_to_carry import (
    bicycle,
    camera,
    gamepad,
    guitar,
    headphones,
    laptop,
    phone,
    scooter,
    skateboard,
    speaker,
    tent,
    watch,
)
from server.demo.painting import Motif, paint

MOTIFS: dict[str, Motif] = {
    "board-games": chess,
    "building-sets": bricks,
    "camping": tent,
    "city-bicycles": bicycle,
    "coffee-machines": coffee_machine,
    "consoles": gamepad,
    "digital-cameras": camera,
    "electric-scooters": scooter,
    "guitars": guitar,
    "headphones": headphones,
    "lamps": lamp,
    "laptops": laptop,
    "novels": books,
    "paintings": painting,
    "plants": plant,
    "power-tools": drill,
    "rugs": rug,
    "sewing-machines": sewing_machine,
    "skateboards": skateboard,
    "smartphones": phone,
    "sofas": armchair,
    "speakers": speaker,
    "tableware": teapot,
    "watches": watch,
}


def picture_of(category: str, seed: str) -> bytes:
    """A PNG, 960 x 720, for a listing in `category` (a slug); a wrapped parcel where there is no motif for it."""
    return paint(MOTIFS.get(category, parcel), seed)
