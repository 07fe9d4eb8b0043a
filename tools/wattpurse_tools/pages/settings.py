"""The settings of the program that serves the pages. `record.office_folder.configure` takes them.

With a public address that begins with https://, browsers send cookies by TLS alone, and stay with TLS. A proxy in front
of the program ends TLS. Without one the pages are for this computer alone, by plain HTTP at a loopback
address.
"""

from pathlib import Path
from urllib.parse import urlsplit

PAGES = Path(__file__).parent
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
LANGUAGES = (
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("ar", "العربية"),
)

SESSION_S = 12 * 3600
_HSTS_S = 365 * 86_400
_SESSIONS = 10_000
_UPLOAD_SIZE = 10 << 20
_STATIC_AGE_S = 300
_PASSWORD_LENGTH = 10

_MIDDLEWARE = (
    "django.middleware.security.SecurityMiddleware",
    "wattpurse_tools.pages.middleware.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "wattpurse_tools.pages.middleware.language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "wattpurse_tools.pages.middleware.Refusals",
)
_TEMPLATES = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "django.template.context_processors.i18n",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
            "wattpurse_tools.pages.context.of_page",
        ]
    },
}


def page_settings(public_url: str | None = None) -> dict[str, object]:
    """Return the settings of the pages at a public address, such as "https://office.example", or at a loopback one.

    Raise ValueError if the address is none that the pages may have.
    """
    return {
        "DEBUG": False,
        "MIDDLEWARE": list(_MIDDLEWARE),
        "TEMPLATES": [_TEMPLATES],
        "LANGUAGES": list(LANGUAGES),
        "LANGUAGE_CODE": "en",
        "LOCALE_PATHS": [str(PAGES / "locale")],
        "STATIC_URL": "/static/",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        "WHITENOISE_MAX_AGE": _STATIC_AGE_S,
        "LOGIN_URL": "login",
        "AUTH_PASSWORD_VALIDATORS": _password_rules(),
        "OTP_TOTP_ISSUER": "Wattpurse",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": _UPLOAD_SIZE,
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
        "LOGGING": _logging(),
        **_sessions(),
        **_headers(public_url),
    }


def _password_rules() -> list[dict[str, object]]:
    """Return the rules of a password. It may be digits alone, for a till with a numeric block."""
    rules = "django.contrib.auth.password_validation."
    return [
        {"NAME": rules + "MinimumLengthValidator", "OPTIONS": {"min_length": _PASSWORD_LENGTH}},
        {"NAME": rules + "CommonPasswordValidator"},
        {"NAME": rules + "UserAttributeSimilarityValidator"},
    ]


def _sessions() -> dict[str, object]:
    """Return the settings of sessions.

    They are in the memory of the serving process: a copy of the database opens no session and has no ticket of the
    vault.
    """
    return {
        "CACHES": {
            "default": {
                "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
                "OPTIONS": {"MAX_ENTRIES": _SESSIONS},
            }
        },
        "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
        "SESSION_COOKIE_AGE": SESSION_S,
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Strict",
        "CSRF_FAILURE_VIEW": "wattpurse_tools.pages.views.refusals.form_is_stale",
    }


def _headers(public_url: str | None) -> dict[str, object]:
    """Return the settings that depend on the address of the pages."""
    headers: dict[str, object] = {
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
    }
    if public_url is None:
        return headers | {"ALLOWED_HOSTS": list(LOOPBACK_HOSTS)}
    parts = urlsplit(public_url)
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"{public_url}: the public address is written as https://NAME or https://NAME:PORT")
    return headers | {
        "ALLOWED_HOSTS": [parts.hostname, *LOOPBACK_HOSTS],
        "CSRF_TRUSTED_ORIGINS": [f"https://{parts.netloc}"],
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SESSION_COOKIE_NAME": "__Host-session",
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "SECURE_SSL_REDIRECT": True,
        "SECURE_REDIRECT_EXEMPT": [r"^metrics$"],  # a collector on this computer speaks plain HTTP
        "SECURE_HSTS_SECONDS": _HSTS_S,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_HSTS_PRELOAD": True,
    }


def _logging() -> dict[str, object]:
    """Return the logging: errors with their traceback, refused requests in one line, to standard error.

    Django tells a request with a wrong host as an error with a traceback. It is left out: anybody can send one.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "plain"},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
        },
    }
