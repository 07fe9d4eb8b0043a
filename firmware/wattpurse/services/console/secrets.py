"""The words of a console line that nobody may read over a shoulder or in a log: PINs, passwords and keys.

The fingerprints of `keys` show whether a key was typed correctly.
"""

# By command: a sign for each word behind it, of which the last stands for all further ones. * is a secret.
_SECRETS = {
    "login": "*",
    "pin": "*",
    "commission": ".**..*.",  # METERKEY, SITEKEY and PIN
    "password": "*",  # mqtt password WORD, readout password PASSWORD
    "keys": "..*",  # keys set NAME VALUE, which is refused: the key typed behind it stays secret
    "network": "...*",  # network set wifi NAME PASSWORD, and network set login USER PASSWORD
}


def next_is_secret(words: list) -> bool:
    """Return True if the word that follows `words` in a line is a secret."""
    for place, word in enumerate(words):
        signs = _SECRETS.get(word)
        if signs:
            return signs[min(len(words) - place, len(signs)) - 1] == "*"
    return False
