"""What stands at home, as the motifs of demo pictures: a small function each. Drawn around x = 480, on GROUND."""

import math

from server.demo.painting import GROUND, Canvas, Colour, Palette, Point, lighter, turned


def armchair(on: Canvas, of: Palette) -> None:
    for x, lean in ((330, -14), (630, 14)):
        on.line([(x, 548), (x + lean, 602)], 16, of.wood)
    on.box(318, 236, 324, 300, lighter(of.main, -0.18), 60)
    on.box(344, 262, 272, 240, of.main, 44)
    for x, y in ((420, 330), (540, 330), (480, 390)):
        on.disc(x, y, 8, lighter(of.main, -0.25))
    on.box(310, 450, 340, 110, lighter(of.main, -0.3), 20)
    on.box(326, 436, 308, 70, lighter(of.main, 0.15), 26)
    on.box(266, 386, 78, 176, of.main, 36)
    on.box(616, 386, 78, 176, of.main, 36)
    on.box(280, 398, 50, 20, lighter(of.main, 0.25), 10)
    on.box(630, 398, 50, 20, lighter(of.main, 0.25), 10)
    on.shape(turned([(420, 350), (540, 350), (540, 452), (420, 452)], 8, (480, 400)), of.second)
    on.line(turned([(432, 400), (528, 400)], 8, (480, 400)), 5, of.pale)


def lamp(on: Canvas, of: Palette) -> None:
    on.disc(420, 594, 120, of.dark, 16)
    on.box(300, 574, 240, 22, lighter(of.dark, 0.1), 11)
    on.line([(420, 580), (350, 400)], 14, of.metal)
    on.line([(350, 400), (520, 226)], 14, of.metal)
    on.disc(350, 400, 20, of.second)
    on.disc(520, 226, 18, of.second)
    on.disc(584, 318, 54, (255, 226, 140))
    head = [(480, 190), (560, 190), (604, 290), (436, 290)]
    on.shape(turned(head, -32, (520, 226)), of.main)
    on.line(turned([(436, 290), (604, 290)], -32, (520, 226)), 14, lighter(of.main, -0.25))
    on.line(turned([(500, 206), (470, 276)], -32, (520, 226)), 9, lighter(of.main, 0.4))


def plant(on: Canvas, of: Palette) -> None:
    green = (58, 140, 88)
    for reach, height, lean, tone in (
        (-190, 300, 0.5, -0.2), (190, 290, 0.5, -0.1), (-120, 180, 0.4, 0.05), (128, 170, 0.4, 0.15),
        (0, 110, 0.3, 0.0), (-205, 410, 0.6, 0.12), (205, 408, 0.6, -0.15),
    ):  # fmt: skip
        tip = (480 + reach, height)
        stem = [(480, 480), (480 + reach * 0.3, height + (470 - height) * 0.5), tip]
        on.curve(stem, 8, lighter(green, -0.3))
        _leaf(on, tip, math.degrees(math.atan2(reach * lean, 160)), lighter(green, tone))
    on.shape([(376, 450), (584, 450), (556, 606), (404, 606)], of.main)
    on.shape([(520, 450), (584, 450), (556, 606), (510, 606)], lighter(of.main, -0.2))
    on.box(360, 430, 240, 46, lighter(of.main, 0.15), 12)
    on.shape([(388, 510), (573, 510), (566, 548), (394, 548)], of.second)


def _leaf(on: Canvas, tip: Point, degrees: float, fill: Colour) -> None:
    x, y = tip
    outline = [(x, y - 78), (x + 44, y - 30), (x + 50, y + 24), (x, y + 56), (x - 50, y + 24), (x - 44, y - 30)]
    on.blob(turned(outline, degrees, tip), fill)
    on.line(turned([(x, y - 60), (x, y + 50)], degrees, tip), 4, lighter(fill, 0.35))
    for side in (-1, 1):
        for down in (-22, 8):
            on.line(turned([(x, y + down + 16), (x + side * 30, y + down)], degrees, tip), 3, lighter(fill, 0.25))


