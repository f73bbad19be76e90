"""What people take with them, as the motifs of demo pictures: a small function each. Drawn around x = 480."""

import math
from collections.abc import Sequence

from server.demo.painting import GROUND, Canvas, Palette, Point, lighter, turned


def camera(on: Canvas, of: Palette) -> None:
    on.box(300, 318, 90, 40, lighter(of.dark, 0.15), 10)  # dial
    on.shape([(400, 345), (432, 282), (528, 282), (560, 345)], of.dark)  # finder
    on.box(250, 340, 460, 266, of.dark, 34)
    on.box(250, 400, 460, 150, of.main)
    on.box(596, 360, 74, 26, of.pale, 8)  # flash
    on.disc(310, 372, 12, of.second)
    on.disc(480, 470, 122, lighter(of.dark, 0.12))
    on.disc(480, 470, 104, of.metal)
    on.disc(480, 470, 90, of.dark)
    on.disc(480, 470, 62, lighter(of.second, -0.55))
    on.disc(480, 470, 40, lighter(of.second, -0.2))
    on.disc(456, 446, 15, of.pale)
    on.disc(504, 496, 7, lighter(of.second, 0.4))


def bicycle(on: Canvas, of: Palette) -> None:
    rear, front, pedals, seat, head = (300, 476), (664, 476), (452, 486), (404, 316), (606, 306)
    for x, y in (rear, front):
        on.ring(x, y, 130, 14, of.dark)
        on.ring(x, y, 114, 4, of.metal)
        for spoke in range(12):
            angle = math.radians(spoke * 30 + 7)
            on.line([(x, y), (x + 112 * math.cos(angle), y + 112 * math.sin(angle))], 2, of.metal)
        on.disc(x, y, 14, of.dark)
    on.line([rear, pedals, head, seat, rear], 15, of.main)
    on.line([seat, pedals], 15, of.main)
    on.line([seat, (392, 276)], 11, of.metal)
    on.line([head, (592, 258)], 12, of.metal)
    on.line([head, (622, 360), front], 14, lighter(of.main, -0.2))
    on.curve([(560, 236), (596, 246), (640, 232), (664, 256)], 12, of.dark)
    on.blob([(334, 262), (380, 252), (436, 262), (430, 280), (392, 284), (344, 284)], of.second)
    on.ring(*pedals, 34, 8, of.dark)
    on.line([pedals, (478, 540)], 9, of.metal)
    on.box(454, 536, 50, 12, of.dark, 6)
    on.line([(606, 318), (716, 318)], 9, of.metal)  # the basket and what carries it
    on.shape([(630, 238), (742, 238), (724, 314), (646, 314)], of.wood)
    on.box(624, 232, 124, 14, lighter(of.wood, -0.2), 7)
    for x in (654, 675, 696, 718):
        on.line([(x, 254), (x + (686 - x) * 0.2, 304)], 4, lighter(of.wood, 0.4))


def scooter(on: Canvas, of: Palette) -> None:
    rear, front = (296, 562), (668, 562)
    on.line([(648, 470), (590, 190)], 18, lighter(of.dark, 0.1))
    on.line([(634, 400), (596, 216)], 10, of.main)
    on.line([(546, 200), (634, 182)], 14, of.dark)
    on.line([(540, 201), (566, 196)], 20, of.second)
    on.line([(620, 185), (640, 181)], 20, of.second)
    on.disc(606, 232, 16, lighter(of.second, 0.6))
    on.line([(648, 470), front], 16, of.metal)
    on.curve([(646, 462), (610, 520), (560, 548), (480, 552), (330, 552)], 26, of.main)
    on.line([(340, 540), (540, 540)], 7, of.dark)
    on.arc(*rear, 62, 190, 300, 12, of.main)
    on.arc(*front, 62, 200, 320, 12, of.main)
    for x, y in (rear, front):
        on.disc(x, y, 46, of.dark)
        on.disc(x, y, 26, of.metal)
        on.disc(x, y, 8, of.dark)
    on.line([(420, 560), (396, 602)], 7, of.metal)
    on.disc(246, 536, 8, (230, 60, 60))


def skateboard(on: Canvas, of: Palette) -> None:
    for x in (306, 654):
        on.shape([(x - 40, 516), (x + 40, 516), (x + 14, 566), (x - 14, 566)], of.metal)
        on.disc(x, 566, 40, of.second)
        on.disc(x, 566, 27, lighter(of.second, 0.35))
        on.disc(x, 566, 9, of.dark)
    deck = [(160, 432), (206, 480), (276, 504), (480, 508), (684, 504), (754, 480), (800, 432)]
    on.curve(deck, 30, of.main)
    on.curve([(x, y - 12) for x, y in deck], 8, of.dark)
    on.curve([(x, y + 9) for x, y in deck], 5, lighter(of.main, 0.4))
    helmet = [(378, 470), (372, 400), (404, 324), (480, 286), (556, 324), (588, 400), (582, 470)]
    on.blob(helmet, of.dark)
    for x, top, width in ((480, 300, 26), (428, 318, 20), (532, 318, 20)):
        on.box(x - width / 2, top, width, 96, lighter(of.second, 0.1), 10)
    on.box(366, 430, 228, 56, lighter(of.dark, 0.14), 20)
    on.box(366, 440, 228, 12, of.second, 6)
    on.disc(388, 460, 9, of.metal)
    on.disc(572, 460, 9, of.metal)


