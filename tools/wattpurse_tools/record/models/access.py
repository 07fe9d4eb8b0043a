"""Access: counted tries of a login, tokens of programs, and the answers that a program may ask for again."""

from django.db import models


class LoginTry(models.Model):
    """Wrong logins in a row by a user's name or by an address: "user:anna", "address:192.0.2.7", "token:...".

    Further tries are refused before `until_s`.
    """

    key = models.CharField(max_length=200, primary_key=True)
    failures = models.IntegerField(default=0)
    until_s = models.BigIntegerField(default=0)
    last_s = models.BigIntegerField(default=0, db_index=True)

    class Meta:
        """The name of the table."""

        db_table = "login_tries"


class ApiToken(models.Model):
    """A token with which a shop's own program works: the start of its text, and the hash of its secret.

    `operator` is a person of the vault, whose PIN is in `sealed_pin` under a key made from the secret. A thief
    of the database alone can neither use the token nor learn the PIN. `rights` are at most those of the operator.
    """

    public_part = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    shop = models.ForeignKey("record.Shop", on_delete=models.PROTECT)
    operator = models.BigIntegerField()
    rights = models.JSONField(default=list)
    sealed_pin = models.BinaryField()
    created_by = models.BigIntegerField()
    created_s = models.BigIntegerField()
    expires_s = models.BigIntegerField(null=True)
    revoked_s = models.BigIntegerField(null=True)
    used_s = models.BigIntegerField(null=True)

    class Meta:
        """The name of the table."""

        db_table = "api_tokens"


class ApiAnswer(models.Model):
    """The answer to a call with an idempotency key. The same call gets it again; another one is refused.

    `status` is 0 while the first call is at work.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.PROTECT, db_index=False)
    key = models.CharField(max_length=80)
    request_hash = models.CharField(max_length=64)
    status = models.IntegerField(default=0)
    body = models.JSONField(default=dict)
    time_s = models.BigIntegerField(db_index=True)

    class Meta:
        """The name of the table."""

        db_table = "api_answers"
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="one_answer")]