def rug(on: Canvas, of: Palette) -> None:
    on.box(214, 150, 532, 14, of.wood, 7)
    for x in (230, 730):
        on.disc(x, 157, 15, lighter(of.wood, -0.3))
    for x in range(270, 700, 14):
        on.line([(x, 544), (x, 582)], 4, of.pale)
    on.box(260, 158, 440, 392, of.main, 6)
    on.box(278, 158, 404, 374, lighter(of.main, -0.25))
    on.box(292, 158, 376, 360, of.pale)
    on.box(300, 158, 360, 352, of.main)
    for row, y in enumerate((214, 300, 386, 472)):
        for x in (350, 435, 525, 610):
            fill = of.second if (row + x) % 2 else of.pale
            on.shape([(x, y - 40), (x + 40, y), (x, y + 40), (x - 40, y)], fill)
            on.shape([(x, y - 24), (x + 24, y), (x, y + 24), (x - 24, y)], lighter(of.main, -0.3))
            on.shape([(x, y - 11), (x + 11, y), (x, y + 11), (x - 11, y)], lighter(fill, 0.2))
    on.box(256, 152, 448, 18, lighter(of.main, 0.2), 8)


def painting(on: Canvas, of: Palette) -> None:
    on.line([(480, 130), (480, 180)], 10, of.wood)
    for x in (316, 644):
        on.line([(x + (480 - x) * 0.6, 200), (x, 604)], 14, lighter(of.wood, -0.15))
    on.line([(480, 480), (480, 590)], 12, lighter(of.wood, -0.25))
    on.box(236, 158, 488, 342, of.wood, 6)
    on.box(254, 176, 452, 306, of.pale)
    sea = (72, 139, 176)
    on.box(272, 194, 416, 270, lighter(sea, 0.65))
    on.disc(566, 284, 44, (242, 143, 84))
    on.box(272, 340, 416, 124, sea)
    for x, y, width in ((540, 356, 56), (552, 374, 34), (530, 394, 70), (320, 400, 60), (420, 430, 90), (600, 436, 50)):
        on.line([(x, y), (x + width, y)], 5, lighter(sea, 0.45))
    on.shape([(350, 372), (470, 372), (446, 398), (370, 398)], lighter(of.wood, -0.3))
    on.shape([(404, 364), (404, 222), (472, 350)], of.pale)
    on.shape([(398, 364), (398, 236), (352, 356)], lighter(of.main, 0.3))
    on.box(222, 496, 516, 20, lighter(of.wood, -0.25), 6)


def books(on: Canvas, of: Palette) -> None:
    rows = [(286, 388, of.main), (310, 356, of.second), (270, 404, lighter(of.main, -0.35)), (322, 330, of.wood)]
    y = GROUND
    for x, width, cover in rows:
        y -= 64
        on.box(x, y, width, 62, cover, 9)
        on.box(x + 40, y + 9, width - 34, 44, of.pale, 3)
        for line in range(3):
            on.line([(x + 48, y + 20 + line * 11), (x + width, y + 20 + line * 11)], 1.5, lighter(of.pale, -0.12))
        on.box(x + 14, y, 12, 62, lighter(cover, 0.45))
    on.shape(turned([(404, 346), (452, 346), (452, 130), (404, 130)], 0, (480, 480)), of.second)
    on.box(404, 168, 48, 16, of.pale)
    on.box(404, 300, 48, 10, of.pale)
    on.shape([(462, 350), (520, 336), (464, 116), (406 + 6, 128)], lighter(of.main, 0.2))
    on.line([(436, 170), (482, 342)], 5, of.pale)
    on.blob([(560, 350), (532, 320), (546, 286), (578, 292), (610, 284), (624, 320), (598, 350)], of.main)  # apple
    on.curve([(578, 292), (580, 274), (590, 262)], 6, of.wood)
    on.blob([(590, 272), (612, 256), (632, 262), (614, 280)], lighter(of.second, 0.1))


def teapot(on: Canvas, of: Palette) -> None:
    on.arc(592, 430, 104, -75, 80, 26, lighter(of.main, -0.15))
    on.blob([(330, 420), (290, 360), (236, 338), (252, 320), (322, 340), (376, 450), (380, 500)], of.main)
    on.blob([(350, 470), (370, 350), (480, 300), (590, 350), (612, 470), (572, 560), (480, 580), (388, 560)], of.main)
    on.blob([(560, 340), (612, 470), (572, 560), (500, 578), (566, 500), (584, 430)], lighter(of.main, -0.2))
    on.box(400, 288, 160, 30, lighter(of.main, 0.2), 14)
    on.disc(480, 270, 24, of.second)
    for x in range(384, 590, 34):
        on.shape([(x, 420), (x + 17, 450), (x, 480), (x - 17, 450)], of.pale)
        on.disc(x, 450, 6, of.second)
    on.box(408, 570, 144, 22, lighter(of.main, -0.35), 8)
    for x in (662, 236):
        on.shape([(x, 520), (x + 88, 520), (x + 76, 604), (x + 12, 604)], lighter(of.glass, 0.35))
        on.shape([(x + 4, 542), (x + 84, 542), (x + 76, 604), (x + 12, 604)], (176, 74, 40))
    on.curve([(700, 506), (690, 480), (706, 460), (694, 436)], 5, of.pale)


