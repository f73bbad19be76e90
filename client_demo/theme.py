"""How the terminal app looks: its two themes and its style sheet."""

from textual.theme import Theme

NIGHT = Theme(
    name="swaploop-night",
    primary="#5ad1b3",  # mint
    secondary="#7fa7f0",  # periwinkle
    accent="#f2a65a",  # apricot
    success="#84d17b",
    warning="#f0c75e",
    error="#f07a74",
    foreground="#d9e0e6",
    background="#10161b",
    surface="#161e25",
    panel="#1f2a33",
    dark=True,
    variables={
        "muted": "#8c9dab",
        "faint": "#5d6c78",
        "button-focus-text-style": "bold underline",
        "block-cursor-background": "#24423f",
        "block-cursor-foreground": "#f2f7f6",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#1f2a33",
        "block-cursor-blurred-foreground": "#d9e0e6",
        "border": "#5ad1b3",
        "border-blurred": "#2b3a45",
        "footer-background": "#161e25",
        "footer-key-foreground": "#f2a65a",
        "footer-description-foreground": "#9fb0bc",
        "input-selection-background": "#5ad1b3 35%",
        "scrollbar": "#2b3a45",
        "scrollbar-background": "#10161b",
        "scrollbar-corner-color": "#10161b",
    },
)

DAY = Theme(
    name="swaploop-day",
    primary="#0b8a6f",
    secondary="#3a62b8",
    accent="#b85c12",
    success="#2c8a3a",
    warning="#a87400",
    error="#c0392f",
    foreground="#22303a",
    background="#f6f4ee",
    surface="#fdfcf8",
    panel="#ebe7dc",
    dark=False,
    variables={
        "muted": "#66727c",
        "faint": "#9aa39f",
        "button-focus-text-style": "bold underline",
        "block-cursor-background": "#d3e8e0",
        "block-cursor-foreground": "#14211d",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#ebe7dc",
        "block-cursor-blurred-foreground": "#22303a",
        "border": "#0b8a6f",
        "border-blurred": "#d2ccbc",
        "footer-background": "#ebe7dc",
        "footer-key-foreground": "#b85c12",
        "footer-description-foreground": "#5a6670",
    },
)