def tent(on: Canvas, of: Palette) -> None:
    on.line([(470, 190), (500, 250)], 9, of.wood)
    on.line([(500, 190), (470, 250)], 9, of.wood)
    on.shape([(484, 222), (800, 590), (640, 604), (390, 604)], lighter(of.main, -0.22))
    on.shape([(484, 222), (180, 600), (610, 604)], of.main)
    on.shape([(484, 222), (300, 602), (356, 603), (500, 300)], lighter(of.main, 0.2))
    on.shape([(492, 300), (388, 604), (564, 604)], lighter(of.dark, 0.05))
    on.shape([(492, 300), (388, 604), (432, 604), (484, 420)], of.second)
    on.shape([(492, 300), (564, 604), (530, 604), (500, 430)], lighter(of.second, -0.2))
    on.line([(180, 600), (126, 612)], 4, of.wood)
    on.line([(800, 590), (846, 606)], 4, of.wood)
    on.line([(484, 190), (484, 130)], 5, of.dark)
    on.shape([(486, 130), (556, 150), (486, 172)], of.second)


def guitar(on: Canvas, of: Palette) -> None:
    def leaning(points: Sequence[Point]) -> list[Point]:
        return turned(points, 24, (480, 400))

    body: list[Point] = [(480, 332), (556, 346), (592, 400), (566, 452), (606, 520), (582, 600), (480, 632)]
    body += [(960 - x, y) for x, y in reversed(body[1:-1])]
    on.blob(leaning(body), lighter(of.wood, -0.3))
    inner = [(480 + (x - 480) * 0.9, 492 + (y - 492) * 0.91) for x, y in body]
    on.blob(leaning(inner), (229, 158, 88))
    hole = leaning([(480, 446)])[0]
    on.disc(*hole, 44, lighter(of.wood, 0.35))
    on.disc(*hole, 36, of.dark)
    on.shape(leaning([(462, 430), (498, 430), (494, 130), (466, 130)]), lighter(of.dark, 0.08))
    for fret in range(9):
        on.line(leaning([(464, 160 + fret * 29), (496, 160 + fret * 29)]), 3, of.metal)
    on.shape(leaning([(456, 134), (504, 134), (512, 56), (448, 56)]), lighter(of.wood, -0.3))
    for peg in (72, 94, 116):
        for x in (440, 520):
            on.disc(*leaning([(x, peg)])[0], 8, of.pale)
    on.shape(leaning([(434, 542), (526, 542), (520, 562), (440, 562)]), lighter(of.wood, -0.45))
    for string in range(6):
        from_middle = string * 4.8 - 12
        on.line(leaning([(480 + from_middle, 76), (480 + from_middle * 1.5, 550)]), 1.6, of.pale)


def headphones(on: Canvas, of: Palette) -> None:
    on.arc(480, 400, 214, 180, 360, 34, of.dark)
    on.arc(480, 400, 204, 196, 344, 14, lighter(of.main, 0.1))
    for side in (-1, 1):
        x = 480 + side * 196
        on.box(x - 12, 380, 24, 90, of.metal, 10)
        on.box(x - 52 - side * 26, 402, 70, 176, lighter(of.dark, 0.1), 34)
        on.box(x - 36 + side * 14, 416, 72, 148, of.main, 34)
        on.box(x - 16 + side * 22, 440, 26, 100, lighter(of.main, 0.2), 13)
    on.curve([(310, 572), (330, 600), (420, 600), (470, 586), (520, 600), (560, 604)], 7, of.dark)


def speaker(on: Canvas, of: Palette) -> None:
    for x, width, top in ((284, 200, 250), (506, 180, 300)):
        on.box(x, top, width, GROUND - top, of.wood, 18)
        on.box(x + 12, top + 12, width - 24, GROUND - top - 24, lighter(of.dark, 0.06), 12)
        middle, low = x + width / 2, GROUND - 26 - width * 0.36
        on.disc(middle, low, width * 0.36, lighter(of.dark, 0.25))
        on.disc(middle, low, width * 0.31, of.main)
        on.disc(middle, low, width * 0.2, lighter(of.main, -0.25))
        on.disc(middle, low, width * 0.09, of.dark)
        high = top + 26 + width * 0.2
        on.disc(middle, high, width * 0.2, lighter(of.dark, 0.25))
        on.disc(middle, high, width * 0.15, of.second)
        on.disc(middle, high, width * 0.06, of.pale)