def coffee_machine(on: Canvas, of: Palette) -> None:
    on.box(318, 196, 324, 120, of.main, 28)
    on.box(318, 280, 110, 300, lighter(of.main, -0.2), 10)
    on.box(318, 256, 324, 60, of.main, 12)
    on.box(296, 574, 370, 32, of.dark, 12)
    on.box(440, 560, 212, 16, of.metal, 6)
    for x in range(456, 640, 22):
        on.line([(x, 568), (x + 8, 568)], 4, of.dark)
    on.disc(380, 250, 26, of.pale)
    on.line([(380, 250), (394, 236)], 5, of.dark)
    for x in (470, 520, 570):
        on.disc(x, 250, 13, of.second if x == 470 else of.pale)
    on.box(486, 316, 116, 28, of.metal, 6)
    on.box(500, 344, 88, 22, lighter(of.dark, 0.1), 6)
    on.line([(598, 334), (700, 348)], 20, of.dark)
    on.line([(544, 366), (544, 470)], 6, lighter(of.wood, -0.4))
    on.ring(612, 500, 30, 10, of.pale)
    on.shape([(484, 462), (604, 462), (590, 560), (498, 560)], of.pale)
    on.disc(544, 462, 60, lighter(of.pale, -0.1), 10)
    on.disc(544, 463, 50, lighter(of.wood, -0.35), 7)
    on.box(330, 172, 140, 26, lighter(of.dark, 0.15), 8)


def sewing_machine(on: Canvas, of: Palette) -> None:
    on.box(230, 556, 500, 50, of.wood, 14)
    on.box(230, 556, 500, 16, lighter(of.wood, 0.25), 8)
    on.box(580, 300, 110, 260, of.main, 20)
    on.blob([(280, 310), (320, 268), (480, 262), (640, 262), (690, 300), (690, 370), (600, 378), (400, 372)], of.main)
    on.box(270, 280, 84, 176, of.main, 24)
    on.disc(706, 340, 46, lighter(of.dark, 0.1))
    on.disc(706, 340, 30, of.metal)
    on.disc(706, 340, 10, of.dark)
    on.box(286, 456, 52, 20, of.metal, 5)
    on.line([(312, 476), (312, 540)], 6, of.metal)
    on.box(286, 530, 54, 12, of.dark, 5)
    on.shape([(236, 540), (440, 540), (480, 566), (210, 566)], of.second)
    for x in range(256, 460, 28):
        on.line([(x, 553), (x + 12, 553)], 4, of.pale)
    on.box(414, 216, 12, 50, of.metal)
    on.box(396, 196, 48, 56, of.second, 8)
    for y in (208, 222, 236):
        on.line([(398, y), (442, y + 4)], 3, lighter(of.second, 0.4))
    on.curve([(420, 206), (360, 240), (312, 300), (312, 480)], 2.5, of.second)
    on.box(420, 300, 120, 34, of.pale, 17)
    on.disc(628, 420, 20, of.pale)
    on.line([(628, 420), (640, 408)], 5, of.dark)


def drill(on: Canvas, of: Palette) -> None:
    on.line([(190, 312), (300, 312)], 9, of.metal)
    on.shape([(176, 312), (200, 304), (200, 320)], of.metal)
    for x in range(212, 290, 18):
        on.line([(x, 318), (x + 10, 306)], 3, lighter(of.metal, -0.4))
    on.shape([(296, 290), (350, 272), (350, 352), (296, 334)], lighter(of.dark, 0.12))
    on.box(346, 250, 60, 124, of.dark, 10)
    on.box(396, 236, 296, 152, of.main, 40)
    on.box(640, 252, 52, 120, of.dark, 26)
    for x in (560, 584, 608):
        on.line([(x, 280), (x, 344)], 8, lighter(of.main, -0.4))
    on.box(430, 262, 100, 16, lighter(of.main, 0.35), 8)
    on.shape([(530, 370), (640, 370), (676, 540), (566, 540)], of.main)
    on.shape([(600, 376), (640, 376), (674, 536), (634, 536)], lighter(of.main, -0.22))
    on.blob([(528, 392), (500, 400), (508, 440), (540, 452)], of.second)
    on.box(520, 530, 210, 76, of.dark, 16)
    on.box(540, 546, 90, 18, of.second, 6)


