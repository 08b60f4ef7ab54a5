"""Which tokens are in force, and the style sheet made from them. Follows the system's scheme, live."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app import paths
from app.ui.tokens import DARK, GRID, LIGHT, RADIUS_LARGE, RADIUS_SMALL, Tokens

SCHEMES = ("system", "light", "dark")


class Theme(QObject):
    """The application's theme; `changed` fires when the tokens change, and widgets repaint.

    Widgets that paint themselves read `theme().tokens` inside paintEvent; nothing caches a colour.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._choice = "system"
        self.tokens: Tokens = DARK

    def follow(self, application: QApplication, choice: str = "system") -> None:
        """Apply a scheme ("system", "light" or "dark") and go on following the system's."""
        application.setStyle("Fusion")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply)
        self.choose(choice)

    @property
    def choice(self) -> str:
        """What the user chose: "system", "light" or "dark"."""
        return self._choice

    def choose(self, choice: str) -> None:
        """Use "light", "dark", or whatever the "system" says."""
        self._choice = choice if choice in SCHEMES else "system"
        self._apply()

    def _apply(self) -> None:
        hints = QGuiApplication.styleHints()
        dark = self._choice == "dark"
        if self._choice == "system":
            dark = hints.colorScheme() == Qt.ColorScheme.Dark
        self.tokens = DARK if dark else LIGHT
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.setPalette(_palette(self.tokens))
            application.setStyleSheet(_style_sheet(self.tokens))
        self.changed.emit()


_theme: Theme | None = None


def theme() -> Theme:
    """The one theme of the process."""
    global _theme
    if _theme is None:
        _theme = Theme()
    return _theme


def colour(name: str, alpha: float = 1.0) -> QColor:
    """A token's colour in the scheme now in force, by its name in `Tokens`."""
    result = QColor(getattr(theme().tokens, name))
    result.setAlphaF(alpha)
    return result


def _palette(tokens: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    roles = {
        role.Window: tokens.ground,
        role.WindowText: tokens.text,
        role.Base: tokens.panel,
        role.AlternateBase: tokens.raised,
        role.Text: tokens.text,
        role.PlaceholderText: tokens.quiet,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Link: tokens.accent,
        role.Mid: tokens.line,
        role.Accent: tokens.accent,
    }
    for which, value in roles.items():
        palette.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(tokens.quiet))
    return palette