CSS = """
Screen { background: $background; }
ToastRack { dock: top; align: right top; margin: 0 1 0 0; } /* at the bottom they would hide what is new in a talk */
Toast { background: $panel; padding: 0 1; }

/* ── the bar on top ── */
TopBar { dock: top; height: 1; background: $surface; layout: horizontal; }
TopBar > Static { width: auto; padding: 0 1; }
TopBar #brand { color: $primary; text-style: bold; }
TopBar .place { color: $muted; }
TopBar .place.-here { color: $foreground; text-style: bold; background: $panel; }
TopBar .place:hover { background: $panel; }
TopBar #gap { width: 1fr; }
Footer FooterKey .footer-key--key { background: $footer-background; }

/* ── lists ── */
Rows { height: 1fr; border: none; padding: 0; background: $background; scrollbar-size-vertical: 1; }
Rows:focus { border: none; background-tint: $foreground 0%; }
Rows > .option-list--option { padding: 0 1; }
Rows > .option-list--option-hover { background: $surface; }
.empty { color: $muted; text-align: center; padding: 2 2; width: 1fr; }
.head { height: 1; padding: 0 1; color: $muted; background: $background; }
#browse-list, #mine-list, #deals-list, #inbox-list { width: 1fr; }
.pane { layout: horizontal; height: 1fr; }
.pane > .list { width: 1fr; height: 1fr; }
.pane > ItemCard { display: none; width: 46%; min-width: 44; border-left: solid $panel; padding: 1 2; }
.-wide .pane > ItemCard, .-wide .pane > DealCard { display: block; }
DealCard { display: none; width: 44; border-left: solid $panel; padding: 1 2; scrollbar-size-vertical: 1; }
DealCard #pictures { height: auto; margin-bottom: 1; }
DealCard #pictures Picture { width: 1fr; height: auto; margin-right: 1; }
DealCard #side-words { width: 1fr; }
ContentSwitcher { height: 1fr; }

/* ── an item ── */
ItemCard { height: 1fr; scrollbar-size-vertical: 1; }
ItemCard #card-title { text-style: bold; width: 1fr; }
ItemCard #card-facts { color: $muted; width: 1fr; }
ItemCard #card-picture { width: 1fr; height: auto; margin: 1 0; }
ItemCard #card-text { width: 1fr; margin-bottom: 1; }
ItemCard #card-more { width: 1fr; }

ItemScreen #look { height: 14; }
ItemScreen #item-picture { width: 30; height: auto; margin-right: 2; }
ItemScreen.-wide #look { height: 18; }
ItemScreen.-wide #item-picture { width: 44; }
ItemScreen #item-words { width: 1fr; height: 1fr; scrollbar-size-vertical: 1; }
ItemScreen #item-words Static { width: 1fr; height: auto; margin-bottom: 1; }

/* ── what lies over a screen ── */
ModalScreen { align: center middle; background: $background 65%; }
.dialog { width: 74; max-width: 96%; height: auto; max-height: 100%; background: $surface;
          border: round $primary; padding: 0 2; border-title-color: $primary; border-title-style: bold;
          border-subtitle-color: $muted; }
ItemScreen .dialog { width: 80; padding: 1 2; }
ItemScreen.-wide .dialog { width: 100; }
.dialog.-bad { border: round $error; border-title-color: $error; }
.dialog Label { color: $muted; }
.dialog .question { width: 1fr; margin: 1 0; }
.buttons { height: auto; align-horizontal: right; margin-top: 1; }
.buttons Button { margin-left: 2; }
.line { height: auto; }
.line > Vertical { height: auto; width: 1fr; margin-right: 1; }
.line > Vertical.-last { margin-right: 0; }
.tight Input, .tight Select > SelectCurrent { border: none; height: 1; padding: 0 1; background: $panel; }
.tight Input:focus { border: none; background: $panel; background-tint: $primary 15%; }
.tight Select { height: 1; }
.tight Select:focus > SelectCurrent { border: none; background-tint: $primary 15%; }
.tight TextArea { border: none; height: 3; padding: 0 1; background: $panel; }
.tight TextArea:focus { border: none; background-tint: $primary 15%; }
.filters { height: 1; margin: 1 1 1 1; }
.filters Input { width: 1fr; margin-right: 2; }
.filters Select { width: 28; }
.problem { color: $error; width: 1fr; height: auto; display: none; }
.problem.-shown { display: block; }
.hint { color: $muted; width: 1fr; height: auto; margin-top: 1; }
SelectionList { height: auto; max-height: 8; border: none; background: $panel; padding: 0; }
SelectionList:focus { border: none; }

/* ── the way in ── */
SignInScreen { align: center middle; }
SignInScreen #logo { width: 1fr; text-align: center; color: $primary; }
SignInScreen #slogan { width: 1fr; text-align: center; color: $muted; margin-bottom: 1; }
SignInScreen #door { width: 56; height: auto; align-horizontal: center; }
SignInScreen .dialog { width: 56; padding: 1 2; }
SignInScreen .tight Input { margin-bottom: 1; }
SignInScreen Button { width: 1fr; margin: 0; }
SignInScreen #other-way { width: 1fr; text-align: center; color: $muted; margin-top: 1; }
SignInScreen .as-sign-in { display: none; }
SignInScreen.-registering .as-sign-in { display: block; }

/* ── rings through a thing, matches for it ── */
#found { height: 1fr; }
#found > .list { height: auto; max-height: 8; }
#found-list { height: auto; max-height: 8; }
#found-list { width: 1fr; }
#look-scroll { height: 1fr; border-top: solid $panel; padding: 0 1; scrollbar-size-vertical: 1; }
#look-scroll Static { width: 1fr; height: auto; }
.-wide #found { layout: horizontal; }
.-wide #found > .list { width: 42; height: 1fr; max-height: 100%; }
.-wide #found-list { height: 1fr; max-height: 100%; }
.-wide #look-scroll { border-top: none; border-left: solid $panel; padding: 1 2; }

/* ── a deal ── */
DealScreen #terms { height: auto; background: $surface; padding: 0 1; border-bottom: solid $panel; }
DealScreen #terms Static { width: 1fr; height: 1; }
DealScreen #body { height: 1fr; }
DealScreen #wheel { width: 1fr; height: auto; padding: 0 1; text-align: center; border-bottom: solid $panel; }
DealScreen #talk { width: 1fr; height: 1fr; }
DealScreen DealCard { width: 40; height: 1fr; }
DealScreen.-wide DealCard { display: block; }
DealScreen.-wide #gives-gets, DealScreen.-wide #pipeline { display: none; }
DealScreen #typing { height: 1; padding: 0 2; color: $accent; text-style: italic; }
DealScreen #composer { border: round $border-blurred; background: $background; margin: 0 1; }
DealScreen #composer:focus { border: round $primary; background-tint: $foreground 0%; }
DealScreen #composer.-closed { display: none; }
DealScreen #moves { height: auto; padding: 0 1; }
DealScreen #moves Button { margin-right: 1; min-width: 10; height: 1; border: none; padding: 0 1; }
DealScreen #moves Button:focus { text-style: bold reverse; }
ChatLog { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
ChatLog .row { height: auto; width: 1fr; margin-top: 1; }
ChatLog .row.-follows { margin-top: 0; }
ChatLog .row.-mine { align-horizontal: right; }
ChatLog .bubble { width: auto; max-width: 76%; padding: 0 1; background: $panel; }
ChatLog .row.-mine .bubble { background: $primary 22%; }
ChatLog .row.-failed .bubble { background: $error 25%; }
ChatLog .event { width: 1fr; text-align: center; color: $muted; margin-top: 1; height: auto; }
ChatLog .event.-follows { margin-top: 0; }
ChatLog #earlier { width: 1fr; text-align: center; color: $faint; display: none; }
ChatLog #earlier.-shown { display: block; }
"""