def chess(on: Canvas, of: Palette) -> None:
    on.shape([(190, 520), (770, 520), (850, 590), (110, 590)], of.wood)
    for column in range(8):
        left, right = 212 + column * 67, 212 + (column + 1) * 67
        for row in range(3):
            far, near = 524 + row * 20, 524 + (row + 1) * 20
            if (column + row) % 2:
                spread = [(x + (x - 480) * (y - 524) / 300, y) for x, y in ((left, far), (right, far))]
                spread += [(x + (x - 480) * (y - 524) / 300, y) for x, y in ((right, near), (left, near))]
                on.shape(spread, of.pale)
    on.box(110, 588, 740, 18, lighter(of.wood, -0.3), 6)
    for x, height, fill in ((340, 300, of.pale), (620, 270, of.dark), (480, 170, of.main)):
        top = 556 - height
        on.disc(x, 556, 62, lighter(fill, -0.25), 14)
        on.box(x - 58, 524, 116, 32, fill, 14)
        on.shape([(x - 40, 530), (x + 40, 530), (x + 18, top + 90), (x - 18, top + 90)], fill)
        on.box(x - 34, top + 78, 68, 18, lighter(fill, 0.15), 9)
        if height == 300:  # king
            on.shape([(x - 26, top + 80), (x + 26, top + 80), (x + 42, top + 26), (x - 42, top + 26)], fill)
            on.box(x - 5, top - 26, 10, 52, fill)
            on.box(x - 18, top - 14, 36, 10, fill)
        elif height == 270:  # queen
            crown = [(-28, 80), (28, 80), (46, 14), (22, 40), (0, 8), (-22, 40), (-46, 14)]
            on.shape([(x + right, top + down) for right, down in crown], fill)
            on.disc(x, top + 2, 11, fill)
        else:  # pawn
            on.disc(x, top + 44, 44, fill)
            on.disc(x - 14, top + 30, 9, lighter(fill, 0.4))


def bricks(on: Canvas, of: Palette) -> None:
    rows = [
        (250, 0, 3, of.main), (490, 0, 3, of.second), (330, 1, 2, lighter(of.second, 0.3)), (490, 1, 2, of.wood),
        (330, 2, 3, lighter(of.main, -0.25)), (410, 3, 2, (244, 190, 60)), (410, 4, 1, of.second), (650, 1, 1, of.main),
    ]  # fmt: skip
    for x, level, studs, fill in rows:
        y = GROUND - 84 - level * 78
        for stud in range(studs):
            on.box(x + 16 + stud * 80, y - 16, 48, 24, lighter(fill, 0.18), 6)
        on.box(x, y, studs * 80 - 3, 78, fill, 6)
        on.box(x, y + 62, studs * 80 - 3, 16, lighter(fill, -0.2), 6)
        on.box(x + 8, y + 8, studs * 80 - 19, 7, lighter(fill, 0.3), 3)


def parcel(on: Canvas, of: Palette) -> None:
    """What is drawn where there is no better motif."""
    on.box(290, 300, 380, 306, of.wood, 8)
    on.shape([(290, 308), (670, 308), (720, 240), (340, 240)], lighter(of.wood, 0.3))
    on.shape([(668, 306), (720, 242), (720, 540), (668, 602)], lighter(of.wood, -0.25))
    on.box(440, 300, 80, 306, of.main)
    on.shape([(440, 306), (520, 306), (570, 240), (490, 240)], lighter(of.main, 0.2))
    on.blob([(520, 250), (440, 200), (450, 160), (500, 180)], of.main)
    on.blob([(530, 250), (610, 196), (596, 158), (546, 182)], lighter(of.main, -0.2))
    on.disc(526, 244, 20, lighter(of.main, 0.2))