def _style_sheet(t: Tokens) -> str:
    half = GRID // 2
    tick = (paths.assets() / "icon" / f"tick-{'dark' if t is DARK else 'light'}.svg").as_posix()
    return f"""
    QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: {half}px {GRID}px; }}
    QFrame#panel, QFrame#rail, QFrame#topBar, QFrame#statusBar {{ background: {t.panel}; border: none; }}
    QFrame#sourcePicker {{ background: {t.panel}; border: 1px solid {t.line}; border-radius: {RADIUS_LARGE}px; }}
    QFrame#changedCard {{ background: transparent; border: 1px solid {t.line}; border-radius: {RADIUS_LARGE}px; }}
    QFrame[role="card"] {{ background: {t.panel}; border: 1px solid {t.line}; border-radius: {RADIUS_LARGE}px; }}
    QToolButton[role="quiet"] {{ background: transparent; border: 1px solid transparent; border-radius: {half}px;
        padding: 1px; }}
    QToolButton[role="quiet"]:hover, QToolButton[role="quiet"]:checked {{ background: {t.raised}; }}
    QToolButton[role="quiet"]:focus {{ border-color: {t.accent}; }}
    QToolButton[role="quiet"]::menu-indicator {{ image: none; width: 0; }}
    QLabel[role="quiet"] {{ color: {t.quiet}; }}
    QLabel[role="caption"] {{ color: {t.quiet}; font-weight: 600; }}
    QLabel[role="strong"] {{ font-weight: 600; }}
    QLabel[role="problem"] {{ color: {t.plain}; }}
    QFrame[role="inset"] {{ background: {t.raised}; border: none; border-radius: {RADIUS_LARGE}px; }}
    QFrame[role="raised"] {{ background: {t.raised}; border: none; border-bottom: 1px solid {t.line}; }}
    QLineEdit[role="flat"] {{ background: transparent; border: 1px solid transparent; padding: 1px {half}px; }}
    QLineEdit[role="flat"]:hover {{ border-color: {t.line}; }}
    QLineEdit[role="flat"]:focus {{ background: {t.raised}; border-color: {t.accent}; }}
    QTableView, QListWidget#earlierEvaluations {{ background: {t.panel}; border: none;
        selection-background-color: {t.raised};
        selection-color: {t.text}; outline: none; }}
    QListWidget#earlierEvaluations::item {{ padding: {half}px {GRID}px; border-radius: {half}px; color: {t.text}; }}
    QListWidget#earlierEvaluations::item:selected {{ background: {t.raised}; }}
    QTableView#batchTable::item, QTableView#classTable::item, QTableView[role="facts"]::item {{ padding: 0 {GRID}px; }}
    QTableView#batchTable QHeaderView::section, QTableView#classTable QHeaderView::section,
    QTableView[role="facts"] QHeaderView::section {{
        padding: {half}px {GRID + 3}px; }}
    QHeaderView {{ background: {t.panel}; border: none; }}
    QHeaderView::section {{ background: {t.panel}; color: {t.quiet}; border: none; padding: {half}px; }}
    QPlainTextEdit[role="keys"] {{ background: {t.ground}; border: 1px solid {t.line};
        border-radius: {RADIUS_SMALL}px; color: {t.text}; }}
    QPushButton[role="primary"]:disabled {{ background: {t.raised}; color: {t.quiet}; border-color: {t.line}; }}
    QPushButton[role="link"]:disabled {{ color: {t.quiet}; }}
    QCheckBox::indicator, QTableView::indicator {{ width: {GRID + half}px; height: {GRID + half}px;
        border: 1px solid {t.quiet}; border-radius: {half}px; background: {t.ground}; }}
    QCheckBox::indicator:checked, QTableView::indicator:checked {{ border-color: {t.accent};
        background: {t.accent}; image: url("{tick}"); }}
    QCheckBox::indicator:focus {{ border-color: {t.accent}; }}
    QProgressBar {{ background: {t.raised}; border: none; border-radius: {half // 2}px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: {half // 2}px; }}
    QLabel[role="title"] {{ font-weight: 700; }}
    QPushButton, QComboBox, QLineEdit, QSpinBox {{
        background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
        border-radius: {RADIUS_SMALL}px; padding: {half + 1}px {GRID + half}px;
    }}
    QSpinBox {{ padding: {half + 1}px 0; }}
    QSpinBox QLineEdit {{ background: transparent; border: none; padding: 0; }}
    QSpinBox::up-button, QSpinBox::down-button {{ width: 0; height: 0; border: none; }}
    QPushButton:hover, QComboBox:hover {{ border-color: {t.quiet}; }}
    QPushButton:focus, QComboBox:focus, QLineEdit:focus, QSpinBox:focus {{ border-color: {t.accent}; }}
    QPushButton:disabled, QComboBox:disabled {{ color: {t.quiet}; }}
    QPushButton:checked {{ background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; }}
    QPushButton[role="primary"] {{ background: {t.accent}; color: {t.on_accent}; border-color: {t.accent};
        font-weight: 600; }}
    QPushButton[role="browse"] {{ padding: {half + 1}px {GRID}px; }}
    QPushButton[role="browse"]::menu-indicator, QPushButton[role="menu"]::menu-indicator {{ image: none; width: 0; }}
    QPushButton[role="link"] {{ background: transparent; border: none; color: {t.accent}; padding: 0; }}
    QPushButton[role="link"]:focus {{ text-decoration: underline; }}
    QPushButton[role="tab"] {{ background: transparent; border: none; border-bottom: 2px solid transparent;
        border-radius: 0; color: {t.quiet}; padding: {GRID}px {GRID + half}px; }}
    QPushButton[role="tab"]:hover {{ color: {t.text}; }}
    QPushButton[role="tab"]:checked {{ color: {t.text}; border-bottom-color: {t.accent}; }}
    QPushButton[role="tab"]:focus {{ color: {t.accent}; }}
    QPushButton[role="search"] {{ background: {t.ground}; color: {t.quiet}; text-align: left;
        min-width: {30 * GRID}px; }}
    QToolButton[role="rail"] {{ background: transparent; color: {t.quiet}; border: 1px solid transparent;
        border-radius: {RADIUS_SMALL}px; padding: {half}px; }}
    QToolButton[role="rail"]:hover {{ color: {t.text}; background: {t.raised}; }}
    QToolButton[role="rail"]:checked {{ color: {t.text}; background: {t.raised}; }}
    QToolButton[role="rail"]:focus {{ border-color: {t.accent}; }}
    QFrame#palette {{ background: {t.panel}; border: 1px solid {t.line}; }}
    QListWidget#paletteList {{ background: {t.panel}; }}
    QScrollArea#inspector {{ background: {t.panel}; border: none; border-left: 1px solid {t.line}; }}
    QComboBox::drop-down {{ border: none; width: {3 * GRID}px; }}
    QComboBox::down-arrow {{ image: none; }}
    QComboBox QAbstractItemView, QMenu {{
        background: {t.panel}; color: {t.text}; border: 1px solid {t.line}; padding: {half}px;
        selection-background-color: {t.raised}; selection-color: {t.text}; outline: none;
    }}
    QMenu::item {{ padding: {half}px {2 * GRID}px; border-radius: {half}px; }}
    QMenu::item:selected {{ background: {t.raised}; }}
    QMenu::separator {{ height: 1px; background: {t.line}; margin: {half}px; }}
    QScrollBar:horizontal {{ height: {GRID}px; background: transparent; }}
    QScrollBar:vertical {{ width: {GRID}px; background: transparent; }}
    QScrollBar::handle {{ background: {t.line}; border-radius: {half}px; min-width: {3 * GRID}px;
        min-height: {3 * GRID}px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QSlider::groove:horizontal {{ height: {half}px; background: {t.raised}; border-radius: {half // 2}px; }}
    QSlider::sub-page:horizontal {{ background: {t.accent}; border-radius: {half // 2}px; }}
    QSlider::handle:horizontal {{ width: {GRID + half}px; height: {GRID + half}px; margin: -{half}px 0;
        border-radius: {(GRID + half) // 2}px; background: {t.accent}; }}
    QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled {{ background: {t.bar}; }}
    QSlider::handle:horizontal:focus {{ background: {t.text}; }}
    """