def laptop(on: Canvas, of: Palette) -> None:
    on.box(266, 246, 428, 300, of.dark, 22)
    on.box(284, 264, 392, 254, lighter(of.second, 0.62), 8)
    on.disc(560, 340, 42, lighter(of.main, 0.25))
    on.shape([(284, 518), (284, 470), (390, 380), (480, 470), (560, 410), (676, 500), (676, 518)], of.second)
    on.shape([(284, 518), (420, 440), (540, 518)], lighter(of.second, -0.25))
    on.disc(480, 255, 4, of.metal)
    on.shape([(266, 540), (694, 540), (770, 586), (190, 586)], of.metal)
    on.shape([(300, 548), (660, 548), (694, 570), (266, 570)], lighter(of.dark, 0.25))
    on.box(190, 584, 580, 20, lighter(of.metal, -0.2), 10)
    on.box(420, 584, 120, 9, lighter(of.metal, -0.4), 4)


def phone(on: Canvas, of: Palette) -> None:
    on.box(330, 226, 200, 380, lighter(of.main, -0.15), 34)  # its back, leaning behind
    on.box(346, 244, 84, 110, lighter(of.main, -0.35), 22)
    for x, y in ((372, 274), (404, 300), (372, 326)):
        on.disc(x, y, 15, of.dark)
        on.disc(x, y, 7, lighter(of.second, 0.1))
    on.box(440, 196, 206, 410, of.dark, 36)
    on.box(452, 208, 182, 386, lighter(of.second, 0.55), 26)
    on.box(512, 218, 62, 15, of.dark, 8)
    on.disc(543, 300, 38, of.pale)
    on.line([(543, 300), (543, 276)], 5, of.dark)
    on.line([(543, 300), (560, 308)], 5, of.dark)
    fills = (of.main, of.second, of.pale, lighter(of.main, 0.4), lighter(of.second, -0.3), of.wood)
    for index, fill in enumerate(fills):
        on.box(470 + index % 3 * 52, 390 + index // 3 * 58, 42, 42, fill, 12)
    on.box(466, 528, 154, 50, lighter(of.second, 0.3), 20)
    on.box(508, 582, 70, 5, of.dark, 2)


def gamepad(on: Canvas, of: Palette) -> None:
    on.box(222, 170, 516, 306, of.dark, 18)  # the screen behind
    on.box(236, 184, 488, 270, lighter(of.second, -0.35), 8)
    on.box(440, 474, 80, 50, lighter(of.dark, 0.1))
    on.box(380, 520, 200, 16, of.dark, 8)
    on.shape([(236, 454), (236, 390), (724, 350), (724, 454)], lighter(of.second, 0.1))
    for x in (300, 420, 640):
        on.disc(x, 240 + x % 50, 6, of.pale)
    on.disc(600, 262, 38, lighter(of.main, 0.2))
    body = [(390, 452), (480, 464), (570, 452), (640, 474), (688, 560), (666, 606), (618, 592), (570, 556)]
    body += [(480, 552), (390, 556), (342, 592), (294, 606), (272, 560), (320, 474)]
    on.blob(body, of.main)
    on.box(340, 494, 62, 20, of.dark, 5)
    on.box(361, 473, 20, 62, of.dark, 5)
    for x, y, fill in ((590, 480, of.second), (616, 504, of.pale), (590, 528, of.second), (564, 504, of.pale)):
        on.disc(x, y, 13, fill)
    for x in (436, 524):
        on.disc(x, 530, 24, lighter(of.main, -0.35))
        on.disc(x, 527, 17, of.dark)


def watch(on: Canvas, of: Palette) -> None:
    on.box(424, 116, 112, 190, lighter(of.main, -0.12), 22)
    on.box(424, 430, 112, 176, lighter(of.main, -0.12), 22)
    for y in (136, 164, 540, 568):
        on.disc(480, y, 5, lighter(of.main, -0.45))
    on.box(416, 250, 128, 232, of.main, 30)
    on.box(614, 350, 30, 34, of.metal, 8)
    on.disc(480, 366, 142, of.metal)
    on.disc(480, 366, 126, lighter(of.metal, -0.25))
    on.disc(480, 366, 116, of.pale)
    for hour in range(12):
        angle = math.radians(hour * 30)
        start = 84 if hour % 3 == 0 else 94
        edge = [(480 + r * math.sin(angle), 366 - r * math.cos(angle)) for r in (start, 104)]
        on.line(edge, 7 if hour % 3 == 0 else 4, of.dark)
    on.line([(480, 366), (438, 322)], 10, of.dark)
    on.line([(480, 366), (540, 322)], 7, of.dark)
    on.line([(480, 386), (480, 286)], 3, of.second)
    on.disc(480, 366, 11, of.second)
